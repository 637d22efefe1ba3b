"""The kill switch, and the end of an organization."""

from __future__ import annotations

import io
import json
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from audit import chain
from audit.models import DEPLOYMENT
from integrations.models import Integration, PendingRevocation
from integrations.sandbox import Sandbox
from integrations.services import deletion
from integrations.services.revocation import Revoked, give_back
from integrations.services.shutdown import disconnect_all
from notionscan import rls
from notionscan.keyring import DecryptFailed, data_key
from notionscan.postgresql import base
from notionscan.secret import Secret
from tenants.models import Organization
from tenants.selectors import organization_id
from tests import database
from tests.factories import (
    World,
    events,
    make_organization,
    make_world,
    queued,
    run_jobs,
    the_integration,
    within,
)
from tests.integrations.test_budget import make_budget
from tests.integrations.test_oauth import connect

REASON = "Notion reported a leak"


@pytest.fixture
def world(committed: None, sandbox: Sandbox) -> World:
    """Acme connected by consent, globex by a token; nothing queued."""
    world = make_world()
    connect(world.client(world.admin))
    make_budget(world.globex)
    sandbox.requests.clear()
    return world


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_the_kill_switch_ends_every_connection_and_calls_nobody(world: World, sandbox: Sandbox) -> None:
    found = json.loads(run("disconnect_all", "--reason", REASON, "--json"))
    assert found == {"connections": 2, "revocationsQueued": 1, "missed": []}
    assert the_integration(world.acme) is the_integration(world.globex) is None
    assert sandbox.requests.count("* /*") == 0
    assert events(world.acme)[-1] == events(world.globex)[-1] == ("integration.disconnected", "success")
    assert events(None)[-1] == ("integration.disconnected", "success")


def test_after_it_only_revocations_leave(world: World, sandbox: Sandbox) -> None:
    assert len(queued()) == 1  # the count of what is shared, of a connection that is about to end
    run("disconnect_all", "--reason", REASON)
    run_jobs()
    assert sandbox.requests.count("POST /v1/oauth/revoke", status=200) == 1
    assert sandbox.requests.count("* /*") == 1
    with within(world.acme):
        assert not PendingRevocation.objects.exists()


def test_it_works_while_notion_is_down_and_revokes_later(world: World, sandbox: Sandbox) -> None:
    sandbox.faults.add("edge_block", match="* /*", times=None)
    run("disconnect_all", "--reason", REASON)
    run_jobs()
    sandbox.faults.clear()
    assert [task for task, _ in queued()] == ["integrations.revoke_pending"]
    run_jobs()
    assert sandbox.requests.count("POST /v1/oauth/revoke", status=200) == 1


def test_a_row_that_somebody_holds_keeps_nobody_else_connected(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "_BOUNDS", base._BOUNDS.replace("10s", "200ms"))
    monkeypatch.setattr(base, "_BIND", base._BIND.replace("10s", "200ms"))
    hold, out = (
        "UPDATE integrations_integration SET status = status WHERE organization_id = %s",
        io.StringIO(),
    )
    with database.as_app(world.acme) as holder:
        holder.execute(hold, [world.acme.pk])
        with pytest.raises(CommandError, match=f"Still connected, .*: {world.acme.pk}."):
            call_command("disconnect_all", "--reason", REASON, "--json", stdout=out)
    assert json.loads(out.getvalue())["connections"] == 1
    assert the_integration(world.globex) is None
    assert the_integration(world.acme) is not None
    assert events(None)[-1] == ("integration.disconnected", "success")
    run("disconnect_all", "--reason", REASON)
    assert the_integration(world.acme) is None


def test_a_row_that_cannot_be_read_keeps_nobody_else_connected(world: World) -> None:
    """SQL in the app's connection can write a date of its own organization's that Python does not have."""
    poison = "UPDATE integrations_integration SET connected_at = 'infinity' WHERE organization_id = %s"
    with database.as_app(world.acme) as app:
        app.execute(poison, [world.acme.pk])
        app.commit()
    with pytest.raises(CommandError, match=f"Still connected, .*: {world.acme.pk}."):
        call_command("disconnect_all", "--reason", REASON)
    assert the_integration(world.globex) is None


def test_it_can_end_one_organizations_alone(world: World) -> None:
    run("disconnect_all", "--reason", REASON, "--org", "globex")
    assert the_integration(world.globex) is None
    assert the_integration(world.acme) is not None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--reason", " "], "Give a reason"),
        (["--reason", "x", "--org", ""], "no organization with the slug"),
        (["--reason", "x", "--org", "nope"], "no organization with the slug"),
    ],
)
def test_the_switch_refuses_what_it_cannot_do(world: World, arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run("disconnect_all", *arguments)
    assert the_integration(world.acme) is not None


def test_many_revocations_keep_notions_pace(committed: None) -> None:
    organizations = [make_organization(f"org-{number}", "x") for number in range(4)]
    for organization in organizations:
        make_budget(organization)
        with within(organization):
            Integration.objects.update(connection_type="public")
    disconnect_all([organization.pk for organization in organizations], reason=REASON)
    with database.superuser() as owner:
        waits = owner.execute(
            "SELECT scheduled_at IS NOT NULL FROM procrastinate_jobs "
            "WHERE task_name = 'integrations.revoke_pending' ORDER BY id"
        ).fetchall()
    # Three a second are 180 a minute.
    assert waits == [(False,), (False,), (False,), (True,)]


def tables_with(organization: UUID) -> dict[str, int]:
    """Return the rows that any table holds of an organization."""
    with rls.scope(rls.organization_scope(organization)), transaction.atomic():
        return {
            model._meta.db_table: count
            for model in rls.scoped_models()
            if (count := model._default_manager.filter(**{model.scope_column: organization}).count())  # type: ignore[attr-defined]
        }


def test_a_deleted_organization_leaves_its_audit_chain_alone(world: World, sandbox: Sandbox) -> None:
    acme = world.acme.pk
    before = tables_with(acme)
    receipt = json.loads(run("delete_organization", "acme", "--yes", "--json"))
    assert receipt["id"] == str(acme)
    assert receipt["revocations"] == {"access": 1}
    assert "Backups stay readable" in receipt["note"]
    assert receipt["rows"]["tenants_membership"] == before["tenants_membership"] == 3
    assert receipt["rows"]["tenants_datakey"] == 1
    assert sandbox.requests.count("POST /v1/oauth/revoke", status=200) == 1
    assert set(tables_with(acme)) == {"audit_event", "audit_chainhead"}
    assert organization_id("acme") is None
    assert chain.verify(acme).sequence > 5
    with (
        rls.scope(rls.organization_scope(acme)),
        transaction.atomic(),
        pytest.raises(DecryptFailed, match="destroyed"),
    ):
        data_key(acme)
    assert events(None)[-1] == ("organization.deleted", "success")
    assert chain.verify(DEPLOYMENT)
    assert world.client(world.admin).get("/orgs/acme/").status_code == 404
    assert run("verify_audit", str(acme))


def test_a_consent_that_ends_meanwhile_is_given_back_too(
    world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    revoke, late = deletion.revoke, iter([True])

    def connect_meanwhile(**details: UUID) -> Revoked:
        outcome = revoke(**details)
        if next(late, False):
            connect(world.client(world.admin))
        return outcome

    monkeypatch.setattr(deletion, "revoke", connect_meanwhile)
    receipt = json.loads(run("delete_organization", "acme", "--yes", "--json"))
    assert receipt["revocations"] == {"access": 2}
    assert sandbox.requests.count("POST /v1/oauth/revoke", status=200) == 2


def test_a_token_that_comes_after_the_end_is_given_back(world: World, sandbox: Sandbox) -> None:
    acme = world.acme.pk
    run("delete_organization", "acme", "--yes")
    before = sandbox.requests.count("POST /v1/oauth/revoke")
    with rls.scope(rls.organization_scope(acme)):
        give_back(organization_id=acme, provider="notion", token=Secret("late"))
    assert sandbox.requests.count("POST /v1/oauth/revoke") == before + 1


def test_an_internal_token_is_in_the_receipt(world: World) -> None:
    out = run("delete_organization", "globex", "--yes")
    assert "Tokens revoked: 0. Not revoked, and erased here: 1" in out


def test_its_queued_jobs_end_quietly(world: World, sandbox: Sandbox) -> None:
    run("delete_organization", "acme", "--yes")
    before = sandbox.requests.count("* /*")
    assert run_jobs() >= 1
    assert sandbox.requests.count("* /*") == before


def test_it_is_deleted_while_notion_is_down_and_the_receipt_says_so(world: World, sandbox: Sandbox) -> None:
    sandbox.faults.add("edge_block", match="* /v1/oauth/revoke", times=None)
    said = run("delete_organization", "acme", "--yes")
    assert "Tokens revoked: 0. Not revoked, and erased here: 1" in said
    assert "verify_audit" in said


def test_without_yes_nothing_is_deleted(world: World) -> None:
    with pytest.raises(CommandError, match="repeat it with --yes"):
        run("delete_organization", "acme")
    with within(world.acme):
        assert Organization.objects.filter(pk=world.acme.pk).exists()
    assert the_integration(world.acme) is not None
