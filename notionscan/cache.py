"""The cache in the database, as JSON: Django's own unpickles what it finds, and runs what SQL put there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.db import BaseDatabaseCache
from django.db import connection

_FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)
_KEEP = """
    INSERT INTO django_cache AS held (cache_key, value, expires) VALUES (%s, %s, %s)
    ON CONFLICT (cache_key) DO UPDATE SET value = EXCLUDED.value, expires = EXCLUDED.expires
    WHERE %s OR held.expires <= now()
"""


class JsonCache(BaseDatabaseCache):
    """Holds what JSON can hold, which allauth's counters are."""

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT value FROM django_cache WHERE cache_key = %s AND expires > now()",
                [self.make_and_validate_key(key, version=version)],
            )
            found = cursor.fetchone()
        try:
            return json.loads(found[0]) if found else default
        except ValueError:
            return default

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._keep(key, value, timeout, version, replace=True)

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._keep(key, value, timeout, version, replace=False)

    def delete(self, key: str, version: int | None = None) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM django_cache WHERE cache_key = %s",
                [self.make_and_validate_key(key, version=version)],
            )
            return bool(cursor.rowcount)

    def forget_expired(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_cache WHERE expires <= now()")

    def clear(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_cache")

    def _keep(self, key: str, value: Any, timeout: Any, version: int | None, *, replace: bool) -> bool:
        until = self.get_backend_timeout(timeout)
        expires = _FOR_EVER if until is None else datetime.fromtimestamp(until, UTC)
        name = self.make_and_validate_key(key, version=version)
        with connection.cursor() as cursor:
            cursor.execute(_KEEP, [name, json.dumps(value), expires, replace])
            return bool(cursor.rowcount)
