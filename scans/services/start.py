"""Start a scan, and cancel one."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from audit.actions import Action
from audit.record import label, record
from integrations import selectors
from integrations.errors import ConnectionInError, NotConnected
from integrations.models import Integration
from integrations.providers import NOTION
from notionscan.jobs import defer
from scans.models import Scan
from tenants.models import Organization, User

TASK = "scans.run"


class AlreadyScanning(Exception):
    """A scan of this connection is under way."""

    def __str__(self) -> str:
        return "A scan is under way. Wait for its end, or cancel it."


def start_scan(*, organization: Organization, actor: User | None) -> Scan:
    """Start a full scan of the organization's workspace, with the job that does it.

    Raises: NotConnected; ConnectionInError; AlreadyScanning, as a constraint decides.
    """
    try:
        with transaction.atomic():
            integration = selectors.integration(organization, NOTION)
            if integration is None:
                raise NotConnected
            if integration.status == Integration.Status.ERROR:
                raise ConnectionInError
            last = Scan.objects.filter(organization=organization).aggregate(last=Max("number"))["last"] or 0
            scan = Scan.objects.create(
                organization=organization,
                number=last + 1,
                integration_id=integration.pk,
                started_by_label=label(actor) if actor else "Notion Scan",
            )
            record(action=Action.SCAN_STARTED, organization=organization.pk, actor=actor, target=scan)
            defer(TASK, scan_id=scan.pk)
    except IntegrityError:
        raise AlreadyScanning from None
    return scan


@transaction.atomic
def cancel_scan(*, organization: Organization, actor: User | None, scan_id: UUID) -> bool:
    """Cancel a scan that is under way; what it stored stays. False if there is nothing to cancel."""
    scan = (
        Scan.objects.select_for_update()
        .filter(organization=organization, pk=scan_id, status__in=Scan.LIVE)
        .first()
    )
    if scan is None:
        return False
    scan.status = Scan.Status.CANCELLED
    scan.finished_at = timezone.now()
    scan.save(update_fields=["status", "finished_at"])
    record(action=Action.SCAN_CANCELLED, organization=organization.pk, actor=actor, target=scan)
    return True
