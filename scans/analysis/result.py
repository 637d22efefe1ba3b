"""What an analysis says, in a form that is the same bytes every time."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

DIMENSIONS = ("structure", "schema", "vitality", "ownership", "adoption", "exposure")
SEVERITIES = ("info", "low", "medium", "high", "critical")
_DIGITS = 4


@dataclass(frozen=True)
class Metric:
    """One rule's measure. Its state is present (a finding), absent, or unreachable: it cannot be told."""

    id: str
    dimension: str
    name: str
    value: float | None
    unit: str
    numerator: float
    denominator: float
    warn: float
    crit: float
    score: float | None
    state: str
    confidence: float
    formula: str
    thresholds: str
    # How many objects, where it is a share of some.
    affected: int | None = None
    among: int | None = None


@dataclass(frozen=True)
class Finding:
    """Something to act on. ``key`` stays from scan to scan; ``evidence`` is bounded, ``total`` is not."""

    key: str
    rule: str
    dimension: str
    severity: str
    title: str
    explanation: str
    remedy: str
    confidence: float
    effort: str
    share: float
    evidence: list[dict[str, Any]]
    total: int
    muted: bool = False
    # Who looks after most of it, by id.
    owner: str | None = None
    gain: float = 0.0
    priority: float = 0.0


@dataclass(frozen=True)
class Analysis:
    engine_version: str
    as_of: str
    counts: dict[str, int]
    is_small: bool
    metrics: list[Metric]
    findings: list[Finding]
    dimensions: list[dict[str, Any]]
    overall: dict[str, Any]
    gravity: list[dict[str, Any]] = field(default_factory=list)
    people: dict[str, Any] = field(default_factory=dict)
    adoption: dict[str, Any] = field(default_factory=dict)
    exposure: dict[str, Any] = field(default_factory=dict)
    structure: dict[str, Any] = field(default_factory=dict)
    ages: dict[str, Any] = field(default_factory=dict)
    row_ages: dict[str, Any] = field(default_factory=dict)
    schema: dict[str, Any] = field(default_factory=dict)
    coverage: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        rounded: dict[str, Any] = _rounded(asdict(self))
        return rounded


def canonical_json(value: Any) -> str:
    """Return JSON that has one form only: sorted names, no spaces, and every character as it is."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        # Without a negative zero, which has another form and no other meaning.
        return round(value, _DIGITS) + 0.0
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value
