"""The Notion card in a browser: connect, rotate, error and remedy, disconnect; with and without script."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from integrations.sandbox import demo_token
from tests.browser.conftest import Site

pytestmark = pytest.mark.browser
ACME = demo_token("Acme Atlas")
LogIn = Callable[[str], Page]


def connect_by_token(page: Page, token: str = ACME) -> None:
    page.get_by_text("Connect", exact=True).first.click()
    page.get_by_text("Connect with Token (Internal)").click()
    page.fill("[name=token]", token)
    page.get_by_role("dialog").get_by_role("button", name="Connect").click()


def connect_by_consent(page: Page) -> None:
    page.get_by_text("Connect", exact=True).first.click()
    page.get_by_text("Connect with OAuth (Public)").click()


def open_menu_and_choose(page: Page, name: str) -> None:
    page.locator("#notion-card details.menu > summary").click()
    page.locator("#notion-card details.menu").get_by_text(name).click()


def test_an_admin_connects_tests_rotates_and_disconnects_by_token(acme: Site, log_in: LogIn) -> None:
    page = log_in("admin@acme.example")
    connect_by_token(page)
    card = page.locator("#notion-card")
    expect(card).to_contain_text("Type: Internal")
    expect(card).to_contain_text("Acme Atlas")
    expect(page.locator("#notion-shared")).to_contain_text("pages", timeout=15_000)

    page.get_by_role("button", name="Test connection").click()
    expect(card).to_contain_text("Notion accepts this connection's token.")

    acme.sandbox.add_token(acme.sandbox.workspace, secret="ntn_rotated", label="rotated")
    open_menu_and_choose(page, "Update token")
    page.fill("[name=token]", "ntn_rotated")
    page.get_by_role("dialog").get_by_role("button", name="Update token").click()
    expect(card).to_contain_text("The token was updated.")

    open_menu_and_choose(page, "Disconnect")
    page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    expect(card).to_contain_text("Disconnected")
    expect(card).not_to_contain_text("Type: Internal")

    page.goto("/orgs/acme/audit/")
    for action in ("Connection made", "Connection tested", "Token updated", "Connection ended"):
        expect(page.locator("#events")).to_contain_text(action)


def test_an_admin_connects_by_consent_and_disconnects(acme: Site, log_in: LogIn) -> None:
    page = log_in("admin@acme.example")
    connect_by_consent(page)
    page.wait_for_url(f"{acme.sandbox.url}/v1/oauth/authorize?**")
    page.get_by_role("button", name="Allow").click()
    expect(page.locator("#notion-card")).to_contain_text("Type: Public")
    open_menu_and_choose(page, "Disconnect")
    page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    expect(page.locator("#notion-card")).to_contain_text("revoked at Notion")
    assert acme.sandbox.requests.count("POST /v1/oauth/revoke") == 1


def test_a_cancelled_consent_comes_back_with_a_sentence(acme: Site, log_in: LogIn) -> None:
    page = log_in("admin@acme.example")
    connect_by_consent(page)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("body")).to_contain_text("The connection was cancelled in Notion.")
    expect(page.locator("#notion-card")).to_contain_text("Connect")


def test_a_dead_token_shows_the_error_and_its_remedy(acme: Site, log_in: LogIn) -> None:
    page = log_in("admin@acme.example")
    connect_by_token(page)
    card = page.locator("#notion-card")
    expect(card).to_contain_text("Type: Internal")
    acme.sandbox.revoke(ACME)
    page.get_by_role("button", name="Test connection").click()
    expect(card).to_contain_text("no longer accepts")
    acme.sandbox.add_token(acme.sandbox.workspace, secret="ntn_fresh", label="fresh")
    page.get_by_text("Update token").first.click()
    page.fill("[name=token]", "ntn_fresh")
    page.get_by_role("dialog").get_by_role("button", name="Update token").click()
    expect(card).to_contain_text("The token was updated.")
    expect(card).not_to_contain_text("no longer accepts")


def test_a_dead_consent_is_renewed_by_reconnecting(acme: Site, log_in: LogIn) -> None:
    page = log_in("admin@acme.example")
    connect_by_consent(page)
    page.get_by_role("button", name="Allow").click()
    expect(page.locator("#notion-card")).to_contain_text("Type: Public")
    acme.sandbox.revoke("acme-atlas/oauth")
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#notion-card")).to_contain_text("no longer accepts")
    page.get_by_role("button", name="Reconnect").click()
    page.get_by_role("button", name="Allow").click()
    expect(page.locator("#notion-card")).to_contain_text("Test connection")
    expect(page.locator("#notion-card")).not_to_contain_text("no longer accepts")


def test_a_refused_token_stays_in_the_dialog_with_an_empty_field(acme: Site, log_in: LogIn) -> None:
    page = log_in("admin@acme.example")
    connect_by_token(page, "ntn_unknown")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Notion does not accept this token.")
    expect(page.locator("[name=token]")).to_have_value("")
    page.fill("[name=token]", ACME)
    dialog.get_by_role("button", name="Connect").click()
    expect(page.locator("#notion-card")).to_contain_text("Type: Internal")


@pytest.mark.parametrize("role", ["editor", "viewer"])
def test_others_see_the_facts_and_no_actions(acme: Site, log_in: LogIn, role: str) -> None:
    admin = log_in("admin@acme.example")
    connect_by_token(admin)
    expect(admin.locator("#notion-card")).to_contain_text("Type: Internal")
    admin.context.clear_cookies()
    page = log_in(f"{role}@acme.example")
    card = page.locator("#notion-card")
    expect(card).to_contain_text("Acme Atlas")
    expect(card).to_contain_text("admin@acme.example")
    expect(card.locator("button, form, a.button")).to_have_count(0)


def test_the_card_works_without_javascript(acme: Site, without_javascript: LogIn) -> None:
    page = without_javascript("admin@acme.example")
    connect_by_token(page)
    card = page.locator("#notion-card")
    expect(card).to_contain_text("Type: Internal")
    page.get_by_role("button", name="Test connection").click()
    expect(card).to_contain_text("Notion accepts this connection's token.")
    open_menu_and_choose(page, "Disconnect")
    page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    expect(page.locator("body")).to_contain_text("Disconnected")
    connect_by_consent(page)
    page.get_by_role("link", name="Continue to Notion").click()
    page.get_by_role("button", name="Allow").click()
    expect(card).to_contain_text("Type: Public")


def test_nothing_is_sent_to_anyone_else(acme: Site, log_in: LogIn) -> None:
    page = log_in("admin@acme.example")
    asked: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    connect_by_token(page)
    expect(page.locator("#notion-card")).to_contain_text("Type: Internal")
    assert all(url.startswith(acme.url) for url in asked)
    assert problems == []
