"""Relations between databases: into the trash, to where nobody sees, and shown on one side only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from scans.analysis.frames import Frames
from scans.analysis.measures import MOST_ALONE, Rule, Verdict, because, finding, metric, number
from scans.analysis.result import Finding

_BROKEN = Rule(
    "M4",
    "schema",
    "Broken or one-way relations",
    "Restore the target from the trash, or remove the relation.",
    "S",
)
_ONE_WAY = replace(_BROKEN, remedy="Show the relation on the other side as well, where people look for it.")


def judge_relations(frames: Frames) -> Verdict:
    """A target in the trash is broken; one that nobody sees may only not be shared."""
    relations = _with_targets(frames)
    broken = relations.filter(pl.col("fate") == "broken").sort(
        "gravity", "source", "id", descending=[True, False, False]
    )
    unseen = relations.filter(pl.col("fate") == "unreachable").height
    known = relations.height - unseen
    # One that leads to itself has no other side.
    one_way = relations.filter(
        (pl.col("fate") == "whole")
        & ~pl.col("both_ways").fill_null(False)
        & (pl.col("source") != pl.col("target"))
    )
    formula = (
        "Relations whose target is in the trash, by all whose target is known. Targets that were not seen "
        f"count neither way: {unseen:,}. Relations that only one side shows: {one_way.height:,}; rollups "
        f"over a broken relation: {_rollups_over(frames, broken):,}."
    )
    value = broken.height / known if known else None
    judged = metric(
        frames,
        _BROKEN,
        value,
        float(broken.height),
        float(known),
        formula,
        can_tell=bool(known) or not relations.height,
    )
    findings = [_broken(frames, each, formula) for each in broken.head(MOST_ALONE).iter_rows(named=True)]
    if broken.height > MOST_ALONE:
        findings.append(_more_broken(frames, broken.slice(MOST_ALONE), formula))
    if one_way.height:
        findings.append(_one_way(frames, one_way, formula))
    return Verdict(replace(judged, affected=broken.height, among=known), findings)


def _broken(frames: Frames, relation: dict[str, Any], formula: str) -> Finding:
    """Tell of one broken relation, together with what is rolled up over it."""
    over = frames.properties.filter(
        (pl.col("type") == "rollup") & (pl.col("source") == relation["source"])
    ).filter(pl.col("over") == relation["id"])
    properties = [f"Property {relation['name']}", *(f"rollup {name} over it" for name in over["name"])]
    return finding(
        frames,
        _BROKEN,
        severity="high" if relation["is_hub"] else "medium",
        title="A relation of a hub leads into the trash"
        if relation["is_hub"]
        else "A relation leads into the trash",
        formula=formula,
        evidence=because(frames.sources.filter(object_id=relation["source"]), ", ".join(properties)[:200]),
        about=[relation["source"], relation["id"]],
        weight=relation["gravity"] / _all_gravity(frames),
    )


def _more_broken(frames: Frames, broken: pl.DataFrame, formula: str) -> Finding:
    return finding(
        frames,
        _BROKEN,
        severity="high" if broken["is_hub"].any() else "medium",
        title=f"{broken.height:,} more relations lead into the trash",
        formula=formula,
        evidence=_properties_as_evidence(frames, broken),
        about=["more"],
        weight=number(broken["gravity"].sum()) / _all_gravity(frames),
    )


def _one_way(frames: Frames, one_way: pl.DataFrame, formula: str) -> Finding:
    return finding(
        frames,
        _ONE_WAY,
        severity="low",
        title=f"{one_way.height:,} {'relation is' if one_way.height == 1 else 'relations are'} shown on one "
        "side only",
        formula=formula,
        evidence=_properties_as_evidence(frames, one_way),
        about=["one-way"],
        weight=number(one_way.unique("source")["gravity"].sum()) / _all_gravity(frames),
    )


def _properties_as_evidence(frames: Frames, relations: pl.DataFrame) -> pl.DataFrame:
    named = relations.select(
        object_id="source", reason=pl.format("Property {}", pl.col("name").fill_null("").str.slice(0, 180))
    )
    return frames.sources.join(named, on="object_id", how="inner").sort(
        "gravity", "object_id", "reason", descending=[True, False, False]
    )


def _all_gravity(frames: Frames) -> float:
    return number(frames.sources["gravity"].sum()) or 1.0


def _with_targets(frames: Frames) -> pl.DataFrame:
    containers = frames.objects.filter(kind="database").select(parent_id="object_id", held="state")
    targets = (
        frames.objects.filter(kind="data_source")
        .join(containers, on="parent_id", how="left")
        .select(target="object_id", state="state", held="held")
    )
    is_trashed = (pl.col("state") == "trashed") | (pl.col("held") == "trashed")
    asked = frames.judged("M4", frames.sources).select(source="object_id", is_hub="is_hub", gravity="gravity")
    return (
        frames.properties.filter(type="relation")
        .join(asked, on="source", how="inner")
        .join(targets, on="target", how="left")
        .with_columns(
            fate=pl.when(is_trashed)
            .then(pl.lit("broken"))
            .when(pl.col("state") == "live")
            .then(pl.lit("whole"))
            .otherwise(pl.lit("unreachable"))
        )
        .sort("source", "id")
    )


def _rollups_over(frames: Frames, broken: pl.DataFrame) -> int:
    over = frames.properties.filter(type="rollup").select("source", id="over")
    return over.join(broken.select("source", "id"), on=["source", "id"], how="semi").height
