"""Start a scan, and cancel one."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from audit.actions import Action
from audit.record import label, record
from integrations import local_only, selectors
from integrations.errors import ConnectionInError, NotConnected
from integrations.models import Integration
from integrations.providers import NOTION
from notionscan.jobs import defer
from scans.errors import AlreadyScanning, NothingToCancel
from scans.models import Scan
from scans.storage import forget_seen
from tenants.models import Actor, Organization, User

TASK = "scans.run"
# Every so many scans one reads everything, and finds what search did not report and what has gone.
SCANS_PER_FULL = 10


def start_scan(
    *, organization: Organization, actor: Actor | None, full: bool = False, is_scheduled: bool = False
) -> Scan:
    """Start a scan of the organization's workspace, with the job that does it.

    It goes on from the last one that knows everything up to a moment, unless there is none, everything is
    asked for, or enough of them went on from one another.

    Raises: LocalOnly; NotConnected; ConnectionInError; AlreadyScanning, as a constraint decides.
    """
    local_only.refuse_calls()
    try:
        with transaction.atomic():
            integration = selectors.integration(organization, NOTION)
            if integration is None:
                raise NotConnected
            if integration.status == Integration.Status.ERROR:
                raise ConnectionInError
            last = Scan.objects.filter(organization=organization).aggregate(last=Max("number"))["last"] or 0
            before = None if full else _to_go_on_from(integration)
            scan = Scan.objects.create(
                organization=organization,
                number=last + 1,
                integration_id=integration.pk,
                since_number=before.number if before else None,
                since=before.known_until if before else None,
                started_by_label=label(actor) if actor else "Notion Scan",
                is_scheduled=is_scheduled,
            )
            record(action=Action.SCAN_STARTED, organization=organization.pk, actor=actor, target=scan)
            defer(TASK, scan_id=scan.pk)
    except IntegrityError:
        raise AlreadyScanning from None
    return scan


def _to_go_on_from(integration: Integration) -> Scan | None:
    """Return the newest scan of this connection whose end is known, unless everything is due again."""
    scans = Scan.objects.filter(organization_id=integration.organization_id, integration_id=integration.pk)
    known = scans.filter(known_until__isnull=False).order_by("-number")
    latest = known.first()
    last_full = known.filter(since__isnull=True).first()
    if latest is None or last_full is None or latest.number - last_full.number >= SCANS_PER_FULL - 1:
        return None
    return latest


@transaction.atomic
def cancel_scan(*, organization: Organization, actor: User | None, scan_id: UUID) -> Scan:
    """Cancel a scan that is under way; what it stored stays.

    Raises: NothingToCancel.
    """
    scan = (
        Scan.objects.select_for_update()
        .filter(organization=organization, pk=scan_id, status__in=Scan.LIVE)
        .first()
    )
    if scan is None:
        raise NothingToCancel
    scan.status = Scan.Status.CANCELLED
    scan.finished_at = timezone.now()
    scan.stage = ""
    scan.waiting_until = None
    scan.save(update_fields=["status", "finished_at", "stage", "waiting_until"])
    forget_seen(scan)
    record(action=Action.SCAN_CANCELLED, organization=organization.pk, actor=actor, target=scan)
    return scan
