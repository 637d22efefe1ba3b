"""A report as its pages, its PDF and a shared link show it: the analysis in the words of people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from scans import charts, headlines

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
_LISTED_PEOPLE = 10


@dataclass(frozen=True)
class Assigned:
    """To whom somebody gave a finding, and until when."""

    owner: str
    due_on: date | None


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
    # Who looks after most of it in Notion, and whom it was given to here.
    steward: str
    assigned: Assigned | None
    # Other findings of its rule, where it stands for them.
    others: int = 0

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
    headlines: dict[str, str]
    ages: list[charts.Bar]
    row_ages: list[charts.Bar]
    depths: list[charts.Bar]
    weeks: list[charts.Bar]
    types: list[charts.Bar]
    people: list[dict[str, Any]]
    people_total: int
    adoption: dict[str, Any]
    exposure: dict[str, int]
    trend: charts.Line
    trend_rows: list[tuple[str, float | None]]
    unknown: list[dict[str, Any]]

    def dimension(self, name: str) -> DimensionView | None:
        return next((each for each in self.dimensions if each.name == name), None)


def view(
    content: Mapping[str, Any],
    *,
    trend: Sequence[tuple[str, float | None]] = (),
    before: float | None = None,
    assigned: Mapping[str, Assigned] | None = None,
) -> ReportView:
    """Return a report's content as it is shown; ``trend`` is (date, score), the oldest first.

    ``assigned`` is by the findings' keys.
    """
    analysis = content["analysis"]
    overall = analysis["overall"]
    names, given = analysis["people"]["names"], assigned or {}
    findings = [_finding(each, names, given.get(each["key"])) for each in analysis["findings"]]
    is_small = analysis["is_small"]
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
        is_small=is_small,
        counts=analysis["counts"],
        dimensions=[
            _dimension(each, analysis["metrics"], findings, is_small) for each in analysis["dimensions"]
        ],
        actions=_first(findings),
        muted=[each for each in findings if each.muted],
        hubs=analysis["gravity"],
        hub_points=charts.hubs(analysis["gravity"][:10]),
        headlines=headlines.of(analysis, trend),
        ages=_ages(analysis["ages"]),
        row_ages=_ages(analysis["row_ages"]),
        depths=charts.bars(
            [
                (f"{each['depth']} above", each["documents"], f"{each['documents']:,}")
                for each in analysis["structure"]["depths"][:12]
            ]
        ),
        weeks=charts.bars(
            [
                (f"{date.fromisoformat(each['from']):%-d %b}", each["made"], f"{each['made']:,}")
                for each in analysis["adoption"]["weeks"]
            ]
        ),
        types=charts.bars(
            [
                (each["type"].replace("_", " "), each["properties"], f"{each['properties']:,}")
                for each in analysis["schema"]["types"][:12]
            ]
        ),
        people=analysis["people"]["persons"][:_LISTED_PEOPLE],
        people_total=analysis["people"]["total"],
        adoption=analysis["adoption"],
        exposure=analysis["exposure"],
        trend=charts.line(trend),
        trend_rows=list(trend),
        unknown=[each for each in analysis["metrics"] if each["state"] == "unreachable"],
    )


def _first(findings: Sequence[FindingView]) -> list[FindingView]:
    """Return what to do first: of each rule the first finding, as what mends one often mends the others."""
    rules: dict[str, list[FindingView]] = {}
    for each in findings:
        if not each.muted:
            rules.setdefault(each.rule, []).append(each)
    return [replace(own[0], others=len(own) - 1) for own in list(rules.values())[:_ACTIONS]]


def _ages(counts: Mapping[str, int]) -> list[charts.Bar]:
    return charts.bars([(words, counts[name], f"{counts[name]:,}") for name, words in _AGES])


def _dimension(
    found: Mapping[str, Any],
    metrics: Sequence[dict[str, Any]],
    findings: Sequence[FindingView],
    is_small: bool,
) -> DimensionView:
    own = set(found["metrics"])
    return DimensionView(
        name=found["name"],
        label=DIMENSIONS[found["name"]],
        asks=_ASKS[found["name"]],
        score=found["score"],
        weight=found["weight"],
        metrics=[_metric(each, is_small) for each in metrics if each["id"] in own],
        findings=[each for each in findings if each.rule in own],
    )


def _metric(found: Mapping[str, Any], is_small: bool) -> dict[str, Any]:
    if is_small and found["value"] is not None and found["among"] is not None:
        return {**found, "shown": f"{found['affected']:,} of {found['among']:,}"}
    return {**found, "shown": shown(found["value"], found["unit"])}


def weakest(scores: Mapping[str, float | None]) -> tuple[str, float] | None:
    """Return the dimension with the lowest score, and the score."""
    known = [(score, name) for name, score in scores.items() if score is not None]
    return (DIMENSIONS[min(known)[1]], min(known)[0]) if known else None


def shown(value: float | None, unit: str) -> str:
    """Return a measure as people read it."""
    if value is None:
        return "–"
    if unit == "share":
        return f"{100 * value:.0f} %"
    return f"{value:,.0f}" if unit == "count" else f"{value:.2f}"


def _finding(found: Mapping[str, Any], names: Mapping[str, str], assigned: Assigned | None) -> FindingView:
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
        steward=names.get(found["owner"], ""),
        assigned=assigned,
    )


def address(row: Mapping[str, Any]) -> str:
    """Return where Notion shows an object, made of its id alone; nothing for people and redacted rows."""
    if row["kind"] == "user" or not row["id"]:
        return ""
    return f"https://www.notion.so/{row['id'].replace('-', '')}"
