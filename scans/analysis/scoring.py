"""From metrics to dimensions to one score, which can be taken apart, and never says more than was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from scans.analysis.calibration import Calibration
from scans.analysis.result import DIMENSIONS, SEVERITIES, Finding, Metric
from scans.analysis.snapshot import Snapshot

_BANDS = ((85, "Leading"), (70, "Managed"), (55, "Developing"), (40, "Fragile"), (0, "Critical"))
_EFFORT = {"S": 1, "M": 2, "L": 4}
_BELOW_LEADING = 84.99
_EXPOSED = 59
# What moves no score comes after what does.
_UNSCORED = 0.1
_GRADED, _WELL_COVERED = 70, 90


def scores(
    metrics: Sequence[Metric], findings: Sequence[Finding], snapshot: Snapshot, calibration: Calibration
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the dimensions, and the overall score with band, weakest dimension and what capped it."""
    dimensions = [_dimension(name, metrics, calibration) for name in DIMENSIONS]
    plain = _overall(dimensions)
    score, caps = _capped(plain, findings, snapshot)
    weakest = min(
        (each for each in dimensions if each["score"] is not None and each["weight"]),
        key=lambda each: (each["score"], each["name"]),
        default=None,
    )
    return dimensions, {
        "score": score,
        "band": band(score),
        "uncapped": plain,
        "caps": caps,
        "weakest": weakest["name"] if weakest else None,
    }


def band(score: float | None) -> str | None:
    if score is None:
        return None
    return next(name for least, name in _BANDS if score >= least)


def labelled(findings: Sequence[Finding], calibration: Calibration) -> list[Finding]:
    """Return the findings with those muted that somebody called wrong, or a risk that is accepted."""
    settled = {key for key, label in calibration.labels_by_key().items() if label != "true_positive"}
    return [replace(each, muted=True) if each.key in settled else each for each in findings]


def ranked(
    findings: Sequence[Finding], metrics: Sequence[Metric], snapshot: Snapshot, calibration: Calibration
) -> list[Finding]:
    """Return the findings with what mending each would gain, the ones to do first at the head.

    First comes what is worst, by the share of the weight, the confidence and the effort.
    """
    gains = {
        rule: _gain(rule, findings, metrics, snapshot, calibration)
        for rule in {each.rule for each in findings}
    }
    found = [
        replace(each, gain=gains[each.rule], priority=_priority(each, gains[each.rule])) for each in findings
    ]
    return sorted(found, key=lambda each: (each.muted, -each.priority, each.key))


def _dimension(name: str, metrics: Sequence[Metric], calibration: Calibration) -> dict[str, Any]:
    own = [metric for metric in metrics if metric.dimension == name]
    known = [metric.score for metric in own if metric.score is not None]
    return {
        "name": name,
        "weight": calibration.weights[name],
        "score": sum(known) / len(known) if known else None,
        "metrics": [metric.id for metric in own],
    }


def _overall(dimensions: Sequence[dict[str, Any]]) -> float | None:
    known = [each for each in dimensions if each["score"] is not None and each["weight"]]
    weight = sum(each["weight"] for each in known)
    return sum(each["score"] * each["weight"] for each in known) / weight if weight else None


def _capped(
    score: float | None, findings: Sequence[Finding], snapshot: Snapshot
) -> tuple[float | None, list[str]]:
    percent = snapshot.percent
    if score is None:
        return None, []
    if percent < _GRADED:
        return None, [f"Coverage is {percent} %: below {_GRADED} % there is no overall score."]
    caps: list[tuple[float, str]] = []
    if percent < _WELL_COVERED:
        caps.append(
            (_BELOW_LEADING, f"Coverage is {percent} %: below {_WELL_COVERED} % the band ends at Managed.")
        )
    elif snapshot.reasons:
        caps.append((_BELOW_LEADING, "The scan is incomplete: the band ends at Managed."))
    if any(each.rule == "X1" and each.severity == "critical" and not each.muted for each in findings):
        caps.append((_EXPOSED, f"Something sensitive is public: the score ends at {_EXPOSED}."))
    return min([score, *(most for most, _ in caps)]), [why for most, why in caps if most < score]


def _gain(
    rule: str,
    findings: Sequence[Finding],
    metrics: Sequence[Metric],
    snapshot: Snapshot,
    calibration: Calibration,
) -> float:
    """Return how many points more the overall score would be if this rule found nothing.

    Where another rule caps the score, what it would be once that one is mended too.
    """
    mended = [
        replace(metric, score=100.0) if metric.id == rule and metric.score is not None else metric
        for metric in metrics
    ]
    others = [each for each in findings if each.rule != rule]
    before, after = (
        _reached(measures, found, snapshot, calibration)
        for measures, found in ((metrics, findings), (mended, others))
    )
    return max(0.0, after - before, _plain(mended, calibration) - _plain(metrics, calibration))


def _reached(
    metrics: Sequence[Metric], findings: Sequence[Finding], snapshot: Snapshot, calibration: Calibration
) -> float:
    """Return the overall score; where too little was read for one, what it would be."""
    plain = _plain(metrics, calibration)
    score, _ = _capped(plain, findings, snapshot)
    return plain if score is None else score


def _plain(metrics: Sequence[Metric], calibration: Calibration) -> float:
    return _overall([_dimension(name, metrics, calibration) for name in DIMENSIONS]) or 0.0


def _priority(finding: Finding, gain: float) -> float:
    level = SEVERITIES.index(finding.severity)
    priority = level * finding.share * finding.confidence / _EFFORT[finding.effort]
    return priority if gain else priority * _UNSCORED
