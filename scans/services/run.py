"""The job of a scan: read on from where it was, and end with what is known of its completeness.

Whoever takes a scan up leases it for some seconds at a time, and queues a second job that looks after the
lease: if nobody renewed it, that job takes the scan up. So a killed worker's scan goes on, on any machine.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from audit.actions import Action, Result
from audit.record import record
from integrations.errors import IntegrationError, NotConnected
from integrations.http.errors import ProviderError
from integrations.notion.budget import Priority
from integrations.notion.errors import NotionRateLimited, NotionUnavailable
from integrations.services.calls import call_notion
from notionscan.jobs import defer
from scans.batch import ScanEnded
from scans.coverage import coverage, known_until
from scans.crawl import HandedBack, crawl
from scans.models import Scan
from scans.services.notices import notify_of_failure
from scans.services.report import TASK as REPORT
from scans.services.start import TASK
from scans.storage import forget_seen

# Notion may be away for this many tries without any progress, a minute apart.
FAILURES_AT_MOST = 10
# And be taken from workers that died, or that it fails in, so often.
TAKEN_OVER_AT_MOST = 30
_AGAIN_SECONDS = 60
_LOCKED_SECONDS = 1
_TOO_OFTEN = (
    "The scan was interrupted again and again without getting on. Start another; if that one ends so too, "
    "tell whoever runs Notion Scan."
)


def run_scan(
    *,
    organization_id: UUID,
    scan_id: UUID,
    lease: UUID | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Read until the end, or until Notion says wait: then the job is queued again and the slot is free.

    With a ``lease`` this is the job that looks after it.
    """
    scan = _claimed(organization_id, scan_id, lease)
    if scan is None:
        return
    try:
        call_notion(
            organization_id=organization_id,
            integration_id=scan.integration_id,
            priority=Priority.SCANS,
            use=lambda client: crawl(client, scan, should_stop=should_stop),
        )
    except ScanEnded:
        return
    except HandedBack:
        _requeue(scan, Scan.Status.QUEUED, 0)
    except NotionRateLimited as limit:
        _requeue(scan, Scan.Status.WAITING, math.ceil(limit.retry_after))
    except NotionUnavailable as failure:
        if scan.failures >= FAILURES_AT_MOST:
            _end(scan, failure.sentence)
        else:
            _requeue(scan, Scan.Status.WAITING, _AGAIN_SECONDS, failures=scan.failures + 1)
    except NotConnected:
        _end(scan, "Notion was disconnected during the scan.", status=Scan.Status.CANCELLED)
    except (IntegrationError, ProviderError) as failure:
        _end(scan, failure.sentence)
    else:
        _end(scan)


def _ours(scan: Scan) -> Q:
    return Q(organization_id=scan.organization_id, pk=scan.pk, status=Scan.Status.RUNNING, lease=scan.lease)


@transaction.atomic
def _claimed(organization_id: UUID, scan_id: UUID, lease: UUID | None) -> Scan | None:
    """Return the scan as running and ours; None if it ended, or if its lease is somebody's."""
    live = Scan.objects.filter(organization_id=organization_id, pk=scan_id, status__in=Scan.LIVE)
    scan = live.select_for_update(skip_locked=True).annotate(now=Now()).first()
    if scan is None and live.exists():
        # Somebody writes to it just now. This job comes again, or nobody would look after the lease.
        defer(TASK, delay_seconds=_LOCKED_SECONDS, scan_id=scan_id, **({"lease": lease} if lease else {}))
    if scan is None or (lease and scan.lease != lease):
        return None
    left = (scan.leased_until - scan.now).total_seconds() if scan.leased_until else 0
    if left > 0:
        if lease:
            defer(TASK, delay_seconds=math.ceil(left), scan_id=scan.pk, lease=lease)
        return None
    scan.status = Scan.Status.RUNNING
    if lease:
        # Whoever had it died, or failed in a way that nobody foresaw.
        scan.failures += 1
    scan.lease = uuid.uuid4()
    scan.leased_until = scan.now + timedelta(seconds=settings.SCAN_LEASE_SECONDS)
    scan.started_at = scan.started_at or scan.now
    scan.waiting_until = None
    scan.save(update_fields=["status", "lease", "leased_until", "started_at", "waiting_until", "failures"])
    if scan.failures > TAKEN_OVER_AT_MOST:
        _end(scan, _TOO_OFTEN)
        return None
    defer(TASK, delay_seconds=settings.SCAN_LEASE_SECONDS, scan_id=scan.pk, lease=scan.lease)
    return scan


@transaction.atomic
def _requeue(scan: Scan, status: Scan.Status, seconds: int, *, failures: int = 0) -> None:
    """Give the scan back, to be taken up again after so many seconds."""
    ours = Scan.objects.filter(_ours(scan))
    if ours.update(
        status=status,
        failures=failures,
        waiting_until=Now() + timedelta(seconds=seconds) if seconds else None,
        lease=None,
        leased_until=None,
    ):
        defer(TASK, delay_seconds=seconds, scan_id=scan.pk)


@transaction.atomic
def _end(scan: Scan, reason: str = "", *, status: Scan.Status | None = None) -> None:
    ending = Scan.objects.select_for_update().filter(_ours(scan)).first()
    if ending is None:
        return
    ending.coverage = coverage(ending)
    if reason:
        ending.coverage["reasons"].insert(0, reason)
    complete = not ending.coverage["reasons"]
    ending.status = status or (Scan.Status.COMPLETE if complete else Scan.Status.INCOMPLETE)
    ending.known_until = None if reason else known_until(ending)
    forget_seen(ending)
    ending.finished_at = timezone.now()
    ending.stage = ""
    ending.lease = ending.leased_until = None
    ending.save(
        update_fields=["coverage", "status", "known_until", "finished_at", "stage", "lease", "leased_until"]
    )
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
    if ending.status in Scan.REPORTED:
        defer(REPORT, scan_id=ending.pk)
    if not complete:
        notify_of_failure(ending)
