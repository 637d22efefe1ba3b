"""The hash chain: what an event's hash covers, and where a chain is broken.

    hash = SHA-256(previous hash, newline, sequence, newline, content)

in hexadecimal; the content is the event as canonical JSON, and the first event's previous hash is 64 zeros.
The database computes the same when it appends (``audit_append``); verifying computes it here, and believes
nothing that the database says of it. docs/audit-log.md has a verifier that needs none of our code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from audit.models import ChainHead, Event
from notionscan import rls

FIRST_PREVIOUS = "0" * 64
_PAGE = 5_000
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
    # Read first: what is appended while the events are read is not missing.
    end = _end(organization_id)
    last = START
    first: Broken | None = None
    more = 0
    if end is None:
        first = Broken(1, "Where the chain ends is not recorded any more: that record was removed.")
    for page in _pages(organization_id):
        for sequence, stored, *content in page:
            link = Link(sequence, stored)
            problem = _problem(last, link, tuple(content)) or _contradiction(link, end, known)
            if problem and first:
                more += 1
            first = first or problem
            # What follows a bad event is held against that event as it stands, so that it counts once.
            last = link
        advance(last.sequence)
    first = first or _missing_end(last, end or START, known)
    if first and more:
        raise Broken(first.sequence, f"{first} {more:,} more after it do not fit either.")
    if first:
        raise first
    return last


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
    if link_hash(last.hash, sequence, canonical(plain(content))) != link.hash:
        return Broken(
            sequence,
            f"Event {sequence:,} ({content[0]}) was changed, moved or put there after it was recorded.",
        )
    return None


def _contradiction(link: Link, end: Link | None, known: Link) -> Broken | None:
    sequence = link.sequence
    if end and sequence == end.sequence and link != end:
        return Broken(sequence, f"The chain's end was changed: it does not know event {sequence:,}.")
    if sequence == known.sequence and link != known:
        return Broken(sequence, f"The events up to {sequence:,} are not those the checkpoint signed.")
    return None


def _missing_end(last: Link, end: Link, known: Link) -> Broken | None:
    if end.sequence > last.sequence:
        return Broken(
            last.sequence + 1,
            f"The events after {last.sequence:,} were removed; there were {end.sequence:,}.",
        )
    if last.sequence < known.sequence:
        return Broken(
            last.sequence + 1,
            f"The log ends at event {last.sequence:,}, but the checkpoint signed {known.sequence:,}: "
            "the events after it were removed.",
        )
    return None


def _end(organization_id: UUID) -> Link | None:
    with rls.scope(rls.organization_scope(organization_id)), transaction.atomic():
        head = ChainHead.objects.filter(organization_id=organization_id).first()
    return Link(head.sequence, head.hash) if head else None


def _pages(organization_id: UUID) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the events in order of their sequence, each page in a transaction of its own."""
    last = -(2**63)
    while True:
        with rls.scope(rls.organization_scope(organization_id)), transaction.atomic():
            page = list(
                Event.objects.filter(organization_id=organization_id, sequence__gt=last)
                .order_by("sequence")
                .values_list("sequence", "hash", *CONTENT)[:_PAGE]
            )
        if not page:
            return
        yield page
        last = page[-1][0]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return str(value) if isinstance(value, UUID) else value
