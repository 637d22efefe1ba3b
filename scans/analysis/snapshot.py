"""What the analysis reads: a scan's objects as columns, and what is known of its completeness."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

_TIME = pl.Datetime("us", "UTC")
# Columns of a scan's objects; trashed and vanished ones are in there too. Ids are texts. ``structure`` is
# JSON: of a data source its properties, of a database the ids of its data sources, of a user the standing.
SCHEMA: dict[str, Any] = {
    "object_id": pl.String,
    "kind": pl.String,
    "state": pl.String,
    "title": pl.String,
    "parent_kind": pl.String,
    "parent_id": pl.String,
    "created_at": _TIME,
    "edited_at": _TIME,
    "created_by": pl.String,
    "edited_by": pl.String,
    "is_archived": pl.Boolean,
    "is_locked": pl.Boolean,
    "is_public": pl.Boolean,
    "icon": pl.String,
    "structure": pl.String,
}


@dataclass(frozen=True)
class Snapshot:
    """A scan's objects, its coverage, and the objects of the scan before."""

    objects: pl.DataFrame
    coverage: dict[str, Any] = field(default_factory=dict)
    previous: pl.DataFrame | None = None

    @property
    def percent(self) -> int:
        return int(self.coverage.get("percent", 100))

    @property
    def reasons(self) -> list[str]:
        return list(self.coverage.get("reasons", []))

    @property
    def incomplete_sources(self) -> frozenset[str]:
        """Ids of the data sources whose rows were not read to the end."""
        return frozenset(self.coverage.get("incompleteSources", ()))
