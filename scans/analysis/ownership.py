"""Who looks after it all: concentration, owners whom nobody knows, guests, and bots."""

from __future__ import annotations

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

_CONCENTRATION = Rule(
    "O1",
    "ownership",
    "Concentration of ownership",
    "Give the busiest databases a second owner.",
    "L",
    unit="hhi",
)
_UNRESOLVED = Rule("O2", "ownership", "Owners whom Notion does not know", "Name a new owner for each.")
_GUESTS = Rule(
    "O3",
    "ownership",
    "In the hands of guests",
    "Give each a member as owner, and see that guests still need access.",
)
_BOTS = Rule("O4", "ownership", "Automation", "Find out who looks after this automation.", is_scored=False)
_COLUMNS = (
    "object_id", "kind", "title", "edited_at", "age", "steward", "edited_by", "edited_by_bot",
    "edited_standing", "created_standing", "created_by", "weight",
)  # fmt: skip


def rules(frames: Frames) -> list[Verdict]:
    return [_concentration(frames), _unresolved(frames), _guests(frames), _bots(frames)]


def looked_after(frames: Frames) -> pl.DataFrame:
    """Return documents and data sources with their weights and stewards."""
    sources = frames.sources.rename({"gravity": "weight"})
    return pl.concat([frames.documents.select(_COLUMNS), sources.select(_COLUMNS)])


def stewards(frames: Frames) -> pl.DataFrame:
    """Return who looks after which share of the weight, the largest first: object_id, held, share."""
    found = looked_after(frames).drop_nulls("steward")
    total = found["weight"].sum() or 1.0
    return (
        found.group_by(object_id="steward")
        .agg(pl.col("weight").sum().round(9).alias("held"), pl.len().cast(pl.Int64).alias("objects"))
        .with_columns((pl.col("held") / total).alias("share"))
        .sort("held", "object_id", descending=[True, False])
    )


def _concentration(frames: Frames) -> Verdict:
    held = stewards(frames)
    members = frames.people.filter((pl.col("standing") == "member") & ~pl.col("is_bot")).height
    hhi = float((held["share"] ** 2).sum()) if held.height else None
    factor = int((held["share"].cum_sum() <= 0.5).sum()) + 1 if held.height else 0
    formula = (
        "The steward of an object is its last human editor, or else its creator. Concentration is "
        "the sum of the "
        f"squares of the stewards' shares of the weight (HHI); {factor:,} of them hold more than half "
        "(the bus factor), of which two are few and one is too few for "
        f"{frames.limits('O1')['members']:.0f} members or more. Only the last edit is visible."
    )
    if hhi is None:
        can_tell = not looked_after(frames).height
        return Verdict(metric(frames, _CONCENTRATION, None, 0.0, 0.0, formula, can_tell=can_tell), [])
    is_large = members >= frames.limits("O1")["members"]
    level = severity_of(frames, _CONCENTRATION, hhi)
    if is_large and factor <= 2 and not frames.is_small:
        level = "high" if factor == 1 else max(level, "medium", key=("info", "low", "medium", "high").index)
    is_present = level not in ("info", "low")
    first = held.head(factor)
    listed = frames.people.join(first, on="object_id", how="inner").sort(
        "held", "object_id", descending=[True, False]
    )
    evidence = listed.select(
        "object_id",
        kind=pl.lit("user"),
        title="name",
        edited_at=pl.lit(None, dtype=pl.Datetime("us", "UTC")),
        steward="object_id",
        reason=pl.format("Looks after {} objects", "objects"),
    )
    found = finding(
        frames,
        _CONCENTRATION,
        severity=level,
        title=f"{factor:,} {'person holds' if factor == 1 else 'people hold'} more than half of what matters",
        formula=formula,
        evidence=evidence,
        weight=float(first["share"].sum()),
    )
    return Verdict(
        metric(
            frames,
            _CONCENTRATION,
            hhi,
            float(factor),
            float(held.height),
            formula,
            is_present=is_present,
        ),
        [found] if is_present else [],
    )


def _unresolved(frames: Frames) -> Verdict:
    among = frames.judged("O2", looked_after(frames))
    # Somebody who was never met at all, as when people could not be listed, is not called unknown.
    unknown = (pl.col("edited_standing") == "unresolved") & (pl.col("created_standing") == "unresolved")
    return share(
        frames,
        _UNRESOLVED,
        affected=because(
            worst_first(among.filter(unknown), "weight", "age"), "Made and last edited by unknown"
        ),
        among=among,
        is_weighed=True,
        saying="{} of the documents and databases belong to people whom Notion does not know",
        formula="Weight of the objects whose creator and last editor are not in the list of "
        "people and not found "
        "by their id, by the weight of all. They have left or are hidden; which, Notion does not say. "
        "Those count too who are known here to have left, with nobody to stand in.",
        can_tell=frames.knows_people or not among.height,
    )


def _guests(frames: Frames) -> Verdict:
    days = frames.limits("O3")["days"]
    among = frames.judged("O3", looked_after(frames))
    is_guests = (pl.col("edited_standing") == "guest") | (pl.col("created_standing") == "guest")
    follow_up = (pl.col("edited_standing") == "guest") & (pl.col("age") > days)
    reason = (
        pl.when(follow_up)
        .then(pl.format("Last touched by a guest, {} days ago", pl.col("age").floor().cast(pl.Int64)))
        .when(pl.col("edited_standing") == "guest")
        .then(pl.lit("Last touched by a guest"))
        .otherwise(pl.lit("Made by a guest"))
    )
    found = because(among.filter(is_guests.fill_null(False)), reason).with_columns(late=follow_up)
    return share(
        frames,
        _GUESTS,
        affected=worst_first(found, "late", "weight", "age"),
        among=among,
        saying="{} of the documents and databases were made or last touched by guests",
        formula="Documents and data sources whose creator or last editor is a guest, by all. "
        "Notion does not list what guests may see.",
        can_tell=frames.knows_people or not among.height,
    )


def _bots(frames: Frames) -> Verdict:
    limits = frames.limits("O4")
    touched = pl.concat(
        [
            frames.judged("O4", each).select("edited_by", "edited_by_bot", "weight", "age")
            for each in (frames.documents, frames.rows)
        ]
    )
    by_bots = touched.filter("edited_by_bot")
    total = number(touched["weight"].sum()) or 1.0
    of_each = (
        by_bots.group_by(object_id="edited_by")
        .agg(pl.col("weight").sum().round(9).alias("held"), pl.col("age").min().alias("last"))
        .sort("held", "object_id", descending=[True, False])
    )
    most = number(of_each["held"].max()) / total
    bots = frames.people.filter("is_bot")
    idle = bots.height - of_each.filter(pl.col("last") < limits["days"]).height
    formula = (
        "The share of the weight that one bot touched last; bots or service accounts: "
        f"{bots.height:,}, of which "
        f"without a touch in {limits['days']:.0f} days: {idle:,}. By bots last: {by_bots.height:,} of "
        f"{touched.height:,} documents and rows."
    )
    is_present = most > limits["warn"]
    listed = bots.join(of_each.filter(pl.col("held") / total > limits["warn"]), on="object_id").sort(
        "object_id"
    )
    evidence = listed.select(
        "object_id",
        kind=pl.lit("user"),
        title="name",
        edited_at=pl.lit(None, dtype=pl.Datetime("us", "UTC")),
        steward=pl.lit(None, dtype=pl.String),
        reason=pl.lit("Touched more than anyone else last"),
    )
    found = finding(
        frames,
        _BOTS,
        severity=severity_of(frames, _BOTS, most),
        title="One automation writes much of what matters",
        formula=formula,
        evidence=evidence,
        weight=most,
    )
    return Verdict(
        metric(frames, _BOTS, most, most * total, total, formula, is_present=is_present),
        [found] if is_present else [],
    )
