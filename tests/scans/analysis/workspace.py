"""A small workspace to judge, built object by object."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from scans.analysis import Analysis, Snapshot, analyse
from scans.analysis.calibration import Calibration
from scans.analysis.result import Finding, Metric
from scans.analysis.snapshot import SCHEMA

AS_OF = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Workspace:
    """Objects get ids of a seed, so that two builders with other seeds make the same under other ids."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self.objects: list[dict[str, Any]] = []
        self.coverage: dict[str, Any] = {"percent": 100, "reasons": []}
        self.previous: list[dict[str, Any]] | None = None
        self.ann = self.person("Ann")

    def add(self, kind: str, **values: Any) -> str:
        number = len(self.objects)
        object_id = str(uuid.uuid5(uuid.UUID(int=self._seed), str(number)))
        edited = values.pop("age", 1)
        created = values.pop("created", max(edited, 400))
        who = values.pop("by", None)
        made = {
            "object_id": object_id,
            "kind": kind,
            "state": "live",
            "title": f"{kind} {number}",
            "parent_kind": "workspace",
            # Each at a time of its own, so that no day holds them all.
            "edited_at": AS_OF - timedelta(days=edited, minutes=number),
            "created_at": AS_OF - timedelta(days=created, minutes=number),
            "created_by": who,
            "edited_by": who,
            "is_archived": False,
            "is_locked": False,
            "is_public": False,
        }
        self.objects.append(made | values)
        return object_id

    def person(self, name: str, *, standing: str = "member", kind: str = "person") -> str:
        told = json.dumps({"standing": standing, "type": kind})
        return self.add("user", title=name, parent_kind="", structure=told, created_at=None, edited_at=None)

    def page(self, title: str | None = None, *, inside: str | None = None, **values: Any) -> str:
        values.setdefault("by", self.ann)
        if title is not None:
            values["title"] = title
        if inside is not None:
            values |= {"parent_kind": "page_id", "parent_id": inside}
        return self.add("page", **values)

    def database(
        self,
        title: str = "Tasks",
        *,
        rows: int = 0,
        row_age: int = 1,
        properties: list[dict[str, Any]] | None = None,
        inside: str | None = None,
        is_public: bool = False,
        is_locked: bool = False,
        **values: Any,
    ) -> str:
        """Add a database with its one data source and rows; returns the data source's id."""
        place = {"parent_kind": "page_id", "parent_id": inside} if inside else {}
        values.setdefault("by", self.ann)
        holder = self.add(
            "database", title=title, is_public=is_public, is_locked=is_locked, **place, **values
        )
        schema = [{"id": "title", "name": "Name", "type": "title"}, *(properties or [])]
        source = self.add(
            "data_source",
            title=title,
            parent_kind="database_id",
            parent_id=holder,
            structure=json.dumps(schema),
            **values,
        )
        for _ in range(rows):
            self.row(source, age=row_age, by=values["by"])
        return source

    def row(self, source: str, **values: Any) -> str:
        return self.add("page", parent_kind="data_source_id", parent_id=source, **values)

    def fill(self, count: int = 60) -> Workspace:
        """Add documents in which nothing is wrong, so that shares are told."""
        home = self.page("Home")
        for number in range(count - 1):
            # Six weeks of edits, so that no day has a fifth of them.
            self.page(f"Topic {_word(number)}", inside=home, age=1 + number % 40)
        return self

    def object(self, object_id: str) -> dict[str, Any]:
        return next(each for each in self.objects if each["object_id"] == object_id)

    def snapshot(self) -> Snapshot:
        previous = None if self.previous is None else frame(self.previous)
        return Snapshot(frame(self.objects), self.coverage, previous)

    def analysis(self, calibration: dict[str, Any] | None = None) -> Analysis:
        return analyse(self.snapshot(), Calibration.of(calibration or {}), AS_OF)

    def metric(self, rule: str, calibration: dict[str, Any] | None = None) -> Metric:
        return next(each for each in self.analysis(calibration).metrics if each.id == rule)

    def findings(self, rule: str, calibration: dict[str, Any] | None = None) -> list[Finding]:
        return [each for each in self.analysis(calibration).findings if each.rule == rule]


def frame(objects: list[dict[str, Any]]) -> pl.DataFrame:
    records = [{name: each.get(name) for name in SCHEMA} for each in objects]
    return pl.DataFrame(records, schema=SCHEMA)


def _word(number: int) -> str:
    """Return a word for a number: digits alone would be one title, as versions are."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number)) + "x"
