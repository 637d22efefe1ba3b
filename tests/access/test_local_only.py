"""Whatever is asked of the site, by whomever: in local-only mode no request leaves for Notion or Reddit."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from integrations.models import Mirror
from integrations.sandbox import Sandbox
from integrations.services.revocation import give_back
from notionscan import rls
from notionscan.jobs import defer
from notionscan.secret import Secret
from tests.access.matrix import ROWS, TOOLS, Row
from tests.access.test_matrix import Callers, ask, called
from tests.factories import bearer, run_jobs, within
from tests.integrations.reddit.test_connection import connect as connect_reddit
from tests.integrations.test_oauth import connect as connect_notion

# These end the connections: they come last.
_ENDS = ("disconnect", "DELETE api/orgs/<slug>/integrations", "remove")


def name_of(row: Row) -> str:
    return f"{row.method} {row.route}"


def rows() -> list[Row]:
    return sorted(ROWS, key=lambda row: any(part in name_of(row) for part in _ENDS))


@pytest.fixture
def connected(committed: None, sandbox: Sandbox, reddit: Sandbox) -> Callers:
    """A world with both connections, and a mirror that is behind."""
    callers = Callers()
    admin = callers.world.client(callers.world.admin)
    assert connect_notion(admin).status_code == 302
    assert connect_reddit(admin).status_code == 302
    run_jobs()
    acme = callers.world.acme
    with within(acme):
        Mirror.objects.create(
            organization=acme,
            database_id=UUID(int=1),
            configured_by_label="x",
            started_after=0,
            mirrored_sequence=0,
        )
    return callers


def everything(callers: Callers) -> set[str]:
    """Ask for everything that there is, as an admin and as a key that may do most; returns what was asked."""
    world, asked = callers.world, set()
    key = bearer(callers.keys["autonomous"])
    for tool, (_, arguments) in TOOLS.items():
        assert called(key, tool, arguments).status_code == 200
    for row in rows():
        for client in (key, world.client(world.admin)):
            address = callers.address(row.route, membership_id=callers.membership(world, world.editor))
            bodies = [row.body] if row.body else [{}]
            if row.method in ("POST", "PATCH") and "/notion/" in row.route and row.route.startswith("api/"):
                bodies.append(_of_the_gateway(row.route))
            for body in bodies:
                assert ask(client, row.method, address, body).status_code < 600
        asked.add(name_of(row))
    return asked


def _of_the_gateway(route: str) -> dict[str, Any]:
    """Return what one of the ten calls would be sent with."""
    if route.endswith("/pages"):
        return TOOLS["create_page"][1]
    if route.endswith("/blocks"):
        return {"children": [{}]}
    return {"icon": None} if route.endswith("<path:page_id>") else {}


@pytest.mark.parametrize("is_on", [True, False], ids=["local", "open"])
def test_no_request_tool_or_job_lets_a_call_out(
    connected: Callers, sandbox: Sandbox, settings: Any, is_on: bool
) -> None:
    world = connected.world
    settings.NOTIONSCAN_LOCAL_ONLY = is_on
    sandbox.requests.clear()
    for task in ("integrations.check", "integrations.mirror", "scans.scheduled"):
        with within(world.acme):
            defer(task)
    run_jobs()
    everything(connected)
    with rls.scope(rls.organization_scope(world.acme.pk)):
        give_back(organization_id=world.acme.pk, provider="notion", token=Secret("ntn_given_back"))
    for _ in range(3):
        run_jobs()
    left = sandbox.requests.count("* /*")
    # Where calls may leave, the same does call: Notion and Reddit, to read, to write and to revoke.
    assert (left == 0) is is_on, sandbox.requests.entries()
    if not is_on:
        reached = {(entry.method, entry.path.split("/")[2]) for entry in sandbox.requests.entries()}
        assert len(reached) > 6, reached
