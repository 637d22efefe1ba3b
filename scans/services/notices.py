"""Mail to an organization's admins: a scheduled scan that failed, or a score that dropped."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.urls import reverse

from notionscan.jobs import defer
from scans import selectors
from scans.models import Report, Scan
from tenants import selectors as tenants

TASK = "scans.mail"
# Points of the overall score.
_DROP = 5


def notify(report: Report) -> None:
    """Queue a mail where the score of the newest scan dropped, in the open transaction."""
    before = selectors.report_before(report)
    if before is None or report.overall is None or before.overall is None:
        return
    if selectors.is_newest(report.scan) and before.overall - report.overall >= _DROP:
        defer(TASK, scan_id=report.scan_id)


def notify_of_failure(scan: Scan) -> None:
    """Queue a mail where a scan that nobody watches came to no complete end, in the open transaction."""
    if scan.is_scheduled:
        defer(TASK, scan_id=scan.pk)


def mail(*, organization_id: UUID, scan_id: UUID) -> None:
    """Send what there is to say of a scan to the organization's admins, to addresses that they verified."""
    with transaction.atomic():
        scan = Scan.objects.select_related("organization").get(organization_id=organization_id, pk=scan_id)
        subject, sentences = _letter(scan)
        addresses = tenants.admin_addresses(organization_id)
    address = settings.BASE_URL + reverse("scans:detail", args=[scan.organization.slug, scan.pk])
    for each in addresses:
        # One by one: nobody needs to learn who the others are.
        send_mail(subject, "\n\n".join([*sentences, address]), None, [each])


def _letter(scan: Scan) -> tuple[str, list[str]]:
    name = scan.organization.name
    if scan.status != Scan.Status.COMPLETE and scan.is_scheduled:
        return f"{name}: the scheduled scan did not finish", scan.coverage.get("reasons", [])
    report = selectors.newest_report(scan.organization_id)
    before = selectors.report_before(report) if report else None
    if report is None or before is None or report.overall is None or before.overall is None:
        return f"{name}: a scan has ended", []
    return f"{name}: the score dropped to {report.overall:.0f}", [
        f"The last scan found a score of {report.overall:.0f}, after {before.overall:.0f} before it.",
        "The report shows which dimension lost most, and what to do first.",
    ]
