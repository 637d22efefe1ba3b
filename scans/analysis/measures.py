"""What all rules share: from the objects that are affected, among all, to a metric and a finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from scans.analysis.calibration import FALLING
from scans.analysis.frames import Frames
from scans.analysis.result import SEVERITIES, Finding, Metric

EVIDENCE = 50
_TITLE_CHARACTERS = 200
# Crossing this far beyond crit is worth nothing any more.
_WORST = 1.5
_UNSURE = 0.6


@dataclass(frozen=True)
class Rule:
    """What a rule is called, where it counts, and what to do about it."""

    id: str
    dimension: str
    name: str
    remedy: str
    effort: str = "M"
    is_scored: bool = True


@dataclass(frozen=True)
class Verdict:
    metric: Metric
    findings: list[Finding]


def share(
    frames: Frames,
    rule: Rule,
    *,
    affected: pl.DataFrame,
    among: pl.DataFrame,
    saying: str,
    formula: str,
    weight: str = "",
    confidence: float = 1.0,
    can_tell: bool = True,
) -> Verdict:
    """Judge which share of objects is affected; by a weight, where one is named.

    ``affected`` has a column ``reason``. ``saying`` has a place for how many: "{} are untitled".
    """
    numerator = number(affected[weight].sum() if weight else affected.height)
    denominator = number(among[weight].sum() if weight else among.height)
    value = numerator / denominator if denominator and can_tell else None
    findings = []
    if value is not None and affected.height:
        amount = f"{affected.height:,} of {among.height:,}"
        if not frames.is_small:
            amount = f"{100 * affected.height / among.height:.0f} % ({amount})"
        findings.append(
            finding(
                frames,
                rule,
                severity=severity_of(frames, rule, value, confidence),
                title=saying.format(amount),
                formula=formula,
                confidence=confidence,
                weight=value,
                evidence=affected,
            )
        )
    return Verdict(
        metric(frames, rule, value, "share", numerator, denominator, formula, confidence, can_tell=can_tell),
        findings,
    )


def metric(
    frames: Frames,
    rule: Rule,
    value: float | None,
    unit: str,
    numerator: float,
    denominator: float,
    formula: str,
    confidence: float = 1.0,
    *,
    score: float | None = None,
    can_tell: bool = True,
    is_present: bool | None = None,
) -> Metric:
    limits = frames.limits(rule.id)
    if value is not None and score is None:
        score = score_of(rule.id, value, limits["warn"], limits["crit"])
    crossed = value is not None and numerator > 0 if is_present is None else is_present
    return Metric(
        id=rule.id,
        dimension=rule.dimension,
        name=rule.name,
        value=value,
        unit=unit,
        numerator=numerator,
        denominator=denominator,
        warn=limits["warn"],
        crit=limits["crit"],
        score=score if rule.is_scored and not frames.is_muted(rule.id) else None,
        state="present" if crossed else "absent" if can_tell else "unreachable",
        confidence=confidence,
        formula=formula,
    )


def score_of(rule: str, value: float, warn: float, crit: float) -> float:
    """Return 100 where nothing is wrong, about 33 at ``crit``, and 0 half as far again.

    Of a figure that should be high, 100 is at one and a half times ``warn``, and 0 where nothing is left.
    """
    if rule in FALLING:
        share_left = min(1.0, max(0.0, value / min(1.0, _WORST * warn)))
        return 100 * share_left
    return 100 * (1 - min(1.0, max(0.0, value / (_WORST * crit))))


def severity_of(frames: Frames, rule: Rule, value: float, confidence: float = 1.0) -> str:
    """Return how bad a figure is: low below ``warn``, and one step less where one is unsure."""
    limits = frames.limits(rule.id)
    sign = -1 if rule.id in FALLING else 1
    level = 1 + (sign * value >= sign * limits["warn"]) + (sign * value >= sign * limits["crit"])
    if frames.is_small:
        level = 1
    return lowered(SEVERITIES[level], confidence)


def lowered(severity: str, confidence: float) -> str:
    level = SEVERITIES.index(severity)
    return SEVERITIES[max(0, level - (confidence < _UNSURE))]


def finding(
    frames: Frames,
    rule: Rule,
    *,
    severity: str,
    title: str,
    formula: str,
    evidence: pl.DataFrame,
    about: Sequence[str] = (),
    confidence: float = 1.0,
    weight: float = 1.0,
    effort: str = "",
    total: int | None = None,
) -> Finding:
    """Return a finding; one that is about something has it in its key."""
    return Finding(
        key=":".join([rule.id, *about]),
        rule=rule.id,
        dimension=rule.dimension,
        severity=severity,
        title=title,
        explanation=formula,
        remedy=rule.remedy,
        confidence=confidence,
        effort=effort or rule.effort,
        share=min(1.0, weight),
        evidence=[_row(each) for each in evidence.head(EVIDENCE).iter_rows(named=True)],
        total=evidence.height if total is None else total,
        muted=frames.is_muted(rule.id),
    )


def because(frame: pl.DataFrame, reason: pl.Expr | str) -> pl.DataFrame:
    """Add why each object is listed."""
    return frame.with_columns(reason=pl.lit(reason) if isinstance(reason, str) else reason)


def number(value: Any) -> float:
    """Return what a column sums or ends at; 0 where it is empty."""
    return float(value or 0)


def worst_first(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
    return frame.sort(*columns, "object_id", descending=[*([True] * len(columns)), False], nulls_last=True)


def _row(found: dict[str, Any]) -> dict[str, Any]:
    edited = found.get("edited_at")
    return {
        "id": found["object_id"],
        "kind": found["kind"],
        "title": found["title"][:_TITLE_CHARACTERS],
        "reason": found["reason"],
        "at": edited.date().isoformat() if edited else None,
        "by": found.get("steward"),
    }
