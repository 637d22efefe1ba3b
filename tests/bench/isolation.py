"""Figure: whole pages with the signed scope and row security, against the same pages without either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import psycopg
from django.db import connections
from django.test import Client
from psycopg import sql

from notionscan.postgresql.base import DatabaseWrapper
from tests import database
from tests.bench.figure import Figure
from tests.bench.pairs import Timed, compare
from tests.bench.world import Place
from tests.factories import log_in

_TARGET = 1.15
_PAIRS = 2_000
_PAGES = {"card page": "integrations/", "members page": "members/", "audit page": "audit/"}
_HOW = (
    "Two databases with the same rows: one as the product has it, and a copy with row security switched off, "
    "over a backend that binds, signs and checks nothing. Django's test client in this process, committed "
    "data, DEBUG off; the whole request is timed; interleaved pairs, bootstrap interval of the median."
)


class _Unfenced(DatabaseWrapper):
    """The product's backend as it would be without a scope."""

    def bind(self) -> None:
        pass

    def _execute_in_scope(
        self, execute: Callable[..., Any], query: Any, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        return execute(query, params, many, context)


def measure(place: Place) -> Iterator[Figure]:
    client = Client()
    log_in(client, place.admin)
    fenced = connections["default"]
    name = _copy_without_fences()
    unfenced = _Unfenced(fenced.settings_dict | {"NAME": name}, "default")
    try:
        _require_difference(place, fenced, unfenced)
        for page, path in {
            "card page": "integrations/",
            "members page": "members/",
            "audit page": "audit/",
        }.items():
            address = f"/orgs/{place.organization.slug}/{path}"
            found = compare(
                _get(client, address, fenced), _get(client, address, unfenced), pairs=_PAIRS, warm_up=50
            )
            yield Figure(
                name=f"{page}, signed scope and row security against none",
                values=found.values(),
                target=f"median ratio at most {_TARGET}",
                met=found.ratio <= _TARGET,
                how=_HOW,
            )
    finally:
        connections["default"] = fenced
        unfenced.close()
        _owner("postgres", sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def _copy_without_fences() -> str:
    original = connections["default"].settings_dict["NAME"]
    copy = f"{original}_open"
    # A database is copied only while nobody uses it.
    for alias in connections:
        connections[alias].close()
    names = {"copy": sql.Identifier(copy), "original": sql.Identifier(original)}
    _owner("postgres", sql.SQL("DROP DATABASE IF EXISTS {copy}").format(**names))
    _owner("postgres", sql.SQL("CREATE DATABASE {copy} TEMPLATE {original}").format(**names))
    _owner(
        copy,
        "DO $$ DECLARE fenced regclass; BEGIN "
        "FOR fenced IN SELECT oid FROM pg_class WHERE relrowsecurity LOOP "
        "EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', fenced); END LOOP; END $$",
        "ANALYZE",
    )
    _owner(original, "ANALYZE")
    return copy


def _owner(name: str, *statements: str | sql.Composed) -> None:
    parameters = psycopg.conninfo.conninfo_to_dict(database.url("owner")) | {"dbname": name}
    with psycopg.connect(**parameters, autocommit=True) as connection:  # type: ignore[arg-type]
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]


def _require_difference(place: Place, fenced: DatabaseWrapper, unfenced: DatabaseWrapper) -> None:
    """Raise unless the one database hides rows without a scope, and the other does not."""
    for wrapper, expected in ((fenced, 0), (unfenced, 1)):
        with psycopg.connect(**wrapper.get_connection_params()) as connection:
            query = "SELECT count(*) FROM tenants_organization WHERE id = %s"
            if connection.execute(query, [place.organization.pk]).fetchone() != (expected,):
                raise AssertionError("The databases are not the ones that were meant.")


def _get(client: Client, path: str, wrapper: DatabaseWrapper) -> Timed:
    def timed(number: int) -> float:
        connections["default"] = wrapper
        started = perf_counter()
        response = client.get(path)
        seconds = perf_counter() - started
        if response.status_code != 200:
            raise AssertionError(f"{path} answered {response.status_code}.")
        return seconds

    return timed
