"""The background jobs of scans."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from notionscan.jobs import organization_task
from scans.services import notices, report, run, schedule, start


@organization_task(start.TASK, asks_whether_to_stop=True)
def run_scan(
    organization_id: UUID, *, should_stop: Callable[[], bool], scan_id: UUID, lease: UUID | None = None
) -> None:
    run.run_scan(organization_id=organization_id, scan_id=scan_id, lease=lease, should_stop=should_stop)


@organization_task(schedule.TASK)
def run_scheduled(organization_id: UUID) -> None:
    schedule.run_scheduled(organization_id=organization_id)


@organization_task(report.TASK)
def make_report(organization_id: UUID, *, scan_id: UUID) -> None:
    report.make_report(organization_id=organization_id, scan_id=scan_id)


@organization_task(report.ALL)
def report_on_all(organization_id: UUID) -> None:
    report.report_on_all(organization_id=organization_id)


@organization_task(notices.TASK)
def mail(organization_id: UUID, *, scan_id: UUID) -> None:
    notices.mail(organization_id=organization_id, scan_id=scan_id)
