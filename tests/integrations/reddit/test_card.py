"""The card of a provider with one way of connecting, and what the API says of it."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.models import Integration
from integrations.sandbox import Sandbox
from tests.factories import World, within
from tests.integrations.reddit.test_connection import connect
from tests.integrations.test_oauth import connect as connect_notion

PAGE = "/orgs/acme/integrations/"
FORM = f"{PAGE}reddit"
FRAGMENT = {"HX-Request": "true"}


def card_in(text: str) -> str:
    """Return Reddit's card alone, as people read it."""
    begin = text.index('id="reddit-card"')
    return html.unescape(text[begin : text.index("</section>", begin)])


def card(browser: Client, **query: str) -> str:
    response = browser.get(PAGE, query)
    assert response.status_code == 200
    return card_in(response.content.decode())


def change(world: World, **values: Any) -> None:
    with within(world.acme):
        Integration.objects.filter(provider="reddit").update(**values)


def test_the_card_is_there_where_reddit_is_allowed(world: World, reddit: Sandbox, settings: Any) -> None:
    browser = world.client(world.admin)
    page = browser.get(PAGE).content.decode()
    assert page.index('id="notion-card"') < page.index('id="reddit-card"')
    settings.INTEGRATIONS_ALLOWED -= {"reddit"}
    assert "reddit" not in browser.get(PAGE).content.decode().lower()


def test_trust_speaks_of_reddit_where_it_is_allowed(client: Client, reddit: Sandbox, settings: Any) -> None:
    assert (
        "If you connect Reddit, its token tells whose account it is" in client.get("/trust").content.decode()
    )
    settings.INTEGRATIONS_ALLOWED = {"notion_internal"}
    assert "Reddit" not in client.get("/trust").content.decode()


def test_a_connection_stays_visible_where_reddit_is_allowed_no_more(
    world: World, reddit: Sandbox, settings: Any
) -> None:
    browser = world.client(world.admin)
    connect(browser)
    settings.INTEGRATIONS_ALLOWED -= {"reddit"}
    assert "acme_atlas" in card(browser)
    assert len(browser.get("/api/orgs/acme/integrations").json()["integrations"]) == 2
    gone = browser.post(f"{FORM}/disconnect", headers=FRAGMENT)
    assert "Disconnected. The token was revoked at Reddit" in card_in(gone.content.decode())
    assert "reddit" not in browser.get(PAGE).content.decode().lower()


def test_not_connected_says_what_is_read_and_offers_to_connect(world: World, reddit: Sandbox) -> None:
    shown = card(world.client(world.admin))
    assert 'data-state="not_connected"' in shown
    assert "no posts, no messages, no votes" in shown
    assert f'action="{FORM}/authorize"' in shown
    assert "Disconnect" not in shown


def test_connected_says_whose_account_and_since_when(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    connect(browser)
    shown = card(browser)
    assert 'data-state="connected"' in shown
    assert "acme_atlas" in shown
    assert "admin@acme.example" in shown
    assert "Workspace" not in shown
    assert f'action="{FORM}/test"' in shown
    assert f'action="{FORM}/authorize"' not in shown


def test_a_test_names_the_account(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    connect(browser)
    fragment = browser.post(f"{FORM}/test", headers=FRAGMENT).content.decode()
    assert "<html" not in fragment
    assert "notion-card" not in fragment
    shown = card_in(fragment)
    assert "Reddit accepts this connection's token." in shown
    assert "acme_atlas" in shown
    assert "Not yet" not in shown.partition("Last used")[2][:300]


def test_an_error_offers_to_reconnect(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    connect(browser)
    reddit.reddit.withdraw("acme_atlas")
    shown = card_in(browser.post(f"{FORM}/test", headers=FRAGMENT).content.decode())
    assert 'data-state="error"' in shown
    assert "Reddit no longer accepts this connection's token." in shown
    assert "Reconnect: Reddit asks for consent once more." in shown
    assert ">Reconnect</button>" in shown
    assert "Notion" not in shown


def test_an_error_where_reddit_is_allowed_no_more_says_whom_to_ask(
    world: World, reddit: Sandbox, settings: Any
) -> None:
    browser = world.client(world.admin)
    connect(browser)
    change(world, status="error", error_code="reddit_unauthorized", error_since=timezone.now())
    settings.INTEGRATIONS_ALLOWED -= {"reddit"}
    shown = card(browser)
    assert "Connecting to Reddit has been switched off on this site" in shown
    assert ">Reconnect</button>" not in shown
    assert "dialog=disconnect" in shown


def test_a_token_that_cannot_be_decrypted_is_told(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    connect(browser)
    change(world, status="error", error_code="decrypt_failed", error_since=timezone.now())
    assert "Nothing was sent to Reddit, and nothing was lost there." in card(browser)


@pytest.mark.parametrize("state", ["not_connected", "connected", "error"])
@pytest.mark.parametrize("role", ["editor", "viewer"])
def test_others_see_the_facts_no_actions_and_who_can_act(
    world: World, reddit: Sandbox, role: str, state: str
) -> None:
    if state != "not_connected":
        connect(world.client(world.admin))
    if state == "error":
        change(world, status="error", error_code="reddit_unauthorized", error_since=timezone.now())
    shown = card(world.client(getattr(world, role)), provider="reddit", dialog="disconnect")
    assert f'data-state="{state}"' in shown
    for forbidden in ("<form", "<button", "<dialog", "<a "):
        assert forbidden not in shown
    assert "admin@acme.example" in shown
    assert ("An admin has to reconnect." in shown) == (state == "error")


def test_disconnecting_is_asked_back_on_its_own_card(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    connect_notion(browser)
    connect(browser)
    page = browser.get(PAGE, {"provider": "reddit", "dialog": "disconnect"}).content.decode()
    assert page.count("<dialog") == 1
    assert "Disconnect <bdi>acme_atlas</bdi>?" in card_in(page)
    fragment = browser.get(PAGE, {"provider": "reddit", "dialog": "disconnect"}, headers=FRAGMENT)
    assert "notion-card" not in fragment.content.decode()
    assert 'hx-get="/orgs/acme/integrations/?provider=reddit"' in fragment.content.decode()
    notions = browser.get(PAGE, {"dialog": "disconnect"}).content.decode()
    assert "<dialog" not in card_in(notions)


@pytest.mark.parametrize("provider", ["slack", "", "notion'", "../reddit"])
def test_an_unknown_provider_is_not_found(world: World, reddit: Sandbox, provider: str) -> None:
    browser = world.client(world.admin)
    assert browser.get(PAGE, {"provider": provider}).status_code == 404
    assert browser.post(f"{PAGE}slack/authorize").status_code == 404
    assert browser.get("/api/integrations/slack/callback").status_code == 404
    refused = browser.post("/api/orgs/acme/integrations/slack/authorize")
    assert refused.status_code == 404
    assert "Notion Scan knows notion and reddit." in refused.json()["error"]


def test_without_a_script_the_consent_is_a_link(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    page = browser.post(f"{FORM}/authorize").content.decode()
    assert f'href="{reddit.url}/api/v1/authorize?' in page
    assert "Continue to Reddit" in page
    assert "Notion asks" not in page
    htmx = browser.post(f"{FORM}/authorize", headers=FRAGMENT)
    assert htmx.headers["HX-Redirect"].startswith(f"{reddit.url}/api/v1/authorize?")


def test_a_refusal_is_told_on_the_card_that_caused_it(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    connect(browser)
    for headers in ({}, FRAGMENT):
        answer = browser.post(f"{FORM}/authorize", headers=headers)
        assert answer.status_code == 409
        assert "A Reddit account is already connected" in card_in(answer.content.decode())


def test_names_from_reddit_are_text(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    connect(browser)
    change(world, account_name='"><img src=x onerror=alert(1)>\u202e')
    page = browser.get(PAGE, {"provider": "reddit", "dialog": "disconnect"}).content.decode()
    assert "<img src=x" not in page


def test_local_only_mode_is_said_on_this_card_too(world: World, reddit: Sandbox, settings: Any) -> None:
    browser = world.client(world.admin)
    connect(browser)
    settings.NOTIONSCAN_LOCAL_ONLY = True
    shown = card(browser)
    assert 'data-state="blocked"' in shown
    assert "no call leaves for Notion or Reddit" in shown
    assert ">Test connection<" not in shown
    assert "dialog=disconnect" in shown


def test_the_api_lists_reddit_where_it_is_allowed(world: World, reddit: Sandbox, settings: Any) -> None:
    browser = world.client(world.admin)
    listed = browser.get("/api/orgs/acme/integrations").json()["integrations"]
    assert [one["provider"] for one in listed] == ["notion", "reddit"]
    assert listed[1]["connected"] is False
    assert listed[1]["variantsAllowed"] == {"public": True, "internal": False}
    connect(browser)
    found = browser.get("/api/orgs/acme/integrations").json()["integrations"][1]
    assert found["connected"] is True
    assert (found["status"], found["connectionType"]) == ("connected", "public")
    assert (found["accountId"], found["accountName"]) == ("1a2b3c", "acme_atlas")
    assert (found["workspaceId"], found["workspaceName"], found["error"]) == (None, None, None)
    assert found.keys() == listed[0].keys()
    change(world, status="error", error_code="reddit_unauthorized", error_since=timezone.now())
    failed = browser.get("/api/orgs/acme/integrations").json()["integrations"][1]
    assert failed["error"]["code"] == "reddit_unauthorized"
    assert failed["error"]["remedy"].startswith("Reconnect")
    settings.INTEGRATIONS_ALLOWED -= {"reddit"}
    with within(world.acme):
        Integration.objects.all().delete()
    assert len(browser.get("/api/orgs/acme/integrations").json()["integrations"]) == 1


def test_two_cards_take_no_more_queries_than_one(world: World, reddit: Sandbox, settings: Any) -> None:
    browser = world.client(world.viewer)
    counts = []
    for allowed in (settings.INTEGRATIONS_ALLOWED - {"reddit"}, settings.INTEGRATIONS_ALLOWED):
        settings.INTEGRATIONS_ALLOWED = allowed
        with CaptureQueriesContext(connection) as queries:
            browser.get(PAGE)
        counts.append(len(queries))
    assert counts[0] == counts[1]
