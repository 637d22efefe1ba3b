"""The log as a file: JSON lines with all that verifies the chain, or CSV for a spreadsheet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models, transaction

from audit import chain
from audit.actions import Action
from audit.models import Event
from audit.record import Labelled, record
from notionscan import rls
from notionscan.spreadsheets import csv_line

_START: tuple[int, str, tuple[int, UUID] | None] = (0, chain.FIRST_PREVIOUS, None)


class Unreadable(Exception):
    """An event's values cannot be read, so that it is none that was recorded."""

    def __init__(self, sequence: int) -> None:
        cause = "manage.py verify_audit says what is wrong there"
        self.sentence = f"The log cannot be read after event {sequence:,}; {cause}."
        super().__init__(self.sentence)


class Format(models.TextChoices):
    JSONL = "jsonl", "JSON lines"
    CSV = "csv", "CSV"


def export(
    *, organization_id: UUID, actor: Labelled | None, kind: Format, since: datetime | None = None
) -> Iterator[str]:
    """Record the export, and return the events up to that record, as lines.

    The lines are read in pages, each in a scope and a transaction of its own, so that they can be streamed.
    They raise Unreadable where they cannot go on.
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


def told(lines: Iterator[str], kind: Format) -> Iterator[str]:
    """Yield lines for somebody who only sees the file: if it is not whole, its last line says so."""
    try:
        yield from lines
    except Unreadable as failure:
        sentence = failure.sentence
        yield csv_line([sentence]) if kind is Format.CSV else chain.canonical({"error": sentence}) + "\n"


def _rows(organization_id: UUID, since: datetime | None, until: int) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield each event with the hash before it."""
    before = _before(organization_id, since) if since else None
    last, previous, place = (before[0], before[1], (before[0], before[2])) if before else _START
    while page := chain.page(organization_id, place):
        for row in page:
            if row[0] > until:
                return
            if len(row) < 2 + len(chain.CONTENT):
                raise Unreadable(last)
            yield previous, row
            last, previous, place = row[0], row[1], (row[0], row[2])


def _before(organization_id: UUID, since: datetime) -> tuple[int, str, UUID] | None:
    """Return the sequence, hash and id of the event before the first one of that time."""
    with rls.scope(rls.organization_scope(organization_id)), transaction.atomic():
        events = Event.objects.filter(organization_id=organization_id)
        of_that_time = events.filter(created_at__gte=since).order_by("sequence")
        first = of_that_time.values_list("sequence", flat=True).first()
        earlier = events if first is None else events.filter(sequence__lt=first)
        return earlier.order_by("-sequence").values_list("sequence", "hash", "id").first()


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
