"""Reading of an organization's events."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from django.db import connections
from django.db.models import QuerySet

from audit.models import ChainHead, Event

PAGE_SIZE = 50


@dataclass(frozen=True)
class Page:
    events: list[Event]
    next_cursor: str | None


def events(organization_id: UUID) -> QuerySet[Event]:
    """An organization's events, newest first."""
    return Event.objects.filter(organization_id=organization_id).order_by("-sequence")


def events_after(organization_id: UUID, sequence: int) -> QuerySet[Event]:
    """An organization's events that follow one, oldest first."""
    return Event.objects.filter(organization_id=organization_id, sequence__gt=sequence).order_by("sequence")


def last_sequence(organization_id: UUID) -> int:
    """Return the number of an organization's newest event."""
    head = ChainHead.objects.filter(organization_id=organization_id).first()
    return head.sequence if head else 0


def chains() -> list[UUID]:
    """Return whose chains there are, by the owner's connection: also those of deleted organizations."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT audit_chains()")
        return [row[0] for row in cursor.fetchall()]


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
    """Return one page of events before the cursor, a sequence; an unreadable cursor is the first page."""
    # As many digits as the column holds.
    if re.fullmatch(r"[0-9]{1,18}", cursor):
        found = found.filter(sequence__lt=int(cursor))
    rows = list(found[: PAGE_SIZE + 1])
    more = len(rows) > PAGE_SIZE
    rows = rows[:PAGE_SIZE]
    return Page(rows, str(rows[-1].sequence) if more else None)
