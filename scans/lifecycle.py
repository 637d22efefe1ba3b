"""What became of each finding from scan to scan: a fold over the reports of one calibration, oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from scans.models import Finding

_Status = Finding.Status


@dataclass(frozen=True)
class State:
    """A finding as of the last scan that said anything of it. Numbers are scans'."""

    rule: str
    severity: str
    title: str
    status: str
    first_number: int
    last_number: int
    resolved_number: int | None = None


@dataclass(frozen=True)
class Told:
    """What one report says: its findings, and the rules that it could not tell of."""

    number: int
    findings: list[Mapping[str, Any]]
    unknown: frozenset[str]


def follow(reports: Iterable[Told]) -> dict[str, State]:
    """Return the state of every finding there ever was, by key.

    One that is not there any more is resolved, unless the scan could not tell.
    """
    states: dict[str, State] = {}
    for report in reports:
        found = {str(each["key"]): each for each in report.findings}
        for key, each in found.items():
            states[key] = _seen(states.get(key), each, report.number)
        for key, state in states.items():
            if key not in found and state.status != _Status.RESOLVED and state.rule not in report.unknown:
                states[key] = replace(state, status=_Status.RESOLVED, resolved_number=report.number)
    return states


def _seen(before: State | None, found: Mapping[str, Any], number: int) -> State:
    if found["muted"]:
        status = _Status.MUTED
    elif before is None:
        status = _Status.NEW
    elif before.status in (_Status.RESOLVED, _Status.REOPENED):
        status = _Status.REOPENED
    else:
        status = _Status.OPEN
    return State(
        rule=str(found["rule"]),
        severity=str(found["severity"]),
        title=str(found["title"]),
        status=status,
        first_number=before.first_number if before else number,
        last_number=number,
    )


def resolution_rate(states: Iterable[str]) -> float | None:
    """Return which share of the findings there ever were is resolved; muted ones do not count."""
    counted = [status for status in states if status != _Status.MUTED]
    return counted.count(_Status.RESOLVED) / len(counted) if counted else None
