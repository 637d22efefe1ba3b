"""How schemas changed since the scan before."""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl

from scans.analysis.frames import Frames
from scans.analysis.measures import Rule, Verdict, share, worst_first

# Not scored: the first scan cannot tell, and a trend compares it with later ones.
_DRIFT = Rule(
    "M6",
    "schema",
    "Schema drift",
    "Ask whoever changed it whether everything that reads it still works.",
    is_scored=False,
)


def judge_drift(frames: Frames) -> Verdict:
    """Compare with the scan before, by the ids of properties. What is not seen any more has not drifted."""
    before = _before(frames)
    among = frames.judged("M6", frames.sources).filter(
        pl.col("object_id").is_in(before["source"].unique().to_list())
    )
    changes = _changes(before, frames.properties).join(
        among.select(source="object_id"), on="source", how="semi"
    )
    of_sources = changes.group_by(object_id="source", maintain_order=True).agg(
        pl.col("change").str.join("; ").alias("reason"), pl.col("is_hard").any()
    )
    found = worst_first(among.join(of_sources, on="object_id", how="inner"), "is_hub", "is_hard", "gravity")
    verdict = share(
        frames,
        _DRIFT,
        affected=found,
        among=among,
        weight="gravity",
        is_weighed=True,
        saying="The schema of {} of the databases has changed since the last scan",
        formula="Gravity of the data sources of which a property was renamed, retyped, removed, "
        "or relates to "
        "something else since the scan before, by the gravity of all that both scans saw.",
    )
    if found.filter(pl.col("is_hub") & pl.col("is_hard")).height:
        return Verdict(verdict.metric, [replace(each, severity="critical") for each in verdict.findings])
    return verdict


def _before(frames: Frames) -> pl.DataFrame:
    previous = frames.snapshot.previous if frames.snapshot.previous is not None else frames.objects.head(0)
    records = [
        {"source": source, **{name: each.get(name) for name in ("id", "name", "type", "target")}}
        for source, structure in previous.filter(kind="data_source", state="live")
        .select("object_id", "structure")
        .sort("object_id")
        .iter_rows()
        for each in (json.loads(structure) if structure else [])
    ]
    return pl.DataFrame(records, schema=dict.fromkeys(("source", "id", "name", "type", "target"), pl.String))


def _changes(before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    both = before.join(
        now.select("source", "id", now_name="name", now_type="type", now_target="target"),
        on=["source", "id"],
        how="left",
    ).sort("source", "id")
    removed = pl.col("now_type").is_null()
    retyped = pl.col("type") != pl.col("now_type")
    retargeted = pl.col("target") != pl.col("now_target")
    renamed = pl.col("name") != pl.col("now_name")
    return both.with_columns(
        change=pl.when(removed)
        .then(pl.format("{} removed", "name"))
        .when(retyped)
        .then(pl.format("{} is {} and was {}", "name", "now_type", "type"))
        .when(retargeted)
        .then(pl.format("{} relates to something else", "name"))
        .when(renamed)
        .then(pl.format("{} was renamed to {}", "name", "now_name")),
        is_hard=(removed | retyped).fill_null(False),
    ).filter(pl.col("change").is_not_null())
