"""What a report says in words: titles of drawings, actions, and counts where shares say nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from scans import charts, headlines, presentation
from tests.scans.analysis.workspace import AS_OF, Workspace


def content(workspace: Workspace) -> dict[str, Any]:
    return {
        "organization": {"name": "Acme"},
        "scan": {"number": 1, "asOf": AS_OF.isoformat()},
        "calibration": {"number": 0},
        "engine": "2",
        "analysis": workspace.analysis().as_dict(),
    }


@pytest.mark.parametrize(
    ("ages", "said"),
    [
        ((0, 0, 0, 0), "There are no documents"),
        ((50, 0, 50, 0), "Half of the documents have not been touched in half a year"),
        ((64, 0, 20, 16), "A third of the documents have not been touched in half a year"),
        ((90, 0, 10, 0), "10 % of the documents have not been touched in half a year"),
        ((5, 0, 0, 0), "All of the documents have been touched in half a year"),
        ((4, 0, 1, 0), "1 of 5 of the documents has not been touched in half a year"),
    ],
)
def test_the_ages_of_documents_in_a_sentence(ages: tuple[int, ...], said: str) -> None:
    counts = dict(zip(("fresh", "aging", "stale", "dormant"), ages, strict=True))
    assert headlines._ages(counts) == said


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([59.0, 68.2], "The score rose from 59 to 68 over 2 scans"),
        ([70.0, None, 60.0], "The score fell from 70 to 60 over 3 scans"),
        ([70.0, 70.2], "The score stayed at 70 over 2 scans"),
        ([70.0], "The score over the scans"),
    ],
)
def test_the_trend_in_a_sentence(scores: list[float | None], said: str) -> None:
    assert headlines.of_trend([("day", score) for score in scores]) == said


def test_a_line_breaks_where_there_is_no_score() -> None:
    line = charts.line([("a", 10), ("b", 20), ("c", None), ("d", 40), ("e", 50)])
    assert [path.count("L") for path in line.paths] == [1, 1]
    assert len(line.points) == 4


def test_of_each_rule_one_action_stands_for_all() -> None:
    workspace = Workspace().fill()
    for _ in range(8):
        workspace.page("Salary", is_public=True)
    workspace.page("")
    actions = presentation.view(content(workspace)).actions
    assert len({each.rule for each in actions}) == len(actions)
    [exposed] = [each for each in actions if each.rule == "X1"]
    assert (exposed.others, exposed.steward) == (7, "Ann")


def test_an_action_names_to_whom_it_was_given() -> None:
    workspace = Workspace().fill()
    workspace.page("")
    given = {"T1": presentation.Assigned("bob@acme.example", date(2027, 1, 31))}
    actions = presentation.view(content(workspace), assigned=given).actions
    assert [each.assigned for each in actions if each.rule == "T1"] == [given["T1"]]


def test_a_small_workspace_shows_counts() -> None:
    workspace = Workspace()
    for title in ("", "", "Plan"):
        workspace.page(title)
    structure = presentation.view(content(workspace)).dimension("structure")
    assert structure
    assert {each["id"]: each["shown"] for each in structure.metrics}["T1"] == "2 of 3"
