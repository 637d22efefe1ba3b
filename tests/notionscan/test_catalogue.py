"""The catalogue lint: every known hole is found, and the product has none."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import psycopg
import pytest
from django.core.checks import INFO, WARNING
from django.core.management import CommandError, call_command
from django.db import connection, connections, models, transaction
from django.db.migrations.operations import CreateModel
from django.db.migrations.state import ProjectState
from django.test.utils import isolate_apps

from notionscan import catalogue, checks, grants, rls
from tests import database

APP = "notionscan_app"
TABLE = "CREATE TABLE tenants_new (id uuid PRIMARY KEY, organization_id uuid NOT NULL)"
HOLES = {
    "a table that nobody listed": (TABLE, "The table tenants_new is on no list"),
    "row security switched off": (
        "ALTER TABLE tenants_membership DISABLE ROW LEVEL SECURITY",
        "No row security on tenants_membership",
    ),
    "row security not forced": (
        "ALTER TABLE audit_event NO FORCE ROW LEVEL SECURITY",
        "No row security on audit_event",
    ),
    "people's rows unfenced": (
        "ALTER TABLE tenants_user DISABLE ROW LEVEL SECURITY",
        "No row security on tenants_user",
    ),
    "a row of nobody": (
        "ALTER TABLE integrations_integration ALTER organization_id DROP NOT NULL",
        "The column organization_id of integrations_integration must be NOT NULL",
    ),
    "a policy dropped": (
        "DROP POLICY tenant ON tenants_datakey",
        "The table tenants_datakey lacks its policy tenant",
    ),
    "a policy for one role alone": (
        f"ALTER POLICY tenant ON tenants_datakey TO {APP}",
        "The policy tenant of tenants_datakey lets rows through",
    ),
    "what the definers see, for all": (
        "ALTER POLICY definer ON tenants_datakey TO PUBLIC USING (true)",
        "The policy definer of tenants_datakey lets rows through",
    ),
    "what operators see, widened": (
        "ALTER POLICY operator ON tenants_organization USING (true)",
        "The policy operator of tenants_organization lets rows through",
    ),
    "accounts that anybody changes": (
        "ALTER POLICY self ON tenants_user USING (true)",
        "The policy self of tenants_user lets rows through",
    ),
    "accounts born as staff": (
        "ALTER POLICY born ON tenants_user WITH CHECK (true)",
        "The policy born of tenants_user lets rows through",
    ),
    "addresses that anybody changes": (
        "CREATE POLICY more ON account_emailaddress FOR UPDATE USING (true)",
        "The policy more of account_emailaddress lets rows through",
    ),
    "a trigger": (
        "CREATE TRIGGER also AFTER INSERT ON tenants_membership "
        "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "The trigger also on tenants_membership is none of ours",
    ),
    "another schema": ("CREATE SCHEMA side", "The schema side is none of ours"),
    "a reader that believes anything": (
        "CREATE OR REPLACE FUNCTION scope_organization() RETURNS uuid LANGUAGE plpgsql STABLE "
        "PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp "
        "AS 'BEGIN RETURN split_part(current_setting(''notionscan.scope'', true), '':'', 3)::uuid; END'",
        r"The function scope_organization\(\) is not the one that was reviewed",
    ),
    "a key's column made readable": (
        f"GRANT SELECT (claim_inner) ON notionscan_scopekey TO {APP}",
        f"{APP} has SELECT on the column claim_inner of notionscan_scopekey",
    ),
    "a column of rights made writable for all": (
        "GRANT UPDATE (is_staff) ON tenants_user TO PUBLIC",
        f"{APP} has UPDATE on the column is_staff of tenants_user",
    ),
    "a column's right that is missing": (
        f"REVOKE UPDATE (email) ON tenants_user FROM {APP}",
        f"{APP} lacks UPDATE on the column email of tenants_user",
    ),
    "a right of the worker's": (
        "GRANT SELECT ON notionscan_scopekey TO notionscan_worker",
        "notionscan_worker has SELECT on notionscan_scopekey",
    ),
    "an operator's function for the app": (
        f"GRANT EXECUTE ON FUNCTION audit_chains() TO {APP}",
        rf"{APP} may call audit_chains\(\)",
    ),
    "a policy that lets everything be written": (
        "ALTER POLICY tenant ON tenants_datakey WITH CHECK (true)",
        "The policy tenant of tenants_datakey lets rows through",
    ),
    "a second permissive policy": (
        "CREATE POLICY more ON tenants_datakey USING (true)",
        "The policy more of tenants_datakey lets rows through",
    ),
    "a reviewed policy widened": (
        "ALTER POLICY also_1 ON tenants_membership USING (true)",
        "The policy also_1 of tenants_membership lets rows through",
    ),
    "a foreign key without the organization": (
        "ALTER TABLE integrations_ratebudget ADD CONSTRAINT loose FOREIGN KEY (integration_id) "
        "REFERENCES integrations_integration (id)",
        "The foreign key loose of integrations_ratebudget lets a row point into another organization's",
    ),
    "a unique constraint without the organization": (
        "CREATE UNIQUE INDEX telling ON integrations_integration (workspace_id)",
        "The unique index telling of integrations_integration tells",
    ),
    "a view of its owner's": (
        "CREATE VIEW peek AS SELECT * FROM tenants_membership",
        "The view peek reads with its owner's eyes",
    ),
    "a materialized view": (
        "CREATE MATERIALIZED VIEW kept AS SELECT * FROM tenants_membership",
        "The materialized view kept keeps rows",
    ),
    "a child table": (
        "CREATE TABLE child () INHERITS (tenants_membership)",
        "The table child inherits from tenants_membership",
    ),
    "a rule": (
        "CREATE RULE also AS ON UPDATE TO django_cache DO ALSO SELECT 1",
        "The rule also on django_cache runs as",
    ),
    "a definer function without a path": (
        "CREATE FUNCTION loose() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        r"The definer function loose\(\) needs SET search_path",
    ),
    "a definer function open to all": (
        "CREATE FUNCTION loose() RETURNS int LANGUAGE sql SECURITY DEFINER "
        "SET search_path = pg_catalog AS 'SELECT 1'",
        r"The definer function loose\(\) is open to PUBLIC",
    ),
    "a function that nobody listed": (
        "CREATE FUNCTION loose() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        rf"{APP} may call loose\(\), which is not in grants.FUNCTIONS",
    ),
    "a function that is missing": (
        f"REVOKE EXECUTE ON FUNCTION scope_organization() FROM {APP}",
        rf"{APP} may not call scope_organization\(\)",
    ),
    "TRUNCATE": (
        f"GRANT TRUNCATE ON tenants_membership TO {APP}",
        f"{APP} has TRUNCATE on tenants_membership",
    ),
    "REFERENCES": (f"GRANT REFERENCES ON tenants_user TO {APP}", f"{APP} has REFERENCES on tenants_user"),
    "TRIGGER": (f"GRANT TRIGGER ON tenants_user TO {APP}", f"{APP} has TRIGGER on tenants_user"),
    "a right by PUBLIC": (
        "GRANT SELECT ON notionscan_scopekey TO PUBLIC",
        f"{APP} has SELECT on notionscan_scopekey",
    ),
    "the audit log made writable": (
        f"GRANT DELETE ON audit_event TO {APP}",
        f"{APP} has DELETE on audit_event",
    ),
    "a right that can be handed on": (
        f"GRANT SELECT ON audit_event TO {APP} WITH GRANT OPTION",
        f"{APP} may hand on its rights on audit_event",
    ),
    "a publication": (
        "CREATE PUBLICATION all_rows FOR TABLE audit_event",
        "The publication all_rows sends rows",
    ),
    "a reader asked for every row": (
        "ALTER FUNCTION scope_organization() VOLATILE",
        r"The function scope_organization\(\) is not the one that was reviewed",
    ),
    "a function of the queue's that is another": (
        "CREATE FUNCTION procrastinate_more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "The job queue's tables, functions and triggers are not those",
    ),
    "a table by the queue's name": (
        "CREATE TABLE procrastinate_more (id int)",
        "The job queue's tables, functions and triggers are not those",
    ),
    "a trigger on the queue": (
        "CREATE TRIGGER also AFTER INSERT ON procrastinate_jobs "
        "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "The job queue's tables, functions and triggers are not those",
    ),
    "the organization only beside a unique index": (
        "CREATE UNIQUE INDEX telling ON integrations_integration (workspace_id) INCLUDE (organization_id)",
        "The unique index telling of integrations_integration tells",
    ),
    "an exclusion": (
        "ALTER TABLE integrations_integration ADD CONSTRAINT telling EXCLUDE (workspace_id WITH =)",
        "The unique index telling of integrations_integration tells",
    ),
    "a parent that nothing holds": (
        "ALTER TABLE scans_stream DROP CONSTRAINT scans_stream_organization_id_scan_id_fkey",
        "The column scan_id of scans_stream may point into another organization's scans_scan",
    ),
    "a unique index that is missing": (
        "ALTER TABLE scans_stream DROP CONSTRAINT stream_of_scan_once",
        "The table scans_stream lacks its unique index stream_of_scan_once",
    ),
    "a table of customers' that is listed as nobody's": (
        "ALTER TABLE django_cache ADD COLUMN organization_id uuid",
        "The table django_cache is listed as nobody's, but names organizations",
    ),
    "a table that is listed as nobody's and refers to customers'": (
        "ALTER TABLE notionscan_attempt ADD COLUMN scan_id uuid REFERENCES scans_scan (id)",
        "The table notionscan_attempt is listed as nobody's, but names organizations",
    ),
    "a primary key that is missing": (
        "ALTER TABLE audit_chainhead DROP CONSTRAINT audit_chainhead_pkey",
        "The table audit_chainhead lacks its primary key",
    ),
    "a sequence that tells of others": (
        f"GRANT SELECT ON SEQUENCE scans_version_id_seq TO {APP}",
        f"{APP} has SELECT on scans_version_id_seq, which grants.py gives nobody",
    ),
    "a right that is missing": (
        f"REVOKE SELECT ON audit_event FROM {APP}",
        f"{APP} lacks SELECT on audit_event",
    ),
    "CREATE on the schema": (
        f"GRANT CREATE ON SCHEMA public TO {APP}",
        f"{APP} creates objects in the schema",
    ),
    "CREATE on the schema for the worker": (
        "GRANT CREATE ON SCHEMA public TO notionscan_worker",
        "notionscan_worker creates objects in the schema",
    ),
    "default privileges": (
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {APP}",
        f"would open every new table to {APP}",
    ),
    "default privileges of all": (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
        f"would open every new table to {APP}",
    ),
}


@pytest.fixture
def owner(django_db_setup: None) -> Iterator[psycopg.Cursor]:
    """A cursor of the owner, whose deeds are taken back."""
    with psycopg.connect(database.url("owner")) as connection, connection.cursor() as cursor:
        yield cursor
        connection.rollback()


def sentences(cursor: psycopg.Cursor) -> list[str]:
    return [fault.sentence for fault in catalogue.faults(cursor, role=grants.role_of("default"))]


@pytest.mark.parametrize("hole", HOLES)
def test_a_hole_is_found(owner: psycopg.Cursor, hole: str) -> None:
    statement, sentence = HOLES[hole]
    for name, alias in ((APP, "default"), ("notionscan_worker", "worker")):
        statement = statement.replace(name, grants.role_of(alias))
        sentence = sentence.replace(name, grants.role_of(alias))
    owner.execute(statement)  # type: ignore[arg-type]
    found = sentences(owner)
    assert any(re.search(sentence, each) for each in found), found
    assert all(each.endswith(".") and "\n" not in each for each in found)


def test_a_right_to_lock_tables_is_found(owner: psycopg.Cursor) -> None:
    if owner.connection.info.server_version < 170_000:
        return  # MAINTAIN came with 17.
    owner.execute(f"GRANT MAINTAIN ON audit_event TO {grants.role_of('worker')}")  # type: ignore[arg-type]
    assert any("has MAINTAIN on audit_event" in each for each in sentences(owner))


def test_the_product_has_none(db: None) -> None:
    with connection.cursor() as cursor:
        assert sentences(cursor) == []  # type: ignore[arg-type]


def test_a_role_that_owns_or_bypasses_is_found(owner: psycopg.Cursor) -> None:
    role = owner.execute("SELECT current_user").fetchone()
    found = " ".join(fault.sentence for fault in catalogue.faults(owner, role=str(role[0])))  # type: ignore[index]
    assert "owns a table, whose row security it could end" in found
    assert "owns a function" in found


def test_the_command_says_it_and_ends_with_1(committed: None) -> None:
    with database.superuser() as cursor:
        cursor.execute("ALTER TABLE tenants_membership NO FORCE ROW LEVEL SECURITY")
    try:
        with pytest.raises(CommandError, match="No row security on tenants_membership"):
            call_command("check", databases=["default"])
    finally:
        with database.superuser() as cursor:
            cursor.execute("ALTER TABLE tenants_membership FORCE ROW LEVEL SECURITY")
    out = io.StringIO()
    call_command("check", databases=["default"], stdout=out, stderr=out)


def test_migrate_refuses_a_hole_and_leaves_the_rights_as_they_were(committed: None) -> None:
    with database.superuser() as cursor:
        cursor.execute(TABLE)
    try:
        with pytest.raises(CommandError, match="tenants_new is on no list"):
            call_command("migrate", database="owner", verbosity=0)
    finally:
        with database.superuser() as cursor:
            cursor.execute("DROP TABLE tenants_new")
    call_command("migrate", database="owner", verbosity=0)


def test_a_scoped_model_made_without_its_policy_is_found(
    committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with isolate_apps("tenants"):

        class Forgotten(rls.Scoped, models.Model):
            id = models.UUIDField(primary_key=True)
            organization_id = models.UUIDField()

            class Meta:
                app_label = "tenants"

    known = rls.scoped_models()
    monkeypatch.setattr(rls, "scoped_models", lambda: [*known, Forgotten])
    operation = CreateModel("Forgotten", [(f.name, f.clone()) for f in Forgotten._meta.fields])
    state = ProjectState()
    operation.state_forwards("tenants", state)
    with transaction.atomic(using="owner"):
        with connections["owner"].schema_editor(atomic=False) as editor:
            operation.database_forwards("tenants", editor, ProjectState(), state)
        with connections["owner"].cursor() as cursor:
            found = sentences(cursor)  # type: ignore[arg-type]
        transaction.set_rollback(True, using="owner")
    assert "The table tenants_forgotten lacks its policy tenant; create it with CreateScopedModel." in found
    assert any(each.startswith("No row security on tenants_forgotten") for each in found)
    assert any("must be a Scoped model and stand in grants.SCOPED" in each for each in found)


@pytest.mark.parametrize(
    ("version", "embedded", "level"),
    [
        (150019, False, WARNING),
        (150020, False, None),
        (160015, False, WARNING),
        (170011, False, WARNING),
        (180006, False, WARNING),
        (180004, True, INFO),
        (180007, False, None),
        (190000, False, None),
    ],
)
def test_a_server_with_the_known_hole_is_named(
    db: None, monkeypatch: pytest.MonkeyPatch, version: int, embedded: bool, level: int | None
) -> None:
    role = grants.role_of("default")
    monkeypatch.setattr(grants, "role_of", lambda alias: role)
    monkeypatch.setattr(catalogue, "server_version", lambda cursor: version)
    monkeypatch.setitem(connection.settings_dict, "EMBEDDED_ROLE", "app" if embedded else None)
    found = checks.database(databases=["default"])
    assert [message.level for message in found] == ([level] if level else [])
