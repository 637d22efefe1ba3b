"""Figure: the newest events of one organization among a million, with row security and without."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from time import perf_counter
from uuid import UUID

from django.db import connection, transaction
from psycopg import Cursor, sql

from audit import selectors
from notionscan import rls
from tests import database
from tests.bench.figure import Figure
from tests.bench.pairs import Timed, compare

_ORGANIZATIONS = 1_000
_ROWS_EACH = 1_000
_TARGET = 1.15
_PAIRS = 2_000
_FENCED, _OPEN = "bench_fenced", "bench_open"
_HOW = (
    f"Two copies of audit_event with its indexes, {_ORGANIZATIONS} organizations × {_ROWS_EACH} rows each, "
    "mixed as time mixes them; one has the product's policies, the other none. The audit page's own first "
    "query for a random organization, as the app's role, each in a transaction with the scope bound; timed: "
    "execute and fetch, without BEGIN, binding and COMMIT. Interleaved pairs, bootstrap interval of the "
    "median."
)
_LOAD = """
    INSERT INTO {table}
    SELECT gen_random_uuid(), md5((n % {organizations})::text)::uuid,
           timestamptz '2026-01-01' + n * interval '1 second',
           (ARRAY['auth.login', 'auth.logout', 'member.added', 'access.denied'])[1 + n / {organizations} % 4],
           'success', md5((n % 7)::text)::uuid, 'person-' || n % 7 || '@acme.example', 'integration',
           gen_random_uuid()::text, 'Acme Atlas', md5(n::text), NULL, '{{"connection_type": "internal"}}',
           n / {organizations} + 1, encode(sha256(n::text::bytea), 'hex')
    FROM generate_series(0, {organizations} * {rows} - 1) AS n
"""


def measure() -> Iterator[Figure]:
    with database.superuser() as cursor:
        _create(cursor)
    _require_fence()
    dice = random.Random(3)
    wanted = [_organization(dice.randrange(_ORGANIZATIONS)) for _ in range(_PAIRS)]
    # Every organization's rows have been read before, on both sides: no disk is measured.
    found = compare(_list(_FENCED, wanted), _list(_OPEN, wanted), pairs=_PAIRS, warm_up=_PAIRS)
    yield Figure(
        name="list query, row security on against off",
        values=found.values(),
        target=f"median ratio at most {_TARGET}",
        met=found.ratio <= _TARGET,
        how=_HOW,
    )


def _organization(number: int) -> UUID:
    """Return the id that ``_LOAD`` gave to the organization of this number."""
    return UUID(hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest())


def _create(cursor: Cursor) -> None:
    """Make both tables, as the owner; the fence comes after the rows, because it binds the owner too."""
    app = sql.Identifier(str(connection.get_connection_params()["user"]))
    for table in (_FENCED, _OPEN):
        name = sql.Identifier(table)
        # Unlogged, because only the loading would feel the log.
        cursor.execute(sql.SQL("CREATE UNLOGGED TABLE {} (LIKE audit_event INCLUDING ALL)").format(name))
        cursor.execute(_LOAD.format(table=table, organizations=_ORGANIZATIONS, rows=_ROWS_EACH))
        cursor.execute(sql.SQL("VACUUM (ANALYZE) {}").format(name))
        cursor.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(name, app))
    for statement in rls.policy_statements(_FENCED, "organization_id"):
        cursor.execute(statement)


def _require_fence() -> None:
    """Raise unless the policy is what the app's role meets on the one table, and not on the other."""
    ours, theirs = _organization(1), _organization(2)
    if _newest(_FENCED, theirs, scope_of=ours)[0] or not _newest(_OPEN, theirs, scope_of=ours)[0]:
        raise AssertionError("The tables are not the ones that were meant.")


def _list(table: str, wanted: list[UUID]) -> Timed:
    def timed(number: int) -> float:
        rows, seconds = _newest(table, wanted[number], scope_of=wanted[number])
        if rows != selectors.PAGE_SIZE + 1:
            raise AssertionError(f"{table} gave {rows} rows.")
        return seconds

    return timed


def _newest(table: str, organization: UUID, *, scope_of: UUID) -> tuple[int, float]:
    """Read an organization's newest events in a scope; returns how many came, and the seconds."""
    newest = selectors.events(organization)[: selectors.PAGE_SIZE + 1]
    query, parameters = newest.query.sql_with_params()
    query = query.replace('"audit_event"', f'"{table}"')
    scope = rls.organization_scope(scope_of)
    with rls.scope(scope), transaction.atomic(), connection.cursor() as cursor:
        # Opening the cursor has bound the scope.
        started = perf_counter()
        cursor.execute(query, parameters)
        rows = cursor.fetchall()
        return len(rows), perf_counter() - started
