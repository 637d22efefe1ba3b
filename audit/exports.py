"""The log as a file: JSON lines with all that verifies the chain, or CSV for a spreadsheet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.db.models import QuerySet

from audit import chain
from audit.actions import Action
from audit.models import Event
from audit.record import Labelled, record
from notionscan import rls
from notionscan.spreadsheets import csv_line

_PAGE = 1_000


class Format(models.TextChoices):
    JSONL = "jsonl", "JSON lines"
    CSV = "csv", "CSV"


def export(
    *, organization_id: UUID, actor: Labelled | None, kind: Format, since: datetime | None = None
) -> Iterator[str]:
    """Record the export, and return the events up to that record, as lines.

    The lines are read in pages, each in a scope and a transaction of its own, so that they can be streamed.
    """
    scope = rls.organization_scope(organization_id)
    with rls.scope(scope), transaction.atomic():
        event = record(
            action=Action.AUDIT_EXPORTED,
            organization=organization_id,
            actor=actor,
            format=kind.value,
            since=since.isoformat() if since else "",
        )
    lines = _as_jsonl if kind is Format.JSONL else _as_csv
    return lines(_rows(organization_id, since, event.sequence))


def _rows(organization_id: UUID, since: datetime | None, until: int) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield each event with the hash before it."""
    last, previous = 0, chain.FIRST_PREVIOUS
    while last < until:
        with rls.scope(rls.organization_scope(organization_id)), transaction.atomic():
            events = Event.objects.filter(organization_id=organization_id)
            if since and not last:
                last, previous = _before(events, since)
            page = list(
                events.filter(sequence__gt=last, sequence__lte=until)
                .order_by("sequence")
                .values_list("sequence", "hash", *chain.CONTENT)[:_PAGE]
            )
        if not page:
            return
        for row in page:
            yield previous, row
            last, previous = row[0], row[1]


def _before(events: QuerySet[Event], since: datetime) -> tuple[int, str]:
    """Return the sequence and hash of the event before the first one of that time."""
    first = events.filter(created_at__gte=since).order_by("sequence").first()
    found = (
        events.filter(sequence__lt=first.sequence).order_by("-sequence").first()
        if first
        else (events.order_by("-sequence").first())
    )
    return (found.sequence, found.hash) if found else (0, chain.FIRST_PREVIOUS)


def _as_jsonl(rows: Iterator[tuple[str, tuple[Any, ...]]]) -> Iterator[str]:
    for previous, (sequence, hash_, *content) in rows:
        line = {
            "sequence": sequence,
            "previous": previous,
            "hash": hash_,
            "event": chain.plain(tuple(content)),
        }
        yield chain.canonical(line) + "\n"


def _as_csv(rows: Iterator[tuple[str, tuple[Any, ...]]]) -> Iterator[str]:
    yield csv_line(["sequence", "hash", *chain.CONTENT])
    for _, (sequence, hash_, *content) in rows:
        values = chain.plain(tuple(content)).values()
        yield csv_line([sequence, hash_, *map(_cell, values)])


def _cell(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value or "")
