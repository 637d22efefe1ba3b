"""The card as the page and the fragment show it, state by state."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from integrations.models import Integration
from integrations.sandbox import Sandbox, TokenKind, demo_token
from tests.factories import World, events, the_integration, within
from tests.integrations.test_oauth import connect as connect_by_consent

PAGE = "/orgs/acme/integrations/"
FORM = f"{PAGE}notion"
ACME = demo_token("Acme Atlas")
FRAGMENT = {"HX-Request": "true"}
PUBLIC_WAY = "Connect with OAuth (Public)"
INTERNAL_WAY = "Connect with Token (Internal)"


def shown(browser: Client, address: str = PAGE, **query: str) -> str:
    response = browser.get(address, query)
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def connect(world: World, token: str = ACME) -> Client:
    browser = world.client(world.admin)
    assert browser.post(f"{FORM}/connect", {"token": token}).status_code == 302
    return browser


def change(world: World, **values: Any) -> None:
    with within(world.acme):
        Integration.objects.update(**values)


@pytest.mark.parametrize(
    ("allowed", "offered"),
    [
        ({"notion_public", "notion_internal"}, [PUBLIC_WAY, INTERNAL_WAY]),
        ({"notion_public"}, [PUBLIC_WAY]),
        ({"notion_internal"}, [INTERNAL_WAY]),
        (set(), []),
    ],
)
def test_only_the_allowed_ways_are_offered(
    world: World, settings: Any, allowed: set[str], offered: list[str]
) -> None:
    settings.INTEGRATIONS_ALLOWED = frozenset(allowed)
    page = shown(world.client(world.admin))
    assert [way for way in (PUBLIC_WAY, INTERNAL_WAY) if way in page] == offered


def test_a_connected_card_names_the_type(world: World, sandbox: Sandbox) -> None:
    page = shown(connect(world))
    assert "Type: Internal" in page
    assert "Acme Atlas" in page
    assert PUBLIC_WAY not in page


def test_a_consent_shows_its_type(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    connect_by_consent(browser)
    page = shown(browser)
    assert "Type: Public" in page
    assert "Update token" not in page


def test_htmx_gets_the_card_alone(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    fragment = browser.post(f"{FORM}/connect", {"token": ACME}, headers=FRAGMENT)
    assert fragment.status_code == 200
    text = fragment.content.decode()
    assert 'id="notion-card"' in text
    assert "<html" not in text
    assert "Notion is connected." in text
    assert fragment.headers["Vary"].find("HX-Request") >= 0
    assert "no-store" in fragment.headers["Cache-Control"]


@pytest.mark.parametrize("headers", [{}, FRAGMENT])
def test_a_refused_token_is_told_in_the_dialog_and_not_shown_again(
    world: World, sandbox: Sandbox, headers: dict[str, str]
) -> None:
    answer = world.client(world.admin).post(f"{FORM}/connect", {"token": "ntn_refused"}, headers=headers)
    assert answer.status_code == 400
    text = html.unescape(answer.content.decode())
    assert "Notion does not accept this token." in text
    assert "<dialog" in text
    assert "ntn_refused" not in text


def test_an_empty_token_is_told_at_its_field(world: World, sandbox: Sandbox) -> None:
    answer = world.client(world.admin).post(f"{FORM}/connect", {"token": " "})
    assert answer.status_code == 400
    assert "Paste the integration's token." in html.unescape(answer.content.decode())
    assert sandbox.requests.count() == 0


def test_a_personal_token_carries_a_warning(world: World, sandbox: Sandbox) -> None:
    page = shown(connect(world, demo_token("Acme Atlas", TokenKind.PERSONAL)))
    assert "This is a personal access token." in page


@pytest.mark.parametrize("dialog", ["connect", "token", "disconnect", "junk", "<script>"])
@pytest.mark.parametrize("role", ["editor", "viewer"])
def test_dialogs_are_for_admins(world: World, sandbox: Sandbox, role: str, dialog: str) -> None:
    connect(world)
    page = shown(world.client(getattr(world, role)), dialog=dialog)
    assert "<dialog" not in page
    assert "<script>" not in page.partition("<main")[2]


@pytest.mark.parametrize("role", ["editor", "viewer"])
def test_others_see_who_can_act(world: World, sandbox: Sandbox, role: str) -> None:
    page = shown(world.client(getattr(world, role)))
    assert "admin@acme.example" in page
    assert INTERNAL_WAY not in page


@pytest.mark.parametrize("action", ["connect", "token", "test", "disconnect", "authorize"])
@pytest.mark.parametrize("role", ["editor", "viewer"])
def test_actions_are_for_admins(world: World, sandbox: Sandbox, role: str, action: str) -> None:
    answer = world.client(getattr(world, role)).post(f"{FORM}/{action}", {"token": ACME})
    assert answer.status_code == 403
    assert events(world.acme)[-1] == ("access.denied", "denied")
    assert sandbox.requests.count() == 0


@pytest.mark.parametrize("action", ["connect", "token", "test", "disconnect", "authorize"])
def test_actions_are_posts_with_a_csrf_token(world: World, sandbox: Sandbox, action: str) -> None:
    assert world.client(world.admin).get(f"{FORM}/{action}").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(world.admin)
    assert strict.post(f"{FORM}/{action}", {"token": ACME}).status_code == 403
    assert the_integration(world.acme) is None


@pytest.mark.parametrize("way", ["internal", "public"])
def test_a_test_says_what_notion_said(world: World, sandbox: Sandbox, way: str) -> None:
    browser = world.client(world.admin)
    if way == "internal":
        connect(world)
    else:
        connect_by_consent(browser)
    answer = browser.post(f"{FORM}/test", headers=FRAGMENT)
    text = html.unescape(answer.content.decode())
    assert "Notion accepts this connection's token." in text
    assert ("the workspace" if way == "internal" else "a person") in text
    assert events(world.acme)[-1] == ("integration.tested", "success")


def test_a_test_while_notion_is_down_changes_nothing(world: World, sandbox: Sandbox) -> None:
    browser = connect(world)
    sandbox.faults.add("edge_block", times=None)
    text = html.unescape(browser.post(f"{FORM}/test").content.decode())
    assert "Notion could not be reached" in text
    integration = the_integration(world.acme)
    assert integration is not None
    assert integration.status == "connected"


def test_a_dead_internal_token_offers_a_new_one(world: World, sandbox: Sandbox) -> None:
    browser = connect(world)
    sandbox.revoke(ACME)
    browser.post(f"{FORM}/test")
    page = shown(browser)
    assert "Notion no longer accepts" in page
    assert "Update token" in page
    assert "Reconnect" not in page
    integration = the_integration(world.acme)
    assert integration is not None
    assert integration.access_token is None
    described = browser.get("/api/orgs/acme/integrations").json()["integrations"][0]
    assert described["connected"] is False
    assert described["error"]["code"] == "notion_unauthorized"
    assert described["error"]["remedy"].startswith("Paste a new token")


def test_a_dead_consent_offers_to_reconnect(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    connect_by_consent(browser)
    sandbox.revoke("acme-atlas/oauth")
    browser.post(f"{FORM}/test")
    page = shown(browser)
    assert "Reconnect" in page
    assert "Update token" not in page


def test_a_tampered_token_is_an_error_and_is_never_sent(world: World, sandbox: Sandbox) -> None:
    browser = connect(world)
    with within(world.acme), connection.cursor() as cursor:
        cursor.execute("UPDATE integrations_integration SET access_token = left(access_token, -3) || 'AAA'")
    asked = sandbox.requests.count()
    assert browser.post(f"{FORM}/test").status_code == 200
    page = shown(browser)
    assert "cannot be decrypted" in page
    assert "Update token" in page
    assert sandbox.requests.count() == asked
    integration = the_integration(world.acme)
    assert integration is not None
    assert integration.error_code == "decrypt_failed"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"shared_counted_at": None}, "Counting"),
        ({"shared_error_code": "notion_unavailable"}, "could not be asked what is shared"),
        ({"shared_pages": 0, "shared_databases": 0}, "Connections"),
        ({"shared_pages": 1234, "shared_databases": 1}, "1,234"),
    ],
)
def test_what_is_shared_is_told(
    world: World, sandbox: Sandbox, values: dict[str, Any], sentence: str
) -> None:
    browser = connect(world)
    from django.utils import timezone

    change(world, **({"shared_counted_at": timezone.now()} | values))
    assert sentence in shown(browser, f"{FORM}/shared")


def test_names_from_notion_are_text(world: World, sandbox: Sandbox) -> None:
    browser = connect(world)
    change(world, workspace_name="<script>alert(1)</script>{{ 7|add:7 }}")
    page = browser.get(PAGE).content.decode()
    assert "<script>alert(1)</script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_disconnecting_is_told_truthfully(world: World, sandbox: Sandbox) -> None:
    browser = connect(world)
    answer = browser.post(f"{FORM}/disconnect", headers=FRAGMENT)
    assert "delete the integration in Notion's settings" in html.unescape(answer.content.decode())
    again = browser.post(f"{FORM}/disconnect", headers=FRAGMENT)
    assert again.status_code == 404
    assert "Notion is not connected" in html.unescape(again.content.decode())


def test_without_a_script_the_consent_is_a_link(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    page = browser.post(f"{FORM}/authorize")
    assert page.status_code == 200
    assert f'href="{sandbox.url}/v1/oauth/authorize?' in page.content.decode()
    htmx = browser.post(f"{FORM}/authorize", headers=FRAGMENT)
    assert htmx.headers["HX-Redirect"].startswith(f"{sandbox.url}/v1/oauth/authorize?")
