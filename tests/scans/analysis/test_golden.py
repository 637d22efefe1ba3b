"""Each rule of the catalogue on five workspaces: where it holds, where it does not, where nobody can tell, in
a tiny workspace, and after a day on which everything was edited in bulk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests.scans.analysis.workspace import AS_OF, Workspace

NOWHERE = "00000000-0000-4000-8000-000000000000"
OWNER = {"id": "who", "name": "Owner", "type": "people"}


@dataclass(frozen=True)
class Case:
    """How to plant a defect, and how to keep the analysis from telling; None where it can always tell.

    ``level`` is what the defect is at the least in a large workspace, and ``tiny`` in a small one.
    """

    rule: str
    plant: Callable[[Workspace], Any]
    hide: Callable[[Workspace], Any] | None = None
    level: str = "medium"
    tiny: str = "low"


def _pages(count: int, **values: Any) -> Callable[[Workspace], None]:
    def plant(workspace: Workspace) -> None:
        for number in range(count):
            title = values.get("title", f"Thing {_letters(number)}")
            workspace.page(**{**values, "title": title})

    return plant


def _letters(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in str(number)) + "y"


def _columns(*names: str) -> list[dict[str, Any]]:
    return [{"id": each, "name": each, "type": "rich_text"} for each in names]


def _related(target: str) -> list[dict[str, Any]]:
    return [{"id": "rel", "name": "Project", "type": "relation", "both_ways": True, "target": target}]


def _broken(workspace: Workspace) -> None:
    gone = workspace.database("Gone")
    workspace.object(gone)["state"] = "trashed"
    workspace.database("Hub", rows=25, properties=_related(gone), is_locked=True)


def _twins(workspace: Workspace) -> None:
    for title in ("Clients", "Customers", "Suppliers", "Vendors"):
        names = "abcde" if title[0] == "C" else "vwxyz"
        workspace.database(title, properties=_columns(*names))


def _deep(workspace: Workspace) -> None:
    place = workspace.page("Top")
    for number in range(14):
        place = workspace.page(f"Level {_letters(number)}", inside=place)


def _wide(workspace: Workspace) -> None:
    workspace.database("Wide", properties=_columns(*(f"p{n}" for n in range(31))))


def _by(standing: str) -> Callable[[Workspace], None]:
    def plant(workspace: Workspace) -> None:
        who = workspace.person("Gil", standing=standing)
        _pages(9, by=who)(workspace)

    return plant


def _quiet_members(workspace: Workspace) -> None:
    for number in range(4):
        workspace.person(f"Member {number}")


def _many_idle(workspace: Workspace) -> None:
    for number in range(20):
        workspace.person(f"Member {number}")


def _nobody_listed(workspace: Workspace) -> None:
    workspace.objects = [each for each in workspace.objects if each["kind"] != "user"]


def _rows_unread(workspace: Workspace) -> None:
    sources = [each["object_id"] for each in workspace.objects if each["kind"] == "data_source"]
    workspace.coverage["incompleteSources"] = sources


def _schemas_unread(workspace: Workspace) -> None:
    for each in workspace.objects:
        if each["kind"] == "data_source":
            each["structure"] = None


def _targets_unseen(workspace: Workspace) -> None:
    workspace.objects = [each for each in workspace.objects if each["title"] != "Gone"]


def _places_unseen(workspace: Workspace) -> None:
    for each in workspace.objects:
        if each["kind"] == "page":
            each |= {"parent_kind": "page_id", "parent_id": NOWHERE}


CASES = (
    Case("V1", _pages(40, age=400)),
    Case("V2", lambda w: w.database("Done", rows=5, row_age=200, age=200), _rows_unread, level="high"),
    Case("V3", lambda w: w.database("Tried", created=60, age=60), _rows_unread, level="high"),
    Case("T1", _pages(7, title=""), level="high"),
    Case("T2", _pages(12, title="Weekly")),
    Case("T3", _deep, _places_unseen),
    Case("T4", _pages(40), level="high"),
    Case("T5", _pages(5, title="Prices (deprecated)"), level="high"),
    Case("M1", _twins, _schemas_unread),
    Case("M2", _wide, _schemas_unread, level="high"),
    Case("M4", _broken, _targets_unseen, level="high", tiny="high"),
    Case("M5", lambda w: w.database("Alone", rows=25, properties=[OWNER]), _schemas_unread, level="high"),
    Case("O1", lambda w: None, level="high"),
    Case("O2", _by("unresolved"), _nobody_listed),
    Case("O3", _by("guest"), _nobody_listed, level="high"),
    Case("A1", _quiet_members, _nobody_listed, level="medium"),
    Case("A2", _many_idle, _nobody_listed),
    Case("X1", lambda w: w.database("Jobs", is_public=True), level="high", tiny="high"),
)
LEVELS = ("info", "low", "medium", "high", "critical")
RULES = [case.rule for case in CASES]


def full() -> Workspace:
    """Return a workspace of many people in which no rule finds anything."""
    workspace = Workspace()
    people = [workspace.ann, *(workspace.person(f"Colleague {n}") for n in range(5))]
    home = workspace.page("Home")
    for number in range(72):
        workspace.page(
            f"Topic {_letters(number)}", inside=home, age=1 + number % 40, by=people[number % len(people)]
        )
    return workspace


def sound() -> Workspace:
    """Return the same with databases in which nothing is wrong."""
    workspace = full()
    first = workspace.database("Projects", rows=25, properties=[OWNER], is_locked=True)
    workspace.database("Tasks", rows=25, properties=[OWNER, *_related(first)], is_locked=True)
    return workspace


def base(rule: str) -> Workspace:
    # One person who owns everything is what O1 is about; of members who do nothing A2 is.
    return Workspace().fill() if rule in ("O1", "A1") else full()


@pytest.mark.parametrize("case", CASES, ids=RULES)
def test_it_is_found_where_it_is(case: Case) -> None:
    workspace = base(case.rule)
    case.plant(workspace)
    assert workspace.metric(case.rule).state == "present"
    worst = max(workspace.findings(case.rule), key=lambda each: LEVELS.index(each.severity))
    assert LEVELS.index(worst.severity) >= LEVELS.index(case.level)
    assert worst.explanation.count(".") >= 2, "how it is reckoned, and from where on it is too much"
    assert worst.total >= len(worst.evidence) > 0
    assert worst.remedy


@pytest.mark.parametrize("rule", [*RULES, "V4"])
def test_it_is_not_found_where_it_is_not(rule: str) -> None:
    workspace = sound()
    metric = workspace.metric(rule)
    assert metric.state == "absent"
    assert workspace.findings(rule) == []
    assert metric.value is not None, "the control: it was measured"


@pytest.mark.parametrize("case", [each for each in CASES if each.hide], ids=lambda case: case.rule)
def test_what_cannot_be_told_is_neither_there_nor_not(case: Case) -> None:
    workspace = base(case.rule)
    case.plant(workspace)
    assert case.hide is not None
    case.hide(workspace)
    metric = workspace.metric(case.rule)
    assert (metric.state, metric.value, metric.score) == ("unreachable", None, None)
    assert workspace.findings(case.rule) == []


@pytest.mark.parametrize("case", CASES, ids=RULES)
def test_in_a_tiny_workspace_there_are_counts_and_no_severity_by_share(case: Case) -> None:
    workspace = Workspace()
    for number in range(3):
        workspace.page(f"Page {_letters(number)}", age=1 + number)
    case.plant(workspace)
    found = workspace.analysis()
    assert found.is_small == (
        found.counts["documents"] + found.counts["rows"] + found.counts["dataSources"] < 50
    )
    if not found.is_small:
        pytest.fail("the workspace is not tiny")
    for finding in workspace.findings(case.rule):
        assert LEVELS.index(finding.severity) <= LEVELS.index(case.tiny)
        assert "%" not in finding.title
    # Of a handful nobody knows much: no measure is far from the usual.
    score = workspace.metric(case.rule).score
    assert score is None or score >= 65 - 65 * 49 / 50


@pytest.mark.parametrize("case", CASES, ids=RULES)
def test_a_bulk_edit_hides_age_and_nothing_else(case: Case) -> None:
    """Everything was edited on one day, as by an import: what is told by age is not, the rest is."""
    workspace = base(case.rule)
    case.plant(workspace)
    by_age = case.rule in ("V1", "V2")
    for each in workspace.objects:
        if each["kind"] != "user":
            each["edited_at"] = AS_OF - timedelta(days=2)
    assert workspace.metric("V4").state == "present"
    assert workspace.metric("V4").score is None, "it lowers confidence, and no score"
    assert bool(workspace.findings(case.rule)) is not by_age
    for rule in ("V1", "V2"):
        assert workspace.metric(rule).confidence == pytest.approx(0.3)


def test_an_old_bulk_edit_makes_stale_documents_less_sure() -> None:
    workspace = full()
    for number in range(60):
        workspace.page(f"Imported {_letters(number)}", age=300)
    days = [each for each in workspace.findings("V1") if each.confidence < 0.6]
    # 45 % would be medium, and is one level less, as the day of the last edits says little.
    assert [each.severity for each in days] == ["low"]
