"""The job of a scan: read on from where it was, and end with what is known of its completeness."""

from __future__ import annotations

import math
import uuid
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audit.actions import Action, Result
from audit.record import record
from integrations.errors import IntegrationError, NotConnected
from integrations.notion.budget import Priority
from integrations.notion.errors import NotionError, NotionRateLimited, NotionUnavailable
from integrations.services.calls import call_notion
from notionscan.jobs import defer
from scans.coverage import coverage
from scans.crawl import ScanEnded, crawl
from scans.models import Scan
from scans.services.start import TASK
from scans.storage import forget_seen

# Notion may be away for this many tries, a minute apart.
FAILURES_AT_MOST = 10
_AGAIN_SECONDS = 60


def run_scan(*, organization_id: UUID, scan_id: UUID) -> None:
    """Read until the end, or until Notion says wait: then the job is queued again and the slot is free."""
    scan = _claimed(organization_id, scan_id)
    if scan is None:
        return
    try:
        call_notion(
            organization_id=organization_id,
            integration_id=scan.integration_id,
            priority=Priority.SCANS,
            use=lambda client: crawl(client, scan),
        )
    except ScanEnded:
        return
    except NotionRateLimited as limit:
        _wait(scan, math.ceil(limit.retry_after), failed=False)
    except NotionUnavailable as failure:
        if scan.failures >= FAILURES_AT_MOST:
            _end(scan, failure.sentence)
        else:
            _wait(scan, _AGAIN_SECONDS, failed=True)
    except NotConnected:
        _end(scan, "Notion was disconnected during the scan.", status=Scan.Status.CANCELLED)
    except (IntegrationError, NotionError) as failure:
        _end(scan, failure.sentence)
    else:
        _end(scan)


@transaction.atomic
def _claimed(organization_id: UUID, scan_id: UUID) -> Scan | None:
    """Return the scan as running and as ours, unless it ended; a worker that had it before has lost it."""
    scan = (
        Scan.objects.select_for_update(skip_locked=True)
        .filter(organization_id=organization_id, pk=scan_id, status__in=Scan.LIVE)
        .first()
    )
    if scan is not None:
        scan.status = Scan.Status.RUNNING
        scan.lease = uuid.uuid4()
        scan.save(update_fields=["status", "lease"])
    return scan


@transaction.atomic
def _wait(scan: Scan, seconds: int, *, failed: bool) -> None:
    waiting = Scan.objects.filter(
        organization_id=scan.organization_id, pk=scan.pk, status=Scan.Status.RUNNING, lease=scan.lease
    ).update(status=Scan.Status.WAITING, failures=scan.failures + 1 if failed else 0)
    if waiting:
        defer(TASK, delay_seconds=seconds, scan_id=scan.pk)


@transaction.atomic
def _end(scan: Scan, reason: str = "", *, status: Scan.Status | None = None) -> None:
    ending = (
        Scan.objects.select_for_update()
        .filter(
            organization_id=scan.organization_id,
            pk=scan.pk,
            status=Scan.Status.RUNNING,
            lease=scan.lease,
        )
        .first()
    )
    if ending is None:
        return
    ending.coverage = coverage(ending)
    if reason:
        ending.coverage["reasons"].insert(0, reason)
    complete = not ending.coverage["reasons"]
    ending.status = status or (Scan.Status.COMPLETE if complete else Scan.Status.INCOMPLETE)
    forget_seen(ending)
    ending.finished_at = timezone.now()
    ending.save(update_fields=["coverage", "status", "finished_at"])
    action = {
        Scan.Status.COMPLETE: Action.SCAN_COMPLETED,
        Scan.Status.CANCELLED: Action.SCAN_CANCELLED,
    }.get(Scan.Status(ending.status), Action.SCAN_INCOMPLETE)
    record(
        action=action,
        organization=scan.organization_id,
        actor=None,
        target=ending,
        result=Result.SUCCESS if complete else Result.ERROR,
        objects=ending.coverage["objects"],
    )
