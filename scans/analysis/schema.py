"""Are the databases well made: twins, bloat, broken relations, islands, and drift since the last scan."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl

from scans.analysis.frames import Frames
from scans.analysis.measures import (
    Rule,
    Verdict,
    because,
    finding,
    metric,
    number,
    severity_of,
    share,
    worst_first,
)
from scans.analysis.result import Finding

_TWINS = Rule(
    "M1",
    "schema",
    "Schema twins",
    "Merge the twins into one database with a property that tells them apart.",
    "L",
)
_BLOAT = Rule("M2", "schema", "Bloated schemas", "Remove properties and options that nobody fills.")
_BROKEN = Rule(
    "M4", "schema", "Broken relations", "Restore the target from the trash, or remove the relation.", "S"
)
_ISLANDS = Rule(
    "M5", "schema", "Islands", "Relate it to what its rows speak of, such as projects or accounts."
)
_DRIFT = Rule(
    "M6", "schema", "Schema drift", "Ask whoever changed it whether everything that reads it still works."
)
# Properties that Notion gives to every new database say nothing of it.
_GIVEN = (("tags", "multi_select"), ("status", "status"), ("assign", "people"), ("created", "created_time"))
_LEAST_PROPERTIES = 4
# Rows of the matrix of likeness that are computed at once.
_BLOCK = 512


def rules(frames: Frames) -> list[Verdict]:
    verdicts = [_twins(frames), _bloat(frames), _relations(frames), _islands(frames)]
    return [*verdicts, _drift(frames)] if frames.snapshot.previous is not None else verdicts


# Twins ---------------------------------------------------------------------------------------------------


def _twins(frames: Frames) -> Verdict:
    limits = frames.limits("M1")
    sources = frames.judged("M1", frames.sources)
    clusters = _clusters(frames, sources, limits["likeness"])
    formula = (
        f"Data sources with at least {_LEAST_PROPERTIES} properties of their own of which names "
        "and types are "
        f"alike by {100 * limits['likeness']:.0f} % or more (Jaccard), and no relation between them."
    )
    value = float(len(clusters))
    return Verdict(
        metric(frames, _TWINS, value, "count", value, float(sources.height), formula),
        [_twin_finding(frames, sources, clusters, formula)] if clusters else [],
    )


def _twin_finding(frames: Frames, sources: pl.DataFrame, clusters: list[list[str]], formula: str) -> Finding:
    groups = {each: number for number, cluster in enumerate(clusters, start=1) for each in cluster}
    found = (
        sources.filter(pl.col("object_id").is_in(list(groups)))
        .with_columns(group=pl.col("object_id").replace_strict(groups, return_dtype=pl.Int64))
        .sort("group", "gravity", "object_id", descending=[False, True, False])
    )
    return finding(
        frames,
        _TWINS,
        severity=severity_of(frames, _TWINS, float(len(clusters))),
        title=f"{len(clusters):,} group{'' if len(clusters) == 1 else 's'} of databases have nearly the same "
        "schema",
        formula=formula,
        evidence=because(found, pl.format("A twin of others, group {}", "group")),
        weight=number(found["gravity"].sum()) / (number(frames.sources["gravity"].sum()) or 1),
    )


def _clusters(frames: Frames, sources: pl.DataFrame, likeness: float) -> list[list[str]]:
    own = (
        frames.properties.filter(pl.col("source").is_in(sources["object_id"].to_list()))
        .with_columns(pl.col("name").fill_null("").str.strip_chars().str.to_lowercase())
        .filter(pl.col("type") != "title")
        .filter(~pl.concat_str("name", "type", separator="|").is_in([f"{n}|{t}" for n, t in _GIVEN]))
        .select("source", feature=pl.concat_str("name", "type", separator="|"))
        .unique()
        .with_columns(pl.len().over("source").alias("size"))
        .filter(pl.col("size") >= _LEAST_PROPERTIES)
        .sort("source", "feature")
    )
    ids = own["source"].unique(maintain_order=True).to_list()
    joined = {
        frozenset(pair)
        for pair in frames.properties.filter(type="relation").select("source", "target").iter_rows()
    }
    groups = {each: each for each in ids}
    for one, other in _alike(own, ids, likeness):
        if frozenset((one, other)) not in joined:
            _join(groups, one, other)
    clusters: dict[str, list[str]] = {}
    for each in ids:
        clusters.setdefault(_root(groups, each), []).append(each)
    return sorted(cluster for cluster in clusters.values() if len(cluster) > 1)


def _alike(own: pl.DataFrame, ids: list[str], likeness: float) -> Iterator[tuple[str, str]]:
    features = own["feature"].unique(maintain_order=True).to_list()
    if not ids:
        return
    matrix = np.zeros((len(ids), len(features)), dtype=np.float32)
    places = own["source"].replace_strict(dict(zip(ids, range(len(ids)), strict=True))).to_numpy()
    columns = own["feature"].replace_strict(dict(zip(features, range(len(features)), strict=True))).to_numpy()
    matrix[places, columns] = 1
    sizes = matrix.sum(axis=1)
    for start in range(0, len(ids), _BLOCK):
        common = matrix[start : start + _BLOCK] @ matrix.T
        both = sizes[start : start + _BLOCK, None] + sizes[None, :] - common
        # Jaccard as a product: a quotient of two equal floats may fall short of the threshold.
        for row, column in np.argwhere(common >= likeness * both - 1e-6):
            if start + row < column:
                yield ids[start + row], ids[column]


def _root(groups: dict[str, str], each: str) -> str:
    while groups[each] != each:
        groups[each] = groups[groups[each]]
        each = groups[each]
    return each


def _join(groups: dict[str, str], one: str, other: str) -> None:
    first, second = sorted((_root(groups, one), _root(groups, other)))
    groups[second] = first


# Bloat and islands ---------------------------------------------------------------------------------------


def _bloat(frames: Frames) -> Verdict:
    limits = frames.limits("M2")
    among = frames.judged("M2", frames.sources).filter(pl.col("properties") > 0)
    many = pl.col("properties") > limits["properties"]
    options = pl.col("options").fill_null(0) > limits["options"]
    computed = (pl.col("computed") > limits["computed"]) & (pl.col("properties") >= 5)
    reason = (
        pl.when(many)
        .then(pl.format("{} properties", pl.col("properties")))
        .when(options)
        .then(pl.format("{} options in one property", pl.col("options")))
        .otherwise(pl.lit("Mostly rollups and formulas"))
    )
    return share(
        frames,
        _BLOAT,
        affected=because(worst_first(among.filter(many | options | computed), "gravity"), reason),
        among=among,
        weight="gravity",
        saying="{} of the databases have a bloated schema",
        formula=f"Gravity of the data sources with more than {limits['properties']:.0f} "
        "properties, more than "
        f"{limits['options']:.0f} options in one, or more than {100 * limits['computed']:.0f} % rollups and "
        "formulas, by the gravity of all.",
    )


def _islands(frames: Frames) -> Verdict:
    limits = frames.limits("M5")
    relations = frames.properties.filter(type="relation")
    related = {*relations["source"].to_list(), *relations["target"].drop_nulls().to_list()}
    among = frames.judged("M5", frames.sources).filter(
        pl.col("has_work") & (pl.col("rows") >= limits["rows"])
    )
    found = worst_first(among.filter(~pl.col("object_id").is_in(sorted(related))), "gravity")
    return share(
        frames,
        _ISLANDS,
        affected=because(found, pl.format("{} rows, and no relation", pl.col("rows"))),
        among=among,
        saying="{} of the databases in which people work are related to nothing",
        formula=f"Data sources with a people or status property and at least {limits['rows']:.0f} "
        "rows, without a "
        "relation in or out, by all such data sources.",
    )


# Relations -----------------------------------------------------------------------------------------------


def _relations(frames: Frames) -> Verdict:
    """A target in the trash is broken; one that nobody sees may only not be shared."""
    relations = _with_targets(frames)
    broken = relations.filter(pl.col("fate") == "broken").sort("source", "id")
    unseen = relations.filter(pl.col("fate") == "unreachable").height
    known = relations.height - unseen
    one_way = relations.filter((pl.col("fate") == "whole") & ~pl.col("both_ways").fill_null(False)).height
    rollups = _rollups_over(frames, broken)
    formula = (
        "Relations whose target is in the trash, by all whose target is known. Targets that were "
        "not seen and "
        f"count neither way: {unseen:,}; relations that only one side shows: {one_way:,}; rollups "
        "over a broken "
        f"relation: {rollups:,}."
    )
    value = broken.height / known if known else None
    return Verdict(
        metric(
            frames,
            _BROKEN,
            value,
            "share",
            float(broken.height),
            float(known),
            formula,
            can_tell=bool(known) or not relations.height,
        ),
        [
            finding(
                frames,
                _BROKEN,
                severity="high" if each["is_hub"] else "medium",
                title="A relation of a hub leads into the trash"
                if each["is_hub"]
                else "A relation leads into the trash",
                formula=formula,
                evidence=_evidence_of(frames, each),
                about=[each["source"], each["id"]],
                weight=each["gravity"] / (number(frames.sources["gravity"].sum()) or 1),
            )
            for each in broken.iter_rows(named=True)
        ],
    )


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
    )


def _rollups_over(frames: Frames, broken: pl.DataFrame) -> int:
    over = frames.properties.filter(type="rollup").select("source", id="over")
    return over.join(broken.select("source", "id"), on=["source", "id"], how="semi").height


def _evidence_of(frames: Frames, relation: dict[str, str]) -> pl.DataFrame:
    source = frames.sources.filter(object_id=relation["source"])
    return because(source, f"Property {relation['name']}"[:200])


# Drift ---------------------------------------------------------------------------------------------------


def _drift(frames: Frames) -> Verdict:
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
