"""Is the workspace alive: documents nobody touches, databases that went quiet, and what only looks fresh."""

from __future__ import annotations

import polars as pl

from scans.analysis.frames import Frames
from scans.analysis.measures import Rule, Verdict, because, share, worst_first

_STALE = Rule(
    "V1",
    "vitality",
    "Stale documents",
    "Ask each owner to confirm, archive or delete; begin with those that stand at the busiest databases.",
    "L",
)
_DORMANT = Rule(
    "V2", "vitality", "Dormant databases", "Archive what is done with, and say so where people look."
)
_EMPTY = Rule("V3", "vitality", "Empty databases", "Delete those that were only tried out.", "S")
_POLLUTED = Rule(
    "V4",
    "vitality",
    "Freshness that says nothing",
    "Read the ages of documents with care: many last edits were made in bulk or by bots.",
    is_scored=False,
)


def rules(frames: Frames) -> list[Verdict]:
    trust = 1 - _polluted(frames).height / max(1, frames.documents.height)
    return [_stale(frames, trust), _dormant(frames, trust), _empty(frames), _pollution(frames)]


def _stale(frames: Frames, trust: float) -> Verdict:
    days = frames.limits("V1")["days"]
    among = frames.judged("V1", frames.documents).filter(~pl.col("is_retired") & pl.col("age").is_not_null())
    old = worst_first(among.filter(pl.col("age") >= days), "weight", "age")
    upper = among["age"].quantile(0.75)
    suggested = min(365, max(90, round(upper))) if upper is not None else days
    return share(
        frames,
        _STALE,
        affected=because(old, pl.format("Not touched for {} days", pl.col("age").floor().cast(pl.Int64))),
        among=among,
        is_weighed=True,
        saying=f"{{}} of the documents have not been touched in {days:.0f} days",
        formula=f"Weight of the documents whose last edit is at least {days:.0f} days ago, by the "
        "weight of all. "
        f"What is usual here suggests {suggested} days. Only the last edit is visible.",
        confidence=max(0.3, trust),
    )


def _dormant(frames: Frames, trust: float) -> Verdict:
    days = frames.limits("V2")["days"]
    # Of rows that were not read, one may have been edited yesterday.
    unread = sorted(frames.snapshot.incomplete_sources)
    asked = frames.judged("V2", frames.sources).filter((pl.col("rows") > 0) & ~pl.col("is_retired"))
    among = asked.filter(~pl.col("object_id").is_in(unread))
    quiet = worst_first(among.filter(pl.col("quiet") >= days), "gravity", "quiet")
    return share(
        frames,
        _DORMANT,
        affected=because(quiet, pl.format("Quiet for {} days", pl.col("quiet").floor().cast(pl.Int64))),
        among=among,
        weight="gravity",
        is_weighed=True,
        can_tell=bool(among.height) or not asked.height,
        saying=f"{{}} of the databases with rows have been quiet for {days:.0f} days",
        formula="Gravity of the data sources of which neither schema nor any row was edited in "
        f"{days:.0f} days, by the gravity of all that have rows and whose rows were read to the end.",
        confidence=max(0.3, trust),
    )


def _empty(frames: Frames) -> Verdict:
    limits = frames.limits("V3")
    expected = frames.calibration.pinned("expected_empty")
    unread = sorted(frames.snapshot.incomplete_sources)
    asked = frames.judged("V3", frames.sources).filter(~pl.col("object_id").is_in(expected))
    among = asked.filter(~pl.col("object_id").is_in(unread))
    none = (pl.col("rows") == 0) & (pl.col("since_created") > limits["days"])
    stub = (pl.col("rows") > 0) & (pl.col("rows") <= 2) & (pl.col("since_created") > limits["stub_days"])
    found = worst_first(among.filter(none | stub), "since_created")
    return share(
        frames,
        _EMPTY,
        affected=because(
            found,
            pl.when(pl.col("rows") == 0)
            .then(pl.lit("No row"))
            .otherwise(pl.format("{} rows", pl.col("rows"))),
        ),
        among=among,
        weight="gravity",
        saying="{} of the databases are empty or hold one or two rows",
        formula=f"Data sources without a row {limits['days']:.0f} days after they were made, or "
        "with one or two "
        f"after {limits['stub_days']:.0f}, by all whose rows were read to the end.",
        can_tell=bool(among.height) or not asked.height,
    )


def _polluted(frames: Frames) -> pl.DataFrame:
    documents = frames.judged("V4", frames.documents)
    day = pl.col("edited_at").dt.date()
    of_a_day = pl.len().over(day) / max(1, documents.height)
    # In a small workspace every day holds many of all edits.
    is_bulk = (of_a_day > frames.limits("V4")["bulk"]) & (not frames.is_small) & day.is_not_null()
    return documents.with_columns(is_bulk=is_bulk).filter(pl.col("is_bulk") | pl.col("edited_by_bot"))


def _pollution(frames: Frames) -> Verdict:
    bulk = frames.limits("V4")["bulk"]
    found = worst_first(_polluted(frames), "weight")
    reason = (
        pl.when(pl.col("edited_by_bot"))
        .then(pl.lit("Last edited by a bot"))
        .otherwise(pl.format("Last edited on {}, with many others", pl.col("edited_at").dt.date()))
    )
    return share(
        frames,
        _POLLUTED,
        affected=because(found, reason),
        among=frames.judged("V4", frames.documents),
        saying="The last edit of {} of the documents says little: it was a bot's, or one of many on one day",
        formula=f"Documents last edited by a bot, or on a day with more than {100 * bulk:.0f} % of "
        "all last edits, "
        "by all documents. Lowers the confidence in stale and dormant, and no score.",
    )
