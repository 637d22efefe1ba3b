"""``manage.py check --database default``: the catalogue's faults as Django's system checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import connections

from notionscan import catalogue, grants


@checks.register(checks.Tags.database)
def database(*, databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Report each hole in the fences, and a server that is known to have one of its own."""
    found: list[checks.CheckMessage] = []
    for alias in databases or ():
        # The owner is bound by none of this, and makes the tables that are not there yet.
        if alias != "owner":
            with connections[alias].cursor() as cursor:
                faults = catalogue.faults(cursor, role=grants.role_of("default"))
                version = catalogue.server_version(cursor)
            found += [checks.Error(fault.sentence, id=f"notionscan.E{fault.number:03}") for fault in faults]
            found += _minor(version, is_embedded=bool(connections[alias].settings_dict.get("EMBEDDED_ROLE")))
    return found


def _minor(version: int, *, is_embedded: bool) -> list[checks.CheckMessage]:
    major, minor = divmod(version, 10_000)
    safe = catalogue.SAFE_MINORS.get(major)
    if safe is None or minor >= safe:
        return []
    kind = checks.Info if is_embedded else checks.Warning
    return [
        kind(
            f"PostgreSQL {major}.{minor} shows rows through ON CONFLICT DO UPDATE despite row security "
            f"(CVE-2026-120154); update it to {major}.{safe}.",
            id="notionscan.W001",
        )
    ]
