"""The analysis as a whole."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl

from scans.analysis import adoption, exposure, ownership, schema, scoring, structure, vitality
from scans.analysis.assurance import coverage, judge_coverage
from scans.analysis.calibration import Calibration
from scans.analysis.frames import Frames, build
from scans.analysis.result import Analysis, Finding
from scans.analysis.snapshot import Snapshot

ENGINE_VERSION = "2"
_RULES = (structure.rules, schema.rules, vitality.rules, ownership.rules, adoption.rules, exposure.rules)
_HUBS = 20
_AGES = ((0, 90, "fresh"), (90, 180, "aging"), (180, 365, "stale"), (365, None, "dormant"))


def analyse(snapshot: Snapshot, calibration: Calibration, as_of: datetime) -> Analysis:
    """Return metrics, findings and scores of a snapshot, as of the start of its scan."""
    frames = build(snapshot, calibration, as_of)
    verdicts = [verdict for rules in _RULES for verdict in rules(frames)]
    verdicts.append(judge_coverage(frames))
    metrics = [verdict.metric for verdict in verdicts]
    found = scoring.labelled([each for verdict in verdicts for each in verdict.findings], calibration)
    dimensions, overall = scoring.scores(metrics, found, snapshot, calibration)
    findings = scoring.ranked(found, metrics, snapshot, calibration)
    return Analysis(
        engine_version=ENGINE_VERSION,
        as_of=as_of.isoformat(),
        counts=_counts(frames),
        is_small=frames.is_small,
        metrics=metrics,
        findings=findings,
        dimensions=dimensions,
        overall=overall,
        gravity=_gravity(frames),
        people=adoption.people(frames) | {"names": _names(frames, findings)},
        adoption=adoption.overview(frames),
        exposure=exposure.overview(frames),
        structure=_depths(frames),
        ages=_ages(frames.documents["age"]),
        # A row is as alive as its database.
        row_ages=_ages(frames.rows["source_quiet"]),
        schema=_schema(frames),
        coverage=coverage(frames),
    )


def _counts(frames: Frames) -> dict[str, int]:
    states = dict(frames.objects.filter(pl.col("kind") != "user").group_by("state").len().iter_rows())
    standings = dict(frames.people.filter(~pl.col("is_bot")).group_by("standing").len().iter_rows())
    return {
        "documents": frames.documents.height,
        "rows": frames.rows.height,
        "dataSources": frames.sources.height,
        "databases": frames.databases.height,
        "members": standings.get("member", 0),
        "guests": standings.get("guest", 0),
        "unresolved": standings.get("unresolved", 0),
        "bots": frames.people.filter("is_bot").height,
        "trashed": states.get("trashed", 0),
        "vanished": states.get("vanished", 0),
    }


def _names(frames: Frames, findings: list[Finding]) -> dict[str, str]:
    """Return the names of the people whom the evidence names by their id."""
    ids = [row["by"] for each in findings for row in each.evidence] + [each.owner for each in findings]
    named = frames.people.filter(pl.col("object_id").is_in(sorted({*filter(None, ids)})))
    return dict(named.select("object_id", "name").iter_rows())


def _gravity(frames: Frames) -> list[dict[str, Any]]:
    found = frames.sources.sort("gravity", "object_id", descending=[True, False]).head(_HUBS)
    return found.select(
        id="object_id",
        title=pl.col("title").str.slice(0, 200),
        gravity="gravity",
        pageRank="page_rank",
        activity="activity",
        schema="fitness",
        rows="rows",
        inbound="inbound",
        locked=pl.col("database_locked").fill_null(False),
        hub="is_hub",
    ).to_dicts()


def _depths(frames: Frames) -> dict[str, Any]:
    counts = frames.documents.drop_nulls("depth").group_by("depth").len().sort("depth")
    return {
        "depths": [{"depth": depth, "documents": count} for depth, count in counts.iter_rows()],
        "unresolved": frames.documents["depth"].null_count(),
    }


def _ages(age: pl.Series) -> dict[str, int]:
    return {
        name: int(((age >= low) & (age < high if high is not None else True)).sum())
        for low, high, name in _AGES
    }


def _schema(frames: Frames) -> dict[str, Any]:
    counts = frames.properties.group_by("type").len().sort("len", "type", descending=[True, False])
    return {
        "properties": frames.properties.height,
        "types": [{"type": kind or "", "properties": count} for kind, count in counts.iter_rows()],
    }
