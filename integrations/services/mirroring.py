"""The job of the audit mirror: events become rows of a Notion database, in their order, each once.

Before a row is asked for, the event's number is kept; after it, how far the mirror is. Whoever finds a number
that was begun and not ended looks for the row before making it: Notion saves some of what it answers with a
failure, and workers are killed. What goes wrong is shown on the integrations page and tried again, after some
seconds first and then ever more seldom, at least every ten minutes; nothing else waits for it.
"""

from __future__ import annotations

import math
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from audit import selectors as audit
from audit.actions import Action, Result
from audit.models import Event
from audit.record import record
from integrations import local_only, mirror_rows, selectors
from integrations.errors import IntegrationError, NotConnected
from integrations.http.errors import ProviderError, RateLimited
from integrations.mirror_errors import ChooseDataSource, MirrorColumns
from integrations.models import Integration, Mirror
from integrations.notion.budget import Priority
from integrations.notion.content import NotionContent
from integrations.notion.errors import NotionSaved
from integrations.providers import NOTION
from integrations.services.calls import call_content
from integrations.services.mirror import TASK, Target, target
from notionscan import rls
from notionscan.jobs import defer

DISCONNECTED = "mirror_disconnected"
# Mirrored, these would be an event for each batch, and a batch for each event.
_OWN = (Action.MIRROR_WRITTEN, Action.MIRROR_FAILED)
_ROWS_AT_MOST = 50
_SECONDS_AT_MOST = 60
# Longer than a batch with the last call that it began.
_LEASE = timedelta(seconds=120)
# Most failures are over in moments. Each try that opens the token is an event, so the others are few.
_FIRST_RETRY_SECONDS = 5
_LAST_RETRY_SECONDS = 600


class Superseded(Exception):
    """The mirror was stopped or chosen anew meanwhile, or another job has taken over."""


@dataclass
class _Batch:
    """What one job has written."""

    mirror: Mirror
    rows: int = 0


def mirror_all_later() -> None:
    """Queue a job for each organization whose mirror is behind; the worker's role alone may ask for them."""
    if local_only.is_on():
        return
    for organization_id in selectors.mirrors_behind():
        with rls.scope(rls.job_scope(organization_id)), transaction.atomic():
            defer(TASK)


def mirror_events(*, organization_id: UUID) -> None:
    """Write the next events, and queue the next job if there are more."""
    if local_only.is_on():
        return
    mirror = _claimed(organization_id)
    if mirror is None:
        return
    with transaction.atomic():
        integration = Integration.objects.filter(organization_id=organization_id, provider=NOTION).first()
    if integration is None:
        _fail(mirror, DISCONNECTED)
        return
    batch = _Batch(mirror)
    try:
        call_content(
            organization_id=organization_id,
            integration_id=integration.pk,
            priority=Priority.BACKGROUND,
            use=lambda client: _write(client, batch),
        )
    except Superseded:
        return
    except RateLimited as limit:
        _end(batch, wait_seconds=math.ceil(limit.retry_after))
    except (IntegrationError, ProviderError) as problem:
        code = DISCONNECTED if isinstance(problem, NotConnected) else problem.code
        _fail(mirror, code, _detail(problem), batch)
    else:
        _end(batch)


@transaction.atomic
def _claimed(organization_id: UUID) -> Mirror | None:
    """Return the mirror as ours to write; None if there is nothing to write, or somebody does, or not yet."""
    mirror = Mirror.objects.select_for_update(skip_locked=True).filter(
        organization_id=organization_id
    ).first() or _by_default(organization_id)
    now = timezone.now()
    if mirror is None or mirror.is_stopped or (mirror.next_at and mirror.next_at > now):
        return None
    if mirror.leased_until and mirror.leased_until > now:
        return None
    if not _advance(mirror):
        mirror.save(update_fields=["mirrored_sequence"])
        return None
    mirror.lease, mirror.leased_until = uuid.uuid4(), now + _LEASE
    mirror.save(update_fields=["lease", "leased_until", "mirrored_sequence"])
    return mirror


def _by_default(organization_id: UUID) -> Mirror | None:
    """Return a new mirror to the deployment's database, where there is one and nothing was chosen here."""
    if settings.NOTION_AUDIT_DB_ID is None or Mirror.objects.filter(organization_id=organization_id).exists():
        return None
    start = audit.last_sequence(organization_id)
    mirror, is_new = Mirror.objects.get_or_create(
        organization_id=organization_id,
        defaults={
            "database_id": settings.NOTION_AUDIT_DB_ID,
            "configured_by_label": "Notion Scan",
            "started_after": start,
            "mirrored_sequence": start,
        },
    )
    if not is_new:
        return None
    record(
        action=Action.MIRROR_CONFIGURED,
        organization=organization_id,
        actor=None,
        target=mirror,
        database=mirror.database_id,
    )
    return mirror


def _advance(mirror: Mirror) -> bool:
    """Go past events that are not mirrored; False if there are no others."""
    following = audit.events_after(mirror.organization_id, mirror.mirrored_sequence)
    for sequence, action in following.values_list("sequence", "action")[:_ROWS_AT_MOST]:
        if action not in _OWN:
            return True
        mirror.mirrored_sequence = sequence
    return False


def _write(client: NotionContent, batch: _Batch) -> None:
    """Write rows until there are no events, or this took long enough.

    Raises: Superseded; MirrorColumns, MirrorInTrash, ChooseDataSource; the door's errors.
    """
    mirror = batch.mirror
    give_up_at = time.monotonic() + _SECONDS_AT_MOST
    chosen = target(client, mirror.database_id, mirror.data_source_id)
    _keep(mirror, data_source_id=chosen.data_source_id, title=chosen.title)
    with transaction.atomic():
        events = list(audit.events_after(mirror.organization_id, mirror.mirrored_sequence)[:_ROWS_AT_MOST])
    for event in events:
        if time.monotonic() > give_up_at:
            return
        if event.action in _OWN:
            _keep(mirror, mirrored_sequence=event.sequence)
            continue
        page_id = _row(client, chosen, mirror, event)
        _keep(
            mirror,
            mirrored_sequence=event.sequence,
            mirrored_at=timezone.now(),
            last_page_id=page_id,
            failures=0,
            error_code="",
            error_detail="",
            error_since=None,
        )
        batch.rows += 1


def _row(client: NotionContent, chosen: Target, mirror: Mirror, event: Event) -> UUID:
    """Return the row of an event: the one that an earlier attempt made, or a new one."""
    if mirror.begun_sequence == event.sequence:
        condition = {"property": mirror_rows.TITLE, "title": {"equals": mirror_rows.title_of(event)}}
        found = client.query(chosen.data_source_id, condition=condition)["results"]
        if ours := [row for row in found if mirror_rows.is_row_of(row, event)]:
            return UUID(ours[0]["id"])
    _keep(mirror, begun_sequence=event.sequence)
    try:
        page = client.create_page(
            parent={"type": "data_source_id", "data_source_id": str(chosen.data_source_id)},
            properties=mirror_rows.row(event, chosen.types),
        )
    except NotionSaved as saved:
        return UUID(saved.ids[0])
    return UUID(page["id"])


@transaction.atomic
def _keep(mirror: Mirror, **values: object) -> None:
    """Store how far we are.

    Raises: Superseded if the mirror is not ours any more.
    """
    ours = Mirror.objects.filter(organization_id=mirror.organization_id, lease=mirror.lease)
    if not ours.update(**values, leased_until=Now() + _LEASE):
        raise Superseded
    for name, value in values.items():
        setattr(mirror, name, value)


@transaction.atomic
def _end(batch: _Batch, *, wait_seconds: int = 0) -> None:
    """Give the mirror back, and queue the next job if there is more to write."""
    mirror = _ours(batch.mirror)
    if mirror is None:
        return
    if wait_seconds and not batch.rows:
        # Whoever comes before us takes all there is: ask less often.
        wait_seconds = max(wait_seconds, _back_off(mirror))
    _record(batch, Result.SUCCESS)
    has_more = _advance(mirror)
    mirror.lease = mirror.leased_until = None
    mirror.next_at = timezone.now() + timedelta(seconds=wait_seconds) if wait_seconds else None
    mirror.save(update_fields=["lease", "leased_until", "next_at", "failures", "mirrored_sequence"])
    if has_more:
        defer(TASK, delay_seconds=wait_seconds)


def _back_off(mirror: Mirror) -> int:
    """Return the seconds to wait after one more try in vain: they double, up to ten minutes."""
    wait = min(_LAST_RETRY_SECONDS, _FIRST_RETRY_SECONDS * 2 ** min(mirror.failures, 10))
    mirror.failures += 1
    return int(wait)


@transaction.atomic
def _fail(mirror: Mirror, code: str, detail: str = "", batch: _Batch | None = None) -> None:
    """Give the mirror back with the reason why it stands still, to be tried again later."""
    held = _ours(mirror)
    if held is None:
        return
    is_new = held.error_code != code
    held.lease = held.leased_until = None
    wait_seconds = _back_off(held)
    held.next_at = timezone.now() + timedelta(seconds=wait_seconds)
    # A second later, by which time it may be tried by any clock.
    defer(TASK, delay_seconds=wait_seconds + 1)
    held.error_code, held.error_detail = code, detail[:254]
    held.error_since = timezone.now() if is_new else held.error_since
    held.save()
    if is_new:
        record(
            action=Action.MIRROR_FAILED,
            organization=held.organization_id,
            actor=None,
            target=held,
            result=Result.ERROR,
            reason=code,
        )
    if batch is not None:
        _record(batch, Result.ERROR, reason=code)


def _ours(mirror: Mirror) -> Mirror | None:
    return (
        Mirror.objects.select_for_update()
        .filter(organization_id=mirror.organization_id, lease=mirror.lease)
        .first()
    )


def _record(batch: _Batch, result: Result, reason: str = "") -> None:
    """Record that the token was opened, and what for."""
    record(
        action=Action.MIRROR_WRITTEN,
        organization=batch.mirror.organization_id,
        actor=None,
        target=batch.mirror,
        result=result,
        rows=batch.rows,
        mirrored_sequence=batch.mirror.mirrored_sequence,
        reason=reason,
    )


def _detail(problem: Exception) -> str:
    if isinstance(problem, MirrorColumns):
        return problem.detail
    if isinstance(problem, ChooseDataSource):
        return ", ".join(problem.sources.values())
    return ""
