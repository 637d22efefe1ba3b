"""Django's PostgreSQL backend, plus two things: the scope's binding and the embedded server's address.

Why here and not in middleware: a session-level setting gave other tenants' rows under pgbouncer
(307 of 600 requests), and a setting made in middleware came after ATOMIC_REQUESTS' BEGIN. The backend
sees every statement, so no code path can forget the scope and no connection keeps it.
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus

from notionscan import rls

logger = logging.getLogger("notionscan.scope")
_UNBOUND = object()
# Two aliases cannot see each other's open transactions and could wait for each other for ever.
_LOCK_TIMEOUT = "10s"
# A worker that is paused in the middle of a transaction must not keep its locks: others wait to go on for it.
_JOB_IDLE_TIMEOUT = "60s"
# Without pg_temp at the end, a temporary table would be found before ours of the same name.
_BOUNDS = (
    f"pg_catalog.set_config('lock_timeout', '{_LOCK_TIMEOUT}', true), "
    "pg_catalog.set_config('search_path', 'public, pg_temp', true)"
)
_BIND = f"SELECT public.scope_bind(%s, %s), {_BOUNDS}"
_BIND_JOB = (
    f"{_BIND}, pg_catalog.set_config('idle_in_transaction_session_timeout', '{_JOB_IDLE_TIMEOUT}', true)"
)
_UNBIND = f"SELECT pg_catalog.set_config('{rls.SETTING}', '', true), {_BOUNDS}"


@functools.cache
def _scoped_tables() -> re.Pattern[str]:
    names = "|".join(re.escape(model._meta.db_table) for model in rls.scoped_models())
    return re.compile(rf"\b({names})\b")


class DatabaseWrapper(base.DatabaseWrapper):
    """Binds ``rls.current()`` to each transaction, and refuses scoped tables outside of one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bound: object = _UNBOUND
        self.execute_wrappers.append(self._execute_in_scope)

    def get_connection_params(self) -> dict[str, Any]:
        role = self.settings_dict.get("EMBEDDED_ROLE")
        if role is None:
            return super().get_connection_params()
        from notionscan import embedded_postgres

        server = embedded_postgres.ensure_running(Path(self.settings_dict["EMBEDDED_DATA_DIR"]))
        database = self.settings_dict["NAME"] or embedded_postgres.DATABASE
        return super().get_connection_params() | server.connection(role, database)

    def bind(self) -> None:
        """Bind the scope of this moment to the open transaction, unless it is bound already."""
        scope = rls.current()
        if scope == self._bound or not self.in_atomic_block:
            return
        # A failed transaction takes no statement; its rollback takes the binding back with it.
        if self.connection.info.transaction_status == TransactionStatus.INERROR:
            return
        # A plain cursor sends the values as parameters of the server, so that pg_stat_activity shows $1:
        # sessions of the same role read it, and could use the signature.
        with psycopg.Cursor(self.connection) as cursor:
            bind = _BIND_JOB if scope and scope.kind == rls.Kind.JOB else _BIND
            if scope is None:
                cursor.execute(_UNBIND)
            elif not cursor.execute(bind, scope.signed()).fetchone()[0]:  # type: ignore[index]
                logger.error(
                    "The database refuses our scopes, so nobody sees any row. SCOPE_SIGNING_KEY is not the "
                    "one it knows (run manage.py migrate), or the clocks differ by minutes."
                )
        self._bound = scope

    def _execute_in_scope(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        if self.in_atomic_block:
            self.bind()
        elif found := _scoped_tables().search(str(sql)):
            raise rls.ScopeMissing(
                f"{found[1]} was queried outside a transaction; open one with transaction.atomic()."
            )
        return execute(sql, params, many, context)

    def create_cursor(self, name: str | None = None) -> Any:
        # COPY goes past the execute wrappers.
        self.bind()
        return super().create_cursor(name)

    # Whatever ends a transaction, or takes part of it back, takes the binding with it.

    def connect(self) -> None:
        self._bound = _UNBOUND
        super().connect()

    def _set_autocommit(self, autocommit: bool) -> None:
        self._bound = _UNBOUND
        super()._set_autocommit(autocommit)  # type: ignore[misc]  # not in the stubs

    def _commit(self) -> None:
        self._bound = _UNBOUND
        super()._commit()  # type: ignore[misc]  # not in the stubs

    def _rollback(self) -> None:
        self._bound = _UNBOUND
        super()._rollback()  # type: ignore[misc]  # not in the stubs

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc]  # not in the stubs
        self._bound = _UNBOUND
