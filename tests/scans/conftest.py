"""A workspace that is connected, and scans that are worked on here and now."""

from __future__ import annotations

import itertools
from uuid import UUID

import pytest
from django.db import transaction

from integrations.models import RateBudget
from integrations.sandbox import Sandbox, demo_token
from integrations.services.connect import connect_internal
from notionscan import rls
from notionscan.secret import Secret
from scans.models import Scan
from scans.services.run import run_scan
from scans.services.start import start_scan
from scans.storage import objects_of
from tests.factories import World, run_jobs, within

TOKEN = demo_token("Acme Atlas")


@pytest.fixture
def connected(world: World, sandbox: Sandbox) -> World:
    connect_acme(world)
    sandbox.requests.clear()
    return world


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let lists have several pages."""
    monkeypatch.setattr("integrations.notion.client.PAGE_SIZE", 10)


def connect_acme(world: World) -> None:
    with within(world.acme):
        connect_internal(organization=world.acme, actor=None, token=Secret(TOKEN))
    run_jobs()


def start(world: World, *, full: bool = True) -> Scan:
    with within(world.acme):
        return start_scan(organization=world.acme, actor=world.editor, full=full)


def work(scan: Scan) -> Scan:
    """Let a worker take the scan up once, whoever had it before, and return it as it is then."""
    expire_lease(scan)
    with rls.scope(rls.job_scope(scan.organization_id)):
        run_scan(organization_id=scan.organization_id, scan_id=scan.pk)
    return again(scan)


def finish(scan: Scan) -> Scan:
    """Let workers take the scan up until it has ended, each time after whatever wait was asked for."""
    for tries in itertools.count():
        scan = work(scan)
        if not scan.is_live:
            return scan
        assert tries < 30, scan.status
        with rls.scope(rls.organization_scope(scan.organization_id)), transaction.atomic():
            RateBudget.objects.update(blocked_until=None, used=0)
    raise AssertionError


def expire_lease(scan: Scan) -> None:
    with rls.scope(rls.organization_scope(scan.organization_id)), transaction.atomic():
        Scan.objects.filter(pk=scan.pk).update(leased_until=None)


def again(scan: Scan) -> Scan:
    with rls.scope(rls.organization_scope(scan.organization_id)), transaction.atomic():
        return Scan.objects.get(pk=scan.pk)


def seen(world: World, number: int = 1) -> dict[UUID, tuple[str, str, str]]:
    with within(world.acme):
        return {
            version.object_id: (version.kind, version.state, version.title)
            for version in objects_of(world.acme.pk, number)
        }
