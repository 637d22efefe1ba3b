"""Scans that start by themselves: each run queues the next one, in its organization's scope."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.record import record
from integrations.errors import IntegrationError
from integrations.http.errors import LocalOnly
from notionscan.jobs import defer
from scans.models import Schedule
from scans.services.start import start_scan
from tenants.models import Organization, User

TASK = "scans.scheduled"
_EVERY = {Schedule.Every.DAY: timedelta(days=1), Schedule.Every.WEEK: timedelta(weeks=1)}
# A job that comes this much before its time was queued by an earlier setting.
_EARLY = timedelta(minutes=1)


@transaction.atomic
def set_schedule(*, organization: Organization, actor: User, every: str) -> None:
    """Scan so often from now on; ``every`` is one of ``Schedule.Every``, or empty for never."""
    before = Schedule.objects.select_for_update().filter(organization=organization).first()
    if (before.every if before else "") == every:
        return
    record(
        action=Action.SCAN_SCHEDULED,
        organization=organization.pk,
        actor=actor,
        before=before.every if before else "off",
        every=every or "off",
    )
    if not every:
        Schedule.objects.filter(organization=organization).delete()
        return
    wait = _EVERY[Schedule.Every(every)]
    Schedule.objects.update_or_create(
        organization=organization, defaults={"every": every, "next_at": timezone.now() + wait}
    )
    defer(TASK, delay_seconds=int(wait.total_seconds()))


def run_scheduled(*, organization_id: UUID) -> None:
    """Start the scan that is due, and queue the next one; a job of an earlier setting does nothing."""
    with transaction.atomic():
        schedule = (
            Schedule.objects.select_for_update()
            .select_related("organization")
            .filter(organization_id=organization_id, next_at__lte=timezone.now() + _EARLY)
            .first()
        )
        if schedule is None:
            return
        wait = _EVERY[Schedule.Every(schedule.every)]
        schedule.next_at = timezone.now() + wait
        schedule.save(update_fields=["next_at"])
        defer(TASK, delay_seconds=int(wait.total_seconds()))
        # Under way already, not connected, or no call may leave: the integrations page says so, and the next
        # one is queued.
        with suppress(IntegrationError, LocalOnly):
            start_scan(organization=schedule.organization, actor=None, is_scheduled=True)
