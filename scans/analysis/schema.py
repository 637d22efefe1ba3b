"""Are the databases well made: twins, bloat, islands, and whether what they relate to is there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from scans.analysis.drift import judge_drift
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
from scans.analysis.relations import judge_relations
from scans.analysis.result import Finding

_TWINS = Rule(
    "M1",
    "schema",
    "Schema twins",
    "Merge the twins into one database with a property that tells them apart.",
    "L",
    unit="count",
)
_BLOAT = Rule("M2", "schema", "Bloated schemas", "Remove properties and options that nobody fills.")
_ISLANDS = Rule(
    "M5", "schema", "Islands", "Relate it to what its rows speak of, such as projects or accounts."
)
# Properties that Notion gives to every new database say nothing of it.
_GIVEN = (("tags", "multi_select"), ("status", "status"), ("assign", "people"), ("created", "created_time"))
_LEAST_PROPERTIES = 4
# The confidence in what something unseen would disprove.
_UNSEEN = 0.5
# Rows of the matrix of likeness that are computed at once.
_BLOCK = 512


def rules(frames: Frames) -> list[Verdict]:
    verdicts = [_twins(frames), _bloat(frames), judge_relations(frames), _islands(frames)]
    return [*verdicts, judge_drift(frames)] if frames.snapshot.previous is not None else verdicts


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
        metric(
            frames,
            _TWINS,
            value if frames.knows_schemas or not sources.height else None,
            value,
            float(sources.height),
            formula,
            can_tell=frames.knows_schemas or not sources.height,
        ),
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
        # What nobody else has is in the size, and in no common part.
        .filter(pl.len().over("feature") > 1)
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
    sizes = np.zeros(len(ids), dtype=np.float32)
    sizes[places] = own["size"].to_numpy()
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
    asked = frames.judged("M2", frames.sources)
    among = asked.filter(pl.col("properties") > 0)
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
        is_weighed=True,
        can_tell=bool(among.height) or not asked.height,
        saying="{} of the databases have a bloated schema",
        formula=f"Gravity of the data sources with more than {limits['properties']:.0f} "
        "properties, more than "
        f"{limits['options']:.0f} options in one, or more than {100 * limits['computed']:.0f} % rollups and "
        "formulas of at least five properties, by the gravity of all.",
    )


def _islands(frames: Frames) -> Verdict:
    limits = frames.limits("M5")
    relations = frames.properties.filter(pl.col("type") == "relation").filter(
        pl.col("target").is_null() | (pl.col("target") != pl.col("source"))
    )
    related = {*relations["source"].to_list(), *relations["target"].drop_nulls().to_list()}
    asked = frames.judged("M5", frames.sources)
    among = asked.filter(pl.col("has_work") & (pl.col("rows") >= limits["rows"]))
    found = worst_first(among.filter(~pl.col("object_id").is_in(sorted(related))), "gravity")
    return share(
        frames,
        _ISLANDS,
        affected=because(found, pl.format("{} rows, and no relation", pl.col("rows"))),
        among=among,
        weight="gravity",
        saying="{} of the databases in which people work are related to nothing",
        formula=f"Data sources with a people or status property and at least {limits['rows']:.0f} "
        "rows, without a relation in or out, by all such data sources. What was not read may relate to them, "
        "which lowers the confidence.",
        confidence=_UNSEEN if frames.snapshot.reasons else 1.0,
        can_tell=frames.knows_schemas or not asked.height,
    )
