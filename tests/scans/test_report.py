"""A scan becomes a report: analysed, sealed, and the same every time."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command
from django.db import ProgrammingError

from integrations.sandbox import Sandbox
from notionscan import signing
from scans import seal
from scans.amendments import replaced_by
from scans.analysis import analyse, canonical_json
from scans.analysis.calibration import Calibration, CalibrationRefused
from scans.errors import CalibrationMovedOn, NoSuchCalibration
from scans.lifecycle import Told, follow, resolution_rate
from scans.models import CalibrationVersion, Finding, Report, Scan
from scans.services.calibration import amend, change_calibration, content_of
from scans.services.findings import assign
from scans.services.notices import mail
from scans.services.report import make_report
from scans.services.start import start_scan
from scans.snapshots import snapshot
from tenants.roles import Role
from tests import database
from tests.factories import (
    World,
    events,
    make_member,
    make_world,
    queued,
    run_jobs,
    verify_address,
    within,
)
from tests.scans.conftest import TOKEN, connect_acme, finish, start


def reported(world: World, scan: Scan) -> Report:
    with within(world.acme):
        make_report(organization_id=world.acme.pk, scan_id=scan.pk)
        return Report.objects.select_related("scan").get(scan=scan)


def test_a_scan_becomes_a_report(connected: World) -> None:
    scan = finish(start(connected))
    report = reported(connected, scan)
    counts = report.analysis["counts"]
    assert counts["rows"] + counts["documents"] > 50
    assert 0 < report.overall <= 100
    with within(connected.acme):
        states = set(Finding.objects.values_list("status", flat=True))
    assert states == {"new"}


def test_the_same_scan_gives_the_same_bytes(connected: World) -> None:
    scan = finish(start(connected))
    with within(connected.acme):
        first = canonical_json(analyse(snapshot(scan), Calibration.default(), scan.as_of).as_dict())
        second = canonical_json(analyse(snapshot(scan), Calibration.default(), scan.as_of).as_dict())
    assert first == second


def test_a_report_is_made_once_when_a_scan_ends(committed: None, sandbox: Sandbox) -> None:
    world = make_world()
    connect_acme(world)
    scan = finish(start(world))
    assert ("scans.report", str(scan.pk)) in {(task, ids.get("scan_id")) for task, ids in queued()}
    run_jobs()
    with within(world.acme):
        assert make_report(organization_id=world.acme.pk, scan_id=scan.pk) is None
        assert Report.objects.count() == 1


def test_a_sealed_report_is_verified_and_a_tampered_one_refused(connected: World, tmp_path: Path) -> None:
    report = reported(connected, finish(start(connected)))
    path = tmp_path / "report.json"
    path.write_text(json.dumps(seal.document(report), indent=2))
    key = signing.public_key()
    out = io.StringIO()
    call_command("verify_report", str(path), "--public-key", key, stdout=out)
    assert "The report on scan 1 of Acme" in out.getvalue()
    tampered = json.loads(path.read_text())
    tampered["report"]["analysis"]["overall"]["score"] = 100
    path.write_text(json.dumps(tampered))
    with pytest.raises(CommandError, match="its content is not what its SHA-256 says"):
        call_command("verify_report", str(path), "--public-key", key)
    # Whoever alters it can compute the hash anew, and not the signature.
    tampered["seal"]["sha256"] = hashlib.sha256(canonical_json(tampered["report"]).encode()).hexdigest()
    path.write_text(json.dumps(tampered))
    for one in (key, "AAAA", ""):
        with pytest.raises(CommandError, match="not signed by this public key"):
            call_command("verify_report", str(path), "--public-key", one)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"report": 1}', '{"report": {}, "seal": []}', "[" * 100_000]
)
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "junk.json"
    path.write_text(text)
    with pytest.raises(CommandError, match="not a report as its page gives them"):
        call_command("verify_report", str(path), "--public-key", "x")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("verify_report", str(tmp_path / "none"), "--public-key", "x")


def test_nobody_changes_a_report(connected: World) -> None:
    reported(connected, finish(start(connected)))
    with pytest.raises(ProgrammingError, match="permission denied"), within(connected.acme):
        Report.objects.update(overall=100)


# Calibration ---------------------------------------------------------------------------------------------


def change(world: World, content: dict[str, Any], based_on: int = 0) -> CalibrationVersion:
    with within(world.acme):
        return change_calibration(
            organization=world.acme, actor=world.admin, content=content, based_on=based_on, note="Tried out"
        )


def test_a_changed_calibration_rescores_every_scan_and_asks_notion_nothing(
    committed: None, sandbox: Sandbox
) -> None:
    world = make_world()
    connect_acme(world)
    for _ in range(2):
        finish(start(world))
    while run_jobs():
        pass
    asked = len(sandbox.requests)
    version = change(world, {"weights": {"structure": 100}})
    while run_jobs():
        pass
    assert len(sandbox.requests) == asked
    with within(world.acme):
        numbers = sorted(Report.objects.values_list("scan__number", "calibration_number"))
    assert numbers == [(1, 0), (1, version.number), (2, 0), (2, version.number)]
    assert events(world.acme)[-1] == ("calibration.changed", "success")


def test_of_two_who_save_at_once_the_second_is_told(world: World) -> None:
    change(world, {"weights": {"structure": 30}})
    with pytest.raises(CalibrationMovedOn):
        change(world, {"weights": {"structure": 40}})
    with within(world.acme):
        assert CalibrationVersion.objects.count() == 1


def test_a_calibration_is_rolled_back_as_a_new_version(world: World) -> None:
    change(world, {"weights": {"structure": 30}})
    with within(world.acme):
        earlier = content_of(world.acme, 0)
        amendment = replaced_by(earlier, 0)
        back = amend(organization=world.acme, actor=world.admin, amendment=amendment, based_on=1)
        with pytest.raises(NoSuchCalibration):
            content_of(world.acme, 7)
    assert (back.number, back.note) == (2, "Back to the default")
    assert back.content == Calibration.default().as_dict()


def test_what_is_out_of_range_changes_nothing(world: World) -> None:
    with pytest.raises(CalibrationRefused):
        change(world, {"weights": {"structure": 101}})
    with within(world.acme):
        assert not CalibrationVersion.objects.exists()


def test_a_new_engine_reports_on_the_earlier_scans_as_well(committed: None, sandbox: Sandbox) -> None:
    world = make_world()
    connect_acme(world)
    for _ in range(2):
        finish(start(world))
        while run_jobs():
            pass
    with database.superuser() as owner:
        owner.execute("UPDATE scans_report SET engine_version = '0'")
    finish(start(world))
    while run_jobs():
        pass
    with within(world.acme):
        made = Report.objects.exclude(engine_version="0").values_list("scan__number", flat=True)
        assert sorted(made) == [1, 2, 3]
        states = set(Finding.objects.values_list("last_number", flat=True))
    assert states == {3}


# Findings across scans -----------------------------------------------------------------------------------


def told(number: int, *keys: str, muted: tuple[str, ...] = (), unknown: tuple[str, ...] = ()) -> Told:
    findings = [
        {"key": key, "rule": key[:2], "severity": "low", "title": key, "muted": key in muted} for key in keys
    ]
    return Told(number, findings, frozenset(unknown))


@pytest.mark.parametrize(
    ("reports", "status"),
    [
        ([told(1, "V1")], "new"),
        ([told(1, "V1"), told(2, "V1")], "open"),
        ([told(1, "V1"), told(2)], "resolved"),
        ([told(1, "V1"), told(2, unknown=("V1",))], "new"),
        ([told(1, "V1"), told(2), told(3, "V1")], "reopened"),
        ([told(1, "V1"), told(2), told(3, "V1"), told(4, "V1")], "reopened"),
        ([told(1, "V1", muted=("V1",))], "muted"),
        ([told(1, "V1", muted=("V1",)), told(2, "V1")], "open"),
        ([told(1, "V1"), told(2), told(3)], "resolved"),
    ],
)
def test_a_finding_goes_through_its_life(reports: list[Told], status: str) -> None:
    assert follow(reports)["V1"].status == status


def test_a_finding_keeps_its_owner_from_scan_to_scan(committed: None, sandbox: Sandbox) -> None:
    world = make_world()
    connect_acme(world)
    finish(start(world))
    run_jobs()
    with within(world.acme):
        one = Finding.objects.order_by("key").first()
        assert one is not None
        assign(
            organization=world.acme,
            actor=world.editor,
            finding_id=one.pk,
            owner=world.viewer,
            due_on=date(2027, 1, 31),
        )
    finish(start(world))
    run_jobs()
    with within(world.acme):
        again = Finding.objects.get(pk=one.pk)
    assert (again.status, again.first_number, again.last_number) == ("open", 1, 2)
    assert (again.owner_id, again.due_on) == (world.viewer.pk, date(2027, 1, 31))


def test_the_share_of_what_was_resolved() -> None:
    assert resolution_rate(["resolved", "open", "new", "resolved", "muted"]) == 0.5
    assert resolution_rate(["muted"]) is None


# Mail ----------------------------------------------------------------------------------------------------


def test_a_score_that_drops_is_mailed_to_the_admins_alone_at_verified_addresses(
    connected: World, mailoutbox: list[EmailMessage]
) -> None:
    make_member(connected.acme, Role.ADMIN, "unverified@acme.example")
    for member in (connected.admin, connected.editor):
        verify_address(member)
    first = finish(start(connected))
    reported(connected, first)
    second = finish(start(connected))
    with within(connected.acme):
        before = Report.objects.get()
        values = {
            f.name: getattr(before, f.name) for f in Report._meta.fields if f.name not in ("id", "scan")
        }
        Report.objects.create(**values | {"scan": second, "overall": before.overall - 10})
        mail(organization_id=connected.acme.pk, scan_id=second.pk)
    [letter] = mailoutbox
    assert letter.to == ["admin@acme.example"]
    assert "the score dropped to" in letter.subject
    assert f"/orgs/acme/scans/{second.pk}/" in letter.body


def test_a_scheduled_scan_that_fails_is_mailed(connected: World, mailoutbox: list[EmailMessage]) -> None:
    verify_address(connected.admin)
    with within(connected.acme):
        scan = start_scan(organization=connected.acme, actor=None, full=True, is_scheduled=True)
        Scan.objects.filter(pk=scan.pk).update(status="incomplete", coverage={"reasons": ["No."]})
        mail(organization_id=connected.acme.pk, scan_id=scan.pk)
    assert mailoutbox[0].subject.endswith("the scheduled scan did not finish")
    assert "No." in mailoutbox[0].body


def test_a_scheduled_scan_without_an_end_queues_the_mail(
    committed: None, sandbox: Sandbox, mailoutbox: list[EmailMessage]
) -> None:
    world = make_world()
    verify_address(world.admin)
    connect_acme(world)
    with within(world.acme):
        scan = start_scan(organization=world.acme, actor=None, full=True, is_scheduled=True)
    sandbox.revoke(TOKEN)
    finish(scan)
    while run_jobs():
        pass
    # The connection's end is told as well, by itself.
    assert sorted((each.to, each.subject) for each in mailoutbox) == [
        (["admin@acme.example"], "Acme Atlas: the connection to Notion has stopped working"),
        (["admin@acme.example"], "Acme Atlas: the scheduled scan did not finish"),
    ]


def test_a_drop_is_mailed_once_and_a_changed_calibration_never(
    committed: None, sandbox: Sandbox, mailoutbox: list[EmailMessage]
) -> None:
    world = make_world()
    verify_address(world.admin)
    connect_acme(world)
    finish(start(world))
    while run_jobs():
        pass
    page = sandbox.workspace.add_page("Salary bands")
    sandbox.share(TOKEN, page)
    sandbox.workspace.publish(page)
    finish(start(world))
    while run_jobs():
        pass
    assert [each.subject for each in mailoutbox] == ["Acme Atlas: the score dropped to 59"]
    # The newest scan has a worse score than before, and nothing happened in the workspace.
    change(world, {"thresholds": {"V1": {"days": 1, "warn": 0.01, "crit": 0.02}}})
    while run_jobs():
        pass
    assert len(mailoutbox) == 1
