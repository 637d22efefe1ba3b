"""A report is shared by a link: made, opened elsewhere with its passcode, and revoked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from integrations.sandbox import demo_token
from tests.browser.conftest import Site
from tests.browser.test_pages import check

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_a_link_is_made_opened_and_revoked(
    browser: Browser, acme: Site, log_in: Callable[[str], Page], width: int, scheme: str
) -> None:
    admin = log_in("admin@acme.example")
    admin.goto("/orgs/acme/integrations/?dialog=connect")
    admin.fill("[name=token]", demo_token("Acme Atlas"))
    admin.get_by_role("dialog").get_by_role("button", name="Connect").click()
    expect(admin.locator("#notion-shared")).to_contain_text("databases", timeout=15_000)
    admin.goto("/orgs/acme/shares/")
    check(admin, "no report to share")
    admin.goto("/orgs/acme/scans/")
    admin.get_by_role("button", name="Start the first scan").click()
    admin.get_by_role("link", name="Open the report").wait_for(timeout=40_000)
    admin.goto("/orgs/acme/shares/")
    admin.get_by_label("For whom").fill("The board of directors")
    admin.get_by_label("Passcode").fill("open-sesame")
    admin.get_by_role("button", name="Create link").click()
    link = admin.get_by_label("Link", exact=True).input_value()
    admin.context.grant_permissions(["clipboard-write"])
    admin.get_by_role("button", name="Copy").click()
    expect(admin.get_by_role("button", name="Copied")).to_be_visible()
    admin.get_by_label("For whom").press("Control+V")
    expect(admin.get_by_label("For whom")).to_have_value(link)
    admin.get_by_label("For whom").fill("")
    check(admin, "a new link")

    elsewhere = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    visitor = elsewhere.new_page()
    visitor.goto(link)
    check(visitor, "the passcode")
    assert link.rpartition("/")[2] not in visitor.url
    visitor.get_by_label("Passcode").fill("wrong-one")
    visitor.get_by_role("button", name="Open the report").click()
    expect(visitor.locator("main")).to_contain_text("This is not the passcode")
    visitor.get_by_label("Passcode").fill("open-sesame")
    visitor.get_by_role("button", name="Open the report").click()
    expect(visitor.locator("main")).to_contain_text("What to do first")
    for drawn in visitor.locator("main summary:visible").all():
        drawn.click()
    check(visitor, "the shared report")

    admin.get_by_role("button", name="Revoke").click()
    expect(admin.locator("main")).to_contain_text("Revoked")
    visitor.reload()
    expect(visitor.locator("main")).to_contain_text("Nothing here")
    elsewhere.close()
