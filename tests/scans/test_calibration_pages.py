"""The calibration and findings pages: who may change what, and what they are told."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from audit.models import Event
from integrations.sandbox import Sandbox
from scans import calibration_views, selectors
from scans.models import CalibrationVersion, Finding, Scan
from scans.services.report import make_report
from tests.factories import World, make_world, run_jobs, within
from tests.scans.conftest import connect_acme, finish, start

PAGE = "/orgs/acme/calibration/"


@pytest.fixture
def reported(connected: World) -> World:
    scan = finish(start(connected))
    with within(connected.acme):
        make_report(organization_id=connected.acme.pk, scan_id=scan.pk)
    return connected


def versions(world: World) -> int:
    with within(world.acme):
        return CalibrationVersion.objects.count()


def confirm(browser: Client, place: str, sent: dict[str, str]) -> Any:
    """Send a form, look at what it would change, and save that as the page offers it."""
    seen = browser.post(f"{PAGE}{place}", sent)
    assert seen.status_code == 200, text(seen)
    offered = re.search(r'<form method="post" action="([^"]+)">.*?</form>', seen.content.decode(), re.DOTALL)
    assert offered
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', offered[0]))
    return browser.post(offered[1], {name: html.unescape(value) for name, value in fields.items()})


def text(answer: Any) -> str:
    return text_of(answer.content.decode())


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)).strip()


def test_a_preview_shows_the_difference_and_saves_nothing(reported: World) -> None:
    browser = reported.client(reported.admin)
    answer = browser.post(f"{PAGE}preview", {"thresholds.T1.warn": "0", "thresholds.T1.crit": "0.001"})
    shown = text(answer)
    assert "What this would change" in shown
    assert "Nothing is saved yet." in shown
    assert 'value="0.001"' in answer.content.decode()
    assert versions(reported) == 0


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"weights.structure": "101"}, "weights.structure must be between 0 and 100."),
        ({"weights.structure": "much"}, "weights.structure must be between 0 and 100."),
        ({"thresholds.V1.warn": "nan"}, "thresholds.V1.warn must be between 0 and 1."),
        ({"thresholds.V1.colour": "1"}, "thresholds.V1.colour is nothing that a calibration has."),
        ({"thresholds.V1": "1"}, "thresholds.V1. is nothing that a calibration has."),
    ],
)
def test_a_figure_out_of_range_is_named_and_nothing_lost(
    reported: World, sent: dict[str, str], sentence: str
) -> None:
    for place in ("preview", "save"):
        given = {"based_on": "0", "confirm": "1", **sent}
        answer = reported.client(reported.admin).post(f"{PAGE}{place}", given)
        assert answer.status_code == 400
        assert sentence in text(answer)
    assert versions(reported) == 0


def test_the_second_of_two_admins_is_told(reported: World) -> None:
    browser = reported.client(reported.admin)
    sent = {"based_on": "0", "confirm": "1"}
    assert browser.post(f"{PAGE}save", {**sent, "weights.structure": "30"}).status_code == 302
    answer = browser.post(f"{PAGE}save", {**sent, "weights.structure": "40"})
    assert answer.status_code == 409
    assert "Somebody else changed the calibration meanwhile" in text(answer)
    assert 'value="40"' in answer.content.decode()


def test_a_pin_and_a_person_are_saved_and_shown(reported: World) -> None:
    browser = reported.client(reported.admin)
    one = "11111111-1111-4111-8111-111111111111"
    confirm(browser, "pin", {"object": one, "pin": "core"})
    confirm(browser, "person", {"person": one, "is": "left", "team": "<b>Ops</b>"})
    page = browser.get(PAGE).content.decode()
    assert one in page
    assert "&lt;b&gt;Ops" in page
    confirm(browser, "pin", {"object": one, "pin": ""})
    assert versions(reported) == 3


def test_people_are_listed_by_name_and_those_without_one_last() -> None:
    names = {"0": "", "1": "Zoë", "2": "ada", "3": "", "4": "Bob"}
    assert [who for who, _ in calibration_views._by_name(names)] == ["2", "4", "1", "0", "3"]


def test_an_id_stands_below_a_name_and_never_before_it(reported: World) -> None:
    browser = reported.client(reported.admin)
    with within(reported.acme):
        report = selectors.newest_report(reported.acme.pk)
    assert report is not None
    known = max(report.analysis["people"]["persons"], key=lambda each: bool(each["name"]))
    stranger = "00000000-1111-4111-8111-111111111111"
    for who in (stranger, known["id"]):
        confirm(browser, "person", {"person": who, "is": "left", "stand_in": stranger})
    rows = re.findall(r'<tr><th scope="row">(.*?)</tr>', browser.get(PAGE).content.decode())
    first, second = (text_of(row) for row in rows[:2])
    assert first.startswith(f"{html.escape(known['name'])} {known['id']}")
    assert second.startswith(f"Without a name {stranger}")
    # Who stands in is told in the same way.
    assert first.count(f"Without a name {stranger}") == second.count(f"Without a name {stranger}") - 1 == 1


def test_an_editor_mutes_and_an_admin_goes_back(committed: None, sandbox: Sandbox) -> None:
    world = make_world()
    connect_acme(world)
    finish(start(world))
    run_jobs()
    with within(world.acme):
        finding = Finding.objects.exclude(severity="info").order_by("key").first()
    assert finding is not None
    editor = world.client(world.editor)
    sent = {"rule": finding.rule, "reason": "We know", "until": "2999-01-01", "back": "findings"}
    assert confirm(editor, "mute", sent).headers["Location"] == "/orgs/acme/findings/"
    while run_jobs():
        pass
    assert _status(world, finding) == "muted"
    assert "We know" in text(editor.get(PAGE))
    confirm(world.client(world.admin), "back", {"number": "0"})
    while run_jobs():
        pass
    assert _status(world, finding) != "muted"


def _status(world: World, finding: Finding) -> str:
    with within(world.acme):
        return str(Finding.objects.get(pk=finding.pk).status)


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"rule": "V1", "until": "2999-01-01"}, "Say why it is muted."),
        ({"rule": "V1", "reason": "x"}, "Say until when it is muted."),
        ({"rule": "V1", "reason": "x", "until": "soon"}, "Give a day such as 2027-01-31."),
        ({"rule": "Z9", "reason": "x", "until": "2999-01-01"}, "mutes[0].rule must be one of"),
    ],
)
def test_a_mute_needs_a_reason_and_an_end(reported: World, sent: dict[str, str], sentence: str) -> None:
    answer = reported.client(reported.editor).post(f"{PAGE}mute", sent)
    assert answer.status_code == 400
    assert sentence in text(answer)


def test_a_finding_is_given_to_a_member_alone(reported: World) -> None:
    with within(reported.acme):
        finding = Finding.objects.order_by("key").first()
    assert finding is not None
    editor = reported.client(reported.editor)
    place = f"/orgs/acme/findings/{finding.pk}/assign"
    assert editor.post(place, {"owner": str(reported.viewer.pk), "due_on": "2027-01-31"}).status_code == 302
    shown = text(editor.get("/orgs/acme/findings/"))
    assert "31 Jan 2027" in shown
    assert editor.post(place, {"owner": str(reported.outsider.pk)}).status_code == 400
    assert editor.post(place, {"due_on": "soon"}).status_code == 400


def test_the_overview_says_where_one_stands(reported: World, world: World) -> None:
    shown = text(reported.client(reported.viewer).get("/orgs/acme/"))
    assert re.search(r"\d+ of 100", shown)
    assert "Open findings" in shown
    assert "Connect Notion" in text(world.client(world.outsider).get("/orgs/globex/"))


@pytest.mark.parametrize(
    ("place", "sent", "change"),
    [
        ("pin", {"object": "11111111-1111-4111-8111-111111111111", "pin": "core"}, "1 pin."),
        ("person", {"person": "11111111-1111-4111-8111-111111111111", "is": "left"}, "1 person."),
        ("mute", {"rule": "T1", "reason": "A pilot", "until": "2999-01-01"}, "1 mute added."),
        ("save", {"weights.structure": "35"}, "structure 20 → 35."),
        ("preview", {"thresholds.V1.days": "200"}, "V1 days 180 → 200."),
        ("back", {"number": "0"}, "Nothing: this is what is in force."),
    ],
)
def test_every_change_is_shown_before_it_is_saved(
    reported: World, place: str, sent: dict[str, str], change: str
) -> None:
    answer = reported.client(reported.admin).post(f"{PAGE}{place}", sent)
    shown = text(answer)
    assert "What this would change" in shown
    assert change in shown
    assert re.search(r"Overall [\d.]+ [\d.]+", shown)
    assert versions(reported) == 0


def test_who_saw_another_calibration_than_the_one_in_force_is_told(reported: World) -> None:
    browser = reported.client(reported.admin)
    confirm(browser, "save", {"weights.structure": "30"})
    late = {"rule": "T1", "reason": "A pilot", "until": "2999-01-01", "confirm": "1", "based_on": "0"}
    answer = browser.post(f"{PAGE}mute", late)
    assert answer.status_code == 409
    assert "Somebody else changed the calibration meanwhile" in text(answer)
    assert versions(reported) == 1


def test_an_event_names_what_was_changed(reported: World) -> None:
    confirm(reported.client(reported.admin), "save", {"weights.structure": "30", "thresholds.V1.days": "200"})
    with within(reported.acme):
        event = Event.objects.filter(action="calibration.changed").latest("created_at")
    assert event.metadata["changes"] == ["structure 20 → 30", "V1 days 180 → 200"]


def test_until_all_scans_are_scored_anew_pages_show_them_as_before(committed: None, sandbox: Sandbox) -> None:
    world = make_world()
    connect_acme(world)
    for _ in range(2):
        finish(start(world))
        run_jobs()
    browser = world.client(world.admin)
    with within(world.acme):
        last = Scan.objects.get(number=2)
    page = f"/orgs/acme/scans/{last.pk}/report/"
    before = re.search(r"\d+ of 100", text(browser.get(page)))
    assert before
    confirm(browser, "save", {"weights.adoption": "100"})
    shown = text(browser.get(page))
    assert before[0] in shown
    assert "All scans are being scored anew" in shown
    run_jobs()
    with within(world.acme):
        # One of two is done: the trend waits for the other.
        make_report(organization_id=world.acme.pk, scan_id=last.pk)
    assert before[0] in text(browser.get(page))
    while run_jobs():
        pass
    shown = text(browser.get(page))
    assert before[0] not in shown
    assert "being scored anew" not in shown


def test_a_mute_that_has_ended_hides_nothing_although_nobody_scanned_since(
    committed: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    connect_acme(world)
    finish(start(world))
    run_jobs()
    with within(world.acme):
        rule = Finding.objects.order_by("key").values_list("rule", flat=True)[0]
    until = timezone.now().date() + timedelta(days=3)
    editor = world.client(world.editor)
    confirm(editor, "mute", {"rule": rule, "reason": "A pilot", "until": until.isoformat()})
    while run_jobs():
        pass
    with within(world.acme):
        muted = {each.rule for each in selectors.findings(world.acme.pk, status="muted").findings}
        monkeypatch.setattr(selectors.timezone, "now", lambda: datetime.now(UTC) + timedelta(days=5))
        later = selectors.findings(world.acme.pk).findings
        assert selectors.findings(world.acme.pk, status="muted").findings == []
    assert muted == {rule}
    assert rule in {each.rule for each in later if each.status == "open"}
