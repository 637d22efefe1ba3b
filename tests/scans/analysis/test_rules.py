"""Each rule on a workspace where it holds, where it does not, and where nobody can tell."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scans.analysis import adoption
from scans.analysis.adoption import gini
from tests.scans.analysis.workspace import Workspace

RELATION = {"id": "rel", "name": "Project", "type": "relation", "both_ways": True}
PEOPLE = {"id": "who", "name": "Owner", "type": "people"}


def columns(*names: str, kind: str = "rich_text") -> list[dict[str, Any]]:
    return [{"id": name, "name": name, "type": kind} for name in names]


def test_a_good_workspace_has_one_owner_and_no_other_finding() -> None:
    workspace = Workspace().fill()
    workspace.database(rows=30, is_locked=True)
    found = workspace.analysis()
    # One person alone, who therefore owns everything.
    assert [each.rule for each in found.findings] == ["O1"]
    assert found.overall["band"] in ("Leading", "Managed")


# Vitality ------------------------------------------------------------------------------------------------


def test_stale_documents_are_weighed() -> None:
    workspace = Workspace().fill(60)
    for number in range(20):
        workspace.page(f"Old thing {chr(97 + number)}", age=200 + number)
    # 20 of 80, all of the same weight.
    metric = workspace.metric("V1")
    assert (metric.value, metric.state) == (pytest.approx(0.25), "present")
    assert metric.score == pytest.approx(100 * (1 - 0.25 / (1.5 * 0.55)))
    [finding] = workspace.findings("V1")
    assert finding.severity == "low"
    assert finding.title == "25 % (20 of 80) of the documents have not been touched in 180 days"
    assert finding.evidence[0]["title"] == "Old thing t"
    assert finding.evidence[0]["reason"] == "Not touched for 219 days"


def test_what_stands_at_a_busy_database_weighs_more() -> None:
    workspace = Workspace().fill(60)
    manual = workspace.page("Manual", age=400)
    workspace.database(rows=40, inside=manual)
    # The only data source has percentiles of 1 and no indicator: .40 + .35 against .2 of each other one.
    weight = 0.40 + 0.35
    assert workspace.metric("V1").value == pytest.approx(weight / (weight + 60 * 0.2), abs=1e-4)


def test_fresh_documents_are_not_stale() -> None:
    assert Workspace().fill().metric("V1").state == "absent"


def test_a_bulk_edit_lowers_the_confidence_and_no_score() -> None:
    workspace = Workspace().fill(60)
    for number in range(40):
        workspace.page(f"Imported {chr(97 + number % 26)}{chr(97 + number // 26)}", age=300)
    stale, pollution = workspace.metric("V1"), workspace.metric("V4")
    assert (pollution.value, pollution.score, pollution.state) == (0.4, None, "present")
    assert stale.confidence == pytest.approx(0.6)
    assert "with many others" in workspace.findings("V4")[0].evidence[0]["reason"]


def test_what_a_bot_touched_last_says_little() -> None:
    workspace = Workspace().fill(60)
    bot = workspace.person("Sync", kind="bot")
    for number in range(20):
        workspace.page(f"Synced {chr(97 + number)}", by=bot, age=1 + number)
    assert workspace.metric("V4").value == 0.25


def test_a_quiet_database_is_dormant_and_a_busy_one_is_not() -> None:
    workspace = Workspace().fill()
    workspace.database("Done", rows=30, row_age=120, age=150)
    assert workspace.metric("V2").value == 1
    assert workspace.findings("V2")[0].evidence[0]["reason"] == "Quiet for 120 days"
    busy = Workspace().fill()
    busy.database("Doing", rows=30, row_age=3, age=150)
    assert busy.metric("V2").state == "absent"


def test_an_empty_database_is_found_only_if_its_rows_were_read() -> None:
    workspace = Workspace().fill()
    empty = workspace.database("Tried out", created=60, age=60)
    workspace.database("New", created=2, age=1)
    assert workspace.metric("V3").value == 0.5
    assert workspace.findings("V3")[0].evidence[0]["id"] == empty
    workspace.coverage["incompleteSources"] = [empty]
    assert workspace.metric("V3").state == "absent"
    only = Workspace().fill()
    only.coverage["incompleteSources"] = [only.database("Tried out", created=60, age=60)]
    assert only.metric("V3").state == "unreachable"
    assert only.findings("V3") == []


def test_a_stub_is_found_and_an_expected_one_is_not() -> None:
    workspace = Workspace().fill()
    stub = workspace.database("Stub", rows=2, created=60)
    assert [row["reason"] for row in workspace.findings("V3")[0].evidence] == ["2 rows"]
    assert workspace.findings("V3", {"pins": {stub: "expected_empty"}}) == []


# Structure -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", ["", "  ", "Untitled", "sans titre", "New page", "Unbenannt"])
def test_untitled_in_every_language(title: str) -> None:
    workspace = Workspace().fill()
    workspace.page(title)
    workspace.row(workspace.database("Tasks", rows=3), title="")
    [finding] = workspace.findings("T1")
    assert (finding.total, finding.severity) == (1, "low")


def test_duplicates_are_found_past_copies_and_signs_and_rows_are_left_out() -> None:
    workspace = Workspace().fill(57)
    for title in ("Road-map", "Roadmap!", "ROADMAP (copy)", "roadmap v2", "Road map"):
        workspace.page(title)
    source = workspace.database("Tasks")
    for _ in range(5):
        workspace.row(source, title="Weekly")
    # «road map» twice and «roadmap» three times: all but one of each group, of 57 + 5 + 1.
    assert workspace.metric("T2").value == pytest.approx(3 / 63)


def test_databases_that_compete_with_a_hub_are_high() -> None:
    workspace = Workspace().fill()
    bob = workspace.person("Bob")
    workspace.database("Customers", rows=40)
    workspace.database("customers (copy)", by=bob)
    [finding] = workspace.findings("T2")
    assert finding.severity == "high"
    assert finding.title == "2 databases of one title compete, and one of them is a hub"
    quiet = Workspace().fill()
    quiet.database("Customers", rows=40)
    quiet.database("customers (copy)", age=100)
    # The other one was touched by nobody of late.
    assert quiet.findings("T2")[0].severity == "low"


def test_deep_documents_and_those_whose_place_is_unknown() -> None:
    workspace = Workspace().fill()
    place = workspace.page("Top")
    for number in range(7):
        place = workspace.page(f"Level {chr(97 + number)}", inside=place)
    workspace.page("Lost", parent_kind="page_id", parent_id="00000000-0000-4000-8000-000000000000")
    [finding] = workspace.findings("T3")
    assert [row["reason"] for row in finding.evidence] == ["7 levels deep", "6 levels deep"]
    assert "not seen: 1." in finding.explanation
    assert workspace.analysis().structure["unresolved"] == 1


def test_a_circle_of_parents_ends() -> None:
    workspace = Workspace().fill()
    one = workspace.page("One")
    two = workspace.page("Two", inside=one)
    workspace.object(one).update(parent_kind="page_id", parent_id=two)
    assert workspace.metric("T3").state == "absent"
    assert workspace.analysis().structure["unresolved"] == 2


def test_blocks_are_no_level() -> None:
    workspace = Workspace().fill()
    column = workspace.add("block", parent_kind="page_id", parent_id=workspace.page("Top"))
    inner = workspace.add("block", parent_kind="block_id", parent_id=column)
    workspace.page("In a column", parent_kind="block_id", parent_id=inner)
    assert workspace.analysis().structure["depths"][1]["documents"] == 59 + 1


def test_a_full_root_is_found_with_its_strays() -> None:
    workspace = Workspace().fill()
    assert workspace.metric("T4").state == "absent"
    for number in range(40):
        workspace.page(f"Loose {chr(97 + number % 26)}{chr(97 + number // 26)}", age=200 if number < 3 else 5)
    [finding] = workspace.findings("T4")
    assert finding.title == "41 pages and databases stand at the root"
    # More than three for each of one editor.
    assert finding.severity == "high"
    assert [row["reason"] for row in finding.evidence].count("A stray at the root") == 3


def test_what_says_it_is_old_belongs_below_an_archive() -> None:
    workspace = Workspace().fill()
    workspace.page("Handbook (deprecated)")
    workspace.page("Gold standard")
    archive = workspace.page("Archive")
    workspace.page("Old prices", inside=archive)
    [finding] = workspace.findings("T5")
    assert [row["title"] for row in finding.evidence] == ["Handbook (deprecated)"]


@pytest.mark.parametrize(
    ("title", "is_copy"),
    [
        ("Prices (copy)", True), ("Prices (1)", True), ("Prices - old", True), ("Prices – Draft", True),
        ("Copy of Prices", True), ("Copy of Copy of Prices", True), ("PRICES v12", True),
        ("Ｐｒｉｃｅｓ", True),
        ("🏷️ Prices!", True), ("Old prices", False), ("Prices 2025", False), ("Draft of a bill", False),
    ],
)  # fmt: skip
def test_what_is_called_a_copy(title: str, is_copy: bool) -> None:
    workspace = Workspace().fill()
    workspace.page("Prices")
    workspace.page(title)
    assert bool(workspace.findings("T2")) is is_copy


def test_a_database_below_an_archive_is_where_it_belongs() -> None:
    workspace = Workspace().fill()
    archive = workspace.page("📦 Archive")
    workspace.database("Old customers", rows=5, inside=archive)
    assert workspace.findings("T5") == []
    workspace.database("Old vendors", rows=5)
    assert [row["title"] for row in workspace.findings("T5")[0].evidence] == ["Old vendors"]


def test_nameless_databases_are_judged_apart_from_documents() -> None:
    workspace = Workspace().fill()
    workspace.database("", rows=5)
    workspace.database("Tasks", rows=5)
    # One of two, and not one of sixty-two.
    assert workspace.metric("T1").value == 0.5
    assert [each.key for each in workspace.findings("T1")] == ["T1:data_source"]


# Schema --------------------------------------------------------------------------------------------------


def test_twins_are_found_unless_they_are_related() -> None:
    own = columns("Client", "Budget", "Begin", "End", "Notes")
    workspace = Workspace().fill()
    first = workspace.database("Projects", properties=own)
    # Five in common of six: .83.
    second = workspace.database("Jobs", properties=[*own, *columns("Extra")])
    workspace.database("Other", properties=columns("A", "B", "C", "D"))
    [finding] = workspace.findings("M1")
    assert {row["id"] for row in finding.evidence} == {first, second}
    related = Workspace().fill()
    target = related.database("Projects", properties=own)
    related.database("Jobs", properties=[*own, RELATION | {"target": target}])
    assert related.metric("M1").state == "absent"


def test_databases_less_alike_are_no_twins() -> None:
    workspace = Workspace().fill()
    workspace.database("One", properties=columns("a", "b", "c", "d"))
    # Three in common of five.
    workspace.database("Two", properties=columns("a", "b", "c", "e"))
    # Too few of their own, as everything else is Notion's.
    workspace.database("Three", properties=columns("x", "y", "z"))
    workspace.database("Four", properties=columns("x", "y", "z"))
    assert workspace.metric("M1").value == 0


def test_bloat_by_properties_options_and_formulas() -> None:
    workspace = Workspace().fill()
    workspace.database("Wide", properties=columns(*(f"p{n}" for n in range(31))))
    workspace.database("Choices", properties=[{"id": "a", "name": "A", "type": "select", "options": 51}])
    workspace.database("Sums", properties=columns("a", "b", "c", "d", kind="formula"))
    workspace.database("Fine", properties=columns("a", "b"))
    reasons = {row["title"]: row["reason"] for row in workspace.findings("M2")[0].evidence}
    assert reasons == {
        "Wide": "32 properties",
        "Choices": "51 options in one property",
        "Sums": "Mostly rollups and formulas",
    }


def test_a_relation_into_the_trash_is_broken_and_to_nobody_knows_where_is_not() -> None:
    workspace = Workspace().fill()
    trashed = workspace.database("Gone")
    workspace.object(trashed)["state"] = "trashed"
    unseen = "00000000-0000-4000-8000-000000000000"
    hub = workspace.database("Hub", rows=30, properties=[RELATION | {"target": trashed}])
    [finding] = workspace.findings("M4")
    assert (finding.severity, finding.key) == ("high", f"M4:{hub}:rel")
    unreachable = Workspace().fill()
    unreachable.database("Hub", properties=[RELATION | {"target": unseen}])
    metric = unreachable.metric("M4")
    assert (metric.state, metric.value, unreachable.findings("M4")) == ("unreachable", None, [])
    assert "count neither way: 1" in metric.formula


def test_a_relation_of_one_side_is_told_and_moves_no_score() -> None:
    workspace = Workspace().fill()
    target = workspace.database("Projects", rows=3)
    source = workspace.database(
        "Tasks", rows=3, properties=[RELATION | {"target": target, "both_ways": False}]
    )
    [finding] = workspace.findings("M4")
    assert (finding.key, finding.severity) == ("M4:one-way", "low")
    assert [(row["id"], row["reason"]) for row in finding.evidence] == [(source, "Property Project")]
    assert (workspace.metric("M4").value, workspace.metric("M4").score) == (0, 100)


def test_what_is_rolled_up_over_a_broken_relation_is_named() -> None:
    workspace = Workspace().fill()
    gone = workspace.database("Gone")
    workspace.object(gone)["state"] = "trashed"
    rollup = {"id": "sum", "name": "Total", "type": "rollup", "over": "rel"}
    workspace.database("Hub", properties=[RELATION | {"target": gone}, rollup])
    [finding] = workspace.findings("M4")
    assert finding.evidence[0]["reason"] == "Property Project, rollup Total over it"


def test_of_many_broken_relations_the_first_stand_alone() -> None:
    workspace = Workspace().fill()
    gone = workspace.database("Gone")
    workspace.object(gone)["state"] = "trashed"
    for number in range(70):
        workspace.database(f"Base {number}", properties=[RELATION | {"target": gone}])
    found = workspace.findings("M4")
    assert len(found) == 51
    [rest] = [each for each in found if each.key == "M4:more"]
    assert (rest.total, rest.title) == (20, "20 more relations lead into the trash")


def test_of_many_sensitive_titles_the_first_stand_alone() -> None:
    workspace = Workspace().fill()
    for _ in range(60):
        workspace.page("Salary", is_public=True)
    found = [each for each in workspace.findings("X1") if each.severity == "critical"]
    assert (len(found), sum(each.total for each in found)) == (51, 60)


def test_who_is_related_to_itself_alone_is_an_island() -> None:
    workspace = Workspace().fill()
    source = workspace.database("Goals", rows=25, properties=[PEOPLE])
    workspace.database("Tasks", rows=25, properties=[PEOPLE, RELATION | {"target": source}])
    assert workspace.findings("M5") == []
    alone = Workspace().fill()
    goals = alone.database("Goals", rows=25)
    own = [{"id": "title", "name": "Name", "type": "title"}, PEOPLE, RELATION | {"target": goals}]
    alone.object(goals)["structure"] = json.dumps(own)
    # All of what there is.
    assert alone.findings("M5")[0].severity == "critical"
    # Where something was not read it may relate to them.
    alone.coverage = {"percent": 97, "reasons": ["A part is not shared."]}
    assert (alone.findings("M5")[0].severity, alone.metric("M5").confidence) == ("high", 0.5)


def test_an_island_has_work_and_no_relation() -> None:
    workspace = Workspace().fill()
    island = workspace.database("Island", rows=20, properties=[PEOPLE])
    target = workspace.database("Target", rows=20, properties=[PEOPLE])
    workspace.database("Related", rows=20, properties=[PEOPLE, RELATION | {"target": target}])
    workspace.database("Small", rows=19, properties=[PEOPLE])
    assert [row["id"] for row in workspace.findings("M5")[0].evidence] == [island]
    assert workspace.metric("M5").value == pytest.approx(1 / 3)


def test_drift_is_told_by_the_ids_of_properties() -> None:
    workspace = Workspace().fill()
    source = workspace.database("Tasks", rows=30, properties=[PEOPLE, *columns("Notes", "Gone", "Kind")])
    workspace.previous = [dict(each) for each in workspace.objects]
    assert workspace.metric("M6").state == "absent"
    now = columns("Notes", "Kind")
    now[0]["name"], now[1]["type"] = "Remarks", "select"
    title = {"id": "title", "name": "Name", "type": "title"}
    workspace.object(source)["structure"] = json.dumps([title, PEOPLE, *now])
    [finding] = workspace.findings("M6")
    assert finding.severity == "critical"
    assert finding.evidence[0]["reason"] == (
        "Gone removed; Kind is select and was rich_text; Notes was renamed to Remarks"
    )


def test_drift_moves_no_score_as_the_first_scan_cannot_tell_it() -> None:
    workspace = Workspace().fill()
    workspace.database("Tasks", rows=30, properties=[PEOPLE])
    before = workspace.analysis().overall
    workspace.previous = [dict(each) for each in workspace.objects]
    assert workspace.analysis().overall == before


def test_without_a_scan_before_nobody_speaks_of_drift() -> None:
    assert "M6" not in {metric.id for metric in Workspace().fill().analysis().metrics}


# Ownership and people ------------------------------------------------------------------------------------


def test_concentration_is_the_sum_of_squares() -> None:
    workspace = Workspace()
    people = [workspace.person(f"Person {number}") for number in range(11)]
    for number, count in enumerate((40, 20, 20, 20)):
        for each in range(count):
            workspace.page(
                f"Of {chr(97 + number)} {chr(97 + each % 26)}{chr(97 + each // 26)}", by=people[number]
            )
    metric = workspace.metric("O1")
    # .4² and three times .2² are .28, and two of them hold more than half.
    assert metric.value == pytest.approx(0.28)
    assert metric.numerator == 2
    assert workspace.findings("O1")[0].severity == "medium"


def test_a_leavers_work_is_the_stand_ins() -> None:
    workspace = Workspace().fill()
    bob = workspace.person("Bob")
    calibration = {"people": {workspace.ann: {"is": "left", "stand_in": bob}}}
    [finding] = workspace.findings("O1", calibration)
    assert [row["id"] for row in finding.evidence] == [bob]


def test_who_has_left_with_nobody_to_stand_in_owns_nothing_any_more() -> None:
    workspace = Workspace().fill()
    bob = workspace.person("Bob")
    for number in range(20):
        workspace.page(f"Of Bob {chr(97 + number)}", by=bob)
    assert workspace.metric("O2").value == 0
    left = {"people": {bob: {"is": "left"}}}
    assert workspace.metric("O2", left).value == pytest.approx(0.25)
    assert workspace.metric("O2", {"people": {bob: {"is": "left", "stand_in": workspace.ann}}}).value == 0


def test_owners_whom_nobody_knows() -> None:
    workspace = Workspace().fill(95)
    nobody = workspace.person("", standing="unresolved")
    for number in range(5):
        workspace.page(f"Left {chr(97 + number)}", by=nobody)
    assert workspace.metric("O2").value == pytest.approx(0.05)
    assert workspace.findings("O2")[0].severity == "medium"


def test_without_a_list_of_people_nobody_is_called_unknown() -> None:
    workspace = Workspace()
    workspace.objects.clear()
    nobody = workspace.person("", standing="unresolved")
    for number in range(60):
        workspace.page(f"Page {chr(97 + number % 26)}{chr(97 + number // 26)}", by=nobody)
    assert (workspace.metric("O2").state, workspace.findings("O2")) == ("unreachable", [])
    assert workspace.metric("A1").state == "unreachable"


def test_guests_and_what_they_left_behind() -> None:
    workspace = Workspace().fill(98)
    guest = workspace.person("Guest", standing="guest")
    workspace.page("Handed over", by=guest, age=100)
    workspace.page("Fresh", by=guest, age=5)
    [finding] = workspace.findings("O3")
    assert finding.evidence[0]["reason"] == "Last touched by a guest, 100 days ago"
    assert workspace.metric("O3").value == pytest.approx(0.02)


def test_a_service_account_counts_as_a_bot() -> None:
    workspace = Workspace().fill()
    assert workspace.findings("O4") == []
    [finding] = workspace.findings("O4", {"people": {workspace.ann: {"is": "service_account"}}})
    assert finding.severity == "high"


def test_who_is_active() -> None:
    workspace = Workspace().fill()
    for number in range(4):
        workspace.person(f"Quiet {number}")
    workspace.person("Bot", kind="bot")
    workspace.person("Guest", standing="guest")
    # Ann of five members.
    assert workspace.metric("A1").value == 0.2
    assert workspace.findings("A1")[0].total == 4


@pytest.mark.parametrize(
    ("counts", "value"), [([5, 5, 5], 0.0), ([0, 0, 0, 8], 0.75), ([1, 3], 0.25), ([0, 0], None), ([], None)]
)
def test_gini(counts: list[int], value: float | None) -> None:
    assert gini(counts) == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    ("counts", "share", "slope"), [([0, 0, 0, 8], 1.0, 2.4), ([2, 2, 2, 2], 0.25, 0.0), ([], 0.0, 0.0)]
)
def test_the_most_active_tenth_and_the_slope(counts: list[int], share: float, slope: float) -> None:
    assert adoption.top_share(counts) == share
    assert adoption.slope(counts) == pytest.approx(slope)


def test_adoption_tells_months_weeks_and_the_top() -> None:
    workspace = Workspace().fill()
    workspace.person("Idle")
    told = workspace.analysis().adoption
    assert (told["active30"], told["active90"], told["members"], told["topShare"]) == (1, 1, 2, 1.0)
    assert len(told["weeks"]) == 12


def test_a_finding_names_whom_to_ask_first() -> None:
    workspace = Workspace().fill()
    bob = workspace.person("Bob")
    for number in range(3):
        workspace.page(f"Old {chr(97 + number)} (deprecated)", by=bob if number else workspace.ann)
    [finding] = workspace.findings("T5")
    assert finding.owner == bob
    assert workspace.analysis().people["names"][bob] == "Bob"


# Exposure ------------------------------------------------------------------------------------------------


def test_public_pages_databases_and_sensitive_titles() -> None:
    workspace = Workspace().fill()
    open_page = workspace.page("Press kit", is_public=True)
    workspace.page("Below", inside=open_page)
    assert workspace.findings("X1")[0].severity == "low"
    assert workspace.analysis().exposure["possible"] == 1
    workspace.database("Jobs", is_public=True)
    assert workspace.findings("X1")[0].severity == "high"
    pay = workspace.page("Gehälter 2026", is_public=True)
    critical = [each for each in workspace.findings("X1") if each.severity == "critical"]
    assert [each.key for each in critical] == [f"X1:{pay}"]
    overall = workspace.analysis().overall
    assert overall["score"] <= 59
    assert "Something sensitive is public: the score ends at 59." in overall["caps"]


def test_what_is_meant_to_be_public_is_no_finding() -> None:
    workspace = Workspace().fill()
    page = workspace.page("Board of directors", is_public=True)
    assert workspace.findings("X1", {"pins": {page: "intended_public"}}) == []


def test_what_stands_below_something_public_may_be_public() -> None:
    workspace = Workspace().fill()
    press = workspace.page("Press", is_public=True)
    workspace.page("Logos", inside=press)
    workspace.database("Clippings", rows=3, inside=press)
    # A page, a database and three rows.
    assert workspace.analysis().exposure["possible"] == 5


def test_whether_a_database_that_was_not_seen_is_locked_nobody_knows() -> None:
    workspace = Workspace().fill()
    workspace.database("Hub", rows=30)
    workspace.objects = [each for each in workspace.objects if each["kind"] != "database"]
    assert (workspace.metric("X2").state, workspace.findings("X2")) == ("unreachable", [])


def test_mending_what_caps_the_score_is_worth_what_the_cap_took() -> None:
    workspace = Workspace().fill()
    pay = workspace.page("Salaries", is_public=True)
    found = workspace.analysis()
    [finding] = [each for each in found.findings if each.rule == "X1"]
    without = workspace.analysis({"pins": {pay: "intended_public"}})
    assert found.overall["score"] == 59
    assert found.overall["score"] + finding.gain == pytest.approx(without.overall["score"])
    accepted = workspace.analysis({"labels": [{"key": f"X1:{pay}", "label": "accepted"}]})
    assert accepted.overall["score"] > 59


def test_hubs_that_anybody_can_change_are_told_and_not_scored() -> None:
    workspace = Workspace().fill()
    workspace.database(rows=30)
    assert [(each.severity, each.total) for each in workspace.findings("X2")] == [("low", 1)]
    assert workspace.metric("X2").score is None


# Coverage ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("percent", "reasons", "band"),
    [(100, [], "Leading"), (100, ["One."], "Managed"), (89, ["One."], "Managed"), (69, ["One."], None)],
)
def test_what_was_not_read_caps_the_grade(percent: int, reasons: list[str], band: str | None) -> None:
    workspace = Workspace()
    people = [workspace.person(f"Person {number}") for number in range(6)]
    home = workspace.page("Home")
    for number in range(70):
        workspace.page(
            f"Topic {chr(97 + number % 26)}{chr(97 + number // 26)}",
            inside=home,
            age=1 + number % 40,
            by=people[number % 6],
        )
    workspace.database(rows=30, is_locked=True)
    workspace.coverage = {"percent": percent, "reasons": reasons}
    found = workspace.analysis()
    assert found.overall["band"] == band
    assert bool(found.overall["caps"]) == bool(reasons)
    assert ("C1" in {each.rule for each in found.findings}) == bool(reasons)


# Small workspaces ----------------------------------------------------------------------------------------


def test_a_small_workspace_shows_counts_and_no_severity_by_share() -> None:
    workspace = Workspace()
    for _ in range(5):
        workspace.page("Untitled", age=500)
    found = workspace.analysis()
    assert found.is_small
    titles = {each.rule: (each.severity, each.title) for each in found.findings}
    assert titles["T1"] == ("low", "5 of 5 of the documents have no title of their own")
    assert titles["V1"][0] in ("info", "low")


def test_of_a_small_workspace_no_score_is_far_from_the_usual() -> None:
    few, many = Workspace(), Workspace()
    few.page("")
    for _ in range(50):
        many.page("")
    assert many.metric("T1").score == 0
    assert few.metric("T1").score == pytest.approx(65 - 65 / 50)


def test_an_empty_workspace_has_no_finding_and_no_error() -> None:
    workspace = Workspace()
    workspace.objects.clear()
    found = workspace.analysis()
    assert found.findings == []
    assert found.counts["documents"] == 0
