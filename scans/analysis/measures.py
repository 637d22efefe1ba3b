"""What all rules share: from the objects that are affected, among all, to a metric and a finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from scans.analysis.calibration import FALLING
from scans.analysis.frames import SMALL, Frames
from scans.analysis.result import SEVERITIES, Finding, Metric

EVIDENCE = 50
_TITLE_CHARACTERS = 200
# Crossing this far beyond crit is worth nothing any more.
_WORST = 1.5
# Below this confidence a finding is one level less.
_UNSURE = 0.6
# From this share of the weight on, a figure beyond warn is one level more.
_MUCH = 0.5
# What a measure gets about where it crosses warn. Of few objects little is known, so their score is near it.
_USUAL = 65.0
# Findings of one rule that stand by themselves; what is more is told together.
MOST_ALONE = 50


@dataclass(frozen=True)
class Rule:
    """What a rule is called, where it counts, and what to do about it."""

    id: str
    dimension: str
    name: str
    remedy: str
    effort: str = "M"
    is_scored: bool = True
    unit: str = "share"


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
    weight: str = "weight",
    is_weighed: bool = False,
    confidence: float = 1.0,
    can_tell: bool = True,
    about: Sequence[str] = (),
) -> Verdict:
    """Judge which share of objects is affected, by count or, where ``is_weighed``, by the column ``weight``.

    ``affected`` has a column ``reason``. ``saying`` has a place for how many: "{} are untitled".
    """
    # Of data sources, by the gravity of all: what few are judged by a rule may be little of the whole.
    whole = frames.sources[weight] if weight == "gravity" else among[weight]
    exposed = number(affected[weight].sum()) / (number(whole.sum()) or 1)
    numerator = number(affected[weight].sum() if is_weighed else affected.height)
    denominator = number(among[weight].sum() if is_weighed else among.height)
    value = numerator / denominator if denominator and can_tell else None
    findings = []
    if value is not None and affected.height:
        findings.append(
            finding(
                frames,
                rule,
                severity=severity_of(frames, rule, value, confidence, exposed),
                title=saying.format(amount(frames, affected.height, among.height)),
                formula=formula,
                confidence=confidence,
                weight=exposed,
                evidence=affected,
                about=about,
            )
        )
    judged = metric(frames, rule, value, numerator, denominator, formula, confidence, can_tell=can_tell)
    return Verdict(replace(judged, affected=affected.height, among=among.height), findings)


def amount(frames: Frames, affected: int, among: int) -> str:
    """Return how many of how many; a percentage says nothing of a small workspace."""
    counts = f"{affected:,} of {among:,}"
    return counts if frames.is_small else f"{100 * affected / among:.0f} % ({counts})"


def metric(
    frames: Frames,
    rule: Rule,
    value: float | None,
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
    if score is not None and frames.is_small:
        score = _USUAL + (score - _USUAL) * frames.size / SMALL
    crossed = value is not None and numerator > 0 if is_present is None else is_present
    return Metric(
        id=rule.id,
        dimension=rule.dimension,
        name=rule.name,
        value=value,
        unit=rule.unit,
        numerator=numerator,
        denominator=denominator,
        warn=limits["warn"],
        crit=limits["crit"],
        score=score if rule.is_scored and not frames.is_muted(rule.id) else None,
        state="present" if crossed else "absent" if can_tell else "unreachable",
        confidence=confidence,
        formula=formula,
        thresholds=thresholds(rule, limits),
    )


def thresholds(rule: Rule, limits: Mapping[str, float]) -> str:
    """Return from where on a figure is too much, or too little, in words."""
    warn, crit = (
        f"{100 * limits[each]:g} %" if rule.unit == "share" else f"{limits[each]:g}"
        for each in ("warn", "crit")
    )
    if rule.id in FALLING:
        return f"Little below {warn}, too little below {crit}."
    return f"Much from {warn}, too much from {crit}."


def score_of(rule: str, value: float, warn: float, crit: float) -> float:
    """Return 100 where nothing is wrong, about 33 at ``crit``, and 0 half as far again.

    Of a figure that should be high, 100 is at one and a half times ``warn``, and 0 where nothing is left.
    """
    if rule in FALLING:
        share_left = min(1.0, max(0.0, value / min(1.0, _WORST * warn)))
        return 100 * share_left
    return 100 * (1 - min(1.0, max(0.0, value / (_WORST * crit))))


def severity_of(
    frames: Frames, rule: Rule, value: float, confidence: float = 1.0, exposed: float = 0.0
) -> str:
    """Return how bad a figure is: low before ``warn``, medium from it on, high from ``crit`` on.

    One level more where it concerns half of the weight, and one less where one is unsure.
    """
    if frames.is_small:
        return lowered("low", confidence)
    limits = frames.limits(rule.id)
    sign = -1 if rule.id in FALLING else 1
    crossed = (sign * value >= sign * limits["warn"]) + (sign * value >= sign * limits["crit"])
    return lowered(SEVERITIES[1 + crossed + (crossed > 0 and exposed >= _MUCH)], confidence)


def lowered(severity: str, confidence: float) -> str:
    return SEVERITIES[max(0, SEVERITIES.index(severity) - (confidence < _UNSURE))]


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
        explanation=f"{formula} {thresholds(rule, frames.limits(rule.id))}",
        remedy=rule.remedy,
        confidence=confidence,
        effort=effort or rule.effort,
        share=min(1.0, weight),
        evidence=[_row(each) for each in evidence.head(EVIDENCE).iter_rows(named=True)],
        total=evidence.height if total is None else total,
        muted=frames.is_muted(rule.id),
        owner=_owner(evidence),
    )


def _owner(evidence: pl.DataFrame) -> str | None:
    """Return who looks after most of what is listed: the one to ask first."""
    if "steward" not in evidence.columns:
        return None
    counts = evidence.drop_nulls("steward").group_by("steward").len()
    most = counts.sort("len", "steward", descending=[True, False]).head(1)
    return str(most["steward"].item()) if most.height else None


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
