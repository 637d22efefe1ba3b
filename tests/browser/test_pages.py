"""Every page: no accessibility violation, no overflow, in light and dark, at 1280 and 360 px."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from integrations.sandbox import demo_token
from tests.browser.conftest import Site, log_in_on

pytestmark = pytest.mark.browser
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


def check(page: Page, where: str) -> None:
    violations = Axe().run(page, options=RULES).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in violations] == [], where
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider == 0, f"{where} is {wider} px wider than its window"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_every_page_and_state_of_the_card_is_accessible(
    browser: Browser, acme: Site, scheme: str, width: int
) -> None:
    context = browser.new_context(
        base_url=acme.url,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    page.goto("/accounts/login/")
    check(page, "login")
    log_in_on(page, "admin@acme.example")
    check(page, "not connected")
    page.goto("/orgs/acme/integrations/?dialog=connect")
    check(page, "connect dialog")
    page.fill("[name=token]", "ntn_unknown")
    page.get_by_role("dialog").get_by_role("button", name="Connect").click()
    expect(page.get_by_role("dialog")).to_contain_text("does not accept")
    check(page, "refused token")
    page.fill("[name=token]", demo_token("Acme Atlas"))
    page.get_by_role("dialog").get_by_role("button", name="Connect").click()
    expect(page.locator("#notion-shared")).to_contain_text("databases", timeout=15_000)
    check(page, "connected")
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#notion-card")).to_contain_text("accepts this connection's token")
    check(page, "tested")
    acme.sandbox.revoke(demo_token("Acme Atlas"))
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#notion-card")).to_contain_text("no longer accepts")
    check(page, "error")
    for address in (
        "/orgs/acme/members/",
        "/orgs/acme/audit/",
        "/trust",
        "/orgs/nowhere/",
        "/accounts/password/reset/",
    ):
        page.goto(address)
        check(page, address)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_a_scan_is_started_followed_and_read(browser: Browser, acme: Site, scheme: str, width: int) -> None:
    context = browser.new_context(
        base_url=acme.url,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    log_in_on(page, "admin@acme.example")
    page.goto("/orgs/acme/scans/")
    expect(page.locator("main")).to_contain_text("Nothing can be scanned yet")
    check(page, "no connection")
    page.goto("/orgs/acme/integrations/?dialog=connect")
    page.fill("[name=token]", demo_token("Acme Atlas"))
    page.get_by_role("dialog").get_by_role("button", name="Connect").click()
    expect(page.locator("#notion-shared")).to_contain_text("databases", timeout=15_000)
    page.goto("/orgs/acme/scans/")
    check(page, "no scan yet")
    acme.sandbox.latency_ms = 700
    page.get_by_role("button", name="Start the first scan").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    check(page, "a live scan")
    expect(page.locator("#scan")).to_contain_text("Reading lists", timeout=15_000)
    expect(page.locator("#scan")).to_contain_text("objects")
    acme.sandbox.latency_ms = 0
    expect(page.locator("#scan")).to_contain_text("100 % covered", timeout=30_000)
    check(page, "a complete scan")
    page.get_by_role("link", name="Open the report").click(timeout=20_000)
    check(page, "the report")
    for drawn in page.locator("main summary:visible").all():
        drawn.click()
    check(page, "the report with its tables")
    page.get_by_role("link", name="Structure").click()
    check(page, "a dimension")
    for place in ("", "findings/", "calibration/"):
        page.goto(f"/orgs/acme/{place}")
        for more in page.locator("main summary:visible").all():
            more.click()
        check(page, place or "the overview")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("main")).to_contain_text("What this would change")
    check(page, "a preview")
    page.goto("/orgs/acme/scans/")
    page.get_by_role("link", name="Scan 1").click()
    page.get_by_role("link", name="All scans").click()
    expect(page.get_by_role("row", name="Scan 1")).to_contain_text("Complete")
    page.get_by_label("Scan by itself").select_option("weekly")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main")).to_contain_text("Every week; the next one starts")
    check(page, "history")
    context.close()


def test_a_scan_is_cancelled_without_javascript(browser: Browser, acme: Site) -> None:
    context = browser.new_context(base_url=acme.url, java_script_enabled=False)
    page = context.new_page()
    log_in_on(page, "admin@acme.example")
    page.goto("/orgs/acme/integrations/?dialog=connect")
    page.fill("[name=token]", demo_token("Acme Atlas"))
    page.get_by_role("dialog").get_by_role("button", name="Connect").click()
    acme.sandbox.latency_ms = 2_000
    page.goto("/orgs/acme/scans/")
    page.get_by_role("button", name="Start the first scan").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("main")).to_contain_text("The scan was cancelled.")
    acme.sandbox.latency_ms = 0
    context.close()


def test_a_dialog_is_left_by_escape_and_the_focus_goes_back(
    acme: Site, log_in: Callable[[str], Page]
) -> None:
    page = log_in("admin@acme.example")
    page.locator("#notion-card summary").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Connect with Token (Internal)").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[name=token]")).to_be_focused()
    # Only a settled dialog: no person presses Escape within the same few milliseconds.
    expect(page.locator("dialog:modal")).to_be_visible()
    expect(page.locator(".htmx-settling")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("#notion-card summary")).to_be_focused()


def test_members_are_changed_and_removed(acme: Site, log_in: Callable[[str], Page]) -> None:
    page = log_in("admin@acme.example")
    page.goto("/orgs/acme/members/")
    row = page.locator("tr", has_text="viewer@acme.example")
    row.locator("select").select_option("editor")
    row.get_by_role("button", name="Save").click()
    expect(page.locator("#members")).to_contain_text("viewer@acme.example is now editor.")
    page.locator("tr", has_text="viewer@acme.example").get_by_text("Remove").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.locator("#members")).to_contain_text("viewer@acme.example is no longer a member.")
    page.locator("tr", has_text="admin@acme.example").get_by_text("Leave").click()
    page.get_by_role("dialog").get_by_role("button").last.click()
    expect(page.locator("body")).to_contain_text("last admin")
