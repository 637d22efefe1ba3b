"""Scans on real worker processes: several of them, told to stop, killed, and with the ground pulled away."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from psycopg import sql

from integrations.budget import DatabaseBudget
from integrations.notion.budget import Priority
from integrations.notion.errors import NotionRateLimited
from integrations.sandbox import Sandbox, demo_token
from integrations.sandbox.planted import MARKERS
from integrations.services.connect import connect_internal
from integrations.services.disconnect import disconnect
from notionscan import rls
from notionscan.jobs import defer
from notionscan.secret import Secret
from scans.fetching import MOST_AT_ONCE
from scans.models import Report, Scan, Seen, Stream, Version
from scans.services.start import TASK, start_scan
from tests import database
from tests.factories import World, events, make_world, the_integration, within
from tests.scans.conftest import again, connect_acme, finish, seen, start

ROOT = Path(__file__).parents[2]
LEASE_SECONDS = 1
PATIENCE_SECONDS = 60


@pytest.fixture
def slow_notion(settings: Any) -> Iterator[Sandbox]:
    """A workspace of some forty requests, each a twentieth of a second."""
    with Sandbox(pages=900, databases=12, seed=3, latency_ms=50) as sandbox:
        settings.NOTION_API_BASE_URL = sandbox.url
        yield sandbox


@pytest.fixture
def world(committed: None, slow_notion: Sandbox) -> World:
    world = make_world()
    connect_acme(world)
    return world


@pytest.fixture
def clean(world: World) -> Scan:
    """What a scan that nothing disturbs finds."""
    return finish(start(world))


@contextmanager
def worker(sandbox: Sandbox, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = database.process_environment() | {
        "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
        "SITE_URL": "http://localhost:1",
        "SITE_NOTION_URL": sandbox.url,
        "SITE_CLIENT_SECRET": sandbox.client.client_secret,
        "SITE_LEASE_SECONDS": str(LEASE_SECONDS),
    }
    process = subprocess.Popen(
        [sys.executable, "manage.py", "worker", *options],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=30)


def wait_until(condition: Callable[[], object], *, seconds: float = PATIENCE_SECONDS) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "this never came"
        time.sleep(0.02)


def ended(scan: Scan, *, seconds: float = PATIENCE_SECONDS) -> Scan:
    wait_until(lambda: not again(scan).is_live, seconds=seconds)
    return again(scan)


def agrees(world: World, scan: Scan, clean: Scan) -> None:
    assert scan.status == Scan.Status.COMPLETE, scan.coverage["reasons"]
    assert seen(world, scan.number) == seen(world, clean.number)
    assert scan.coverage == clean.coverage


def test_two_workers_given_one_scan_twice_read_it_once(
    world: World, slow_notion: Sandbox, clean: Scan
) -> None:
    scan = start(world)
    with within(world.acme):
        defer(TASK, scan_id=scan.pk)
    slow_notion.requests.clear()
    with worker(slow_notion), worker(slow_notion):
        scan = ended(scan)
    agrees(world, scan, clean)
    assert scan.requests <= clean.requests
    assert slow_notion.requests.count("* /v1/*") <= clean.requests
    assert events(world.acme).count(("scan.completed", "success")) == 2


def test_a_worker_that_is_told_to_stop_hands_the_scan_to_another(
    world: World, slow_notion: Sandbox, clean: Scan
) -> None:
    scan = start(world)
    with worker(slow_notion) as first:
        # Slow enough that the end of the worker comes before that of the scan.
        slow_notion.latency_ms = 1500
        wait_until(lambda: again(scan).requests >= 5)
        first.send_signal(signal.SIGTERM)
        first.wait(timeout=15)
        given_back = again(scan)
        assert (given_back.status, given_back.leased_until) == (Scan.Status.QUEUED, None)
    slow_notion.latency_ms = 0
    with worker(slow_notion):
        scan = ended(scan)
    agrees(world, scan, clean)
    assert scan.requests <= clean.requests + MOST_AT_ONCE


def test_a_worker_for_once_ends_the_scan_and_makes_its_report(world: World, slow_notion: Sandbox) -> None:
    scan = start(world)
    # Longer than a worker that is told to stop gives its jobs.
    slow_notion.latency_ms = 600
    with worker(slow_notion, "--once") as process:
        assert process.wait(timeout=PATIENCE_SECONDS) == 0
    assert again(scan).status == Scan.Status.COMPLETE
    with within(world.acme):
        assert Report.objects.filter(scan=scan).exists()


def test_a_killed_workers_scan_goes_on_with_another(world: World, slow_notion: Sandbox, clean: Scan) -> None:
    scan = start(world)
    with ExitStack() as stack:
        first = stack.enter_context(worker(slow_notion))
        wait_until(lambda: again(scan).requests >= 5)
        first.kill()
        stack.enter_context(worker(slow_notion))
        scan = ended(scan)
    agrees(world, scan, clean)
    assert scan.requests <= clean.requests + 2 * MOST_AT_ONCE


def test_a_paused_worker_that_wakes_after_its_lease_touches_nothing(
    world: World, slow_notion: Sandbox, clean: Scan
) -> None:
    scan = start(world)
    with worker(slow_notion) as first, worker_paused_at(first, scan, requests=5):
        with worker(slow_notion):
            # Longer, because it may be paused in the middle of a transaction, with a lock.
            scan = ended(scan, seconds=2 * PATIENCE_SECONDS)
        before, asked = everything_of(world), slow_notion.requests.count("* /v1/*")
        first.send_signal(signal.SIGCONT)
        first.send_signal(signal.SIGTERM)
        first.wait(timeout=30)
    agrees(world, scan, clean)
    assert everything_of(world) == before
    assert slow_notion.requests.count("* /v1/*") <= asked + MOST_AT_ONCE


@contextmanager
def worker_paused_at(process: subprocess.Popen[bytes], scan: Scan, *, requests: int) -> Iterator[None]:
    wait_until(lambda: again(scan).requests >= requests)
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def everything_of(world: World) -> list[Any]:
    """Return all that the organization's scans have stored, and what is recorded of them."""
    with within(world.acme):
        return [
            list(Scan.objects.order_by("number").values()),
            list(Version.objects.order_by("pk").values()),
            list(Stream.objects.order_by("pk").values()),
            list(Seen.objects.order_by("pk").values()),
            events(world.acme),
        ]


def test_a_long_wait_frees_the_slot_and_holds_for_everybody(world: World, slow_notion: Sandbox) -> None:
    with within(world.globex):
        connect_internal(organization=world.globex, actor=None, token=Secret(demo_token("Globex Works")))
    acme = "acme-atlas/internal"
    slow_notion.faults.add("rate_limited", match="POST /v1/search", token=acme, at=4, retry_after=300)
    scan = start(world)
    with worker(slow_notion, "--concurrency", "1"):
        wait_until(lambda: again(scan).status == Scan.Status.WAITING)
        [refusal] = slow_notion.requests.entries("* /v1/*", status=429)
        with within(world.globex):
            other = start_scan(organization=world.globex, actor=None)
        # The only slot is free, and another worker finds nothing to do for the first.
        with worker(slow_notion):
            assert ended(other).status == Scan.Status.COMPLETE
    left = (again(scan).waiting_until - timezone.now()).total_seconds()  # type: ignore[operator]
    assert 200 < left <= 301
    integration = the_integration(world.acme)
    assert integration is not None
    with rls.scope(rls.organization_scope(world.acme.pk)), pytest.raises(NotionRateLimited) as told:
        DatabaseBudget(world.acme.pk, integration.pk).acquire(Priority.PEOPLE)
    assert told.value.retry_after > 200
    later = slow_notion.requests.entries("* /v1/*", token=acme)
    assert [each for each in later if each.time > refusal.time + 2 * slow_notion.latency_ms / 1000] == []


def test_a_deleted_organization_leaves_nothing_of_a_scan_that_ran(world: World, slow_notion: Sandbox) -> None:
    scan = start(world)
    acme = world.acme.pk
    with worker(slow_notion) as process:
        wait_until(lambda: again(scan).requests >= 5)
        call_command("delete_organization", "acme", "--yes")
        asked = slow_notion.requests.count("* /v1/*")
        wait_until(lambda: not _has_jobs())
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=15)
    assert slow_notion.requests.count("* /v1/*") <= asked + MOST_AT_ONCE
    assert _rows_of(acme) == {"audit_event", "audit_chainhead"}


def test_a_disconnect_ends_a_scan_that_runs(world: World, slow_notion: Sandbox) -> None:
    scan = start(world)
    with worker(slow_notion):
        wait_until(lambda: again(scan).requests >= 5)
        with rls.scope(rls.organization_scope(world.acme.pk)):
            disconnect(organization=world.acme, actor=world.admin, provider="notion")
        asked = slow_notion.requests.count("* /v1/*")
        scan = ended(scan)
    assert scan.status == Scan.Status.CANCELLED
    # The calls that were under way, and the revocation.
    assert slow_notion.requests.count("* /v1/*") <= asked + MOST_AT_ONCE + 1


def test_what_pages_say_is_in_no_table(world: World, clean: Scan) -> None:
    with within(world.acme), connection.cursor() as cursor:
        texts = []
        for model in rls.scoped_models():
            cursor.execute(
                sql.SQL("SELECT string_agg(t::text, ' ') FROM {} t").format(
                    sql.Identifier(model._meta.db_table)
                )
            )
            texts.append(str(cursor.fetchone()[0]))
    with database.superuser() as owner:
        found = owner.execute("SELECT string_agg(j::text, ' ') FROM procrastinate_jobs j").fetchone()
        texts.append(str(found))
    text = " ".join(texts)
    one = next(title for kind, _, title in seen(world).values() if kind == "page" and len(title) > 5)
    assert one in text, "the control"
    assert [marker for marker in MARKERS if marker in text] == []


def _has_jobs() -> bool:
    with database.superuser() as cursor:
        cursor.execute("SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing')")
        return cursor.fetchone() is not None


def _rows_of(organization_id: UUID) -> set[str]:
    """Return the tables that hold a row of an organization, as its own scope sees them."""
    found = set()
    scope = rls.scope(rls.organization_scope(organization_id))
    with scope, transaction.atomic(), connection.cursor() as cursor:
        for model in rls.scoped_models():
            table, column = model._meta.db_table, model.scope_column  # type: ignore[attr-defined]
            query = sql.SQL("SELECT 1 FROM {} WHERE {} = %s LIMIT 1")
            cursor.execute(query.format(sql.Identifier(table), sql.Identifier(column)), [organization_id])
            if cursor.fetchone():
                found.add(table)
    return found
