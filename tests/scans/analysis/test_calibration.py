"""What a calibration may say, and what it then changes."""

from __future__ import annotations

from typing import Any

import pytest

from scans.analysis.calibration import Calibration, CalibrationRefused
from tests.scans.analysis.workspace import Workspace

ONE = "11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"thresholds": {"V1": {"warn": 1.5}}}, "thresholds.V1.warn must be between 0 and 1."),
        ({"thresholds": {"V1": {"days": 0}}}, "thresholds.V1.days must be between 1 and 3650."),
        ({"thresholds": {"V1": {"warn": True}}}, "thresholds.V1.warn must be between 0 and 1."),
        ({"thresholds": {"V1": {"warn": float("nan")}}}, "thresholds.V1.warn must be between 0 and 1."),
        ({"thresholds": {"V1": {"warn": 0.6}}}, "thresholds.V1.warn must be below thresholds.V1.crit."),
        ({"thresholds": {"A1": {"crit": 0.5}}}, "thresholds.A1.crit must be below thresholds.A1.warn."),
        ({"thresholds": {"Z9": {}}}, "thresholds.Z9 is nothing that a calibration has."),
        ({"thresholds": {"V1": {"colour": 1}}}, "thresholds.V1.colour is nothing that a calibration has."),
        ({"weights": {"structure": 101}}, "weights.structure must be between 0 and 100."),
        (
            {"weights": dict.fromkeys(Calibration.default().weights, 0)},
            "weights must not all be 0; give one of them 1 to 100.",
        ),
        ({"pins": {"x": "core"}}, "pins must name an object by its id."),
        (
            {"pins": {ONE: "star"}},
            f"pins.{ONE} must be one of core, ignore, archive, intended_public, expected_empty.",
        ),
        ({"people": {ONE: {"is": "boss"}}}, f"people.{ONE}.is must be one of service_account, left."),
        ({"people": {ONE: {"stand_in": "x"}}}, f"people.{ONE}.stand_in must name an object by its id."),
        (
            {"mutes": [{"rule": "V1", "reason": "", "until": "2027-01-01"}]},
            "mutes[0].reason must say why, in 1 to 500 characters.",
        ),
        (
            {"mutes": [{"rule": "V1", "reason": "x", "until": "soon"}]},
            "mutes[0].until must be a date such as 2027-01-31.",
        ),
        (
            {"labels": [{"key": "V1", "label": "wrong"}]},
            "labels[0].label must be one of true_positive, false_positive, accepted.",
        ),
        ({"colour": {}}, "colour is nothing that a calibration has."),
        ({"weights": []}, "weights must be an object of at most 10,000 entries."),
        ([], "A calibration must be an object."),
    ],
)
def test_what_is_out_of_range_is_refused_by_field_and_range(content: Any, sentence: str) -> None:
    with pytest.raises(CalibrationRefused) as refusal:
        Calibration.of(content)
    assert refusal.value.sentence == sentence


def test_what_is_said_is_read_back() -> None:
    content = Calibration.of({"weights": {"structure": 5}, "pins": {ONE: "core"}}).as_dict()
    assert Calibration.of(content).as_dict() == content


def test_a_mute_hides_and_its_end_brings_it_back() -> None:
    workspace = Workspace().fill()
    workspace.page("", age=1)
    mute = {"rule": "T1", "reason": "A pilot", "until": "2026-11-01", "by": "Ann"}
    [finding] = workspace.findings("T1", {"mutes": [mute]})
    assert finding.muted
    assert workspace.metric("T1", {"mutes": [mute]}).score is None
    [finding] = workspace.findings("T1", {"mutes": [mute | {"until": "2026-10-31"}]})
    assert not finding.muted


def test_a_mute_of_one_object_leaves_the_others() -> None:
    workspace = Workspace().fill()
    first, second = workspace.page(""), workspace.page("")
    mute = {"rule": "T1", "scope": first, "reason": "A template", "until": "2027-01-01"}
    [finding] = workspace.findings("T1", {"mutes": [mute]})
    assert [row["id"] for row in finding.evidence] == [second]
    assert not finding.muted


@pytest.mark.parametrize(
    ("label", "muted"), [("false_positive", True), ("accepted", True), ("true_positive", False)]
)
def test_a_label_settles_a_finding(label: str, muted: bool) -> None:
    workspace = Workspace().fill()
    workspace.page("")
    [finding] = workspace.findings("T1", {"labels": [{"key": "T1", "label": label}]})
    assert finding.muted is muted


def test_a_pin_raises_gravity_and_an_ignored_object_is_not_judged() -> None:
    workspace = Workspace().fill()
    workspace.database("Busy", rows=40)
    small = workspace.database("Small", rows=3)
    untitled = workspace.page("")
    pinned = workspace.analysis({"pins": {small: "core", untitled: "ignore"}})
    assert pinned.gravity[0]["id"] == small
    assert pinned.gravity[0]["gravity"] == 1
    assert "T1" not in {each.rule for each in pinned.findings}
    assert pinned.counts["documents"] == 60


def test_what_is_archived_is_neither_stale_nor_wrongly_live() -> None:
    workspace = Workspace().fill()
    old = workspace.page("Old handbook", age=900)
    found = workspace.analysis({"pins": {old: "archive"}})
    assert not {"V1", "T5"} & {each.rule for each in found.findings}


def test_a_weight_moves_the_score_towards_its_dimension() -> None:
    workspace = Workspace().fill()
    workspace.database("Jobs", is_public=True)
    before = workspace.analysis().overall["score"]
    after = workspace.analysis({"weights": {"exposure": 100}}).overall["score"]
    assert after < before


@pytest.mark.parametrize(("pin", "rules"), [("ignore", set()), ("archive", {"T1"})])
def test_a_pin_holds_for_what_stands_below(pin: str, rules: set[str]) -> None:
    workspace = Workspace().fill()
    shelf = workspace.page("Shelf")
    workspace.page("", inside=workspace.page("Handbook (old)", inside=shelf, age=900), age=900)
    found = workspace.analysis({"pins": {shelf: pin}})
    assert {each.rule for each in found.findings} & {"T1", "T5", "V1"} == rules
