"""What the app's and the worker's roles may do with each table. A table that is not here, they cannot touch.

Applied by ``manage.py migrate`` after the migrations, so that the role names of this deployment count
and a table that lost its line loses its rights.
"""

from __future__ import annotations

from typing import Any

from django.db import connections, transaction
from psycopg import sql

from notionscan import rls

_READ = "SELECT"
_WRITE = "SELECT, INSERT, UPDATE, DELETE"

# Fenced by row security.
SCOPED = {
    "tenants_organization": _WRITE,
    "tenants_membership": _WRITE,
    "tenants_organizationuserpermission": _WRITE,
    "tenants_datakey": _WRITE,
    # Appended by audit_append alone.
    "audit_event": _READ,
    "audit_chainhead": _READ,
    "integrations_integration": _WRITE,
    "integrations_oauthstate": _WRITE,
    "integrations_pendingrevocation": _WRITE,
    "integrations_ratebudget": _WRITE,
}
# Not fenced, each with the reason.
GLOBAL = {
    # People, known across organizations: found by e-mail before any scope exists, so anyone is read; a
    # row is changed in that person's own scope alone, and who is staff only by the owner.
    "tenants_user": "SELECT, INSERT, UPDATE (email, password, last_login, name)",
    "account_emailaddress": _WRITE,  # allauth: a person's addresses, fenced in the same way
    # allauth: empty, as the links in its mails are signed instead; looked into when an address is removed.
    "account_emailconfirmation": "SELECT, DELETE",
    "django_session": _WRITE,  # looked up before any scope exists; a row is no credential (sessions.py)
    "notionscan_attempt": _WRITE,  # failures counted against limits, under HMACs of who or what
    "django_cache": _WRITE,  # allauth's counters of password resets and changes
    "django_content_type": _READ,  # names of models
    "django_migrations": _READ,  # names of migrations, for /readyz
    "auth_permission": _READ,  # names of permissions
    "auth_group": _READ,  # unused and empty
    "auth_group_permissions": _READ,  # unused and empty
    "tenants_user_groups": _READ,  # unused and empty
    "tenants_user_user_permissions": _READ,  # unused and empty
    "django_admin_log": _READ,  # empty, as the admin is read-only; its first page looks for recent actions
    # The row history: written, never read by the app beyond what its INSERT … RETURNING needs.
    "auditlog_logentry": "INSERT, SELECT (id, content_type_id, object_id, object_pk)",
}
# Empty outside the staff scope.
VIEWS = {"staff_organizations": _READ, "staff_connections": _READ}
# Definer functions, closed to PUBLIC.
FUNCTIONS = (
    "scope_bind(text, bytea)",
    "scope_kind()",
    "scope_user()",
    "scope_organization()",
    "organization_id_of(text)",
    "staff_organizations_rows()",
    "staff_connections_rows()",
    "token_is_held(text)",
    "defer_job(text, jsonb, interval)",
    "ring_keys_in_use()",
    "audit_append(text)",
    "audit_chains()",
)
WORKER_TABLES_LIKE = "procrastinate\\_%"


def apply(alias: str) -> None:
    """Set the rights of both roles, as the owner.

    Raises: RuntimeError if a table with customers' rows has no forced row security.
    """
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        _refuse_unfenced(cursor)
        _close_temporary(cursor)
        for role in {_role_of("default"), _role_of("worker")}:
            _apply_to(cursor, role)
        if "worker" in connections:
            _grant_jobs(cursor, _role_of("worker"))


def _role_of(alias: str) -> str:
    connection = connections[alias if alias in connections else "default"]
    return str(connection.get_connection_params()["user"])


def _refuse_unfenced(cursor: Any) -> None:
    tables = [model._meta.db_table for model in rls.scoped_models()]
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s) "
        "AND NOT (relrowsecurity AND relforcerowsecurity)",
        [tables],
    )
    if unfenced := [row[0] for row in cursor.fetchall()]:
        raise RuntimeError(f"No row security on {', '.join(unfenced)}; create it with CreateScopedModel.")


def _close_temporary(cursor: Any) -> None:
    """Take from everybody the right to temporary tables, which could stand before ours in a session."""
    cursor.execute("SELECT current_database()")
    database = sql.Identifier(cursor.fetchone()[0])
    cursor.execute(sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(database))


def _apply_to(cursor: Any, role: str) -> None:
    name = sql.Identifier(role)
    for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
        cursor.execute(sql.SQL("REVOKE ALL ON ALL {} IN SCHEMA public FROM {}").format(sql.SQL(kind), name))
    cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(name))
    for table, rights in (SCOPED | GLOBAL | VIEWS).items():
        cursor.execute(sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(rights), sql.Identifier(table), name))
    for function in FUNCTIONS:
        cursor.execute(sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(sql.SQL(function), name))


def _grant_jobs(cursor: Any, role: str) -> None:
    """Let the worker have procrastinate's tables, sequences and functions."""
    name = sql.Identifier(role)
    cursor.execute(
        "SELECT oid::regclass::text, relkind FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relname LIKE %s AND relkind IN ('r', 'S')",
        [WORKER_TABLES_LIKE],
    )
    for relation, kind in cursor.fetchall():
        rights, what = (_WRITE, "TABLE") if kind == "r" else ("USAGE, SELECT", "SEQUENCE")
        cursor.execute(
            sql.SQL("GRANT {} ON {} {} TO {}").format(sql.SQL(rights), sql.SQL(what), sql.SQL(relation), name)
        )
