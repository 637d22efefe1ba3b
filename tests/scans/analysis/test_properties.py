"""What holds for every workspace: order and names of ids mean nothing, and worse is never better."""

from __future__ import annotations

import random
import uuid
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scans.analysis import Snapshot, analyse, canonical_json
from scans.analysis.calibration import FALLING, THRESHOLDS, Calibration
from scans.analysis.frames import build
from scans.analysis.measures import Rule, score_of, severity_of
from scans.analysis.result import SEVERITIES
from tests.scans.analysis.workspace import AS_OF, Workspace, frame

_SETTINGS = settings(
    max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
_TITLES = ("Plan", "Plan (copy)", "Untitled", "Old prices", "Salary 2026", "Archive", "=1+1", "\u202egnp.exe")


def some(seed: int, size: int, *, ids: int = 0) -> Workspace:
    """Make a workspace by chance; the same seed makes the same, under other ids where asked."""
    chance = random.Random(seed)
    workspace = Workspace(ids)
    people = [workspace.ann] + [
        workspace.person(f"P{n}", standing=chance.choice(["member", "guest", "unresolved"])) for n in range(5)
    ]
    places: list[str] = []
    sources: list[str] = []
    for _ in range(size):
        kind = chance.random()
        values: dict[str, Any] = {
            "by": chance.choice(people),
            "age": chance.randrange(700),
            "title": chance.choice(_TITLES),
            "is_public": chance.random() < 0.05,
        }
        inside = chance.choice(places) if places and chance.random() < 0.8 else None
        if kind < 0.1:
            target = chance.choice(sources) if sources else None
            relation = {"id": "r", "name": "R", "type": "relation", "target": target, "both_ways": True}
            more = [{"id": f"c{n}", "name": f"C{n}", "type": "rich_text"} for n in range(chance.randrange(6))]
            sources.append(workspace.database(inside=inside, properties=[relation, *more], **values))
        elif kind < 0.5 and sources:
            workspace.row(chance.choice(sources), **values)
        else:
            places.append(workspace.page(values.pop("title"), inside=inside, **values))
    return workspace


def told(snapshot: Snapshot, calibration: dict[str, Any] | None = None) -> str:
    return canonical_json(analyse(snapshot, Calibration.of(calibration or {}), AS_OF).as_dict())


@_SETTINGS
@given(st.integers(0, 10_000), st.integers(0, 150))
def test_the_same_input_gives_the_same_bytes_in_any_order(seed: int, size: int) -> None:
    workspace = some(seed, size)
    first = told(workspace.snapshot())
    shuffled = list(workspace.objects)
    random.Random(seed).shuffle(shuffled)
    assert told(Snapshot(frame(shuffled), workspace.coverage)) == first


@_SETTINGS
@given(st.integers(0, 10_000), st.integers(0, 150))
def test_other_ids_change_no_figure(seed: int, size: int) -> None:
    one, other = some(seed, size).analysis(), some(seed, size, ids=7).analysis()
    assert _figures(one) == _figures(other)
    assert sorted((f.rule, f.severity, f.title, f.total) for f in one.findings) == sorted(
        (f.rule, f.severity, f.title, f.total) for f in other.findings
    )


def _figures(analysis: Any) -> list[Any]:
    return [
        (m.id, None if m.value is None else round(m.value, 9), None if m.score is None else round(m.score, 6))
        for m in analysis.metrics
    ]


@given(st.sampled_from(sorted(THRESHOLDS)), st.floats(0, 1000), st.floats(0, 1000))
def test_a_worse_figure_never_raises_a_score(rule: str, one: float, other: float) -> None:
    warn, crit = (THRESHOLDS[rule][name][0] for name in ("warn", "crit"))
    better, worse = sorted((one, other), reverse=rule in FALLING)
    assert score_of(rule, better, warn, crit) >= score_of(rule, worse, warn, crit)


@_SETTINGS
@given(st.integers(0, 10_000), st.sampled_from(["stale", "untitled", "public", "retired"]))
def test_making_one_document_worse_never_raises_the_score(seed: int, how: str) -> None:
    workspace = some(seed, 120)
    before = workspace.analysis().overall["uncapped"]
    pages = [
        each
        for each in workspace.objects
        if each["kind"] == "page" and each["parent_kind"] != "data_source_id" and not each["is_public"]
    ]
    rule = {"stale": "V1", "untitled": "T1", "public": "X1", "retired": "T5"}[how]
    one = next(each for each in pages if each["title"] == "Plan")
    score = {metric.id: metric.score for metric in workspace.analysis().metrics}[rule]
    if how == "public":
        one["is_public"] = True
    else:
        one["title"] = {"stale": one["title"], "untitled": "", "retired": "Plan old"}[how]
    if how == "stale":
        # The author stays active elsewhere: only this document ages.
        one["edited_at"] = one["created_at"] = AS_OF.replace(year=2020)
    after = {metric.id: metric.score for metric in workspace.analysis().metrics}[rule]
    assert before is not None
    assert score is None or after is None or after <= score + 1e-9


@_SETTINGS
@given(st.integers(0, 10_000))
def test_unsharing_a_subtree_lowers_coverage_and_adds_no_defect(seed: int) -> None:
    workspace = some(seed, 150)
    before = {finding.key for finding in workspace.analysis().findings}
    top = next(each["object_id"] for each in workspace.objects if each["kind"] == "page")
    gone = _below(workspace, top)
    left = [each for each in workspace.objects if each["object_id"] not in gone]
    objects = pl.DataFrame(frame(left))
    coverage = {"percent": 80, "reasons": ["A part is not shared."], "unseen": 1}
    after = analyse(Snapshot(objects, coverage), Calibration.default(), AS_OF)
    # Shares of what is left may move either way; what is about one thing may only go.
    defects = {finding.key for finding in after.findings if ":" in finding.key}
    assert defects <= before
    assert "C1" in {finding.key for finding in after.findings}
    assert after.overall["band"] != "Leading"


# What is told of an object by itself, whatever the others are.
_OF_ONE = ("T1", "T3", "T5", "V1", "V3", "M2", "M4", "O2", "O3", "X1")


@_SETTINGS
@given(st.integers(0, 10_000))
def test_unsharing_calls_no_object_defective_that_was_not(seed: int) -> None:
    workspace = some(seed, 60)
    before = _accused(workspace.analysis())
    gone = _below(workspace, next(e["object_id"] for e in workspace.objects if e["kind"] == "page"))
    workspace.objects = [each for each in workspace.objects if each["object_id"] not in gone]
    workspace.coverage = {"percent": 80, "reasons": ["A part is not shared."], "unseen": 1}
    assert _accused(workspace.analysis()) <= before


def _accused(analysis: Any) -> set[tuple[str, str]]:
    return {
        (each.rule, row["id"]) for each in analysis.findings if each.rule in _OF_ONE for row in each.evidence
    }


@_SETTINGS
@given(st.integers(0, 10_000), st.integers(0, 150))
def test_scoring_again_changes_nothing(seed: int, size: int) -> None:
    workspace = some(seed, size)
    # The calibration as it is stored and read back, of a calibration that was stored and read back.
    once = Calibration.of(Calibration.default().as_dict()).as_dict()
    assert told(workspace.snapshot(), once) == told(workspace.snapshot())


_FRAMES = build(some(1, 120).snapshot(), Calibration.default(), AS_OF)


@given(
    st.sampled_from(sorted(THRESHOLDS)),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
    st.booleans(),
)
def test_a_worse_figure_is_never_less_severe(
    rule: str, one: float, other: float, exposed: float, sure: bool
) -> None:
    better, worse = sorted((one, other), reverse=rule in FALLING)
    levels = [
        SEVERITIES.index(severity_of(_FRAMES, Rule(rule, "", "", ""), value, 1.0 if sure else 0.5, exposed))
        for value in (better, worse)
    ]
    assert levels[0] <= levels[1]


def _below(workspace: Workspace, top: str) -> set[str]:
    gone = {top}
    while more := {e["object_id"] for e in workspace.objects if e.get("parent_id") in gone} - gone:
        gone |= more
    return gone


@pytest.mark.parametrize(
    "title",
    [
        "<script>alert(1)</script>",
        "=1+1",
        "\u202eevil",
        "x" * 2000,
        "{{ 7*7 }}",
        "{% now %}",
        'a\nb,"c"',
        "\\N",
    ],
)
def test_hostile_titles_are_only_titles(title: str) -> None:
    workspace = Workspace().fill()
    page = workspace.page(title, age=500)
    [finding] = workspace.findings("V1")
    assert finding.evidence[0] == {
        "id": page,
        "kind": "page",
        "title": title[:200],
        "reason": "Not touched for 500 days",
        "at": "2025-06-19",
        "by": workspace.ann,
    }


def test_evidence_is_bounded_and_its_total_true() -> None:
    workspace = Workspace().fill()
    for number in range(300):
        workspace.page(f"Dusty {uuid.UUID(int=number)}", age=400)
    [finding] = workspace.findings("V1")
    assert (len(finding.evidence), finding.total) == (50, 300)
