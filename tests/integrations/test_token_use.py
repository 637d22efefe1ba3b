"""Whoever opens a token leaves an event: a person's request, or a job."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from integrations.sandbox import Sandbox, demo_token
from integrations.sandbox.ids import Kind
from integrations.services.checks import check_connections
from integrations.services.mirror import create_mirror
from integrations.services.mirroring import mirror_events
from notionscan import keyring, rls
from notionscan.secret import Secret
from scans.services.run import run_scan
from scans.services.start import start_scan
from tests.factories import World, events, make_world, run_jobs, within
from tests.integrations.test_oauth import connect, held_token_expires

Use = Callable[[World, Sandbox], None]


def testing(world: World, sandbox: Sandbox) -> None:
    world.client(world.admin).post("/orgs/acme/integrations/notion/test")


def counting(world: World, sandbox: Sandbox) -> None:
    assert run_jobs() == 1


def refreshing(world: World, sandbox: Sandbox) -> None:
    held_token_expires(world, sandbox)
    world.client(world.admin).post("/orgs/acme/integrations/notion/test")


def disconnecting(world: World, sandbox: Sandbox) -> None:
    world.client(world.admin).post("/orgs/acme/integrations/notion/disconnect")


def scanning(world: World, sandbox: Sandbox) -> None:
    with within(world.acme):
        scan = start_scan(organization=world.acme, actor=None)
        run_scan(organization_id=world.acme.pk, scan_id=scan.pk)


def checking(world: World, sandbox: Sandbox) -> None:
    with rls.scope(rls.job_scope(world.acme.pk)):
        check_connections(organization_id=world.acme.pk)


def mirroring(world: World, sandbox: Sandbox) -> None:
    page_id = UUID(sandbox.visible("acme-atlas/oauth", Kind.PAGE)[0])
    with rls.scope(rls.organization_scope(world.acme.pk)):
        create_mirror(organization=world.acme, actor=world.admin, page_id=page_id)
        mirror_events(organization_id=world.acme.pk)


@pytest.mark.parametrize(
    ("use", "action"),
    [
        (testing, "integration.tested"),
        (checking, "integration.tested"),
        (mirroring, "mirror.written"),
        (counting, "notion.read"),
        (refreshing, "integration.token_refreshed"),
        (disconnecting, "integration.disconnected"),
        (scanning, "scan.started"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_opening_a_token_leaves_an_event(
    committed: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, use: Use, action: str
) -> None:
    world = make_world()
    connect(world.client(world.admin))
    before = events(world.acme)
    opened: list[str] = []
    unseal = keyring.unseal

    def spied(ciphertext: str, **binding: object) -> Secret:
        opened.append(str(binding["place"]))
        return unseal(ciphertext, **binding)  # type: ignore[arg-type]

    monkeypatch.setattr(keyring, "unseal", spied)
    use(world, sandbox)
    assert opened
    assert (action, "success") in events(world.acme)[len(before) :]
    assert demo_token("Acme Atlas") not in str(opened)
