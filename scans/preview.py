"""What a calibration would change, before it is saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from scans import presentation, selectors
from scans.analysis import analyse
from scans.analysis.calibration import Calibration
from scans.snapshots import snapshot


@dataclass(frozen=True)
class Change:
    label: str
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Difference:
    """Scores before and after, the overall one first; findings that appear, and those that vanish."""

    scores: list[Change]
    appearing: list[str]
    vanishing: list[str]


def difference(organization_id: UUID, content: Any) -> Difference | None:
    """Judge the newest scan anew, and compare with its report; None before there is one.

    Raises: CalibrationRefused.
    """
    calibration = Calibration.of(content)
    report = selectors.newest_report(organization_id)
    if report is None:
        return None
    now = report.analysis
    then = analyse(snapshot(report.scan), calibration, report.scan.as_of).as_dict()
    old = {each["name"]: each["score"] for each in now["dimensions"]}
    scores = [Change("Overall", now["overall"]["score"], then["overall"]["score"])]
    scores += [
        Change(presentation.DIMENSIONS[each["name"]], old[each["name"]], each["score"])
        for each in then["dimensions"]
    ]
    before, after = _open(now), _open(then)
    return Difference(
        scores,
        appearing=[title for key, title in after.items() if key not in before],
        vanishing=[title for key, title in before.items() if key not in after],
    )


def _open(analysis: dict[str, Any]) -> dict[str, str]:
    return {each["key"]: each["title"] for each in analysis["findings"] if not each["muted"]}
