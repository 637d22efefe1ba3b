"""What the app's and the worker's roles may do with each table. A table that is not here, they cannot touch.

Applied by ``manage.py migrate`` after the migrations, so that the role names of this deployment count
and a table that lost its line loses its rights.
"""

from __future__ import annotations

import re
from typing import Any

from django.db import connections, transaction
from psycopg import sql

_READ = "SELECT"
_WRITE = "SELECT, INSERT, UPDATE, DELETE"
# Never changed.
_KEPT = "SELECT, INSERT, DELETE"

# Fenced by row security.
SCOPED = {
    "tenants_organization": _WRITE,
    "tenants_membership": _WRITE,
    "tenants_organizationuserpermission": _WRITE,
    "tenants_datakey": _WRITE,
    "tenants_serviceaccount": _WRITE,
    # Appended by audit_append alone.
    "audit_event": _READ,
    "audit_chainhead": _READ,
    "integrations_integration": _WRITE,
    "integrations_oauthstate": _WRITE,
    "integrations_pendingrevocation": _WRITE,
    "integrations_ratebudget": _WRITE,
    "integrations_mirror": _WRITE,
    "scans_scan": _WRITE,
    "scans_schedule": _WRITE,
    "scans_stream": _WRITE,
    "scans_seen": _WRITE,
    "scans_version": _WRITE,
    "scans_calibrationversion": _KEPT,
    "scans_report": _KEPT,
    "scans_finding": _WRITE,
    "scans_share": _WRITE,
    "scans_shareview": _KEPT,
}
# Not fenced by an organization: rights, what it holds, and why that is safe.
GLOBAL = {
    "tenants_user": (
        "SELECT, INSERT, UPDATE (email, password, last_login, name)",
        "people, found by e-mail before any scope exists; changed in their own signed scope alone",
    ),
    "account_emailaddress": (_WRITE, "allauth: a person's addresses, changed in their own scope alone"),
    "account_emailconfirmation": (
        "SELECT, DELETE",
        "allauth: empty, as the links in its mails are signed instead; looked into when an address goes",
    ),
    "django_session": (_WRITE, "looked up before any scope exists; a row is no credential (sessions.py)"),
    "notionscan_attempt": (_WRITE, "failures counted against limits, under HMACs of who or what"),
    "django_cache": (_WRITE, "allauth's counters of password resets and changes"),
    "django_content_type": (_READ, "names of models"),
    "django_migrations": (_READ, "names of migrations, for /readyz"),
    "auth_permission": (_READ, "names of permissions"),
    "auth_group": (_READ, "unused and empty"),
    "auth_group_permissions": (_READ, "unused and empty"),
    "tenants_user_groups": (_READ, "unused and empty"),
    "tenants_user_user_permissions": (_READ, "unused and empty"),
    "django_admin_log": (_READ, "empty, as the admin is read-only; its first page looks for recent actions"),
    "auditlog_logentry": (
        "INSERT, SELECT (id, content_type_id, object_id, object_pk)",
        "auditlog: the row history of people, written and never read beyond what INSERT … RETURNING needs",
    ),
}
# The app's role has no right at all.
CLOSED = {
    "notionscan_scopekey": "the scope's keys, for the owner's functions alone",
    "guardian_userobjectpermission": "guardian's generic table, unused: grants have a table of their own",
    "guardian_groupobjectpermission": "as above",
}
# procrastinate's tables hold ids of organizations and objects, and no content. They are the worker's alone.
OF_THE_QUEUE = "procrastinate\\_%"
# Empty outside the staff scope, and outside a person's own.
VIEWS = {"staff_organizations": _READ, "staff_connections": _READ, "own_connections": _READ}
# Definer functions, closed to PUBLIC.
FUNCTIONS = (
    "scope_bind(text, bytea)",
    "scope_kind()",
    "scope_user()",
    "scope_organization()",
    "scope_share()",
    "share_alive(text)",
    "organization_id_of(text)",
    "service_account_of(text)",
    "staff_organizations_rows()",
    "staff_connections_rows()",
    "own_connections_rows()",
    "token_is_held(text)",
    "defer_job(text, jsonb, interval)",
    "audit_append(text)",
)
# Those that the worker's role alone may call: it looks for work before it has a scope.
WORKER_FUNCTIONS = ("connected_organizations()", "mirrors_behind(boolean)")


def apply(alias: str) -> None:
    """Set the rights of both roles, as the owner."""
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        _close_temporary(cursor)
        for role in {role_of("default"), role_of("worker")}:
            _apply_to(cursor, role)
        if "worker" in connections:
            _grant_jobs(cursor, role_of("worker"))


def on_columns(rights: str) -> set[tuple[str, str]]:
    """Return the rights of a list that are on some columns alone, as pairs of column and right."""
    return {
        (column.strip(), right)
        for right, columns in re.findall(r"(\w+) \(([^)]*)\)", rights)
        for column in columns.split(",")
    }


def on_the_table(rights: str) -> set[str]:
    """Return the rights of a list that are on the whole table, and not on some of its columns."""
    whole = re.sub(r"\w+ \([^)]*\)", "", rights)
    return {right.strip() for right in whole.split(",") if right.strip()}


def role_of(alias: str) -> str:
    """Return the name of the role that an alias, or else the app, connects with."""
    connection = connections[alias if alias in connections else "default"]
    return str(connection.get_connection_params()["user"])


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
    unfenced = {table: rights for table, (rights, _) in GLOBAL.items()}
    for table, rights in (SCOPED | unfenced | VIEWS).items():
        cursor.execute(sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(rights), sql.Identifier(table), name))
    for function in FUNCTIONS:
        cursor.execute(sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(sql.SQL(function), name))


def _grant_jobs(cursor: Any, role: str) -> None:
    """Let the worker have procrastinate's tables, sequences and functions, and its own functions of ours."""
    name = sql.Identifier(role)
    for function in WORKER_FUNCTIONS:
        cursor.execute(sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(sql.SQL(function), name))
    cursor.execute(
        "SELECT oid::regclass::text, relkind FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relname LIKE %s AND relkind IN ('r', 'S')",
        [OF_THE_QUEUE],
    )
    for relation, kind in cursor.fetchall():
        rights, what = (_WRITE, "TABLE") if kind == "r" else ("USAGE, SELECT", "SEQUENCE")
        cursor.execute(
            sql.SQL("GRANT {} ON {} {} TO {}").format(sql.SQL(rights), sql.SQL(what), sql.SQL(relation), name)
        )
