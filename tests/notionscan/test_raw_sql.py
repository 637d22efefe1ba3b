"""What SQL injected into the app's own connection reaches: the scope that is bound, and nothing else.

Each attack is tried on each table with customers' rows, by SELECT, INSERT, UPDATE and DELETE, over a plain
connection of the app's role. The control shows that the same statements do reach one's own rows.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from psycopg import sql

from audit.actions import Action
from audit.record import record
from integrations.models import Mirror, OAuthState
from integrations.notion.budget import Priority
from integrations.services.revocation import keep_for_revocation
from notionscan import grants, rls
from notionscan.secret import Secret
from scans.models import CalibrationVersion, Finding, Report, Schedule, Share, ShareView, Stream
from scans.storage import merge
from tenants.models import Organization
from tests import database
from tests.factories import World, make_account, make_world, within
from tests.integrations.test_budget import make_budget
from tests.scans.test_storage import PLAIN, make_scan

TABLES = {model._meta.db_table: model.scope_column for model in rls.scoped_models()}  # type: ignore[attr-defined]


@pytest.fixture
def everywhere(committed: None) -> World:
    """A world with a row of each organization in every scoped table."""
    world = make_world()
    for organization, user in ((world.acme, world.admin), (world.globex, world.outsider)):
        budget = make_budget(organization)
        with within(organization):
            budget.acquire(Priority.PEOPLE)
            scan = make_scan(organization, 1)
            merge(scan, [PLAIN])
            make_account(organization, user)
            Stream.objects.create(organization=organization, scan=scan, name="pages")
            CalibrationVersion.objects.create(organization=organization, number=1, content={})
            Report.objects.create(organization=organization, scan=scan, calibration_number=1, scores={})
            report = Report.objects.get(organization=organization)
            share = Share.objects.create(organization=organization, report=report, expires_at=timezone.now())
            ShareView.objects.create(organization=organization, share=share)
            Finding.objects.create(organization=organization, key="V1", first_number=1, last_number=1)
            Schedule.objects.create(
                organization=organization, every=Schedule.Every.DAY, next_at=timezone.now()
            )
            Mirror.objects.create(
                organization=organization, database_id=uuid.uuid4(), started_after=0, mirrored_sequence=0
            )
            keep_for_revocation(organization_id=organization.pk, provider="notion", token=Secret("kept"))
            OAuthState.objects.create(
                organization=organization,
                provider="notion",
                user=user,
                state_hash=uuid.uuid4().hex * 2,
                session_hash=uuid.uuid4().hex * 2,
            )
    return world


@pytest.fixture
def app(everywhere: World) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.url("default")) as connection:
        yield connection
        connection.rollback()


def claim_of(organization: Organization, *, kind: str = "organization", seconds: int = 60) -> str:
    return f"{kind}::{organization.pk}:{int(time.time()) + seconds}"


def bind(connection: psycopg.Connection, claim: str, *, key: bytes | None = None) -> bool:
    signature = hmac.digest(key or settings.SCOPE_SIGNING_KEY, claim.encode(), hashlib.sha256)
    return bool(connection.execute("SELECT scope_bind(%s, %s)", [claim, signature]).fetchone()[0])  # type: ignore[index]


def put(connection: psycopg.Connection, setting: str) -> None:
    connection.execute("SELECT set_config('notionscan.scope', %s, true)", [setting])


def sealed(connection: psycopg.Connection, organization: Organization) -> str:
    """Return what a transaction holds that was rightly bound to the organization."""
    assert bind(connection, claim_of(organization))
    return str(connection.execute("SELECT current_setting('notionscan.scope')").fetchone()[0])  # type: ignore[index]


# Attacks: each tries to reach globex on a fresh transaction of the app's role ---------------------------


def no_scope(app: psycopg.Connection, world: World) -> None:
    pass


def empty_scope(app: psycopg.Connection, world: World) -> None:
    put(app, "")


def the_plain_form(app: psycopg.Connection, world: World) -> None:
    put(app, f"organization::{world.globex.pk}")


def a_made_up_seal(app: psycopg.Connection, world: World) -> None:
    put(app, f"{claim_of(world.globex)}:{'0' * 64}")


def an_empty_seal(app: psycopg.Connection, world: World) -> None:
    put(app, f"{claim_of(world.globex)}:")


def another_claim_under_ones_own_seal(app: psycopg.Connection, world: World) -> None:
    put(app, sealed(app, world.acme).replace(str(world.acme.pk), str(world.globex.pk)))


def a_longer_claim_under_ones_own_seal(app: psycopg.Connection, world: World) -> None:
    put(app, f"{claim_of(world.globex)}:{sealed(app, world.acme)}")


def a_signature_by_another_key(app: psycopg.Connection, world: World) -> None:
    assert not bind(app, claim_of(world.globex), key=b"x" * 32)


def an_expired_signature(app: psycopg.Connection, world: World) -> None:
    assert not bind(app, claim_of(world.globex, seconds=-1))


def an_empty_claim(app: psycopg.Connection, world: World) -> None:
    assert not app.execute("SELECT scope_bind('', '')").fetchone()[0]  # type: ignore[index]


def no_claim_at_all(app: psycopg.Connection, world: World) -> None:
    assert not app.execute("SELECT scope_bind(NULL, NULL)").fetchone()[0]  # type: ignore[index]


def another_backends_seal(app: psycopg.Connection, world: World) -> None:
    with psycopg.connect(database.url("default")) as other:
        put(app, sealed(other, world.globex))


def an_earlier_transactions_seal(app: psycopg.Connection, world: World) -> None:
    held = sealed(app, world.globex)
    app.commit()
    put(app, held)


def a_session_setting_that_outlives_its_transaction(app: psycopg.Connection, world: World) -> None:
    app.execute("SELECT set_config('notionscan.scope', %s, false)", [sealed(app, world.globex)])
    app.commit()


def the_settings_role(app: psycopg.Connection, world: World) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
        owner = psycopg.conninfo.conninfo_to_dict(database.url("owner"))["user"]
        app.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(str(owner))))


def row_security_off(app: psycopg.Connection, world: World) -> None:
    assert bind(app, claim_of(world.acme))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
        app.execute("SET LOCAL row_security = off")
        app.execute("SELECT count(*) FROM tenants_organization")


def a_function_of_the_same_name(app: psycopg.Connection, world: World) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
        app.execute("CREATE FUNCTION public.scope_organization() RETURNS uuid RETURN NULL")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
        app.execute("CREATE SCHEMA mine")


def the_keys_table(app: psycopg.Connection, world: World) -> None:
    for statement in ("SELECT * FROM notionscan_scopekey", "UPDATE notionscan_scopekey SET seal_inner = ''"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), app.transaction():
            app.execute(statement)


def ones_own_scope(app: psycopg.Connection, world: World) -> None:
    assert bind(app, claim_of(world.acme))


def a_users_scope(app: psycopg.Connection, world: World) -> None:
    assert bind(app, f"user:{world.admin.pk}::{int(time.time()) + 60}")


def a_staff_scope(app: psycopg.Connection, world: World) -> None:
    assert bind(app, f"staff:{world.admin.pk}::{int(time.time()) + 60}")


def a_links_scope(app: psycopg.Connection, world: World) -> None:
    share = row_of(world.acme, "scans_share")["id"]
    assert bind(app, f"share:{share}::{int(time.time()) + 60}")


def a_link_of_theirs_that_was_not_signed(app: psycopg.Connection, world: World) -> None:
    share = row_of(world.globex, "scans_share")["id"]
    assert not bind(app, f"share:{share}::{int(time.time()) + 60}", key=b"x" * 32)
    put(app, f"share:{share}::{int(time.time()) + 60}:{'0' * 64}")


def a_link_of_theirs_under_the_seal_of_ones_own(app: psycopg.Connection, world: World) -> None:
    own, theirs = (row_of(each, "scans_share")["id"] for each in (world.acme, world.globex))
    assert bind(app, f"share:{own}::{int(time.time()) + 60}")
    held = app.execute("SELECT current_setting('notionscan.scope')").fetchone()
    put(app, str(held[0]).replace(own, theirs))  # type: ignore[index]


def an_organizations_id_as_a_link_and_as_a_person(app: psycopg.Connection, world: World) -> None:
    """The readers look at the kind: what is signed as one is not read as another."""
    assert bind(app, f"share:{world.globex.pk}:{world.globex.pk}:{int(time.time()) + 60}")
    assert bind(app, f"user:{world.globex.pk}:{world.globex.pk}:{int(time.time()) + 60}")


ATTACKS = [
    no_scope,
    empty_scope,
    the_plain_form,
    a_made_up_seal,
    an_empty_seal,
    another_claim_under_ones_own_seal,
    a_longer_claim_under_ones_own_seal,
    a_signature_by_another_key,
    an_expired_signature,
    an_empty_claim,
    no_claim_at_all,
    another_backends_seal,
    an_earlier_transactions_seal,
    a_session_setting_that_outlives_its_transaction,
    the_settings_role,
    row_security_off,
    a_function_of_the_same_name,
    the_keys_table,
    ones_own_scope,
    a_users_scope,
    a_staff_scope,
    a_links_scope,
    a_link_of_theirs_that_was_not_signed,
    a_link_of_theirs_under_the_seal_of_ones_own,
    an_organizations_id_as_a_link_and_as_a_person,
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_no_attack_reaches_another_organizations_rows(
    app: psycopg.Connection, everywhere: World, attack: Callable[[psycopg.Connection, World], None]
) -> None:
    victim = everywhere.globex.pk
    rows = {table: row_of(everywhere.globex, table) for table in TABLES}
    before = fingerprint(everywhere.globex)
    attack(app, everywhere)
    for table in TABLES:
        assert seen(app, table, victim) == 0, f"SELECT on {table}"
        assert changed(app, "UPDATE", table, victim) == 0, f"UPDATE on {table}"
        assert changed(app, "DELETE", table, victim) == 0, f"DELETE on {table}"
        assert not inserted(app, table, rows[table]), f"INSERT on {table}"
    app.commit()
    assert fingerprint(everywhere.globex) == before


@pytest.mark.parametrize("kind", ["organization", "job"])
def test_the_control_reaches_its_own_rows_in_every_table(
    app: psycopg.Connection, everywhere: World, kind: str
) -> None:
    own = everywhere.acme.pk
    assert bind(app, claim_of(everywhere.acme, kind=kind))
    for table in TABLES:
        assert seen(app, table, own) > 0, f"SELECT on {table}"
        if "UPDATE" in grants.SCOPED[table]:
            assert changed(app, "UPDATE", table, own) > 0, f"UPDATE on {table}"
            assert not moved(app, table, own, everywhere.globex.pk), f"moving a row of {table}"
        if "DELETE" in grants.SCOPED[table]:
            assert changed(app, "DELETE", table, own) > 0, f"DELETE on {table}"
        if "INSERT" in grants.SCOPED[table]:
            assert inserted(app, table, row_of(everywhere.acme, table)), f"INSERT on {table}"


@pytest.mark.parametrize("scope_of", ["nobody", "acme"])
def test_no_definer_function_tells_or_does_anything_of_another_organization(
    app: psycopg.Connection, everywhere: World, scope_of: str
) -> None:
    """Each function that the app may call; what it answers before there is a scope is an id and no more."""
    share, account = (row_of(everywhere.globex, each) for each in ("scans_share", "tenants_serviceaccount"))
    integration = row_of(everywhere.globex, "integrations_integration")
    calls: dict[str, tuple[str, list[Any], list[Any]]] = {
        # Whoever knows a link's token, or a slug of the site, is told an id, which opens nothing by itself.
        "share_alive(text)": ("share_alive(%s)", [share["token_hash"]], [(None,)]),
        "organization_id_of(text)": ("organization_id_of('globex')", [], [(everywhere.globex.pk,)]),
        # Whether some connection holds a token that one has in one's hands.
        "token_is_held(text)": ("token_is_held(%s)", [integration["access_token_hash"]], [(False,), (True,)]),
        # Of an account only whoever knows its key, which is nowhere but with them.
        "service_account_of(text)": (
            "service_account_of(%s)",
            [account["key_hash"]],
            [(UUID(account["id"]), everywhere.globex.pk)],
        ),
        "own_connections_rows()": ("own_connections_rows()", [], []),
        "staff_organizations_rows()": ("staff_organizations_rows()", [], []),
        "staff_connections_rows()": ("staff_connections_rows()", [], []),
    }
    elsewhere = ("scope_", "defer_job", "audit_append")
    assert calls.keys() == {name for name in grants.FUNCTIONS if not name.startswith(elsewhere)}
    before = fingerprint(everywhere.globex)
    if scope_of == "acme":
        assert bind(app, claim_of(everywhere.acme))
    for call, values, expected in calls.values():
        found = app.execute(f"SELECT * FROM {call}", values).fetchall()
        assert found == expected or (expected and found[0] in expected), call
    app.commit()
    assert fingerprint(everywhere.globex) == before


@pytest.mark.parametrize(
    "setting",
    [
        "x",
        ":",
        "::::",
        ":" * 70,
        "organization",
        "organization:::" + "f" * 64,
        "user:x:y:z:" + "é" * 64,
        "x" * 100_000,
    ],
)
def test_a_malformed_setting_is_no_scope_and_no_error(app: psycopg.Connection, setting: str) -> None:
    put(app, setting)
    row = app.execute("SELECT scope_kind(), scope_user(), scope_organization()").fetchone()
    assert row == (None, None, None)


def test_what_is_bound_is_worth_nothing_after_the_transaction(
    app: psycopg.Connection, everywhere: World
) -> None:
    assert bind(app, claim_of(everywhere.acme))
    app.commit()
    assert seen(app, "tenants_membership", everywhere.acme.pk) == 0


def test_a_seal_is_made_for_one_backend_and_one_transaction(
    app: psycopg.Connection, everywhere: World
) -> None:
    claim, _, seal = sealed(app, everywhere.acme).rpartition(":")
    of_this = app.execute("SELECT int4send(pg_backend_pid()) || timestamptz_send(now())").fetchone()
    with database.superuser() as owner:
        inner, outer = owner.execute("SELECT seal_inner, seal_outer FROM notionscan_scopekey").fetchone()  # type: ignore[misc]
    inside = hashlib.sha256(inner + of_this[0] + claim.encode()).digest()  # type: ignore[index]
    assert seal == hashlib.sha256(outer + inside).hexdigest()


def test_a_signature_is_not_shown_to_other_sessions(app: psycopg.Connection, everywhere: World) -> None:
    with rls.scope(rls.organization_scope(everywhere.globex.pk)), transaction.atomic():
        connection.ensure_connection()
        connection.bind()  # type: ignore[attr-defined]  # our backend's
        queries = app.execute("SELECT query FROM pg_stat_activity").fetchall()
    text = json.dumps(queries)
    assert "scope_bind($1, $2)" in text
    assert str(everywhere.globex.pk) not in text


def test_values_are_not_shown_to_other_sessions(app: psycopg.Connection, everywhere: World) -> None:
    watch = (
        "SELECT query FROM pg_stat_activity WHERE query LIKE '%%audit_append%%' AND pid <> pg_backend_pid()"
    )
    with within(everywhere.globex):
        record(action=Action.INTEGRATION_TESTED, organization=everywhere.globex.pk, actor=None, note="canary")
        queries = app.execute(watch).fetchall()
    assert queries
    assert "canary" not in json.dumps(queries)


def test_a_scope_is_signed_for_minutes_and_for_its_own_ids(everywhere: World) -> None:
    scope = rls.organization_scope(everywhere.acme.pk)
    claim, signature = scope.signed()
    kind, user, organization, expires = claim.split(":")
    assert (kind, user, organization) == ("organization", "", str(everywhere.acme.pk))
    assert 0 < int(expires) - time.time() <= 300
    assert signature != replace(scope, organization_id=everywhere.globex.pk).signed()[1]


# The statements ---------------------------------------------------------------------------------------


def seen(app: psycopg.Connection, table: str, organization: UUID) -> int:
    query = sql.SQL("SELECT * FROM {} WHERE {} = %s").format(sql.Identifier(table), _column(table))
    return len(app.execute(query, [organization]).fetchall())


def changed(app: psycopg.Connection, verb: str, table: str, organization: UUID) -> int:
    """Try the statement on the organization's rows, take it back, and return how many rows it struck."""
    name, column = sql.Identifier(table), _column(table)
    update = sql.SQL("UPDATE {} SET {} = {} WHERE {} = %s").format(name, column, column, column)
    delete = sql.SQL("DELETE FROM {} WHERE {} = %s").format(name, column)
    return _struck(app, update if verb == "UPDATE" else delete, [organization])


def moved(app: psycopg.Connection, table: str, own: UUID, other: UUID) -> bool:
    column = _column(table)
    query = sql.SQL("UPDATE {} SET {} = %s WHERE {} = %s").format(sql.Identifier(table), column, column)
    return bool(_struck(app, query, [other, own]))


def inserted(app: psycopg.Connection, table: str, row: dict[str, Any]) -> bool:
    """Try to insert a row of the other organization, under a new primary key where it has one of its own."""
    if "id" in row and TABLES[table] != "id":
        row = row | {"id": str(uuid.uuid4()) if isinstance(row["id"], str) else 999_999}
    query = sql.SQL("INSERT INTO {} SELECT * FROM jsonb_populate_record(NULL::{}, %s)").format(
        sql.Identifier(table), sql.Identifier(table)
    )
    return bool(_struck(app, query, [json.dumps(row)]))


def _struck(app: psycopg.Connection, query: sql.Composed, parameters: list[Any]) -> int:
    count = 0
    try:
        with app.transaction() as transaction:
            count = app.execute(query, parameters).rowcount
            raise psycopg.Rollback(transaction)
    except psycopg.errors.InsufficientPrivilege:
        # Row security refuses a new row; a missing right refuses the statement.
        return 0
    except psycopg.errors.UniqueViolation:
        # Past row security, which is asked first: the row is there already.
        return 1
    return count


def _column(table: str) -> sql.Identifier:
    return sql.Identifier(TABLES[table])


def row_of(organization: Organization, table: str) -> dict[str, Any]:
    """Return a row of the organization as its own scope sees it; there must be one."""
    with psycopg.connect(database.url("default")) as connection:
        assert bind(connection, claim_of(organization))
        query = sql.SQL("SELECT to_jsonb(t) FROM {} AS t WHERE {} = %s").format(
            sql.Identifier(table), _column(table)
        )
        row = connection.execute(query, [organization.pk]).fetchone()
    assert row is not None, f"Give each organization a row of {table} in the fixture."
    return dict(row[0])


def fingerprint(organization: Organization) -> dict[str, list[Any]]:
    """Return everything the organization has, to see that nothing was touched."""
    with psycopg.connect(database.url("default")) as connection:
        assert bind(connection, claim_of(organization))
        return {
            table: connection.execute(
                sql.SQL("SELECT to_jsonb(t) FROM {} AS t ORDER BY to_jsonb(t)::text").format(
                    sql.Identifier(table)
                )
            ).fetchall()
            for table in TABLES
        }
