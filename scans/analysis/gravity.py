"""How much hangs on a data source: .40 relations to it, .35 activity in it, .25 what its schema is for."""

from __future__ import annotations

import math

import polars as pl
import rustworkx as rx

_DAMPING = 0.85
_INDICATORS = 6
_RELATIONS, _ACTIVITY, _SCHEMA = 0.40, 0.35, 0.25


def weigh(sources: pl.DataFrame, properties: pl.DataFrame, *, core: list[str]) -> pl.DataFrame:
    """Add page_rank, activity, fitness, gravity (each 0 to 1), inbound relations, and who is a hub.

    Hubs are the tenth with the highest gravity.
    """
    relations = _relations(sources, properties)
    ranks = _page_ranks(sources["object_id"].to_list(), relations)
    inbound = relations.group_by(object_id="target").agg(pl.len().cast(pl.Int64).alias("inbound"))
    activity = pl.mean_horizontal(*(_percentile(name) for name in ("rows", "touched", "editors", "born")))
    found = (
        sources.join(inbound, on="object_id", how="left")
        .with_columns(
            pl.col("inbound", "properties", "indicators").fill_null(0),
            pl.col("computed").fill_null(0.0),
            pl.col("has_work").fill_null(False),
            pl.Series("rank", ranks, dtype=pl.Float64),
        )
        .with_columns(
            _percentile("rank").alias("page_rank"),
            activity.alias("activity"),
            (pl.col("indicators") / _INDICATORS).alias("fitness"),
        )
    )
    sum_of_parts = (
        _RELATIONS * pl.col("page_rank") + _ACTIVITY * pl.col("activity") + _SCHEMA * pl.col("fitness")
    )
    weighed = found.with_columns(
        pl.when(pl.col("object_id").is_in(core)).then(1.0).otherwise(sum_of_parts).alias("gravity")
    )
    hubs = weighed.sort("gravity", "object_id", descending=[True, False]).head(math.ceil(weighed.height / 10))
    return weighed.with_columns(pl.col("object_id").is_in(hubs["object_id"].to_list()).alias("is_hub")).sort(
        "object_id"
    )


def _relations(sources: pl.DataFrame, properties: pl.DataFrame) -> pl.DataFrame:
    """Return the relations between live data sources, as (source, target); those to itself do not count."""
    ids = sources["object_id"]
    return properties.filter(
        (pl.col("type") == "relation")
        & pl.col("source").is_in(ids.to_list())
        & pl.col("target").is_in(ids.to_list())
        & (pl.col("source") != pl.col("target"))
    ).select("source", "target")


def _page_ranks(ids: list[str], relations: pl.DataFrame) -> list[float]:
    graph: rx.PyDiGraph[str, float] = rx.PyDiGraph()
    places = dict(zip(ids, graph.add_nodes_from(ids), strict=True))
    weighted = relations.group_by("source", "target").len().sort("source", "target")
    graph.add_edges_from(
        [(places[source], places[target], float(count)) for source, target, count in weighted.iter_rows()]
    )
    if not ids:
        return []
    ranks = rx.pagerank(graph, alpha=_DAMPING, weight_fn=float)
    # Ranks differ in their last digits with the order of the nodes, and the order of ids means nothing.
    return [round(ranks[places[each]], 9) for each in ids]


def _percentile(name: str) -> pl.Expr:
    """Return where a value stands among all: 0 the lowest, 1 the highest, and equal ones alike."""
    rank = pl.col(name).rank("average") - 1
    return pl.when(pl.len() > 1).then(rank / (pl.len() - 1)).otherwise(1.0)
