"""The cache holds data, and nothing that runs."""

from __future__ import annotations

import base64
import os
import pickle
from pathlib import Path

from django.core.cache import cache
from django.db import connection

from notionscan.tasks import forget


class Attack:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


def test_what_sql_puts_into_the_cache_is_not_run(db: None, tmp_path: Path) -> None:
    cache.set("counter", [1.5, 2], 60)
    attack = base64.b64encode(pickle.dumps(Attack(tmp_path / "ran"))).decode()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_cache SET value = %s", [attack])
        assert cursor.rowcount == 1
    assert cache.get("counter", "nothing") == "nothing"
    assert not (tmp_path / "ran").exists()


def test_it_keeps_adds_and_forgets(db: None) -> None:
    assert cache.get("x") is None
    cache.set("x", [1, 2], 60)
    assert cache.get("x") == [1, 2]
    assert not cache.add("x", 3, 60)
    cache.set("x", 4, -1)
    assert cache.get("x", "gone") == "gone"
    assert cache.add("x", 5, 60)
    cache.set("ever", 6, None)
    assert cache.delete("x")
    assert (cache.get("x"), cache.get("ever")) == (None, 6)
    cache.set("old", 7, -1)
    assert not cache.delete("missing")
    forget(0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT cache_key FROM django_cache")
        assert [key.rpartition(":")[2] for (key,) in cursor.fetchall()] == ["ever"]
    cache.clear()
    assert cache.get("ever") is None
