"""The roles and the database of a new cluster.

In PostgreSQL 15 and newer `public` belongs to pg_database_owner, hence to the owner of each database, and
PUBLIC has USAGE on it but no CREATE. Databases that tests make from template1 inherit that; CONNECT is
PUBLIC's anyway.
"""

import psycopg
from psycopg import sql

from .server import DATABASE, USERNAMES, Server

_NEVER = "NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION"
_ATTRIBUTES = {
    "notionscan_owner": f"LOGIN CREATEDB {_NEVER}",  # CREATEDB: the tests make databases of their own
    "notionscan_app": f"LOGIN NOCREATEDB {_NEVER}",
    "notionscan_worker": f"LOGIN NOCREATEDB {_NEVER}",
}


def create_roles_and_database(server: Server) -> None:
    """Bring roles, passwords and database to what they should be; may be repeated after a kill half-way."""
    with psycopg.connect(**server.superuser_connection(), autocommit=True) as connection:
        for username, attributes in _ATTRIBUTES.items():
            _create_role(connection, username, attributes, server.passwords[username])
        if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE):
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(DATABASE), sql.Identifier(USERNAMES["owner"])
                )
            )
    for database in ("template1", DATABASE):
        with psycopg.connect(**server.superuser_connection(database), autocommit=True) as connection:
            connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")


def _create_role(connection: psycopg.Connection, username: str, attributes: str, password: str) -> None:
    verb = "ALTER" if _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", username) else "CREATE"
    # Only the SCRAM verifier travels, so the password stands in no statement.
    verifier = connection.pgconn.encrypt_password(password.encode(), username.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("{} ROLE {} {} PASSWORD {}").format(
            sql.SQL(verb), sql.Identifier(username), sql.SQL(attributes), sql.Literal(verifier.decode())
        )
    )


def _exists(connection: psycopg.Connection, query: str, name: str) -> bool:
    return connection.execute(query, [name]).fetchone() is not None
