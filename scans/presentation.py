"""A report as its pages, its PDF and a shared link show it: the analysis in the words of people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scans import charts

DIMENSIONS = {
    "structure": "Structure",
    "schema": "Schema and relations",
    "vitality": "Vitality",
    "ownership": "Ownership",
    "adoption": "Adoption",
    "exposure": "Exposure",
}
_ASKS = {
    "structure": "Can people find their way?",
    "schema": "Are the databases well made?",
    "vitality": "Is what is there alive?",
    "ownership": "Does somebody look after it?",
    "adoption": "Do people use it?",
    "exposure": "Who else can see it?",
}
_STATES = {"bad": ("critical", "high"), "warn": ("medium",), "info": ("low", "info")}
_EFFORTS = {"S": "an hour", "M": "a day", "L": "a week or more"}
_AGES = (
    ("fresh", "under 90 days"),
    ("aging", "90 to 180 days"),
    ("stale", "180 days to a year"),
    ("dormant", "over a year"),
)
_ACTIONS = 5
_LISTED_PEOPLE = 20


@dataclass(frozen=True)
class FindingView:
    """A finding with its evidence; ``state`` is how its badge looks."""

    key: str
    rule: str
    severity: str
    state: str
    title: str
    explanation: str
    remedy: str
    effort: str
    gain: float
    confidence: int
    muted: bool
    evidence: list[dict[str, Any]]
    total: int

    @property
    def more(self) -> int:
        return self.total - len(self.evidence)


@dataclass(frozen=True)
class DimensionView:
    name: str
    label: str
    asks: str
    score: float | None
    weight: float
    metrics: list[dict[str, Any]]
    findings: list[FindingView]


@dataclass(frozen=True)
class ReportView:
    """Everything that a report shows."""

    name: str
    scan_number: int
    as_of: datetime
    is_complete: bool
    coverage: dict[str, Any]
    calibration: int
    engine: str
    score: float | None
    band: str | None
    weakest: str
    caps: list[str]
    change: float | None
    is_small: bool
    counts: dict[str, int]
    dimensions: list[DimensionView]
    actions: list[FindingView]
    muted: list[FindingView]
    hubs: list[dict[str, Any]]
    hub_points: list[charts.Point]
    ages: list[charts.Bar]
    depths: list[charts.Bar]
    weeks: list[charts.Bar]
    types: list[charts.Bar]
    people: list[dict[str, Any]]
    people_total: int
    exposure: dict[str, int]
    trend: charts.Line
    trend_rows: list[tuple[str, float | None]]
    unknown: list[dict[str, Any]]

    def dimension(self, name: str) -> DimensionView | None:
        return next((each for each in self.dimensions if each.name == name), None)


def view(
    content: Mapping[str, Any], *, trend: Sequence[tuple[str, float | None]] = (), before: float | None = None
) -> ReportView:
    """Return a report's content as it is shown; ``trend`` is (date, score), the oldest first."""
    analysis = content["analysis"]
    overall = analysis["overall"]
    findings = [_finding(each, analysis["people"]["names"]) for each in analysis["findings"]]
    score = overall["score"]
    return ReportView(
        name=content["organization"]["name"],
        scan_number=content["scan"]["number"],
        as_of=datetime.fromisoformat(content["scan"]["asOf"]),
        is_complete=not analysis["coverage"]["reasons"],
        coverage=analysis["coverage"],
        calibration=content["calibration"]["number"],
        engine=content["engine"],
        score=score,
        band=overall["band"],
        weakest=DIMENSIONS.get(overall["weakest"] or "", ""),
        caps=overall["caps"],
        change=score - before if score is not None and before is not None else None,
        is_small=analysis["is_small"],
        counts=analysis["counts"],
        dimensions=[_dimension(each, analysis["metrics"], findings) for each in analysis["dimensions"]],
        actions=[each for each in findings if not each.muted][:_ACTIONS],
        muted=[each for each in findings if each.muted],
        hubs=analysis["gravity"],
        hub_points=charts.hubs(analysis["gravity"][:10]),
        ages=charts.bars(
            [(words, analysis["ages"][name], f"{analysis['ages'][name]:,}") for name, words in _AGES]
        ),
        depths=charts.bars(
            [
                (f"{each['depth']} above", each["documents"], f"{each['documents']:,}")
                for each in analysis["structure"]["depths"][:12]
            ]
        ),
        weeks=charts.bars(
            [(each["from"], each["made"], f"{each['made']:,}") for each in analysis["adoption"]["weeks"]]
        ),
        types=charts.bars(
            [
                (each["type"].replace("_", " "), each["properties"], f"{each['properties']:,}")
                for each in analysis["schema"]["types"][:12]
            ]
        ),
        people=analysis["people"]["persons"][:_LISTED_PEOPLE],
        people_total=analysis["people"]["total"],
        exposure=analysis["exposure"],
        trend=charts.line(trend),
        trend_rows=list(trend),
        unknown=[each for each in analysis["metrics"] if each["state"] == "unreachable"],
    )


def _dimension(
    found: Mapping[str, Any], metrics: Sequence[dict[str, Any]], findings: Sequence[FindingView]
) -> DimensionView:
    own = set(found["metrics"])
    return DimensionView(
        name=found["name"],
        label=DIMENSIONS[found["name"]],
        asks=_ASKS[found["name"]],
        score=found["score"],
        weight=found["weight"],
        metrics=[_metric(each) for each in metrics if each["id"] in own],
        findings=[each for each in findings if each.rule in own],
    )


def _metric(found: Mapping[str, Any]) -> dict[str, Any]:
    return {**found, "shown": shown(found["value"], found["unit"])}


def shown(value: float | None, unit: str) -> str:
    """Return a measure as people read it."""
    if value is None:
        return "–"
    if unit == "share":
        return f"{100 * value:.0f} %"
    return f"{value:,.0f}" if unit == "count" else f"{value:.2f}"


def _finding(found: Mapping[str, Any], names: Mapping[str, str]) -> FindingView:
    return FindingView(
        key=found["key"],
        rule=found["rule"],
        severity=found["severity"],
        state=next(state for state, levels in _STATES.items() if found["severity"] in levels),
        title=found["title"],
        explanation=found["explanation"],
        remedy=found["remedy"],
        effort=_EFFORTS[found["effort"]],
        gain=found["gain"],
        confidence=round(100 * found["confidence"]),
        muted=found["muted"],
        evidence=[
            {**row, "by": names.get(row["by"], ""), "address": address(row)} for row in found["evidence"]
        ],
        total=found["total"],
    )


def address(row: Mapping[str, Any]) -> str:
    """Return where Notion shows an object, made of its id alone; nothing for people and redacted rows."""
    if row["kind"] == "user" or not row["id"]:
        return ""
    return f"https://www.notion.so/{row['id'].replace('-', '')}"
