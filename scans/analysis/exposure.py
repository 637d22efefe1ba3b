"""What the world can see, and hubs that anybody can change."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from scans.analysis import lexicon
from scans.analysis.frames import Frames
from scans.analysis.measures import (
    MOST_ALONE,
    Rule,
    Verdict,
    because,
    finding,
    metric,
    number,
    score_of,
    severity_of,
    share,
    worst_first,
)
from scans.analysis.result import Finding

_PUBLIC = Rule(
    "X1",
    "exposure",
    "Public on the web",
    "Switch off what nobody meant to publish, under Share → Publish.",
    "S",
)
_UNLOCKED = Rule(
    "X2",
    "exposure",
    "Unlocked hubs",
    "Lock the database, so that its views and properties stay as they are.",
    "S",
    is_scored=False,
)


def rules(frames: Frames) -> list[Verdict]:
    return [_public(frames), _unlocked(frames)]


def public(frames: Frames, rule: str = "X1") -> pl.DataFrame:
    """Return what is public and not meant to be: documents, rows and databases."""
    meant = frames.calibration.pinned("intended_public")
    columns = ["object_id", "kind", "title", "edited_at", "age", "steward"]
    places = [
        frames.documents.filter("is_public").select(columns),
        frames.rows.filter("is_public").select(columns),
        frames.databases.filter("is_public").select(columns),
    ]
    found = pl.concat(places).filter(~pl.col("object_id").is_in(meant))
    return frames.judged(rule, found).with_columns(
        is_sensitive=pl.col("title").str.contains(lexicon.whole_words(lexicon.SENSITIVE)),
        is_stale=pl.col("age") >= frames.limits(rule)["days"],
    )


def _public(frames: Frames) -> Verdict:
    limits = frames.limits("X1")
    found = public(frames)
    total = frames.documents.height + frames.databases.height
    databases = found.filter(kind="database").height
    sensitive = found.filter("is_sensitive")
    value = min(1.0, found.height / total) if total else None
    formula = (
        f"Pages and databases with an address on the web, by all documents and databases. Databases: "
        f"{databases:,}; untouched for {limits['days']:.0f} days: {int(found['is_stale'].sum()):,}; with a "
        f"sensitive title: {sensitive.height:,}. What stands below them may be public as well."
    )
    # One public database is as bad as crit; a sensitive title is worse.
    pressure = (value or 0.0) / limits["crit"] + databases / 2 + sensitive.height
    others = worst_first(found.filter(~pl.col("is_sensitive")), "kind", "age")
    findings = _sensitives(frames, sensitive.sort("object_id"), formula)
    if others.height:
        level = severity_of(frames, _PUBLIC, value or 0.0)
        findings.append(
            _openly(
                frames, others, formula, severity="high" if databases else level, weight=min(1.0, pressure)
            )
        )
    return Verdict(
        metric(
            frames,
            _PUBLIC,
            value,
            float(found.height),
            float(total),
            formula,
            score=score_of("X1", pressure, 0.5, 1.0),
        ),
        findings,
    )


def _openly(frames: Frames, others: pl.DataFrame, formula: str, *, severity: str, weight: float) -> Finding:
    reason = (
        pl.when(pl.col("is_stale")).then(pl.lit("Public, and untouched for long")).otherwise(pl.lit("Public"))
    )
    what = "page or database" if others.height == 1 else "pages or databases"
    return finding(
        frames,
        _PUBLIC,
        severity=severity,
        title=f"{others.height:,} {what} can be read by anyone on the web",
        formula=formula,
        evidence=because(others, reason),
        weight=weight,
    )


def _sensitives(frames: Frames, sensitive: pl.DataFrame, formula: str) -> list[Finding]:
    """Return a finding for each of the first, and one for all the others."""
    alone = sensitive.head(MOST_ALONE).partition_by("object_id", maintain_order=True)
    findings = [
        _sensitive(
            frames,
            one,
            formula,
            title="Something with a sensitive title can be read by anyone on the web",
            about=one["object_id"].item(),
        )
        for one in alone
    ]
    if rest := sensitive.height - len(alone):
        title = f"{rest:,} more with sensitive titles can be read by anyone on the web"
        findings.append(_sensitive(frames, sensitive.slice(MOST_ALONE), formula, title=title, about="more"))
    return findings


def _sensitive(frames: Frames, some: pl.DataFrame, formula: str, *, title: str, about: str) -> Finding:
    return finding(
        frames,
        _PUBLIC,
        severity="critical",
        title=title,
        formula=formula,
        evidence=because(some, "Public, with a sensitive word in its title"),
        about=[about],
    )


def _unlocked(frames: Frames) -> Verdict:
    asked = frames.judged("X2", frames.sources).filter("is_hub")
    # Of a database that was not seen nobody knows.
    hubs = asked.filter(pl.col("database_locked").is_not_null())
    verdict = share(
        frames,
        _UNLOCKED,
        affected=because(
            worst_first(hubs.filter(~pl.col("database_locked")), "gravity"),
            "Anybody with edit access can change its properties",
        ),
        among=hubs,
        weight="gravity",
        saying="{} of the hub databases are not locked",
        formula="Data sources among the tenth with the highest gravity whose database is not locked, by "
        "all of that tenth.",
        can_tell=bool(hubs.height) or not asked.height,
    )
    # A lock keeps the shape of a database, and nobody out.
    level = "low" if number(verdict.metric.value) >= frames.limits("X2")["crit"] else "info"
    return Verdict(verdict.metric, [replace(each, severity=level) for each in verdict.findings])


def overview(frames: Frames) -> dict[str, int]:
    found = public(frames)
    below = sum(
        each.filter(pl.col("below_public") & ~pl.col("is_public")).height
        for each in (frames.documents, frames.rows, frames.databases)
    )
    return {
        "pages": found.filter(kind="page").height,
        "databases": found.filter(kind="database").height,
        "possible": below,
        "stale": int(found["is_stale"].sum()),
        "sensitive": int(found["is_sensitive"].sum()),
    }
