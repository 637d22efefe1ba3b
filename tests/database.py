"""The test database: made by the owner, used as the app's role."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import psycopg
from django.db import connections

from notionscan import rls
from notionscan.management.commands import migrate
from tenants.models import Organization

# Of the tables, those that the product fills when it is set up, and the one that a running worker stands in.
_KEPT = (
    "django_migrations",
    "django_content_type",
    "auth_permission",
    "notionscan_scopekey",
    "procrastinate_workers",
)
_TRIES = 5


def create(*, suffix: str, keep: bool) -> str:
    """Create and migrate the database, and let every alias use it. Returns its name."""
    owner = connections["owner"]
    if suffix:
        owner.settings_dict["TEST"]["NAME"] = f"test_{owner.settings_dict['NAME']}_{suffix}"
    # A hole in the fences makes those tests red that look for it, and not all at once.
    with mock.patch.object(migrate.Command, "_refuse_holes"):
        name = owner.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False, keepdb=keep)
    for alias in connections:
        # The handler makes each thread's connection from these settings.
        connections.settings[alias]["NAME"] = name
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = name
    return name


def drop(name: str) -> None:
    """Drop the database, after ending the sessions that other threads and contexts left open."""
    for alias in ("default", "worker"):
        connections[alias].close()
        with psycopg.connect(url(alias), autocommit=True) as connection:
            # A role may end its own sessions, and only those.
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = %s AND usename = current_user AND pid <> pg_backend_pid()",
                [name],
            )
    connections["owner"].creation.destroy_test_db(name, verbosity=0)


def url(alias: str) -> str:
    """Return the address of the test database for another process, in the form of DATABASE_URL."""
    params = connections[alias].get_connection_params()
    host = str(params.get("host") or "localhost").replace("/", "%2F")
    return (
        f"postgres://{params['user']}:{params['password']}@{host}:{params.get('port') or 5432}"
        f"/{connections[alias].settings_dict['NAME']}"
    )


def process_environment() -> dict[str, str]:
    """Return the environment of a process that uses the test database."""
    return os.environ | {
        "DATABASE_URL": url("default"),
        "WORKER_DATABASE_URL": url("worker"),
        "DATABASE_OWNER_URL": url("owner"),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
    }


@contextmanager
def superuser() -> Iterator[psycopg.Cursor]:
    """Give a cursor that row security does not bind: the owner, with row security off by TRUNCATE alone."""
    with psycopg.connect(url("owner"), autocommit=True) as connection, connection.cursor() as cursor:
        yield cursor


def empty() -> None:
    """Empty every table, as only the owner can."""
    with superuser() as cursor:
        cursor.execute(
            "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables "
            "WHERE schemaname = 'public' AND tablename <> ALL (%s)",
            [list(_KEPT)],
        )
        tables = cursor.fetchone()[0]
        for tries_left in reversed(range(_TRIES)):
            try:
                cursor.execute(f"TRUNCATE {tables} CASCADE")
            except psycopg.errors.DeadlockDetected:
                # A worker is in the middle of a job.
                if not tries_left:
                    raise
            else:
                return


@contextmanager
def as_app(organization: Organization) -> Iterator[psycopg.Connection]:
    """Give another session of the app's role, in the organization's scope and an open transaction."""
    with psycopg.connect(url("default")) as session:
        session.execute("SELECT scope_bind(%s, %s)", rls.organization_scope(organization.pk).signed())
        yield session
        session.rollback()
