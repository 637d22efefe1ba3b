"""Which roles connect where: the app, the worker and the owner, given or embedded."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

from environ import Env

ENGINE = "notionscan.postgresql"
_CONN_MAX_AGE_SECONDS = 60


def databases(env: Env, data_dir: Path) -> dict[str, dict[str, Any]]:
    """Return Django's DATABASES: ``default`` (the app role), and ``worker`` and ``owner`` where known.

    A process uses ``default``; ``manage.py worker`` swaps its role in, and ``migrate`` names ``owner``.
    """
    if not env.str("DATABASE_URL", ""):
        return {
            alias: _shared() | {"NAME": "notionscan", "EMBEDDED_ROLE": role, "EMBEDDED_DATA_DIR": data_dir}
            for alias, role in (("default", "app"), ("worker", "worker"), ("owner", "owner"))
        }
    names = {"default": "DATABASE_URL", "worker": "WORKER_DATABASE_URL", "owner": "DATABASE_OWNER_URL"}
    return {alias: _parsed(env, name) for alias, name in names.items() if env.str(name, "")}


def _parsed(env: Env, name: str) -> dict[str, Any]:
    parsed = dict(env.db_url(name)) | _shared()
    # libpq writes the directory of a unix socket as a percent-encoded host.
    parsed["HOST"] = unquote(parsed.get("HOST") or "")
    return parsed


def _shared() -> dict[str, Any]:
    return {
        "ENGINE": ENGINE,
        "CONN_MAX_AGE": _CONN_MAX_AGE_SECONDS,
        "CONN_HEALTH_CHECKS": True,
        # The app may talk through pgbouncer in transaction mode, where a server-side cursor is lost.
        "DISABLE_SERVER_SIDE_CURSORS": True,
        # Values as parameters of the server: sessions of the same role read each other's statements in
        # pg_stat_activity, and a failing statement is written to the server's log.
        "OPTIONS": {"server_side_binding": True},
    }
