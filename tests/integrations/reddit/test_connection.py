"""Reddit through the same views and services as Notion's consent: connect, use, reconnect, end."""

from __future__ import annotations

import io
import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.core.management import call_command
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from audit.models import Event
from integrations.errors import ConnectionInError
from integrations.http.oauth import Account, TokenGrant
from integrations.models import Integration, PendingRevocation
from integrations.providers import PROVIDERS
from integrations.reddit.errors import RedditOAuthRefused, RedditUnauthorized, RedditUnavailable
from integrations.reddit.oauth import RedditApp
from integrations.sandbox import Sandbox
from integrations.services.calls import call_with_token
from integrations.services.checks import Check, Outcome, check_connections
from integrations.services.revocation import revoke_again
from integrations.services.tokens import LEASE
from notionscan import rls
from notionscan.secret import Secret
from tenants.models import Organization
from tests.factories import World, events, make_world, queued, run_jobs, within
from tests.integrations import test_oauth as notion
from tests.integrations.test_checks import verify_mail
from tests.integrations.test_races import at_once, meet

CALLBACK = "/api/integrations/reddit/callback"
TOKEN = "POST /api/v1/access_token"
REVOKE = "POST /api/v1/revoke_token"
ME = "GET /api/v1/me"


def ask(browser: Client, slug: str = "acme") -> str:
    """Start an authorization and return the consent page's address."""
    response = browser.post(f"/api/orgs/{slug}/integrations/reddit/authorize")
    assert response.status_code == 200, response.content
    return str(response.json()["url"])


def decide(url: str, *, allow: bool = True, account: str = "acme_atlas") -> dict[str, str]:
    """Answer the consent page as a person would, and return what the browser brings back."""
    form = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    form |= {"account": account} | ({"authorize": "allow"} if allow else {"decision": "decline"})
    answer = requests.post(url.partition("?")[0], data=form, allow_redirects=False, timeout=5)
    assert answer.status_code == 303, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def connect(browser: Client, slug: str = "acme", **choice: Any) -> HttpResponse:
    return browser.get(CALLBACK, decide(ask(browser, slug), **choice))


def found(organization: Organization) -> Integration | None:
    with within(organization):
        return Integration.objects.filter(organization=organization, provider="reddit").first()


def current(world: World) -> Integration:
    integration = found(world.acme)
    assert integration is not None
    return integration


def tokens(world: World) -> tuple[str, str]:
    with within(world.acme):
        integration = current(world)
        return integration.access_token.reveal().expose(), integration.refresh_token.reveal().expose()


def runs_out(world: World) -> None:
    """Let the stored lifetime be over, as after an hour."""
    with within(world.acme):
        Integration.objects.update(access_token_expires_at=timezone.now())


def account_of(token: Secret) -> Account:
    return PROVIDERS["reddit"].account_of(TokenGrant(access_token=token, refresh_token=None))


def who(world: World, integration_id: Any = None) -> Account:
    """Ask Reddit for the connection's account, as the product does: in a scope, and in no transaction."""
    integration_id = integration_id or current(world).pk
    with rls.scope(rls.organization_scope(world.acme.pk)):
        return call_with_token(
            organization_id=world.acme.pk,
            integration_id=integration_id,
            use=lambda held: account_of(held.token),
        )


# Connecting -------------------------------------------------------------------------------------------


def test_consent_connects_the_account_and_no_workspace(world: World, reddit: Sandbox) -> None:
    response = connect(world.client(world.admin))
    assert (response.status_code, response.url) == (302, "/orgs/acme/integrations/")
    integration = current(world)
    assert (integration.account_id, integration.account_name) == ("1a2b3c", "acme_atlas")
    assert (integration.workspace_id, integration.workspace_name) == (None, "")
    assert (integration.connection_type, str(integration)) == ("public", "acme_atlas")
    assert integration.access_token_expires_at is not None
    left = integration.access_token_expires_at - timezone.now()
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    assert events(world.acme)[-2:] == [
        ("integration.authorize_started", "success"),
        ("integration.connected", "success"),
    ]


def test_notions_jobs_do_not_run_for_reddit(committed: None, reddit: Sandbox) -> None:
    world = make_world()
    connect(world.client(world.admin))
    assert queued() == []
    assert reddit.requests.count("* /v1/*") == 0


def test_the_record_names_the_provider(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    connect(browser)
    browser.delete("/api/orgs/acme/integrations/reddit")
    with within(world.acme):
        recorded = {
            event.action: event.metadata.get("provider")
            for event in Event.objects.filter(action__startswith="integration.")
        }
    assert recorded == {
        "integration.authorize_started": "reddit",
        "integration.connected": "reddit",
        "integration.disconnected": "reddit",
    }
    log = browser.get("/orgs/acme/audit/").content.decode()
    assert "Connection made" in log
    assert "reddit" in log


def test_both_providers_are_connected_side_by_side(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    assert notion.connect(browser).status_code == 302
    assert connect(browser).status_code == 302
    assert browser.delete("/api/orgs/acme/integrations/reddit").json() == {"ok": True, "revoked": "access"}
    assert found(world.acme) is None
    assert browser.get("/api/orgs/acme/integrations").json()["integrations"][0]["status"] == "connected"


def test_reddit_is_refused_where_it_is_not_allowed(world: World, reddit: Sandbox, settings: Any) -> None:
    browser = world.client(world.admin)
    answer = decide(ask(browser))
    settings.INTEGRATIONS_ALLOWED -= {"reddit"}
    refused = browser.post("/api/orgs/acme/integrations/reddit/authorize")
    assert (refused.status_code, refused.json()["code"]) == (400, "connection_type_not_allowed")
    browser.get(CALLBACK, answer)
    assert found(world.acme) is None
    assert reddit.requests.count(TOKEN) == 0


def test_a_cancelled_consent_says_so_and_connects_nothing(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    page = browser.get(CALLBACK, decide(ask(browser), allow=False), follow=True)
    assert "The connection was cancelled in Reddit. Nothing was connected." in page.content.decode()
    assert found(world.acme) is None


@pytest.mark.parametrize("role", ["editor", "viewer"])
def test_connecting_is_the_admins(world: World, reddit: Sandbox, role: str) -> None:
    browser = world.client(getattr(world, role))
    assert browser.post("/api/orgs/acme/integrations/reddit/authorize").status_code == 403
    for action in ("authorize", "test", "disconnect"):
        assert browser.post(f"/orgs/acme/integrations/reddit/{action}").status_code == 403
    assert reddit.requests.count() == 0


def test_a_state_of_notions_is_refused_at_reddits_callback_and_the_other_way_round(
    world: World, reddit: Sandbox
) -> None:
    browser = world.client(world.admin)
    of_notion, of_reddit = notion.decide(notion.ask(browser)), decide(ask(browser))
    asked = reddit.requests.count()
    crossed = browser.get(CALLBACK, of_notion)
    assert crossed.status_code == 403
    assert "This answer from Reddit does not belong" in crossed.content.decode()
    assert browser.get(notion.CALLBACK, of_reddit).status_code == 403
    assert reddit.requests.count() == asked
    # A state that was shown at the wrong door is not used up by it.
    assert browser.get(CALLBACK, of_reddit).status_code == 302
    assert current(world).provider == "reddit"


def test_a_state_serves_once(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    answer = decide(ask(browser))
    assert browser.get(CALLBACK, answer).status_code == 302
    asked = reddit.requests.count()
    assert browser.get(CALLBACK, answer).status_code == 403
    assert reddit.requests.count() == asked


def test_invented_codes_are_refused_and_counted(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    for _ in range(10):
        page = browser.get(CALLBACK, decide(ask(browser)) | {"code": "invented"}, follow=True)
        assert "Reddit did not accept this authorization" in page.content.decode()
    answer = browser.get(CALLBACK, decide(ask(browser)))
    assert answer.status_code == 429
    assert found(world.acme) is None


def test_reddit_down_at_the_exchange_says_so_and_a_new_try_connects(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    answer = decide(ask(browser))
    reddit.faults.add("bad_gateway_html", match=TOKEN)
    page = browser.get(CALLBACK, answer, follow=True)
    assert "Reddit could not be reached" in page.content.decode()
    assert reddit.requests.count(TOKEN) == 1
    assert connect(browser).status_code == 302


def test_tokens_whose_account_cannot_be_told_are_given_back(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    reddit.faults.add("edge_block", match=ME)
    answer = browser.get(CALLBACK, decide(ask(browser)), follow=True)
    assert "Reddit could not be reached" in answer.content.decode()
    assert found(world.acme) is None
    assert reddit.requests.count(REVOKE, status=204) == 1
    with within(world.acme):
        assert PendingRevocation.objects.count() == 0


def test_a_second_account_is_a_conflict_and_is_given_back(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    first, second = decide(ask(browser)), decide(ask(browser), account="globex_works")
    assert browser.get(CALLBACK, first).status_code == 302
    conflict = browser.get(CALLBACK, second)
    assert conflict.status_code == 409
    assert "A Reddit account is already connected to this organization." in conflict.content.decode()
    assert "Reddit gave its consent, and it was not used." in conflict.content.decode()
    assert current(world).account_name == "acme_atlas"
    assert reddit.requests.count(REVOKE, status=204) == 1
    assert who(world).name == "acme_atlas"
    again = browser.post("/api/orgs/acme/integrations/reddit/authorize")
    assert (again.status_code, again.json()["code"]) == (409, "integration_exists")


def test_two_organizations_may_connect_the_same_account(world: World, reddit: Sandbox) -> None:
    connect(world.client(world.admin))
    other = world.client(world.outsider)
    connect(other, "globex")
    assert other.delete("/api/orgs/globex/integrations/reddit").json()["revoked"] == "access"
    runs_out(world)
    assert who(world).name == "acme_atlas"


# Use --------------------------------------------------------------------------------------------------


def refreshes(sandbox: Sandbox) -> int:
    """Count the refreshes: every other call of the token endpoint is an exchange."""
    return sandbox.requests.count(TOKEN) - 1


def test_a_token_past_its_hour_is_refreshed_before_reddit_is_asked(world: World, reddit: Sandbox) -> None:
    connect(world.client(world.admin))
    access, refresh = tokens(world)
    runs_out(world)
    reddit.reddit.expire("acme_atlas")
    reddit.requests.clear()
    assert who(world).name == "acme_atlas"
    assert [entry.path for entry in reddit.requests.entries()] == ["/api/v1/access_token", "/api/v1/me"]
    assert tokens(world)[0] != access
    assert tokens(world)[1] == refresh
    assert current(world).access_token_expires_at > timezone.now() + timedelta(minutes=59)
    assert ("integration.token_refreshed", "success") in events(world.acme)


def test_a_token_that_is_refused_before_its_time_is_refreshed_once(world: World, reddit: Sandbox) -> None:
    connect(world.client(world.admin))
    reddit.reddit.expire("acme_atlas")
    assert who(world).name == "acme_atlas"
    assert refreshes(reddit) == 1
    assert current(world).token_version == 2


def test_a_token_without_a_lifetime_is_used_as_it_is(world: World, reddit: Sandbox) -> None:
    connect(world.client(world.admin))
    with within(world.acme):
        Integration.objects.update(access_token_expires_at=None)
    assert who(world).name == "acme_atlas"
    assert refreshes(reddit) == 0


def test_a_withdrawn_consent_ends_in_error_with_both_tokens_erased(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    connect(browser)
    reddit.reddit.withdraw("acme_atlas")
    outcome = browser.post("/orgs/acme/integrations/reddit/test", headers={"HX-Request": "true"})
    assert "Reddit no longer accepts this connection" in outcome.content.decode().replace("&#x27;", "'")
    integration = current(world)
    assert (integration.status, integration.error_code) == ("error", "reddit_unauthorized")
    assert integration.access_token is None
    assert integration.refresh_token is None
    asked = reddit.requests.count()
    with pytest.raises(ConnectionInError) as refusal:
        who(world)
    assert refusal.value.code == "reddit_unauthorized"
    assert refusal.value.sentence.startswith("Reddit no longer accepts")
    assert "updates the token" not in refusal.value.sentence
    assert reddit.requests.count() == asked


@pytest.mark.parametrize("fault", ["edge_block", "rate_limited", "bad_gateway"])
def test_a_refresh_that_reddit_did_not_refuse_may_be_tried_again(
    world: World, reddit: Sandbox, fault: str
) -> None:
    connect(world.client(world.admin))
    runs_out(world)
    options = {"retry_after": "300"} if fault == "rate_limited" else {}
    reddit.faults.add(fault, match=TOKEN, **options)
    outcome = world.client(world.admin).post("/orgs/acme/integrations/reddit/test")
    assert b"The test failed." in outcome.content
    assert current(world).refresh_lease_until is None
    assert who(world).name == "acme_atlas"
    assert current(world).status == "connected"


def test_a_crash_in_a_refresh_is_followed_by_another_one(world: World, reddit: Sandbox) -> None:
    connect(world.client(world.admin))
    runs_out(world)
    with within(world.acme):
        Integration.objects.update(refresh_lease_until=timezone.now() - timedelta(seconds=1))
    assert who(world).name == "acme_atlas"
    assert refreshes(reddit) == 1
    assert current(world).refresh_lease_until is None


def test_eight_callers_refresh_once(committed: None, reddit: Sandbox) -> None:
    world = make_world()
    connect(world.client(world.admin))
    integration_id = current(world).pk
    runs_out(world)
    reddit.latency_ms = 30
    names: list[str | None] = []

    def use() -> None:
        names.append(who(world, integration_id).name)
        connection.close()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reddit.latency_ms = 0
    assert names == ["acme_atlas"] * 8
    assert refreshes(reddit) == 1


def test_a_refresh_that_comes_too_late_leaves_the_newer_tokens_alive(
    committed: None, reddit: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    connect(world.client(world.admin))
    integration_id = current(world).pk
    runs_out(world)
    refresh = RedditApp.refresh
    calls = 0

    def refresh_slowly(app: RedditApp, token: Secret) -> TokenGrant:
        nonlocal calls
        calls += 1
        grant = refresh(app, token)
        if calls == 1:
            # So slow that its lease is over, and somebody else has refreshed meanwhile.
            with within(world.acme):
                Integration.objects.update(refresh_lease_until=timezone.now() - LEASE)
            with rls.scope(None):
                who(world, integration_id)
        return grant

    monkeypatch.setattr(RedditApp, "refresh", refresh_slowly)
    assert who(world, integration_id).name == "acme_atlas"
    assert calls == 2
    # The access token that nobody will use, and not the refresh token that both have.
    assert reddit.requests.count(REVOKE, status=204) == 1
    runs_out(world)
    assert who(world, integration_id).name == "acme_atlas"


# Checked over time ------------------------------------------------------------------------------------


def checked(world: World) -> Check:
    with rls.scope(rls.organization_scope(world.acme.pk)):
        (check,) = check_connections(organization_id=world.acme.pk)
    return check


def test_a_check_refreshes_what_has_run_out_and_finds_it_working(world: World, reddit: Sandbox) -> None:
    connect(world.client(world.admin))
    assert checked(world) == Check("reddit", Outcome.WORKING)
    runs_out(world)
    assert checked(world) == Check("reddit", Outcome.WORKING)
    assert refreshes(reddit) == 1


def test_a_check_finds_a_withdrawn_consent_and_its_mail_names_reddit(
    committed: None, reddit: Sandbox, mailoutbox: list[Any]
) -> None:
    world = make_world()
    verify_mail(world)
    connect(world.client(world.admin))
    reddit.reddit.withdraw("acme_atlas")
    check = checked(world)
    assert (check.outcome, check.code) == (Outcome.DEAD, "reddit_unauthorized")
    assert current(world).access_token is None
    assert ("integration.deauthorized", "error") in events(world.acme)
    run_jobs()
    (mail,) = mailoutbox
    assert "the connection to Reddit has stopped working" in mail.subject
    assert "Reddit asks for consent once more" in mail.body
    assert "scans" not in mail.body


def test_a_check_with_reddit_down_changes_nothing(world: World, reddit: Sandbox) -> None:
    connect(world.client(world.admin))
    reddit.faults.add("edge_block", match=ME)
    assert checked(world).outcome is Outcome.UNCHECKED
    assert current(world).status == "connected"


def test_a_token_that_can_be_opened_again_is_not_dead_for_having_run_out(
    world: World, reddit: Sandbox
) -> None:
    connect(world.client(world.admin))
    reddit.reddit.expire("acme_atlas")
    with within(world.acme):
        Integration.objects.update(
            status="error", error_code="decrypt_failed", access_token_expires_at=timezone.now()
        )
    assert checked(world) == Check("reddit", Outcome.RECOVERED)
    assert current(world).status == "connected"
    assert who(world).name == "acme_atlas"


def test_an_account_is_in_the_list_of_workspaces(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    connect(browser)
    (listed,) = browser.get("/api/workspaces").json()
    assert (listed["provider"], listed["workspaceName"], listed["accountId"]) == ("reddit", None, "1a2b3c")


# Reconnecting -----------------------------------------------------------------------------------------


def in_error(world: World, reddit: Sandbox) -> Client:
    browser = world.client(world.admin)
    connect(browser)
    reddit.reddit.withdraw("acme_atlas")
    browser.post("/orgs/acme/integrations/reddit/test")
    assert current(world).status == "error"
    return browser


def test_reconnecting_renews_a_connection_in_error(world: World, reddit: Sandbox) -> None:
    browser = in_error(world, reddit)
    assert connect(browser).status_code == 302
    assert current(world).status == "connected"
    assert events(world.acme)[-1] == ("integration.recovered", "success")
    assert who(world).name == "acme_atlas"


def test_reconnecting_another_account_is_refused_and_given_back(world: World, reddit: Sandbox) -> None:
    browser = in_error(world, reddit)
    response = connect(browser, account="globex_works")
    assert response.status_code == 409
    assert "This is another Reddit account than the connected one." in response.content.decode()
    assert (current(world).status, current(world).account_name) == ("error", "acme_atlas")
    assert reddit.requests.count(REVOKE, status=204) == 1


# The end ----------------------------------------------------------------------------------------------


def test_disconnecting_revokes_the_whole_authorization(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    connect(browser)
    access, refresh = tokens(world)
    assert browser.delete("/api/orgs/acme/integrations/reddit").json() == {"ok": True, "revoked": "access"}
    assert reddit.requests.count(REVOKE, status=204) == 1
    app = PROVIDERS["reddit"].oauth_app()
    with pytest.raises(RedditUnauthorized):
        account_of(Secret(access))
    with pytest.raises(RedditOAuthRefused):
        app.refresh(Secret(refresh))
    assert found(world.acme) is None
    with within(world.acme):
        assert PendingRevocation.objects.count() == 0
    again = browser.delete("/api/orgs/acme/integrations/reddit")
    assert again.status_code == 404
    assert again.json()["error"] == "Reddit is not connected to this organization."


def test_disconnecting_while_reddit_is_down_is_told_and_done_later(world: World, reddit: Sandbox) -> None:
    browser = world.client(world.admin)
    connect(browser)
    _, refresh = tokens(world)
    reddit.faults.add("edge_block", match=REVOKE, times=None)
    answer = browser.post("/orgs/acme/integrations/reddit/disconnect", headers={"HX-Request": "true"})
    assert "Reddit could not be reached to revoke the token" in answer.content.decode()
    with within(world.acme):
        pending = PendingRevocation.objects.get()
        assert (pending.provider, pending.token_hint) == ("reddit", "refresh_token")
    reddit.faults.clear()
    with within(world.acme):
        revoke_again(organization_id=world.acme.pk, revocation_id=pending.pk)
        assert PendingRevocation.objects.count() == 0
    with pytest.raises(RedditOAuthRefused):
        PROVIDERS["reddit"].oauth_app().refresh(Secret(refresh))


def test_a_connection_in_error_is_ended_without_a_call(world: World, reddit: Sandbox) -> None:
    browser = in_error(world, reddit)
    asked = reddit.requests.count()
    answer = browser.post("/orgs/acme/integrations/reddit/disconnect", headers={"HX-Request": "true"})
    assert "remove the connection in Reddit's settings" in answer.content.decode().replace("&#x27;", "'")
    assert "integration's token" not in answer.content.decode().replace("&#x27;", "'")
    assert reddit.requests.count() == asked


def test_local_only_lets_no_call_leave_for_reddit(world: World, reddit: Sandbox, settings: Any) -> None:
    browser = world.client(world.admin)
    connect(browser)
    answer = decide(ask(world.client(world.outsider), "globex"))
    asked = reddit.requests.count()
    settings.NOTIONSCAN_LOCAL_ONLY = True
    assert browser.post("/orgs/acme/integrations/reddit/test").status_code == 503
    assert world.client(world.outsider).get(CALLBACK, answer).status_code in (302, 403)
    gone = browser.delete("/api/orgs/acme/integrations/reddit")
    assert gone.json() == {"ok": True, "revoked": "failed"}
    assert reddit.requests.count() == asked


def test_the_kill_switch_ends_reddit_too(committed: None, reddit: Sandbox) -> None:
    world = make_world()
    connect(world.client(world.admin))
    _, refresh = tokens(world)
    asked = reddit.requests.count()
    out = io.StringIO()
    call_command("disconnect_all", "--reason", "a leak", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"connections": 1, "revocationsQueued": 1, "missed": []}
    assert reddit.requests.count() == asked
    run_jobs()
    assert reddit.requests.count(REVOKE, status=204) == 1
    with pytest.raises(RedditOAuthRefused):
        PROVIDERS["reddit"].oauth_app().refresh(Secret(refresh))


def test_a_deleted_organization_gives_reddits_tokens_back(committed: None, reddit: Sandbox) -> None:
    world = make_world()
    connect(world.client(world.admin))
    _, refresh = tokens(world)
    call_command("delete_organization", "acme", "--yes", stdout=io.StringIO())
    with pytest.raises(RedditOAuthRefused):
        PROVIDERS["reddit"].oauth_app().refresh(Secret(refresh))


# Many at once -----------------------------------------------------------------------------------------


def test_of_two_consents_at_once_exactly_one_connects(
    committed: None, reddit: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    browsers = [world.client(world.admin) for _ in range(2)]
    answers = [decide(ask(browser)) for browser in browsers]
    # Both have asked Reddit, and neither has stored anything.
    meet(monkeypatch, RedditApp, "account")

    def answering(browser: Client, answer: dict[str, str]) -> Callable[[], int]:
        return lambda: browser.get(CALLBACK, answer).status_code

    calls = [answering(*pair) for pair in zip(browsers, answers, strict=True)]
    assert at_once(calls) == Counter({302: 1, 409: 1})
    assert reddit.requests.count(REVOKE, status=204) == 1
    assert who(world).name == "acme_atlas"
    assert events(world.acme).count(("integration.connected", "success")) == 1


def test_of_many_disconnects_at_once_exactly_one_ends_it(committed: None, reddit: Sandbox) -> None:
    world = make_world()
    connect(world.client(world.admin))

    def ending() -> Callable[[], int]:
        browser = world.client(world.admin)
        return lambda: browser.delete("/api/orgs/acme/integrations/reddit").status_code

    assert at_once([ending() for _ in range(6)]) == Counter({200: 1, 404: 5})
    assert reddit.requests.count(REVOKE) == 1


def test_a_failure_names_reddit_and_not_notion(world: World, reddit: Sandbox) -> None:
    connect(world.client(world.admin))
    reddit.faults.add("edge_block", match=ME)
    with pytest.raises(RedditUnavailable):
        who(world)
