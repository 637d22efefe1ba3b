"""Do people use it: how many touch something, and how evenly."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import polars as pl

from scans.analysis.frames import Frames
from scans.analysis.measures import Rule, Verdict, finding, metric, severity_of
from scans.analysis.ownership import stewards

_ACTIVE = Rule(
    "A1", "adoption", "Active editors", "Ask those who stopped what is missing, and show what others do.", "L"
)
_UNEVEN = Rule(
    "A2", "adoption", "Inequality of activity", "Let more people own what they work with.", "L", unit="gini"
)
_WEEKS = 12
_LISTED = 200
_LOWER_BOUND = "Only the last edit of each object is visible, so this is a lower bound."


def rules(frames: Frames) -> list[Verdict]:
    members = _members(frames)
    return [_active(frames, members), _uneven(frames, members)]


def _members(frames: Frames) -> pl.DataFrame:
    """Return the members who are persons, with how many objects each touched last."""
    touches = _touches(frames)
    counts = touches.group_by(object_id="edited_by").agg(
        pl.len().cast(pl.Int64).alias("touches"),
        (pl.col("age") < 30).sum().cast(pl.Int64).alias("month"),
        (pl.col("age") < frames.limits("A1")["days"]).sum().cast(pl.Int64).alias("quarter"),
    )
    return (
        frames.people.join(counts, on="object_id", how="left")
        .with_columns(pl.col("touches", "month", "quarter").fill_null(0))
        .filter((pl.col("standing") == "member") & ~pl.col("is_bot") & ~pl.col("has_left"))
        .sort("object_id")
    )


def _touches(frames: Frames) -> pl.DataFrame:
    columns = ("edited_by", "age")
    return pl.concat([each.select(columns) for each in (frames.documents, frames.rows, frames.sources)])


def _active(frames: Frames, members: pl.DataFrame) -> Verdict:
    days = frames.limits("A1")["days"]
    active = members.filter(pl.col("quarter") > 0).height
    value = active / members.height if members.height else None
    formula = (
        f"Members, without bots, who were the last to edit something in {days:.0f} days, by all members. "
        f"In 30 days: {members.filter(pl.col('month') > 0).height:,}. {_LOWER_BOUND}"
    )
    is_low = value is not None and value < frames.limits("A1")["warn"]
    found = finding(
        frames,
        _ACTIVE,
        severity=severity_of(frames, _ACTIVE, value if value is not None else 1.0),
        title=f"{active:,} of {members.height:,} members have edited something in {days:.0f} days",
        formula=formula,
        evidence=_people_as_evidence(members.filter(pl.col("quarter") == 0), "Nothing seen of them"),
        weight=1 - (value or 0.0),
    )
    return Verdict(
        metric(
            frames,
            _ACTIVE,
            value,
            float(active),
            float(members.height),
            formula,
            can_tell=bool(members.height),
            is_present=is_low,
        ),
        [found] if is_low else [],
    )


def _uneven(frames: Frames, members: pl.DataFrame) -> Verdict:
    value = gini(members["touches"].to_list())
    tenth = 100 * top_share(members["touches"].to_list())
    formula = (
        "The Gini coefficient of how many objects each member edited last: 0 where all do alike. The most "
        f"active tenth of the members edited {tenth:.0f} % of them last. Made per week, over {_WEEKS} weeks: "
        f"{slope(_made(frames)):+.1f} from each week to the next. {_LOWER_BOUND}"
    )
    is_uneven = value is not None and value >= frames.limits("A2")["warn"] and not frames.is_small
    found = finding(
        frames,
        _UNEVEN,
        severity=severity_of(frames, _UNEVEN, value or 0.0),
        title="Few members do most of the work",
        formula=formula,
        evidence=_people_as_evidence(
            members.sort("touches", "object_id", descending=[True, False]).head(10), "Among the most active"
        ),
        weight=value or 0.0,
    )
    return Verdict(
        metric(
            frames,
            _UNEVEN,
            value,
            float(members["touches"].sum()),
            float(members.height),
            formula,
            can_tell=bool(members.height),
            is_present=is_uneven,
        ),
        [found] if is_uneven else [],
    )


def gini(counts: list[int]) -> float | None:
    """Return 0 where all do alike and nearly 1 where one does everything; None where nobody does anything."""
    total, size = sum(counts), len(counts)
    if not total:
        return None
    weighted = sum(place * count for place, count in enumerate(sorted(counts), start=1))
    return 2 * weighted / (size * total) - (size + 1) / size


def top_share(counts: list[int]) -> float:
    """Return which share of everything the most active tenth does, at least one of them."""
    most = sorted(counts, reverse=True)[: max(1, math.ceil(len(counts) / 10))]
    return sum(most) / (sum(counts) or 1)


def slope(counts: list[int]) -> float:
    """Return by how much a figure grows with each step, by least squares."""
    middle = (len(counts) - 1) / 2
    spread = sum((place - middle) ** 2 for place in range(len(counts)))
    return sum((place - middle) * count for place, count in enumerate(counts)) / (spread or 1)


def _people_as_evidence(people: pl.DataFrame, reason: str) -> pl.DataFrame:
    return people.select(
        "object_id",
        kind=pl.lit("user"),
        title="name",
        edited_at=pl.lit(None, dtype=pl.Datetime("us", "UTC")),
        steward=pl.lit(None, dtype=pl.String),
        reason=pl.lit(reason),
    )


# For the pages of people and adoption ----------------------------------------------------------------------


def people(frames: Frames) -> dict[str, Any]:
    """Return who is there, the greatest stewards first; bounded, with the true total."""
    counts = (
        _touches(frames)
        .group_by(object_id="edited_by")
        .agg(
            (pl.col("age") < 30).sum().cast(pl.Int64).alias("touched30"),
            (pl.col("age") < 90).sum().cast(pl.Int64).alias("touched90"),
        )
    )
    found = (
        frames.people.join(stewards(frames), on="object_id", how="left")
        .join(counts, on="object_id", how="left")
        .with_columns(
            pl.col("share").fill_null(0.0), pl.col("touched30", "touched90", "objects").fill_null(0)
        )
        .sort("share", "object_id", descending=[True, False])
    )
    listed = found.head(_LISTED).select(
        id="object_id",
        name="name",
        standing="standing",
        bot="is_bot",
        team="team",
        touched30="touched30",
        touched90="touched90",
        objects="objects",
        share="share",
    )
    return {"total": found.height, "persons": listed.to_dicts()}


def overview(frames: Frames) -> dict[str, Any]:
    """Return how many objects were made in each of the last weeks, the oldest first, and who is active."""
    members = _members(frames)
    made = _made(frames)
    return {
        "weeks": [
            {"from": (frames.as_of - timedelta(weeks=_WEEKS - place)).date().isoformat(), "made": count}
            for place, count in enumerate(made)
        ],
        "slope": slope(made),
        "topShare": top_share(members["touches"].to_list()),
        "active30": members.filter(pl.col("month") > 0).height,
        "active90": members.filter(pl.col("quarter") > 0).height,
        "members": members.height,
    }


def _made(frames: Frames) -> list[int]:
    """Return how many objects were made in each of the last weeks, the oldest first."""
    ages = pl.concat(
        [each.select("since_created") for each in (frames.documents, frames.rows, frames.sources)]
    ).drop_nulls()
    week = (pl.col("since_created") / 7).floor().cast(pl.Int64)
    counts = dict(ages.filter(pl.col("since_created") >= 0).group_by(week).len().iter_rows())
    return [counts.get(number, 0) for number in reversed(range(_WEEKS))]
