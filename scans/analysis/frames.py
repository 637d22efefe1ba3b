"""The columns that rules read: documents, rows, data sources, properties, people, and what follows of them.

Every frame is in the order of ids, so that the order of the input changes nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from scans.analysis import gravity, lexicon
from scans.analysis.calibration import Calibration
from scans.analysis.snapshot import SCHEMA, Snapshot
from scans.analysis.tree import Tree

_DAY = 86_400_000_000
BASE_WEIGHT = 0.2
# Fewer objects than these are shown as counts, and earn no severity by their share.
SMALL = 50
_PROPERTIES = {
    "source": pl.String,
    "id": pl.String,
    "name": pl.String,
    "type": pl.String,
    "options": pl.Int64,
    "target": pl.String,
    "both_ways": pl.Boolean,
    "over": pl.String,
}
_PEOPLE = {
    "object_id": pl.String,
    "name": pl.String,
    "standing": pl.String,
    "is_bot": pl.Boolean,
    "has_left": pl.Boolean,
    "stand_in": pl.String,
    "team": pl.String,
}


@dataclass(frozen=True)
class Frames:
    """``documents`` are live pages that are no rows; ``sources`` live data sources, with counts of rows.

    Ages are in days as of the scan. Weights are the gravity of the data source above or within.
    """

    snapshot: Snapshot
    calibration: Calibration
    as_of: datetime
    objects: pl.DataFrame
    documents: pl.DataFrame
    rows: pl.DataFrame
    sources: pl.DataFrame
    databases: pl.DataFrame
    properties: pl.DataFrame
    people: pl.DataFrame

    @property
    def size(self) -> int:
        return self.documents.height + self.sources.height + self.rows.height

    @property
    def is_small(self) -> bool:
        return self.size < SMALL

    @property
    def knows_people(self) -> bool:
        """Say whether Notion listed the members; else nobody can be called a guest, a bot or unknown."""
        return self.people.filter(standing="member").height > 0

    @property
    def knows_schemas(self) -> bool:
        return self.properties.height > 0

    def limits(self, rule: str) -> dict[str, float]:
        return self.calibration.thresholds[rule]

    def judged(self, rule: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Return a frame without the objects that are muted for a rule."""
        muted = sorted(filter(None, self.calibration.muted(rule, self.as_of.date())))
        return frame.filter(~pl.col("object_id").is_in(muted)) if muted else frame

    def is_muted(self, rule: str) -> bool:
        return None in self.calibration.muted(rule, self.as_of.date())


def build(snapshot: Snapshot, calibration: Calibration, as_of: datetime) -> Frames:
    objects = snapshot.objects.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()).sort(
        "object_id"
    )
    people = _people(objects, calibration)
    properties = _properties(objects.filter(kind="data_source", state="live"))
    objects = _with_authors(_with_ages(objects, as_of), people, calibration)
    tree = Tree(objects.select("object_id", "kind", "parent_kind", "parent_id"))
    objects = _with_pins(objects, tree, calibration)
    live = objects.filter((pl.col("state") == "live") & ~pl.col("is_archived") & ~pl.col("is_ignored"))
    is_row = pl.col("parent_kind") == "data_source_id"
    rows = live.filter((pl.col("kind") == "page") & is_row)
    sources = gravity.weigh(
        _sources(live, rows, objects, as_of).join(_of_schema(properties), on="object_id", how="left"),
        properties,
        core=calibration.pinned("core"),
    )
    places = _places(objects, tree, sources)
    below = places.select("object_id", "below_public")
    return Frames(
        snapshot=snapshot,
        calibration=calibration,
        as_of=as_of,
        objects=objects,
        documents=_placed(live.filter((pl.col("kind") == "page") & ~is_row), places),
        rows=_of_sources(_placed(rows, below), sources),
        sources=_placed(sources, places.select("object_id", "in_archive")),
        databases=_placed(live.filter(kind="database"), below),
        properties=properties.join(sources.select(source="object_id"), on="source", how="semi"),
        people=people,
    )


def _people(objects: pl.DataFrame, calibration: Calibration) -> pl.DataFrame:
    records = []
    for person, name, structure in (
        objects.filter(kind="user").select("object_id", "title", "structure").iter_rows()
    ):
        told = json.loads(structure) if structure else {}
        said = calibration.people.get(person, {})
        has_left, stand_in = said.get("is") == "left", said.get("stand_in")
        records.append(
            {
                "object_id": person,
                "name": name or "",
                # Who has left, with nobody to stand in, is an owner whom nobody knows any more.
                "standing": "unresolved" if has_left and not stand_in else told.get("standing") or "member",
                "is_bot": told.get("type") == "bot" or said.get("is") == "service_account",
                "has_left": has_left,
                "stand_in": stand_in,
                "team": said.get("team"),
            }
        )
    return pl.DataFrame(records, schema=_PEOPLE)


def _properties(sources: pl.DataFrame) -> pl.DataFrame:
    records: list[dict[str, Any]] = []
    for source, structure in sources.select("object_id", "structure").iter_rows():
        for each in json.loads(structure) if structure else []:
            records.append({name: each.get(name) for name in _PROPERTIES} | {"source": source})
    return pl.DataFrame(records, schema=_PROPERTIES)


def _with_ages(objects: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    moment = pl.lit(as_of).cast(pl.Datetime("us", "UTC"))
    return objects.with_columns(
        ((moment - pl.col("edited_at")).dt.total_microseconds() / _DAY).alias("age"),
        ((moment - pl.col("created_at")).dt.total_microseconds() / _DAY).alias("since_created"),
        pl.col("title").fill_null(""),
        pl.col("is_archived", "is_locked", "is_public").fill_null(False),
    )


def _with_authors(objects: pl.DataFrame, people: pl.DataFrame, calibration: Calibration) -> pl.DataFrame:
    """Add who looks after an object: its last human editor, or else its creator; leavers have a stand-in."""
    known = people.select("object_id", "standing", "is_bot")
    stand_ins = people.filter(pl.col("has_left") & pl.col("stand_in").is_not_null())
    for who in ("edited", "created"):
        objects = objects.join(
            known.rename(
                {"object_id": f"{who}_by", "standing": f"{who}_standing", "is_bot": f"{who}_by_bot"}
            ),
            on=f"{who}_by",
            how="left",
        )
    human = pl.when(~pl.col("edited_by_bot").fill_null(False)).then("edited_by")
    steward = pl.coalesce(human, pl.when(~pl.col("created_by_bot").fill_null(False)).then("created_by"))
    return objects.with_columns(
        steward.replace(dict(stand_ins.select("object_id", "stand_in").iter_rows())).alias("steward"),
        pl.col("edited_by_bot").fill_null(False),
    ).sort("object_id")


def _with_pins(objects: pl.DataFrame, tree: Tree, calibration: Calibration) -> pl.DataFrame:
    """Add what is ignored, and what is retired: pinned so, or below something that is."""
    pinned = {
        name: objects["object_id"].is_in(calibration.pinned(pin)).to_numpy()
        for name, pin in (("is_ignored", "ignore"), ("is_retired", "archive"))
    }
    return objects.with_columns(
        pl.Series(name, flags | tree.any_above(flags) if flags.any() else flags)
        for name, flags in pinned.items()
    )


def _sources(live: pl.DataFrame, rows: pl.DataFrame, objects: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    human = ~pl.col("edited_by_bot")
    figures = rows.group_by(object_id="parent_id").agg(
        pl.len().alias("rows"),
        pl.col("age").min().alias("rows_age"),
        (pl.col("age") < 30).sum().alias("touched"),
        pl.col("edited_by").filter((pl.col("age") < 90) & human).drop_nulls().n_unique().alias("editors"),
        (pl.col("since_created") < 30).sum().alias("born"),
    )
    holders = objects.filter(kind="database").select(
        parent_id="object_id",
        database_locked="is_locked",
        database_public="is_public",
        database_state="state",
    )
    counts = ("rows", "touched", "editors", "born")
    found = (
        live.filter(kind="data_source")
        .join(figures, on="object_id", how="left")
        .join(holders, on="parent_id", how="left")
        .with_columns(pl.col(*counts).fill_null(0).cast(pl.Int64))
        .with_columns(pl.min_horizontal("age", "rows_age").alias("quiet"))
    )
    # In a database that was put into the trash, the data source is there no more either.
    return found.filter(pl.col("database_state").is_null() | (pl.col("database_state") == "live")).sort(
        "object_id"
    )


def _of_schema(properties: pl.DataFrame) -> pl.DataFrame:
    kind = pl.col("type")
    return properties.group_by(object_id="source").agg(
        pl.len().cast(pl.Int64).alias("properties"),
        pl.col("options").max().alias("options"),
        kind.is_in(["rollup", "formula"]).mean().alias("computed"),
        kind.is_in(["people", "status"]).any().alias("has_work"),
        (
            kind.is_in(["status"]).any().cast(pl.Int64)
            + kind.is_in(["people"]).any().cast(pl.Int64)
            + kind.is_in(["date"]).any().cast(pl.Int64)
            + ((kind == "relation").sum() >= 2).cast(pl.Int64)
            + (kind == "unique_id").any().cast(pl.Int64)
            + (kind == "rollup").any().cast(pl.Int64)
        ).alias("indicators"),
    )


def _places(objects: pl.DataFrame, tree: Tree, sources: pl.DataFrame) -> pl.DataFrame:
    """Return depth, weight, and what follows of the places above, of every object."""
    own = dict(sources.select("object_id", "gravity").iter_rows())
    archives = objects.select(pl.col("is_retired") | lexicon.is_archive(pl.col("title")))
    public = (objects["is_public"] & (objects["state"] == "live")).to_numpy()
    return pl.DataFrame(
        {
            "object_id": objects["object_id"],
            "depth": tree.depths(),
            "weight": tree.weights(own, BASE_WEIGHT),
            "in_archive": tree.any_above(archives.to_series().to_numpy()),
            "below_public": tree.any_above(public),
            "has_children": tree.has_children(),
        }
    ).with_columns(pl.when(pl.col("depth") >= 0).then("depth").alias("depth"))


def _placed(frame: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    return frame.join(places, on="object_id", how="left").sort("object_id")


def _of_sources(rows: pl.DataFrame, sources: pl.DataFrame) -> pl.DataFrame:
    """Give rows the weight of their data source, and how long it has been quiet."""
    return rows.join(
        sources.select(parent_id="object_id", weight="gravity", source_quiet="quiet"),
        on="parent_id",
        how="left",
    ).with_columns(pl.col("weight").fill_null(BASE_WEIGHT))
