"""The hash chain: what an event's hash covers, and where a chain is broken.

    hash = SHA-256(previous hash, newline, sequence, newline, content)

in hexadecimal; the content is the event as canonical JSON, and the first event's previous hash is 64 zeros.
The database computes the same when it appends (``audit_append``); verifying computes it here, and believes
nothing that the database says of it. docs/audit-log.md has a verifier that needs none of our code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import DataError, transaction
from django.db.models import Subquery

from audit.models import ChainHead, Event
from notionscan import rls

FIRST_PREVIOUS = "0" * 64
_PAGE = 5_000
# An infinite date, a number of thousands of digits, JSON nested deeper than Python goes.
_UNREADABLE = (DataError, ValueError, RecursionError)
CONTENT = (
    "id",
    "organization_id",
    "created_at",
    "action",
    "result",
    "actor_id",
    "actor_label",
    "target_type",
    "target_id",
    "target_label",
    "request_id",
    "correlation_id",
    "metadata",
)


class Broken(Exception):
    """A chain is not what was recorded; ``sequence`` is the first event that shows it."""

    def __init__(self, sequence: int, sentence: str) -> None:
        super().__init__(sentence)
        self.sequence = sequence


@dataclass(frozen=True)
class Link:
    """A place in a chain: ``hash`` is that of the event with this sequence."""

    sequence: int
    hash: str


START = Link(0, FIRST_PREVIOUS)


def canonical(values: dict[str, Any]) -> str:
    """Return JSON that has one form only: sorted names, no spaces, ASCII."""
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def plain(values: tuple[Any, ...]) -> dict[str, Any]:
    """Return an event's content, given its columns in the order of ``CONTENT``, as JSON has it."""
    return {name: _plain(value) for name, value in zip(CONTENT, values, strict=True)}


def link_hash(previous: str, sequence: int, content: str) -> str:
    return hashlib.sha256(f"{previous}\n{sequence}\n{content}".encode()).hexdigest()


def verify(
    organization_id: UUID, *, known: Link = START, advance: Callable[[int], None] = lambda sequence: None
) -> Link:
    """Check an organization's whole chain and return its end; memory does not grow with its length.

    ``known`` is a link that a checkpoint vouches for. ``advance`` hears the sequence reached.
    Raises: Broken, naming the first event that does not fit, and how many more do not.
    """
    walk = _Walk(organization_id, known, advance)
    while True:
        walk.read_on()
        end, newest = _end(organization_id)
        # Whatever was appended meanwhile is read as well, until there is a moment that we know all of.
        if newest is None or newest <= walk.last.sequence:
            break
    first = walk.first or _wrong_end(walk.last, end, known)
    if first and walk.more:
        raise Broken(first.sequence, f"{first} {walk.more:,} more after it do not fit either.")
    if first:
        raise first
    return walk.last


class _Walk:
    """An organization's events read in order, and the first of them that does not fit."""

    def __init__(self, organization_id: UUID, known: Link, advance: Callable[[int], None]) -> None:
        self.organization_id = organization_id
        self.known = known
        self.advance = advance
        self.last = START
        self.first: Broken | None = None
        self.more = 0
        # The place of the last event, where sequences may be there twice or not at all.
        self.place: tuple[int, UUID] | None = None

    def read_on(self) -> None:
        if self.place is None and _without_place(self.organization_id):
            self._found(Broken(1, "An event without a place in the chain was put there."))
        while found := page(self.organization_id, self.place):
            for sequence, stored, *content in found:
                link = Link(sequence, stored)
                problem = _problem(self.last, link, tuple(content))
                if sequence == self.known.sequence and link != self.known:
                    sentence = f"The events up to {sequence:,} are not those the checkpoint signed."
                    problem = problem or Broken(sequence, sentence)
                if problem:
                    self._found(problem)
                # What follows a bad event is held against that event as it stands, so that it counts once.
                self.last = link
            self.place = (found[-1][0], found[-1][2])
            self.advance(self.last.sequence)

    def _found(self, problem: Broken) -> None:
        self.more += self.first is not None
        self.first = self.first or problem


def _problem(last: Link, link: Link, content: tuple[Any, ...]) -> Broken | None:
    """Say what is wrong with an event in its place, if anything is."""
    sequence, expected = link.sequence, last.sequence + 1
    if sequence > expected:
        missing = (
            f"Event {expected:,} is"
            if sequence == expected + 1
            else f"Events {expected:,} to {sequence - 1:,} are"
        )
        return Broken(expected, f"{missing} missing.")
    if sequence < expected:
        return Broken(sequence, f"Event {sequence:,} is there twice: one of them was put there.")
    if len(content) < len(CONTENT):
        return Broken(
            sequence, f"Event {sequence:,} ({content[0]}) cannot be read: it is none that was recorded."
        )
    if link_hash(last.hash, sequence, canonical(plain(content))) != link.hash:
        return Broken(
            sequence,
            f"Event {sequence:,} ({content[0]}) was changed, moved or put there after it was recorded.",
        )
    return None


def _wrong_end(last: Link, end: Link | None, known: Link) -> Broken | None:
    """Say what is wrong with where a chain ends. Whoever has one has an event in it."""
    if end is None:
        return Broken(1, "Where the chain ends is not recorded any more: that record was removed.")
    if end.sequence > last.sequence or last == START:
        return Broken(
            last.sequence + 1,
            f"The events after {last.sequence:,} were removed; there were {end.sequence:,}.",
        )
    if end != last:
        return Broken(
            last.sequence, f"The chain's end was changed: it does not know event {last.sequence:,}."
        )
    if last.sequence < known.sequence:
        return Broken(
            last.sequence + 1,
            f"The log ends at event {last.sequence:,}, but the checkpoint signed {known.sequence:,}: "
            "the events after it were removed.",
        )
    return None


def _end(organization_id: UUID) -> tuple[Link | None, int | None]:
    """Return where the chain is recorded to end, and its newest event's sequence, as of one moment."""
    newest = (
        Event.objects.filter(organization_id=organization_id).order_by("-sequence").values("sequence")[:1]
    )
    with rls.scope(rls.organization_scope(organization_id)), transaction.atomic():
        head = (
            ChainHead.objects.filter(organization_id=organization_id)
            .annotate(newest=Subquery(newest))
            .first()
        )
    return (Link(head.sequence, head.hash), head.newest) if head else (None, None)


def _without_place(organization_id: UUID) -> bool:
    with rls.scope(rls.organization_scope(organization_id)), transaction.atomic():
        return Event.objects.filter(organization_id=organization_id, sequence__isnull=True).exists()


def page(organization_id: UUID, after: tuple[int, UUID] | None) -> list[tuple[Any, ...]]:
    """Return the next events in order of their sequence; one that is there twice is not skipped.

    Each is its sequence, its hash, and its content in the order of CONTENT. ``after`` is the sequence and the
    id of an event. An event whose values cannot be read comes alone, with its id in place of its content.
    """
    events = Event.objects.filter(organization_id=organization_id, sequence__isnull=False)
    if after is not None:
        events = events.filter(sequence__gte=after[0]).exclude(sequence=after[0], pk__lte=after[1])
    events = events.order_by("sequence", "pk")
    size = _PAGE
    with rls.scope(rls.organization_scope(organization_id)):
        while size:
            with suppress(*_UNREADABLE), transaction.atomic():
                return list(events.values_list("sequence", "hash", *CONTENT)[:size])
            size //= 2
        with transaction.atomic():
            return list(events.values_list("sequence", "hash", "id")[:1])


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return str(value) if isinstance(value, UUID) else value
