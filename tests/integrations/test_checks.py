"""Connections over time: what is dead is found, said once and repaired; what could not be asked stays."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command
from django.utils import timezone

from integrations import selectors
from integrations.models import Integration, RateBudget
from integrations.sandbox import Sandbox, demo_token
from integrations.services import checks
from integrations.services.checks import Outcome, check_connections
from integrations.services.connect import connect_internal, update_token
from integrations.services.notices import mail_of_error
from notionscan import keyring, rls
from notionscan.keyring import DecryptFailed
from notionscan.secret import Secret
from tenants.roles import Role
from tests import database
from tests.factories import (
    World,
    events,
    make_member,
    make_world,
    queued,
    run_jobs,
    the_integration,
    within,
)
from tests.integrations.test_oauth import connect as connect_public

ACME = demo_token("Acme Atlas")
Connect = Callable[[World], None]


@pytest.fixture
def world(committed: None, sandbox: Sandbox) -> World:
    return make_world()


def by_token(world: World) -> None:
    with rls.scope(rls.organization_scope(world.acme.pk)):
        connect_internal(organization=world.acme, actor=world.admin, token=Secret(ACME))


def by_consent(world: World) -> None:
    connect_public(world.client(world.admin))


def connected(world: World, sandbox: Sandbox, way: Connect) -> Integration:
    way(world)
    run_jobs()
    sandbox.requests.clear()
    return current(world)


def current(world: World) -> Integration:
    found = the_integration(world.acme)
    assert found is not None
    return found


def checked(world: World) -> list[tuple[Outcome, str]]:
    with rls.scope(rls.job_scope(world.acme.pk)):
        return [(check.outcome, check.code) for check in check_connections(organization_id=world.acme.pk)]


def revoke(sandbox: Sandbox, way: Connect) -> None:
    sandbox.revoke(ACME if way is by_token else "acme-atlas/oauth")


BOTH = pytest.mark.parametrize("way", [by_token, by_consent], ids=["internal", "public"])


@BOTH
def test_a_connection_that_works_is_asked_about_once_and_stays_as_it_is(
    world: World, sandbox: Sandbox, way: Connect
) -> None:
    before = connected(world, sandbox, way)
    assert checked(world) == [(Outcome.WORKING, "")]
    assert sandbox.requests.count("* /*") == 1
    after = current(world)
    assert (after.status, after.token_version) == ("connected", before.token_version)
    assert after.last_used_at == before.last_used_at
    assert events(world.acme)[-1] == ("integration.tested", "success")
    assert queued() == []


def test_a_public_connection_is_introspected_which_takes_no_request_of_its_limit(
    world: World, sandbox: Sandbox
) -> None:
    connected(world, sandbox, by_consent)
    with within(world.acme):
        RateBudget.objects.all().delete()
    assert checked(world) == [(Outcome.WORKING, "")]
    assert sandbox.requests.count("POST /v1/oauth/introspect") == 1
    with within(world.acme):
        assert not RateBudget.objects.exists()


def test_an_internal_connection_is_asked_after_everybody_else(world: World, sandbox: Sandbox) -> None:
    connected(world, sandbox, by_token)
    with within(world.acme):
        assert RateBudget.objects.update(used=172, limit=180, window_started_at=timezone.now()) == 1
    assert checked(world) == [(Outcome.UNCHECKED, "notion_rate_limited")]
    assert sandbox.requests.count("* /*") == 0
    assert current(world).status == "connected"


@BOTH
def test_a_dead_token_is_erased_recorded_and_mailed_once(
    world: World, sandbox: Sandbox, way: Connect, mailoutbox: list[EmailMessage]
) -> None:
    connected(world, sandbox, way)
    verify_mail(world)
    revoke(sandbox, way)
    assert checked(world) == [(Outcome.DEAD, "notion_unauthorized")]
    integration = current(world)
    assert (integration.status, integration.error_code) == ("error", "notion_unauthorized")
    assert integration.access_token is integration.refresh_token is None
    assert events(world.acme)[-3:] == [
        ("integration.deauthorized", "error"),
        ("integration.error", "error"),
        ("integration.tested", "error"),
    ]
    assert [task for task, _ in queued()] == ["integrations.mail_of_error"]
    run_jobs()
    [letter] = mailoutbox
    assert letter.to == ["admin@acme.example"]
    assert letter.subject == "Acme Atlas: the connection to Notion has stopped working"
    assert "/orgs/acme/integrations/" in letter.body
    assert ("Reconnect" if way is by_consent else "Paste a new token") in letter.body
    # The next checks find it in error, and there is nothing to ask and nothing new to say.
    asked = sandbox.requests.count("* /*")
    for _ in range(2):
        assert checked(world) == [(Outcome.IN_ERROR, "notion_unauthorized")]
    run_jobs()
    assert sandbox.requests.count("* /*") == asked
    assert len(mailoutbox) == 1


def test_an_expired_token_that_can_be_refreshed_is_not_dead(world: World, sandbox: Sandbox) -> None:
    before = connected(world, sandbox, by_consent)
    sandbox.expire("acme-atlas/oauth")
    assert checked(world) == [(Outcome.WORKING, "")]
    after = current(world)
    assert (after.status, after.token_version) == ("connected", before.token_version + 1)


@BOTH
@pytest.mark.parametrize("fault", ["edge_block", "rate_limited", "request_blocked"])
def test_with_notion_down_nothing_changes(
    world: World, sandbox: Sandbox, way: Connect, fault: str, mailoutbox: list[EmailMessage]
) -> None:
    before = connected(world, sandbox, way)
    sandbox.faults.add(fault, match="* /*", times=None)
    [(outcome, code)] = checked(world)
    assert outcome is Outcome.UNCHECKED
    assert code
    after = current(world)
    assert (after.status, after.error_code, after.token_version) == ("connected", "", before.token_version)
    assert events(world.acme)[-1] == ("integration.tested", "error")
    run_jobs()
    assert mailoutbox == []


# Mail ---------------------------------------------------------------------------------------------------


def verify_mail(world: World, *others: str) -> None:
    with database.superuser() as owner:
        for address in ("admin@acme.example", *others):
            owner.execute(
                'UPDATE account_emailaddress SET verified = true, "primary" = true WHERE email = %s',
                [address],
            )


def test_admins_alone_are_written_to_each_by_a_verified_address(
    world: World, sandbox: Sandbox, mailoutbox: list[EmailMessage]
) -> None:
    second = make_member(world.acme, Role.ADMIN, "second@acme.example")
    unverified = make_member(world.acme, Role.ADMIN, "unverified@acme.example")
    verify_mail(world, "second@acme.example", "editor@acme.example", "admin@globex.example")
    with database.superuser() as owner:
        owner.execute(
            'INSERT INTO account_emailaddress (user_id, email, verified, "primary") '
            "VALUES (%s, 'another@acme.example', true, false), (%s, 'work@acme.example', false, false)",
            [second.pk, unverified.pk],
        )
    connected(world, sandbox, by_token)
    sandbox.revoke(ACME)
    checked(world)
    run_jobs()
    assert sorted(address for letter in mailoutbox for address in letter.to) == [
        "admin@acme.example",
        "second@acme.example",
    ]


def test_a_connection_that_works_again_is_not_mailed_about(
    world: World, sandbox: Sandbox, mailoutbox: list[EmailMessage]
) -> None:
    connected(world, sandbox, by_token)
    verify_mail(world)
    sandbox.revoke(ACME)
    checked(world)
    sandbox.add_token(sandbox.workspace, secret="ntn_new", label="new")
    with rls.scope(rls.organization_scope(world.acme.pk)):
        update_token(organization=world.acme, actor=world.admin, token=Secret("ntn_new"))
    assert events(world.acme)[-1] == ("integration.recovered", "success")
    run_jobs()
    assert mailoutbox == []
    # And the next death is told again.
    sandbox.revoke("ntn_new")
    checked(world)
    run_jobs()
    assert len(mailoutbox) == 1


def test_a_mail_server_that_is_down_is_tried_again(
    world: World, sandbox: Sandbox, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    integration = connected(world, sandbox, by_token)
    verify_mail(world)
    sandbox.revoke(ACME)
    checked(world)

    def refused(*args: object, **kwargs: object) -> None:
        raise OSError("no mail server")

    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refused)
        with pytest.raises(OSError, match="no mail server"):
            run_jobs()
    with rls.scope(rls.job_scope(world.acme.pk)):
        for _ in range(2):
            mail_of_error(organization_id=world.acme.pk, integration_id=integration.pk)
    assert len(mailoutbox) == 1


# Recovery -----------------------------------------------------------------------------------------------


def lose_the_key(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*args: object, **kwargs: object) -> Secret:
        raise DecryptFailed("test")

    with monkeypatch.context() as patch:
        patch.setattr(keyring, "unseal", failing)
        assert checked(world) == [(Outcome.DEAD, "notion_unauthorized")]
        assert current(world).error_code == "decrypt_failed"


@BOTH
def test_a_check_finds_that_a_connection_works_again(
    world: World, sandbox: Sandbox, way: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(world, sandbox, way)
    lose_the_key(world, monkeypatch)
    assert sandbox.requests.count("* /*") == 0
    sandbox.faults.add("edge_block", match="* /*", times=None)
    assert checked(world)[0][0] is Outcome.UNCHECKED
    assert current(world).status == "error"
    sandbox.faults.clear()
    assert checked(world) == [(Outcome.RECOVERED, "")]
    integration = current(world)
    assert (integration.status, integration.error_code, integration.error_since) == ("connected", "", None)
    assert ("integration.recovered", "success") in events(world.acme)
    assert checked(world) == [(Outcome.WORKING, "")]


@BOTH
def test_a_token_that_died_while_it_could_not_be_opened_is_erased(
    world: World, sandbox: Sandbox, way: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(world, sandbox, way)
    lose_the_key(world, monkeypatch)
    revoke(sandbox, way)
    assert checked(world) == [(Outcome.DEAD, "notion_unauthorized")]
    integration = current(world)
    assert (integration.status, integration.error_code) == ("error", "notion_unauthorized")
    assert integration.access_token is None
    assert ("integration.deauthorized", "error") in events(world.acme)


def test_a_token_that_was_replaced_meanwhile_is_not_put_into_error(
    world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(world, sandbox, by_token)
    sandbox.add_token(sandbox.workspace, secret="ntn_new", label="new")
    asked = checks.ask_notion

    def replaced_meanwhile(held: Any, *rest: Any) -> object:
        monkeypatch.setattr(checks, "ask_notion", asked)
        update_token(organization=world.acme, actor=None, token=Secret("ntn_new"))
        return asked(held, *rest)

    monkeypatch.setattr(checks, "ask_notion", replaced_meanwhile)
    sandbox.revoke(ACME)
    assert checked(world) == [(Outcome.WORKING, "")]
    assert current(world).status == "connected"


# The job and the command --------------------------------------------------------------------------------


def test_each_connected_organization_gets_a_job_of_its_own(
    world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(world, sandbox, by_token)
    monkeypatch.setattr(selectors, "connected_organizations", lambda: [world.acme.pk])
    checks.check_all_later()
    assert queued() == [("integrations.check", {"organization_id": str(world.acme.pk)})]
    sandbox.revoke(ACME)
    # What was used just now is not asked about.
    run_jobs()
    assert current(world).status == "connected"
    assert sandbox.requests.count("* /*") == 0
    with within(world.acme):
        ago = timezone.now() - checks.IDLE - timedelta(seconds=1)
        Integration.objects.update(connected_at=ago, last_used_at=ago)
    checks.check_all_later()
    run_jobs()
    assert current(world).status == "error"


def test_only_the_workers_role_learns_which_organizations_are_connected(
    world: World, sandbox: Sandbox
) -> None:
    connected(world, sandbox, by_token)
    with psycopg.connect(database.url("worker")) as worker:
        assert worker.execute("SELECT connected_organizations()").fetchall() == [(world.acme.pk,)]
    with (
        psycopg.connect(database.url("default")) as app,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        app.execute("SELECT connected_organizations()")


def run(*arguments: str) -> tuple[str, str]:
    """Return what the command printed, and the sentence that it failed with."""
    out = io.StringIO()
    try:
        call_command("check_connections", *arguments, stdout=out)
    except CommandError as failure:
        return out.getvalue(), str(failure)
    return out.getvalue(), ""


def test_the_command_checks_every_organization(world: World, sandbox: Sandbox) -> None:
    connected(world, sandbox, by_token)
    with rls.scope(rls.organization_scope(world.globex.pk)):
        token = Secret(demo_token("Globex Works"))
        connect_internal(organization=world.globex, actor=None, token=token)
    sandbox.revoke(ACME)
    printed, failure = run()
    assert failure == ""
    assert "acme: notion no longer works." in printed
    assert "globex: notion works." in printed
    [found] = json.loads(run("--org", "globex", "--json")[0])
    assert found == {
        "organization": "globex",
        "provider": "notion",
        "result": "working",
        "code": None,
        "message": None,
    }


def test_the_command_fails_and_says_what_it_could_not_check(world: World, sandbox: Sandbox) -> None:
    connected(world, sandbox, by_token)
    sandbox.faults.add("edge_block", match="* /*", times=None)
    printed, failure = run("--json")
    assert failure == "Not checked, and left as they are: acme."
    assert json.loads(printed)[0]["result"] == "unchecked"
    assert run("--org", "nobody")[1] == "There is no organization with the slug nobody."
    assert current(world).status == "connected"


def test_in_local_only_mode_nothing_is_checked(world: World, sandbox: Sandbox, settings: Any) -> None:
    connected(world, sandbox, by_token)
    settings.NOTIONSCAN_LOCAL_ONLY = True
    assert "local-only mode" in run()[1]
    with within(world.acme):
        Integration.objects.update(connected_at=timezone.now() - timedelta(days=1))
        checks.defer(checks.TASK)
    assert run_jobs() == 1
    assert sandbox.requests.count("* /*") == 0
    assert current(world).status == "connected"
