"""The public connection: consent, state, callback, reconnect, refresh, revoke."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
import requests
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from integrations.errors import ConnectionInError, NotConnected
from integrations.http.oauth import TokenGrant
from integrations.models import Integration, OAuthState, PendingRevocation
from integrations.notion.budget import Priority
from integrations.notion.errors import NotionError
from integrations.notion.oauth import OAuthApp
from integrations.notion.replies import Me
from integrations.sandbox import Sandbox, demo_token
from integrations.services.calls import call_notion
from integrations.services.revocation import KEPT_FOR, revoke_again
from integrations.services.tokens import LEASE
from integrations.services.verification import token_hash
from notionscan import rls
from notionscan.secret import Secret
from tenants.models import Membership
from tenants.roles import Role
from tenants.services.members import change_role
from tests.factories import World, events, make_member, make_world, the_integration, within

CALLBACK = "/api/integrations/notion/callback"


def ask(browser: Client, slug: str = "acme") -> str:
    """Start an authorization and return the consent page's address."""
    response = browser.post(f"/api/orgs/{slug}/integrations/notion/authorize")
    assert response.status_code == 200, response.content
    return str(response.json()["url"])


def decide(url: str, decision: str = "allow", workspace: str = "acme-atlas") -> dict[str, str]:
    """Answer the consent page as a person would, and return what the browser brings back."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    answer = requests.post(
        url.partition("?")[0],
        data=query | {"decision": decision, "workspace": workspace},
        allow_redirects=False,
        timeout=5,
    )
    assert answer.status_code == 303, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def connect(browser: Client, **choice: str) -> HttpResponse:
    return browser.get(CALLBACK, decide(ask(browser), **choice))


def current(world: World) -> Integration:
    integration = the_integration(world.acme)
    assert integration is not None
    return integration


def access_token(world: World) -> str:
    with within(world.acme):
        return current(world).access_token.reveal().expose()


def held_token_expires(world: World, sandbox: Sandbox) -> None:
    """Let Notion refuse the access token that is held, as one that is too old."""
    sandbox.expire(access_token(world))


def test_consent_connects(world: World, sandbox: Sandbox) -> None:
    response = connect(world.client(world.admin))
    assert response.status_code == 302
    assert response.url == "/orgs/acme/integrations/"
    integration = current(world)
    assert integration.connection_type == "public"
    assert integration.workspace_name == "Acme Atlas"
    assert integration.refresh_token is not None
    assert events(world.acme)[-2:] == [
        ("integration.authorize_started", "success"),
        ("integration.connected", "success"),
    ]


def test_the_consent_address_is_the_settings_and_not_the_requests(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    url = browser.post(
        "/api/orgs/acme/integrations/notion/authorize", headers={"X-Forwarded-Host": "evil.example"}
    ).json()["url"]
    query = parse_qs(urlsplit(url).query)
    assert query["redirect_uri"] == [sandbox.client.redirect_uris[0]]
    assert query["response_type"] == ["code"]
    assert query["owner"] == ["user"]
    assert len(query["state"][0]) >= 22
    evil = browser.post("/api/orgs/acme/integrations/notion/authorize", headers={"Host": "evil.example"})
    assert evil.status_code == 400


def test_a_cancelled_consent_says_so_and_connects_nothing(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    answer = decide(ask(browser), "cancel")
    assert answer["error"] == "access_denied"
    page = browser.get(CALLBACK, answer, follow=True)
    assert "The connection was cancelled in Notion." in page.content.decode()
    assert the_integration(world.acme) is None


def refused(world: World, sandbox: Sandbox, response: HttpResponse, asked: int) -> None:
    assert response.status_code == 403
    assert the_integration(world.acme) is None
    assert sandbox.requests.count() == asked, "Notion was called for an answer that nobody asked for"


def test_a_missing_state_is_refused(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    answer = decide(ask(browser))
    asked = sandbox.requests.count()
    refused(world, sandbox, browser.get(CALLBACK, {"code": answer["code"]}), asked)


def test_a_wrong_state_is_refused(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    answer = decide(ask(browser))
    asked = sandbox.requests.count()
    refused(world, sandbox, browser.get(CALLBACK, answer | {"state": "x" * 43}), asked)


def test_a_state_serves_once(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    answer = decide(ask(browser))
    assert browser.get(CALLBACK, answer).status_code == 302
    asked = sandbox.requests.count()
    assert browser.get(CALLBACK, answer).status_code == 403
    assert sandbox.requests.count() == asked


def test_a_state_is_consumed_by_a_refusal_too(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    answer = decide(ask(browser))
    browser.get(CALLBACK, {"state": answer["state"], "error": "access_denied"})
    asked = sandbox.requests.count()
    refused(world, sandbox, browser.get(CALLBACK, answer), asked)


def test_a_stale_state_is_refused(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    answer = decide(ask(browser))
    with within(world.acme):
        OAuthState.objects.update(created_at=timezone.now() - timedelta(minutes=10, seconds=1))
    asked = sandbox.requests.count()
    refused(world, sandbox, browser.get(CALLBACK, answer), asked)


def test_another_persons_state_is_refused(world: World, sandbox: Sandbox) -> None:
    answer = decide(ask(world.client(world.admin)))
    asked = sandbox.requests.count()
    refused(world, sandbox, world.client(world.outsider).get(CALLBACK, answer), asked)


def test_another_sessions_state_is_refused(world: World, sandbox: Sandbox) -> None:
    answer = decide(ask(world.client(world.admin)))
    asked = sandbox.requests.count()
    refused(world, sandbox, world.client(world.admin).get(CALLBACK, answer), asked)


def test_an_admin_who_was_demoted_meanwhile_is_refused(world: World, sandbox: Sandbox) -> None:
    make_member(world.acme, Role.ADMIN, "second@acme.example")
    browser = world.client(world.admin)
    answer = decide(ask(browser))
    with within(world.acme):
        membership = Membership.objects.select_related("organization").get(user=world.admin)
        change_role(membership=membership, role=Role.VIEWER, actor=None)
    asked = sandbox.requests.count()
    refused(world, sandbox, browser.get(CALLBACK, answer), asked)


def test_a_state_of_another_organization_connects_that_one_alone(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.outsider)
    browser.get(CALLBACK, decide(ask(browser, "globex")))
    assert the_integration(world.acme) is None
    assert the_integration(world.globex) is not None


def test_a_refused_code_says_so_and_connects_nothing(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    answer = decide(ask(browser))
    page = browser.get(CALLBACK, answer | {"code": "invented"}, follow=True)
    assert "did not accept this authorization" in page.content.decode()
    assert the_integration(world.acme) is None


def test_notion_down_at_the_exchange_says_so_and_a_new_try_connects(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    answer = decide(ask(browser))
    sandbox.faults.add("service_unavailable", match="* /v1/oauth/token")
    page = browser.get(CALLBACK, answer, follow=True)
    assert "Notion could not be reached" in page.content.decode()
    assert the_integration(world.acme) is None
    # A code serves once, so the exchange itself is never repeated.
    assert sandbox.requests.count("POST /v1/oauth/token") == 1
    assert connect(browser).status_code == 302


def test_authorize_conflicts_with_any_working_connection(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    connect(browser)
    assert browser.post("/api/orgs/acme/integrations/notion/authorize").status_code == 409


def test_a_callback_that_finds_an_internal_connection_keeps_it_and_gives_the_token_back(
    world: World, sandbox: Sandbox
) -> None:
    browser = world.client(world.admin)
    answer = decide(ask(browser))
    browser.post(
        "/api/orgs/acme/integrations/notion/internal-connect",
        data={"token": demo_token("Acme Atlas")},
        content_type="application/json",
    )
    response = browser.get(CALLBACK, answer)
    assert response.status_code == 409
    assert "Disconnect it before switching the connection type." in response.content.decode()
    assert current(world).connection_type == "internal"
    assert access_token(world) == demo_token("Acme Atlas")
    assert sandbox.requests.count("POST /v1/oauth/revoke", status=200) == 1


def test_reconnecting_renews_a_connection_in_error(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    connect(browser)
    sandbox.revoke("acme-atlas/oauth")
    browser.post("/orgs/acme/integrations/notion/test")
    assert current(world).status == "error"
    assert current(world).access_token is None
    assert current(world).refresh_token is None
    assert connect(browser).status_code == 302
    assert current(world).status == "connected"
    assert events(world.acme)[-1] == ("integration.recovered", "success")


def test_reconnecting_to_another_workspace_is_refused(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    connect(browser)
    sandbox.revoke("acme-atlas/oauth")
    browser.post("/orgs/acme/integrations/notion/test")
    response = connect(browser, workspace="globex-works")
    assert response.status_code == 409
    assert "another workspace" in response.content.decode()
    assert current(world).workspace_name == "Acme Atlas"
    assert current(world).status == "error"


def test_disconnecting_revokes_upstream(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    connect(browser)
    response = browser.delete("/api/orgs/acme/integrations/notion")
    assert response.json() == {"ok": True, "revoked": "access"}
    assert sandbox.requests.count("POST /v1/oauth/revoke", status=200) == 1
    with within(world.acme):
        assert PendingRevocation.objects.count() == 0


def test_a_token_that_another_organization_holds_is_left_alive(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    connect(browser)
    token = Secret(access_token(world))
    ours = current(world)
    with within(world.globex):
        other = Integration(
            organization=world.globex,
            provider=ours.provider,
            connection_type=ours.connection_type,
            workspace_id=ours.workspace_id,
            account_id=ours.account_id,
            connected_by_label="someone",
            access_token_hash=token_hash(token),
        )
        other.access_token = token
        other.save()
    assert browser.delete("/api/orgs/acme/integrations/notion").status_code == 200
    assert sandbox.requests.count("POST /v1/oauth/revoke") == 0
    assert the_integration(world.acme) is None


def test_disconnecting_while_notion_is_down_is_told_and_done_later(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    connect(browser)
    sandbox.faults.add("edge_block", match="* /v1/oauth/revoke", times=None)
    response = browser.delete("/api/orgs/acme/integrations/notion")
    assert response.json() == {"ok": True, "revoked": "failed"}
    assert the_integration(world.acme) is None
    with within(world.acme):
        pending = PendingRevocation.objects.get()
    sandbox.faults.clear()
    with within(world.acme):
        revoke_again(organization_id=world.acme.pk, revocation_id=pending.pk)
        assert PendingRevocation.objects.count() == 0
    assert sandbox.requests.count("POST /v1/oauth/revoke", status=200) == 1


def test_a_revocation_that_never_succeeds_ends_with_the_token_erased(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    connect(browser)
    sandbox.faults.add("edge_block", match="* /v1/oauth/revoke", times=None)
    assert browser.delete("/api/orgs/acme/integrations/notion").json()["revoked"] == "failed"
    with within(world.acme):
        pending = PendingRevocation.objects.get()
        PendingRevocation.objects.update(created_at=timezone.now() - KEPT_FOR)
        revoke_again(organization_id=world.acme.pk, revocation_id=pending.pk)
        assert PendingRevocation.objects.count() == 0


def me(world: World, integration_id: UUID | None = None) -> Me:
    """Call users/me for the connection, as the product does: in a scope, and in no transaction."""
    integration_id = integration_id or current(world).pk
    with rls.scope(rls.organization_scope(world.acme.pk)):
        return call_notion(
            organization_id=world.acme.pk,
            integration_id=integration_id,
            priority=Priority.PEOPLE,
            use=lambda client: client.me(),
        )


def test_an_expired_token_is_refreshed_once_and_the_call_goes_on(world: World, sandbox: Sandbox) -> None:
    connect(world.client(world.admin))
    before = access_token(world)
    sandbox.expire("acme-atlas/oauth")
    assert me(world).owner_type == "user"
    assert access_token(world) != before
    assert current(world).token_version == 2
    assert sandbox.requests.count("POST /v1/oauth/token") == 2
    assert ("integration.token_refreshed", "success") in events(world.acme)


def test_a_refused_refresh_ends_in_error_with_both_tokens_erased(world: World, sandbox: Sandbox) -> None:
    connect(world.client(world.admin))
    sandbox.revoke("acme-atlas/oauth")
    with pytest.raises(ConnectionInError):
        me(world)
    integration = current(world)
    assert integration.status == "error"
    assert integration.access_token is None
    assert integration.refresh_token is None
    assert events(world.acme)[-1] == ("integration.error", "error")
    asked = sandbox.requests.count()
    with pytest.raises(ConnectionInError):
        me(world)
    assert sandbox.requests.count() == asked


@pytest.mark.parametrize(
    ("fault", "options"),
    [("rate_limited", {"retry_after": "300"}), ("edge_block", {}), ("request_blocked", {})],
)
def test_a_refresh_that_notion_did_not_refuse_may_be_tried_again(
    world: World, sandbox: Sandbox, fault: str, options: dict[str, str]
) -> None:
    connect(world.client(world.admin))
    sandbox.expire("acme-atlas/oauth")
    sandbox.faults.add(fault, match="* /v1/oauth/token", **options)
    with pytest.raises(NotionError):
        me(world)
    assert current(world).refresh_lease_until is None
    assert me(world).owner_type == "user"
    assert current(world).status == "connected"


def test_a_crash_in_a_refresh_ends_in_error_and_not_in_a_loop(world: World, sandbox: Sandbox) -> None:
    connect(world.client(world.admin))
    sandbox.expire("acme-atlas/oauth")
    with within(world.acme):
        Integration.objects.update(refresh_lease_until=timezone.now() - timedelta(seconds=1))
    with pytest.raises(ConnectionInError):
        me(world)
    assert current(world).error_code == "refresh_interrupted"
    assert sandbox.requests.count("POST /v1/oauth/token") == 1


def test_eight_callers_refresh_once(committed: None, sandbox: Sandbox) -> None:
    world = make_world()
    connect(world.client(world.admin))
    integration_id = current(world).pk
    sandbox.expire("acme-atlas/oauth")
    sandbox.latency_ms = 30
    answers: list[Me] = []

    def use() -> None:
        answers.append(me(world, integration_id))
        connection.close()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sandbox.latency_ms = 0
    assert len(answers) == 8
    assert sandbox.requests.count("POST /v1/oauth/token") == 2
    assert current(world).token_version == 2
    assert timedelta(seconds=10) < LEASE


def test_of_two_consents_the_second_is_a_conflict_and_is_given_back(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    first, second = decide(ask(browser)), decide(ask(browser))
    assert browser.get(CALLBACK, first).status_code == 302
    kept = access_token(world)
    assert browser.get(CALLBACK, second).status_code == 409
    assert access_token(world) == kept
    assert events(world.acme).count(("integration.connected", "success")) == 1
    assert sandbox.requests.count("POST /v1/oauth/revoke", status=200) == 1


def test_tokens_that_come_after_a_disconnect_are_revoked(
    committed: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    browser = world.client(world.admin)
    connect(browser)
    sandbox.expire("acme-atlas/oauth")
    refresh = OAuthApp.refresh

    def refresh_and_lose(app: OAuthApp, token: Secret) -> TokenGrant:
        grant = refresh(app, token)
        with rls.scope(None):
            assert browser.delete("/api/orgs/acme/integrations/notion").status_code == 200
        return grant

    monkeypatch.setattr(OAuthApp, "refresh", refresh_and_lose)
    with pytest.raises(NotConnected):
        me(world)
    # The token that was in use, and the one that came too late.
    assert sandbox.requests.count("POST /v1/oauth/revoke", status=200) == 2
    with within(world.acme):
        assert PendingRevocation.objects.count() == 0


@pytest.mark.parametrize("name", ["W" * 300, "a\x00b", "\u202eright to left"])
def test_a_workspace_may_have_any_name(world: World, settings: Any, name: str) -> None:
    with Sandbox(pages=5, workspaces=[name]) as sandbox:
        settings.NOTION_API_BASE_URL = sandbox.url
        settings.NOTION_CLIENT_SECRET = Secret(sandbox.client.client_secret)
        settings.NOTION_REDIRECT_URI = sandbox.client.redirect_uris[0]
        browser = world.client(world.admin)
        slug = next(iter(sandbox.workspaces))
        assert connect(browser, workspace=slug).status_code == 302
        assert len(current(world).workspace_name) <= 254
        assert browser.get("/orgs/acme/integrations/").status_code == 200


def test_a_grant_that_cannot_be_stored_is_given_back(
    world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("integrations.services.oauth.count_shared_later", fail)
    browser = world.client(world.admin)
    browser.raise_request_exception = False
    assert connect(browser).status_code == 500
    assert the_integration(world.acme) is None
    assert sandbox.requests.count("POST /v1/oauth/revoke", status=200) == 1
