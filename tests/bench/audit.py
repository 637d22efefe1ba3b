"""Figures: how fast the audit log takes events, and how long its verification takes."""

from __future__ import annotations

import multiprocessing
import resource
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
from django.db import connections, transaction

from audit import chain
from audit.actions import Action
from audit.record import record
from notionscan import rls
from tests import database
from tests.bench.figure import Figure

_WRITERS = 8
_SECONDS = 6
_EVENTS = 1_000_000
_BATCH = 50_000


def measure() -> Iterator[Figure]:
    yield _throughput(1, target=400)
    yield _throughput(50, target=800)
    yield _verification()


def _throughput(organizations: int, *, target: int) -> Figure:
    ids = [uuid.uuid4() for _ in range(organizations)]
    # Each writer must make connections of its own.
    connections.close_all()
    stop_at = time.monotonic() + _SECONDS
    with multiprocessing.get_context("fork").Pool(_WRITERS) as pool:
        started = time.perf_counter()
        counts = pool.starmap(_write, [(ids, number, stop_at) for number in range(_WRITERS)])
        seconds = time.perf_counter() - started
    links = sum(chain.verify(each).sequence for each in ids)
    rate = sum(counts) / seconds
    return Figure(
        name=f"audit events into {organizations} organization{'s' if organizations > 1 else ''}",
        values={
            "events_per_second": round(rate),
            "events": sum(counts),
            "broken_links": sum(counts) - links,
            "writers": _WRITERS,
        },
        target=f"at least {target} events/s, no broken link",
        met=rate >= target and links == sum(counts),
        how=(
            f"{_WRITERS} processes, each event by audit.record() in a committed transaction of its own, for "
            f"{_SECONDS} s; every chain is verified afterwards."
        ),
    )


def _write(ids: list[UUID], number: int, stop_at: float) -> int:
    count = 0
    while time.monotonic() < stop_at:
        organization_id = ids[(number + count) % len(ids)]
        with rls.scope(rls.organization_scope(organization_id)), transaction.atomic():
            record(action=Action.INTEGRATION_TESTED, organization=organization_id, actor=None, number=count)
        count += 1
    return count


def _verification() -> Figure:
    organization_id = uuid.uuid4()
    peaks: dict[str, float] = {}
    seconds = 0.0
    last = chain.START
    for total in (_EVENTS // 10, _EVENTS):
        last = _fill(organization_id, last, total)
        seconds, peak = _verified(organization_id)
        peaks[f"peak_mb_{total}"] = peak
    return Figure(
        name=f"verify_audit on {_EVENTS:,} events",
        values={"seconds": round(seconds, 1), **peaks},
        target="at most 60 s, memory flat",
        met=seconds <= 60 and peaks[f"peak_mb_{_EVENTS}"] <= peaks[f"peak_mb_{_EVENTS // 10}"] * 1.1,
        how="chain.verify() in a process of its own; its peak resident size at a tenth and at the whole.",
    )


def _verified(organization_id: UUID) -> tuple[float, float]:
    connections.close_all()
    with multiprocessing.get_context("fork").Pool(1) as pool:
        found: tuple[float, float] = pool.apply(_verify, [organization_id])
    return found


def _verify(organization_id: UUID) -> tuple[float, float]:
    started = time.perf_counter()
    chain.verify(organization_id)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return time.perf_counter() - started, round(peak, 1)


def _fill(organization_id: UUID, last: chain.Link, total: int) -> chain.Link:
    """Append events up to this number, hashed as the database would; by COPY, as only the owner can."""
    columns = ", ".join(("sequence", "hash", *chain.CONTENT))
    with database.superuser() as owner:
        for table in ("audit_event", "audit_chainhead"):
            owner.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        while last.sequence < total:
            with owner.copy(f"COPY audit_event ({columns}) FROM STDIN") as copy:
                for _ in range(min(_BATCH, total - last.sequence)):
                    last = _copied(copy, organization_id, last)
        owner.execute(
            "INSERT INTO audit_chainhead VALUES (%s, %s, %s) ON CONFLICT (organization_id) "
            "DO UPDATE SET sequence = EXCLUDED.sequence, hash = EXCLUDED.hash",
            [organization_id, last.sequence, last.hash],
        )
        for table in ("audit_event", "audit_chainhead"):
            owner.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        owner.execute("ANALYZE audit_event")
    return last


def _copied(copy: psycopg.Copy, organization_id: UUID, last: chain.Link) -> chain.Link:
    sequence = last.sequence + 1
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=sequence)
    row = (uuid.uuid4(), organization_id, at, "integration.tested", "success", None, "ada@acme.example")
    rest = ("integration", str(organization_id), "Acme Atlas", uuid.uuid4().hex, None)
    metadata = {"connection_type": "internal", "number": sequence}
    content = chain.canonical(chain.plain((*row, *rest, metadata)))
    hash_ = chain.link_hash(last.hash, sequence, content)
    copy.write_row((sequence, hash_, *row, *rest, chain.canonical(metadata)))
    return chain.Link(sequence, hash_)
