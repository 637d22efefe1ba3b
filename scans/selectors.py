"""Reading of scans: the history, one scan, and how far it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, Prefetch, Q, QuerySet, Value, When
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.timesince import timesince

from scans import calibrations
from scans.analysis import ENGINE_VERSION
from scans.analysis.result import SEVERITIES
from scans.models import CalibrationVersion, Finding, Report, Scan, Schedule, Seen, Share, ShareView
from scans.presentation import Assigned

PAGE_SIZE = 25
FINDINGS_PAGE = 50
SHARES_AT_MOST = 200
# Of each link.
VIEWS_AT_MOST = 20
_LONG_SECONDS = 120
# Scans that a trend is drawn through.
_TREND = 26


@dataclass(frozen=True)
class History:
    scans: list[Scan]
    next_cursor: str | None


@dataclass(frozen=True)
class Progress:
    """How many objects a live scan has met, and about how many there are, as far as one knows."""

    objects: int
    about: int | None


@transaction.atomic
def history(organization_id: UUID, cursor: str = "") -> History:
    """Return an organization's scans, newest first, before the cursor, a number."""
    found = Scan.objects.filter(organization_id=organization_id).order_by("-number")
    if re.fullmatch(r"[0-9]{1,9}", cursor):
        found = found.filter(number__lt=int(cursor))
    rows = list(found[: PAGE_SIZE + 1])
    more = len(rows) > PAGE_SIZE
    return History(rows[:PAGE_SIZE], str(rows[PAGE_SIZE - 1].number) if more else None)


@transaction.atomic
def scan(organization_id: UUID, scan_id: UUID) -> Scan | None:
    return Scan.objects.filter(organization_id=organization_id, pk=scan_id).first()


@transaction.atomic
def live_scan(organization_id: UUID) -> Scan | None:
    return Scan.objects.filter(organization_id=organization_id, status__in=Scan.LIVE).first()


@transaction.atomic
def progress(live: Scan) -> Progress:
    seen = Seen.objects.filter(organization_id=live.organization_id, scan=live).exclude(
        found_by=Seen.NOT_THERE
    )
    return Progress(seen.count(), _about(live) if live.is_full else None)


@transaction.atomic
def schedule(organization_id: UUID) -> Schedule | None:
    return Schedule.objects.filter(organization_id=organization_id).first()


def reports(organization_id: UUID) -> QuerySet[Report]:
    """Return the reports of one calibration, of the newest scan first, without their content.

    It is the one in force; while scans are being scored anew, the one before, until as many are done.
    """
    return (
        Report.objects.filter(
            organization_id=organization_id,
            calibration_number=calibrations.shown(organization_id),
            engine_version=ENGINE_VERSION,
        )
        .select_related("scan")
        .defer("content")
        .order_by("-scan__number")
    )


@transaction.atomic
def newest_report(organization_id: UUID) -> Report | None:
    return reports(organization_id).defer(None).first()


@transaction.atomic
def newest_summary(organization_id: UUID) -> Report | None:
    """Return the newest report without its content, which is a hundred times the rest."""
    return reports(organization_id).first()


@transaction.atomic
def report_of(scan: Scan) -> Report | None:
    """Return a scan's report under the calibration in force."""
    return reports(scan.organization_id).defer(None).filter(scan=scan).first()


@transaction.atomic
def summary_of(scan: Scan) -> Report | None:
    """Return a scan's report with its scores, and without its content."""
    return reports(scan.organization_id).filter(scan=scan).first()


@transaction.atomic
def has_report(scan: Scan) -> bool:
    return reports(scan.organization_id).filter(scan=scan).exists()


@transaction.atomic
def report_before(report: Report) -> Report | None:
    """Return the report on the scan before, under the same calibration."""
    return _alike(report).filter(scan__number__lt=report.scan.number).first()


def _alike(report: Report) -> QuerySet[Report]:
    """Return the reports that can be compared with one, of the newest scan first."""
    alike = Report.objects.filter(
        organization_id=report.organization_id,
        calibration_number=report.calibration_number,
        engine_version=report.engine_version,
    )
    return alike.select_related("scan").defer("content").order_by("-scan__number")


@transaction.atomic
def is_newest(ended: Scan) -> bool:
    later = Scan.objects.filter(organization_id=ended.organization_id, number__gt=ended.number)
    return not later.filter(status__in=Scan.REPORTED).exists()


def duration(ended: Scan) -> str:
    """Return how long a scan took, waiting included, in words; nothing while it runs."""
    if not (ended.finished_at and ended.started_at):
        return ""
    seconds = round((ended.finished_at - ended.started_at).total_seconds())
    if seconds < _LONG_SECONDS:
        return f"{max(1, seconds)} second{'' if seconds <= 1 else 's'}"
    return timesince(ended.started_at, ended.finished_at)


def _about(live: Scan) -> int | None:
    """Return how many objects the last scan that ended knew."""
    before = Scan.objects.filter(
        organization_id=live.organization_id,
        number__lt=live.number,
        status__in=(Scan.Status.COMPLETE, Scan.Status.INCOMPLETE),
    ).order_by("-number")
    last = before.first()
    return last.size or None if last else None


@transaction.atomic
def trend(report: Report) -> list[tuple[str, float | None]]:
    """Return (time, overall score) of the scans until this one, under one calibration, the oldest first."""
    found = _alike(report).filter(scan__number__lte=report.scan.number)[:_TREND]
    return [(f"{each.scan.as_of:%Y-%m-%d %H:%M}", each.overall) for each in reversed(found)]


@transaction.atomic
def calibration(organization_id: UUID) -> calibrations.InForce:
    return calibrations.in_force(organization_id)


@transaction.atomic
def calibration_versions(organization_id: UUID) -> list[CalibrationVersion]:
    return list(calibrations.versions(organization_id)[:PAGE_SIZE])


@dataclass(frozen=True)
class Findings:
    findings: Sequence[Finding]
    next_cursor: str | None


@transaction.atomic
def findings(
    organization_id: UUID, *, status: str = "", cursor: str = "", seen_by: int | None = None
) -> Findings:
    """Return an organization's findings, the worst first; those that are not resolved unless asked for.

    ``seen_by`` is the number of a scan, and means those that were there from one scan to a later one.
    """
    found = _as_of_today(organization_id)
    if seen_by is not None:
        found = found.filter(first_number__lte=seen_by, last_number__gte=seen_by)
    if status in Finding.Status.values:
        found = found.filter(today=status)
    else:
        found = found.exclude(status=Finding.Status.RESOLVED)
    order = Case(*(When(severity=name, then=rank) for rank, name in enumerate(SEVERITIES)), default=0)
    start = int(cursor) if re.fullmatch(r"[0-9]{1,6}", cursor) else 0
    rows = list(found.annotate(rank=order).order_by("-rank", "key")[start : start + FINDINGS_PAGE + 1])
    more = len(rows) > FINDINGS_PAGE
    for each in rows:
        each.status = each.today
    return Findings(rows[:FINDINGS_PAGE], str(start + FINDINGS_PAGE) if more else None)


@transaction.atomic
def finding_states(organization_id: UUID) -> list[str]:
    """Return the state of each finding that there is or was, for counting."""
    return list(_as_of_today(organization_id).values_list("today", flat=True))


def _as_of_today(organization_id: UUID) -> Any:
    """Return the findings that the calibration knows, each with the state that it has ``today``.

    A mute that has ended since the last scan hides nothing any more.
    """
    now = calibrations.in_force(organization_id).calibration
    today = timezone.now().date()
    rules = [rule for rule in now.thresholds if None in now.muted(rule, today)]
    settled = [key for key, label in now.labels_by_key().items() if label != "true_positive"]
    is_lapsed = Q(status=Finding.Status.MUTED) & ~Q(rule__in=rules) & ~Q(key__in=settled)
    known = Finding.objects.filter(organization_id=organization_id)
    known = known.exclude(status=Finding.Status.RESOLVED, resolved_number__isnull=True)
    return known.annotate(today=Case(When(is_lapsed, then=Value(Finding.Status.OPEN)), default=F("status")))


@transaction.atomic
def alive_shares(organization_id: UUID) -> int:
    """Count the links that open a report now."""
    alive = Share.objects.filter(organization_id=organization_id, revoked_at=None, expires_at__gt=Now())
    return alive.count()


@transaction.atomic
def assigned(organization_id: UUID) -> dict[str, Assigned]:
    """Return to whom findings were given, by the findings' keys."""
    given = Finding.objects.filter(organization_id=organization_id).exclude(owner_label="", due_on=None)
    found = given.values_list("key", "owner_label", "due_on")
    return {key: Assigned(owner, due_on) for key, owner, due_on in found}


@transaction.atomic
def shares(organization_id: UUID) -> list[Share]:
    """Return an organization's links with the scans they show, the newest first."""
    found = Share.objects.filter(organization_id=organization_id).select_related("report__scan")
    views = ShareView.objects.order_by("-viewed_at")
    found = found.prefetch_related(Prefetch("log", views[:VIEWS_AT_MOST], to_attr="last_views"))
    return list(found.defer("report__content").order_by("-created_at")[:SHARES_AT_MOST])
