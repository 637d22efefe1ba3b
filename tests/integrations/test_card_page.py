"""The card as the page and the fragment show it, state by state."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from integrations.models import Integration
from integrations.sandbox import Sandbox, TokenKind, demo_token
from tests.factories import World, events, log_in, the_integration, within
from tests.integrations.test_oauth import CALLBACK, ask, decide
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
    log_in(strict, world.admin)
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
    tamper(world, "access_token")
    asked = sandbox.requests.count()
    assert browser.post(f"{FORM}/test").status_code == 200
    page = shown(browser)
    assert "cannot be decrypted" in page
    assert "Update token" in page
    assert sandbox.requests.count() == asked
    integration = the_integration(world.acme)
    assert integration is not None
    assert integration.error_code == "decrypt_failed"


def tamper(world: World, column: str) -> None:
    with within(world.acme), connection.cursor() as cursor:
        cursor.execute(f"UPDATE integrations_integration SET {column} = left({column}, -3) || 'AAA'")


def test_a_tampered_refresh_token_is_an_error_and_is_never_sent(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    connect_by_consent(browser)
    tamper(world, "refresh_token")
    sandbox.expire("acme-atlas/oauth")
    exchanged = sandbox.requests.count("POST /v1/oauth/token")
    assert browser.post(f"{FORM}/test").status_code == 200
    page = shown(browser)
    assert "cannot be decrypted" in page
    assert "Reconnect" in page
    assert sandbox.requests.count("POST /v1/oauth/token") == exchanged


def test_a_consent_replaces_a_tampered_token(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    answers = [decide(ask(browser)) for _ in range(2)]
    assert browser.get(CALLBACK, answers[0]).status_code == 302
    tamper(world, "access_token")
    # Until somebody has used it, it counts as connected, and a second consent is a conflict.
    assert browser.get(CALLBACK, answers[1]).status_code == 409
    browser.post(f"{FORM}/test")
    assert connect_by_consent(browser).status_code == 302
    text = html.unescape(browser.post(f"{FORM}/test").content.decode())
    assert "Notion accepts this connection's token." in text


def test_a_tampered_connection_can_be_ended(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    connect_by_consent(browser)
    tamper(world, "access_token")
    assert browser.post(f"{FORM}/disconnect").status_code == 302
    assert the_integration(world.acme) is None
    assert sandbox.requests.count("POST /v1/oauth/revoke") == 0


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"shared_counted_at": None}, "Counting"),
        ({"shared_error_code": "notion_unavailable"}, "could not be asked what is shared"),
        ({"shared_pages": 0, "shared_databases": 0}, "Connections"),
        ({"shared_pages": 1234, "shared_databases": 1}, "1,234"),
        ({"shared_pages": 2000, "shared_databases": 0, "shared_is_partial": True}, "at least"),
    ],
)
def test_what_is_shared_is_told(
    world: World, sandbox: Sandbox, values: dict[str, Any], sentence: str
) -> None:
    browser = connect(world)
    change(world, **({"shared_counted_at": timezone.now()} | values))
    assert sentence in shown(browser, f"{FORM}/shared")


def test_a_fragment_asks_again_only_while_the_count_is_pending(world: World, sandbox: Sandbox) -> None:
    browser = connect(world)
    assert "every 2s" in shown(browser, f"{FORM}/shared")
    change(world, shared_counted_at=timezone.now(), shared_pages=1, shared_databases=1)
    fragment = shown(world.client(world.viewer), f"{FORM}/shared")
    assert 'id="notion-shared"' in fragment
    assert "every 2s" not in fragment
    assert "<html" not in fragment


def test_the_fragment_of_an_ended_connection_says_so(world: World, sandbox: Sandbox) -> None:
    assert "This connection has changed." in shown(world.client(world.viewer), f"{FORM}/shared")


@pytest.mark.parametrize("state", ["not_connected", "connected", "error"])
def test_the_card_carries_its_state(world: World, sandbox: Sandbox, state: str) -> None:
    browser = world.client(world.admin) if state == "not_connected" else connect(world)
    if state == "error":
        sandbox.revoke(ACME)
        browser.post(f"{FORM}/test")
    assert f'data-state="{state}"' in shown(browser)
    assert ("Type: Internal" in shown(browser)) is (state != "not_connected")


@pytest.mark.parametrize(
    ("connected", "dialog", "opens"),
    [
        (False, "connect", True),
        (False, "token", False),
        (False, "disconnect", False),
        (True, "connect", False),
        (True, "token", True),
        (True, "disconnect", True),
        (True, "junk", False),
    ],
)
def test_only_the_dialogs_of_the_state_open(
    world: World, sandbox: Sandbox, connected: bool, dialog: str, opens: bool
) -> None:
    browser = connect(world) if connected else world.client(world.admin)
    assert ("<dialog" in shown(browser, dialog=dialog)) is opens


def test_no_dialog_for_a_way_that_is_switched_off(world: World, settings: Any) -> None:
    settings.INTEGRATIONS_ALLOWED = frozenset({"notion_public"})
    assert "<dialog" not in shown(world.client(world.admin), dialog="connect")


def test_an_error_whose_remedy_is_switched_off_offers_none(
    world: World, sandbox: Sandbox, settings: Any
) -> None:
    browser = connect(world)
    sandbox.revoke(ACME)
    browser.post(f"{FORM}/test")
    settings.INTEGRATIONS_ALLOWED = frozenset({"notion_public"})
    page = shown(browser)
    assert "has been switched off on this site" in page
    assert "Update token" not in page
    assert "Disconnect" in page


@pytest.mark.parametrize(
    ("public", "sentence"), [(True, "An admin has to reconnect."), (False, "An admin has to paste a new")]
)
def test_viewers_are_told_who_repairs_an_error(
    world: World, sandbox: Sandbox, public: bool, sentence: str
) -> None:
    browser = world.client(world.admin)
    if public:
        connect_by_consent(browser)
    else:
        connect(world)
    change(world, status="error", error_code="notion_unauthorized", error_since=timezone.now())
    page = shown(world.client(world.viewer))
    assert sentence in page
    assert "<form" not in page.partition('id="notion-card"')[2].partition("</section>")[0]


def test_a_new_token_ends_the_error(world: World, sandbox: Sandbox) -> None:
    browser = connect(world)
    sandbox.revoke(ACME)
    browser.post(f"{FORM}/test")
    sandbox.add_token(sandbox.workspace, secret="ntn_next", label="next")
    answer = browser.post(f"{FORM}/token", {"token": "ntn_next"}, headers=FRAGMENT)
    text = answer.content.decode()
    assert "The token was updated." in text
    assert 'data-state="connected"' in text
    assert "ntn_next" not in text
    assert ("integration.recovered", "success") in events(world.acme)


@pytest.mark.parametrize("headers", [{}, FRAGMENT])
@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("ntn_refused", "Notion does not accept this token."),
        ("ntn_a b", "letters, digits and underscores"),
        ("ntn_" + "z" * 10_000, "too long"),
    ],
)
def test_no_form_shows_a_token_again(
    world: World, sandbox: Sandbox, headers: dict[str, str], connected: bool, token: str, sentence: str
) -> None:
    browser = connect(world) if connected else world.client(world.admin)
    form = f"{FORM}/token" if connected else f"{FORM}/connect"
    answer = browser.post(form, {"token": token}, headers=headers)
    assert answer.status_code == 400
    text = html.unescape(answer.content.decode())
    assert token not in text
    assert 'id="notion-card"' in text
    assert ("<html" in text) is not headers
    assert sentence in text


@pytest.mark.parametrize("headers", [{}, FRAGMENT])
def test_a_token_in_the_wrong_field_is_not_shown_again(
    world: World, sandbox: Sandbox, headers: dict[str, str]
) -> None:
    browser = world.client(world.admin)
    answer = browser.post(f"{FORM}/connect", {"token": ACME, "workspace_id": ACME}, headers=headers)
    assert answer.status_code == 400
    assert "A workspace ID looks like" in answer.content.decode()
    assert ACME not in answer.content.decode()
    assert sandbox.requests.count() == 0


@pytest.mark.parametrize("headers", [{}, FRAGMENT])
@pytest.mark.parametrize(
    ("state", "form", "status", "sentence"),
    [
        ("internal", "connect", 409, "Disconnect it before switching the connection type."),
        ("public", "token", 409, "This connection has no token to update"),
        ("none", "token", 404, "Notion is not connected to this organization."),
        ("switched off", "connect", 400, "This way of connecting is not allowed here."),
    ],
)
def test_a_refusal_without_its_dialog_is_told_on_the_card(
    world: World,
    sandbox: Sandbox,
    settings: Any,
    headers: dict[str, str],
    state: str,
    form: str,
    status: int,
    sentence: str,
) -> None:
    browser = world.client(world.admin)
    if state == "internal":
        connect(world)
    elif state == "public":
        connect_by_consent(browser)
    elif state == "switched off":
        settings.INTEGRATIONS_ALLOWED = frozenset({"notion_public"})
    answer = browser.post(f"{FORM}/{form}", {"token": ACME}, headers=headers)
    assert answer.status_code == status
    assert sentence in html.unescape(answer.content.decode())


def test_names_from_notion_are_text(world: World, sandbox: Sandbox) -> None:
    browser = connect(world)
    change(world, workspace_name="<script>alert(1)</script>{{ 7|add:7 }}")
    page = browser.get(PAGE).content.decode()
    assert "<script>alert(1)</script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.parametrize("dialog", ["", "token", "disconnect"])
def test_no_name_gets_out_of_its_place(world: World, sandbox: Sandbox, dialog: str) -> None:
    browser = connect(world)
    name = '"><img src=x onerror=alert(1)>\u202e'
    change(world, workspace_name=name, account_name=name, connected_by_label=name)
    change(world, shared_counted_at=timezone.now(), shared_pages=0, shared_databases=0)
    page = browser.get(PAGE, {"dialog": dialog}).content.decode()
    assert "<img src=x" not in page
    # A right-to-left override ends where the name does.
    texts = re.findall(r"(\S{5})[^<>]*&lt;img src=x onerror=alert\(1\)&gt;\u202e</(\w+)>", page)
    assert texts
    assert {end for _, end in texts} == {"bdi"}


def test_disconnecting_is_told_truthfully(world: World, sandbox: Sandbox) -> None:
    browser = connect(world)
    answer = browser.post(f"{FORM}/disconnect", headers=FRAGMENT)
    assert "in Notion's settings" in html.unescape(answer.content.decode())
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
