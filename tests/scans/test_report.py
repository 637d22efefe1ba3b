"""A scan becomes a report: analysed, sealed, and the same every time."""

from __future__ import annotations

from scans.models import Finding, Report, Scan
from scans.services.report import make_report
from tests.factories import World, within
from tests.scans.conftest import finish, start


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
