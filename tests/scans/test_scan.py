"""A scan against the stand-in Notion: everything that is there, or honestly less."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from math import ceil
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from integrations.errors import NotConnected
from integrations.models import RateBudget
from integrations.notion.budget import Priority
from integrations.notion.client import NotionClient
from integrations.sandbox import Sandbox, demo_token
from integrations.services.disconnect import disconnect
from notionscan import rls
from notionscan.secret import Secret
from scans import crawl
from scans.errors import AlreadyScanning, NothingToCancel
from scans.models import Scan, Seen, Stream, Version
from scans.services import run
from scans.services.run import FAILURES_AT_MOST
from scans.services.start import cancel_scan, start_scan
from tests import database
from tests.factories import World, events, make_world, within
from tests.scans.conftest import again, connect_acme, expire_lease, seen, start, work


def test_a_scan_sees_what_the_connection_sees(connected: World, sandbox: Sandbox) -> None:
    scan = work(start(connected))
    found = seen(connected)
    assert scan.requests == sandbox.requests.count("* /*") > 5
    with NotionClient(
        Secret(demo_token("Acme Atlas")),
        base_url=sandbox.url,
        notion_version="2026-03-11",
        budget=Unlimited(),
        priority=Priority.SCANS,
    ) as door:
        listed = {
            UUID(each["id"]): each
            for in_trash in (False, True)
            for page in door.search_pages(in_trash=in_trash)
            for each in page.results
        }
        people = {UUID(each["id"]) for page in door.users() for each in page.results}
    assert set(listed) | people <= set(found)
    for object_id, each in listed.items():
        assert found[object_id] == (each["object"], "trashed" if each["in_trash"] else "live", each["title"])
    kinds = {kind for kind, _, _ in found.values()}
    assert {"page", "data_source", "database", "user"} <= kinds
    assert scan.status == Scan.Status.COMPLETE, scan.coverage
    assert scan.coverage["objects"]["page"] == sum(
        kind == "page" and state == "live" for kind, state, _ in found.values()
    )
    assert events(connected.acme)[-2:] == [("scan.started", "success"), ("scan.completed", "success")]


class Unlimited:
    def acquire(self, priority: object) -> None:
        pass

    def report_limited(self, retry_after_seconds: float, *, reason: str) -> None:
        pass


def test_a_second_scan_of_the_same_workspace_writes_no_object(connected: World) -> None:
    work(start(connected))
    with within(connected.acme):
        before = list(Version.objects.order_by("pk").values_list())
    assert work(start(connected)).status == Scan.Status.COMPLETE
    with within(connected.acme):
        assert list(Version.objects.order_by("pk").values_list()) == before
    assert seen(connected, 2) == seen(connected, 1)


def test_a_worker_killed_at_every_commit_costs_what_was_under_way(
    committed: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.notion.client.PAGE_SIZE", 10)
    world = make_world()
    connect_acme(world)
    whole = work(start(world))
    clean = seen(world)
    scan = start(world)
    killed = subprocess.run(
        [sys.executable, "-m", "tests.scans.killed_worker", sandbox.url, str(world.acme.pk), str(scan.pk)],
        env=database.process_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    kills = int(killed.stdout)
    assert kills > 10
    done = again(scan)
    assert done.status == Scan.Status.COMPLETE, done.coverage
    assert seen(world, done.number) == clean
    assert done.coverage == whole.coverage
    for each in (whole, done):
        assert each.requests >= answered(world, each) > 10
    assert events(world.acme).count(("scan.completed", "success")) == 2


def answered(world: World, scan: Scan) -> int:
    """Return how many requests a scan stored the answers of, told by its checkpoints, in pages of ten.

    Not those of another scan of the same: where both ends of a search meet, one may ask for a page more.
    """
    with within(world.acme):
        streams = list(Stream.objects.filter(scan=scan))
    looked_up = sum(stream.found for stream in streams if stream.name.startswith("look-ups"))
    lists = [stream for stream in streams if not stream.name.startswith("look-ups")]
    return looked_up + sum(max("oldest" not in each.name, ceil(each.found / 10)) for each in lists)


def test_a_limit_frees_the_slot_and_the_scan_goes_on_later(connected: World, sandbox: Sandbox) -> None:
    sandbox.faults.add("rate_limited", match="POST /v1/search", times=1, retry_after=300)
    scan = work(start(connected))
    assert scan.status == Scan.Status.WAITING
    before = sandbox.requests.count("* /*")
    assert work(scan).status == Scan.Status.WAITING, "nobody calls before Retry-After"
    assert sandbox.requests.count("* /*") == before


def test_notion_away_is_waited_for_and_then_said(connected: World, sandbox: Sandbox) -> None:
    scan = start(connected)
    sandbox.faults.add("edge_block", match="POST /v1/search", times=None)
    for _ in range(FAILURES_AT_MOST):
        scan = work(scan)
        assert scan.status == Scan.Status.WAITING
    scan = work(scan)
    assert scan.status == Scan.Status.INCOMPLETE
    assert scan.coverage["reasons"]
    assert scan.coverage["objects"]["user"] > 0, "what was read is kept"
    assert events(connected.acme)[-1] == ("scan.incomplete", "error")


def test_a_dead_token_keeps_what_was_read_and_says_so(connected: World, sandbox: Sandbox) -> None:
    scan = start(connected)
    sandbox.revoke(demo_token("Acme Atlas"))
    scan = work(scan)
    assert scan.status == Scan.Status.INCOMPLETE
    assert "no longer accepts" in scan.coverage["reasons"][0]


def test_a_disconnect_cancels_the_scan(connected: World, sandbox: Sandbox) -> None:
    scan = start(connected)
    with within(connected.acme):
        disconnect(organization=connected.acme, actor=None, provider="notion")
    before = sandbox.requests.count("* /*")
    assert work(scan).status == Scan.Status.CANCELLED
    assert sandbox.requests.count("* /*") == before


def test_a_cancelled_scan_stores_no_more(connected: World, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = start(connected)
    stored = crawl._Crawl._store

    def cancel_first(*arguments: Any) -> None:
        cancel_scan(organization=connected.acme, actor=connected.editor, scan_id=scan.pk)
        stored(*arguments)

    monkeypatch.setattr(crawl._Crawl, "_store", cancel_first)
    assert work(scan).status == Scan.Status.CANCELLED
    assert seen(connected) == {}
    assert events(connected.acme)[-1] == ("scan.cancelled", "success")
    with within(connected.acme), pytest.raises(NothingToCancel):
        cancel_scan(organization=connected.acme, actor=None, scan_id=scan.pk)


def test_a_worker_that_lost_the_scan_writes_nothing(
    connected: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = start(connected)
    stored = crawl._Crawl._store
    taken: list[bool] = []

    def take_over(*arguments: Any) -> None:
        if not taken:
            taken.append(True)
            with monkeypatch.context() as patched:
                patched.setattr(crawl._Crawl, "_store", stored)
                assert work(scan).status == Scan.Status.COMPLETE
        stored(*arguments)

    monkeypatch.setattr(crawl._Crawl, "_store", take_over)
    assert work(scan).status == Scan.Status.COMPLETE
    assert events(connected.acme).count(("scan.completed", "success")) == 1


def test_a_worker_that_slept_too_long_writes_nothing(
    connected: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = start(connected)
    stored = crawl._Crawl._store

    def taken_meanwhile(*arguments: Any) -> None:
        expire_lease(scan)
        with rls.scope(rls.job_scope(scan.organization_id)):
            assert run._claimed(scan.organization_id, scan.pk, None)
        stored(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(crawl._Crawl, "_store", taken_meanwhile)
        assert work(scan).status == Scan.Status.RUNNING
    assert seen(connected) == {}
    assert work(scan).status == Scan.Status.COMPLETE


def test_a_dead_cursor_begins_its_own_list_again(connected: World, sandbox: Sandbox) -> None:
    scan = start(connected)
    sandbox.faults.add("rate_limited", match="POST /v1/search", at=3, times=1, retry_after=300)
    assert work(scan).status == Scan.Status.WAITING
    with within(connected.acme):
        Stream.objects.exclude(cursor="").filter(is_done=False).update(cursor="231674b6-dead")
        release(connected)
    done = work(scan)
    assert done.status == Scan.Status.COMPLETE


def release(world: World) -> None:
    """Let Notion's wait be over."""
    RateBudget.objects.update(blocked_until=None)


def test_people_that_may_not_be_read_are_a_reason(connected: World, sandbox: Sandbox) -> None:
    sandbox.faults.add("restricted_resource", match="GET /v1/users", times=None)
    scan = work(start(connected))
    assert scan.status == Scan.Status.INCOMPLETE
    assert scan.coverage["reasons"] == ["Notion did not list people: the connection may not read users."]


def test_absence_is_looked_into(connected: World, sandbox: Sandbox) -> None:
    work(start(connected))
    pages = [one for one, (kind, state, _) in seen(connected).items() if (kind, state) == ("page", "live")]
    away, trashed, hidden = pages[3], pages[7], pages[11]
    sandbox.unshare(demo_token("Acme Atlas"), str(away))
    sandbox.workspace.trash(str(trashed))
    scan = work(start(connected))
    now = seen(connected, 2)
    assert now[away][:2] == ("page", "vanished")
    assert now[trashed][:2] == ("page", "trashed")
    assert now[hidden][:2] == ("page", "live")
    assert seen(connected, 1)[away][:2] == ("page", "live"), "the first scan is as it was"
    assert scan.coverage["vanished"] >= 1
    third = work(start(connected))
    assert third.coverage["vanished"] == scan.coverage["vanished"]
    with within(connected.acme):
        assert not Seen.objects.exists()


def test_what_is_above_and_not_shared_makes_a_scan_incomplete(connected: World, sandbox: Sandbox) -> None:
    work(start(connected))
    with within(connected.acme):
        database = Version.objects.filter(kind="database").first()
    assert database is not None
    sandbox.faults.add("object_not_found", match=f"GET /v1/databases/{database.object_id}", times=None)
    scan = work(start(connected))
    assert scan.status == Scan.Status.INCOMPLETE
    assert scan.coverage["unseen"] == 1
    assert scan.coverage["reasons"] == [
        "Documents that others refer to and that were never seen, as they are not shared: 1."
    ]


def test_one_scan_at_a_time_and_none_without_a_connection(connected: World) -> None:
    start(connected)
    with within(connected.acme), pytest.raises(AlreadyScanning):
        start_scan(organization=connected.acme, actor=None)
    with within(connected.globex), pytest.raises(NotConnected):
        start_scan(organization=connected.globex, actor=None)


def test_the_command_starts_a_scan_and_says_what_is_wrong(connected: World) -> None:
    out = io.StringIO()
    call_command("scan", "acme", "--json", stdout=out)
    assert json.loads(out.getvalue())["status"] == "queued"
    with pytest.raises(CommandError, match="under way"):
        call_command("scan", "acme")
    with pytest.raises(CommandError, match="not connected"):
        call_command("scan", "globex")


def test_nothing_of_what_pages_say_is_stored(connected: World, sandbox: Sandbox) -> None:
    work(start(connected))
    with connection.cursor() as cursor, within(connected.acme):
        cursor.execute("SELECT string_agg(v::text, ' ') FROM scans_version v")
        text = cursor.fetchone()[0]
    assert "plain_text" not in text
    assert 'rich_text": [' not in text
