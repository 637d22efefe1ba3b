"""The Reddit card in a browser: connect, test, error and remedy, disconnect; with and without script."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site, log_in_on
from tests.browser.test_pages import check

pytestmark = pytest.mark.browser
LogIn = Callable[[str], Page]


def consent(page: Page) -> None:
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url("**/orgs/acme/integrations/")


def test_an_admin_connects_tests_and_disconnects(acme: Site, log_in: LogIn) -> None:
    page = log_in("admin@acme.example")
    card = page.locator("#reddit-card")
    card.get_by_role("button", name="Connect").click()
    page.wait_for_url(f"{acme.sandbox.url}/api/v1/authorize?**")
    expect(page.locator("main")).to_contain_text("Access your Reddit username")
    consent(page)
    expect(card).to_contain_text("acme_atlas")
    # The card beside it is as it was.
    expect(page.locator("#notion-card")).to_contain_text("Not connected")

    card.get_by_role("button", name="Test connection").click()
    expect(card).to_contain_text("Reddit accepts this connection's token.")
    expect(card.locator("[data-focus]")).to_be_focused()

    card.locator("details.menu > summary").click()
    card.get_by_role("link", name="Disconnect").click()
    page.get_by_role("dialog").get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(card).to_contain_text("acme_atlas")
    card.locator("details.menu > summary").click()
    card.get_by_role("link", name="Disconnect").click()
    page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    expect(card).to_contain_text("The token was revoked at Reddit and erased here.")
    assert acme.sandbox.requests.count("POST /api/v1/revoke_token") == 1


def test_a_withdrawn_consent_is_renewed_by_reconnecting(acme: Site, log_in: LogIn) -> None:
    page = log_in("admin@acme.example")
    card = page.locator("#reddit-card")
    card.get_by_role("button", name="Connect").click()
    consent(page)
    acme.sandbox.reddit.withdraw("acme_atlas")
    card.get_by_role("button", name="Test connection").click()
    expect(card).to_contain_text("Reddit no longer accepts")
    card.get_by_role("button", name="Reconnect").click()
    consent(page)
    expect(card).not_to_contain_text("no longer accepts")
    expect(card.get_by_role("button", name="Test connection")).to_be_visible()


def test_a_declined_consent_comes_back_with_a_sentence(acme: Site, log_in: LogIn) -> None:
    page = log_in("admin@acme.example")
    page.locator("#reddit-card").get_by_role("button", name="Connect").click()
    page.get_by_role("button", name="Decline").click()
    expect(page.locator("body")).to_contain_text("The connection was cancelled in Reddit.")
    expect(page.locator("#reddit-card")).to_contain_text("Not connected")


def test_the_card_works_without_javascript(acme: Site, without_javascript: LogIn) -> None:
    page = without_javascript("admin@acme.example")
    card = page.locator("#reddit-card")
    card.get_by_role("button", name="Connect").click()
    page.get_by_role("link", name="Continue to Reddit").click()
    consent(page)
    expect(card).to_contain_text("acme_atlas")
    card.get_by_role("button", name="Test connection").click()
    expect(page.locator("#reddit-card")).to_contain_text("Reddit accepts this connection's token.")
    page.goto(f"{acme.url}/orgs/acme/integrations/?provider=reddit&dialog=disconnect")
    page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    expect(page.locator("body")).to_contain_text("The token was revoked at Reddit and erased here.")
    expect(page.locator("#reddit-card")).to_contain_text("Not connected")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_every_state_is_accessible(browser: Browser, acme: Site, scheme: str, width: int) -> None:
    context = browser.new_context(
        base_url=acme.url,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    log_in_on(page, "admin@acme.example")
    card = page.locator("#reddit-card")
    check(page, "not connected")
    card.get_by_role("button", name="Connect").click()
    page.wait_for_url(f"{acme.sandbox.url}/api/v1/authorize?**")
    check(page, "the stand-in's consent")
    consent(page)
    check(page, "connected")
    card.get_by_role("button", name="Test connection").click()
    expect(card).to_contain_text("Reddit accepts")
    check(page, "tested")
    acme.sandbox.reddit.withdraw("acme_atlas")
    card.get_by_role("button", name="Test connection").click()
    expect(card).to_contain_text("no longer accepts")
    check(page, "error")
    page.goto("/orgs/acme/integrations/?provider=reddit&dialog=disconnect")
    check(page, "disconnect dialog")
    context.clear_cookies()
    log_in_on(page, "viewer@acme.example")
    check(page, "viewer")
    context.close()
