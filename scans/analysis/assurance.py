"""How much was read, and how sure the rest is: a gate before the grade, and no part of it."""

from __future__ import annotations

from typing import Any

import polars as pl

from scans.analysis.frames import Frames
from scans.analysis.measures import Rule, Verdict, finding, metric, severity_of

_COVERAGE = Rule(
    "C1",
    "assurance",
    "Coverage",
    "Share what is missing with the connection in Notion, through ••• → Connections, and scan again.",
    "S",
    is_scored=False,
)


def judge_coverage(frames: Frames) -> Verdict:
    snapshot = frames.snapshot
    value = snapshot.percent / 100
    formula = (
        "Documents that were read, by those and the ones that others stand in or point to and that were not. "
        "What nobody refers to cannot be known to be missing. Documents whose place is unknown: "
        f"{frames.documents['depth'].null_count():,}; data sources whose rows were not read to the end: "
        f"{len(snapshot.incomplete_sources):,}."
    )
    is_present = bool(snapshot.reasons) or value < frames.limits("C1")["warn"]
    nothing = frames.objects.head(0).with_columns(reason=pl.lit(""))
    found = finding(
        frames,
        _COVERAGE,
        severity=severity_of(frames, _COVERAGE, value),
        title=_title(frames),
        formula=" ".join([formula, *snapshot.reasons]),
        evidence=nothing,
        weight=1 - value,
        total=int(snapshot.coverage.get("unseen", 0)),
    )
    return Verdict(
        metric(frames, _COVERAGE, value, value, 1.0, formula, is_present=is_present),
        [found] if is_present else [],
    )


def _title(frames: Frames) -> str:
    snapshot = frames.snapshot
    unseen = int(snapshot.coverage.get("unseen", 0))
    if frames.is_small and unseen:
        return f"{unseen:,} document{'' if unseen == 1 else 's'} that others refer to could not be read"
    return f"{snapshot.percent} % of what is known to exist was read"


def coverage(frames: Frames) -> dict[str, Any]:
    snapshot = frames.snapshot
    return {
        "percent": snapshot.percent,
        "reasons": snapshot.reasons,
        "unseen": int(snapshot.coverage.get("unseen", 0)),
        "unresolvedPlaces": frames.documents["depth"].null_count(),
        "incompleteSources": len(snapshot.incomplete_sources),
    }
