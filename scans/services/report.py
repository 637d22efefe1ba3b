"""Make the report on a scan: analyse it under a calibration, seal what came out, and settle the findings."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from django.db import transaction

from notionscan import signing
from notionscan.jobs import defer
from scans import calibrations
from scans.analysis import ENGINE_VERSION, Analysis, analyse, canonical_json
from scans.models import Report, Scan
from scans.services.findings import settle
from scans.services.notices import notify
from scans.snapshots import snapshot

TASK = "scans.report"
ALL = "scans.report_on_all"


def make_report(*, organization_id: UUID, scan_id: UUID) -> Report | None:
    """Report on a scan that ended, under the calibration in force; None if there is a report already."""
    with transaction.atomic():
        scan = (
            Scan.objects.select_related("organization")
            .filter(organization_id=organization_id, pk=scan_id, status__in=Scan.REPORTED)
            .first()
        )
        in_force = calibrations.in_force(organization_id)
        if scan is None or _existing(scan, in_force.number).exists():
            return None
    # Outside of a transaction: a million objects take seconds.
    analysis = analyse(snapshot(scan), in_force.calibration, scan.as_of)
    with transaction.atomic():
        report, made = Report.objects.get_or_create(
            organization_id=organization_id,
            scan=scan,
            calibration_number=in_force.number,
            engine_version=ENGINE_VERSION,
            defaults=_sealed(scan, in_force, analysis),
        )
        settle(organization_id)
        if made:
            notify(report)
            _report_on_the_others(report)
    return report


def _report_on_the_others(report: Report) -> None:
    """Queue reports on the earlier scans where this is the first one of a new engine."""
    reports = Report.objects.filter(organization_id=report.organization_id)
    if reports.exclude(engine_version=ENGINE_VERSION).exists() and not (
        reports.filter(engine_version=ENGINE_VERSION).exclude(pk=report.pk).exists()
    ):
        defer(ALL)


def report_on_all(*, organization_id: UUID) -> None:
    """Queue a report on each scan that has none under the calibration in force, the newest first."""
    with transaction.atomic():
        number = calibrations.in_force(organization_id).number
        done = Report.objects.filter(
            organization_id=organization_id, calibration_number=number, engine_version=ENGINE_VERSION
        )
        scans = Scan.objects.filter(organization_id=organization_id, status__in=Scan.REPORTED)
        for scan_id in (
            scans.exclude(pk__in=done.values("scan_id")).order_by("-number").values_list("pk", flat=True)
        ):
            defer(TASK, scan_id=scan_id)


def _existing(scan: Scan, number: int) -> Any:
    return Report.objects.filter(
        organization_id=scan.organization_id,
        scan=scan,
        calibration_number=number,
        engine_version=ENGINE_VERSION,
    )


def _sealed(scan: Scan, in_force: calibrations.InForce, analysis: Analysis) -> dict[str, Any]:
    found = analysis.as_dict()
    content = canonical_json(
        {
            "organization": {"id": str(scan.organization_id), "name": scan.organization.name},
            "scan": _pinned(scan),
            "calibration": {"number": in_force.number, **in_force.calibration.as_dict()},
            "engine": ENGINE_VERSION,
            "analysis": found,
        }
    )
    return {
        "overall": found["overall"]["score"],
        "scores": {each["name"]: each["score"] for each in found["dimensions"]},
        "findings": [
            {name: each[name] for name in ("key", "rule", "severity", "title", "muted")}
            for each in found["findings"]
        ],
        "unknown": sorted(each["id"] for each in found["metrics"] if each["state"] == "unreachable"),
        "content": content,
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
        "signature": signing.sign(content),
    }


def _pinned(scan: Scan) -> dict[str, Any]:
    return {
        "id": str(scan.pk),
        "number": scan.number,
        "status": scan.status,
        "asOf": scan.as_of.isoformat(),
        "coverage": scan.coverage,
    }
