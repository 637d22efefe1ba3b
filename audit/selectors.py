"""Reading of an organization's events."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from audit.models import Event

PAGE_SIZE = 50


@dataclass(frozen=True)
class Page:
    events: list[Event]
    next_cursor: str | None


def events(organization_id: UUID) -> QuerySet[Event]:
    """An organization's events, newest first."""
    return Event.objects.filter(organization_id=organization_id).order_by("-created_at", "-id")


def actors(organization_id: UUID) -> list[tuple[str, str]]:
    """Return who appears in the log, as (id, label)."""
    rows = (
        Event.objects.filter(organization_id=organization_id, actor_id__isnull=False)
        .order_by("actor_label")
        .values_list("actor_id", "actor_label")
        .distinct()
    )
    return [(str(actor_id), label) for actor_id, label in rows]


def page(found: QuerySet[Event], cursor: str) -> Page:
    """Return one page of events after the cursor; an unreadable cursor is the first page."""
    if after := _read_cursor(cursor):
        at, last_id = after
        found = found.filter(Q(created_at__lt=at) | Q(created_at=at, id__lt=last_id))
    rows = list(found[: PAGE_SIZE + 1])
    more = len(rows) > PAGE_SIZE
    rows = rows[:PAGE_SIZE]
    return Page(rows, _make_cursor(rows[-1]) if more else None)


def _make_cursor(event: Event) -> str:
    return base64.urlsafe_b64encode(f"{event.created_at.isoformat()}|{event.id}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[datetime, UUID] | None:
    try:
        at, _, event_id = base64.urlsafe_b64decode(cursor).decode().partition("|")
        return datetime.fromisoformat(at).astimezone(UTC), UUID(event_id)
    except (binascii.Error, ValueError, OverflowError):
        return None
