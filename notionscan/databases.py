"""Which roles connect where: the app, the worker and the owner, given or embedded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
    found = {"default": env.db_url("DATABASE_URL")}
    for alias, name in (("worker", "WORKER_DATABASE_URL"), ("owner", "DATABASE_OWNER_URL")):
        if env.str(name, ""):
            found[alias] = env.db_url(name)
    return {alias: dict(parsed) | _shared() for alias, parsed in found.items()}


def _shared() -> dict[str, Any]:
    return {
        "ENGINE": ENGINE,
        "CONN_MAX_AGE": _CONN_MAX_AGE_SECONDS,
        "CONN_HEALTH_CHECKS": True,
        # The app may talk through pgbouncer in transaction mode, where a server-side cursor is lost.
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }
