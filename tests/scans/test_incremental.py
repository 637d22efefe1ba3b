"""A scan that goes on from the last one: the same result as a full one, for a few requests."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from math import ceil

import pytest

from integrations.sandbox import Sandbox
from scans.models import Scan, Version
from scans.services.start import SCANS_PER_FULL
from tests.factories import World, within
from tests.scans.conftest import TOKEN, finish, seen, start


def pages_of(world: World, *, rows: bool) -> list[str]:
    with within(world.acme):
        pages = Version.objects.filter(kind="page", state="live", valid_until=None)
        found = (
            pages.filter(parent_kind="data_source_id")
            if rows
            else pages.exclude(parent_kind="data_source_id")
        )
        return [str(page.object_id) for page in found.order_by("object_id")]


def now() -> datetime:
    return datetime.now(UTC)


def test_where_nothing_changed_it_asks_a_handful_and_writes_nothing(
    connected: World, sandbox: Sandbox
) -> None:
    assert finish(start(connected)).status == Scan.Status.COMPLETE
    with within(connected.acme):
        before = list(Version.objects.order_by("pk").values_list())
    sandbox.requests.clear()
    scan = finish(start(connected, full=False))
    assert (scan.status, scan.is_full, scan.since_number) == (Scan.Status.COMPLETE, False, 1)
    assert scan.requests == sandbox.requests.count("* /*") <= 5 + sandbox.requests.count("GET /v1/users")
    with within(connected.acme):
        assert list(Version.objects.order_by("pk").values_list()) == before
    assert seen(connected, 2) == seen(connected, 1)


def test_it_ends_as_a_full_scan_of_the_same_workspace_does(connected: World, sandbox: Sandbox) -> None:
    finish(start(connected))
    documents, rows = pages_of(connected, rows=False), pages_of(connected, rows=True)
    workspace = sandbox.workspace
    workspace.edit(documents[1], title="Renamed", edited=now())
    workspace.edit(rows[2], title="A row renamed", edited=now())
    workspace.trash(rows[5])
    workspace.edit(rows[5], edited=now())
    workspace.add_page("A new one", parent=documents[1], edited=now())
    _, source = workspace.add_database("A new table", parent=documents[2])
    workspace.edit(source, edited=now())
    workspace.add_page("Its first row", parent=source, created=now() - timedelta(days=400))
    short = finish(start(connected, full=False))
    after = seen(connected, 2)
    assert short.status == Scan.Status.COMPLETE, short.coverage
    assert not short.is_full
    full = finish(start(connected))
    assert seen(connected, 3) == after
    assert {"Renamed", "A row renamed", "A new one", "A new table", "Its first row"} <= {
        title for _, _, title in after.values()
    }
    same = ("objects", "inTrash", "people", "unseen", "percent", "reasons")
    assert {name: short.coverage[name] for name in same} == {name: full.coverage[name] for name in same}


@pytest.mark.parametrize("is_one_place", [False, True], ids=["everywhere", "in one place"])
def test_it_asks_in_proportion_to_what_changed(
    connected: World, sandbox: Sandbox, short_pages: None, is_one_place: bool
) -> None:
    finish(start(connected))
    with within(connected.acme):
        all_rows = Version.objects.filter(parent_kind="data_source_id", state="live").order_by("object_id")
        [(largest, size), *_] = Counter(all_rows.values_list("parent_id", flat=True)).most_common()
        rows = list(all_rows.filter(parent_id=largest) if is_one_place else all_rows[:24])
    assert size > 30, "more than a few pages of ten"
    for row in rows:
        sandbox.workspace.edit(str(row.object_id), title="Touched", edited=now())
    sources = {row.parent_id for row in rows}
    sandbox.requests.clear()
    scan = finish(start(connected, full=False))
    users = sandbox.requests.count("GET /v1/users")
    assert scan.requests <= 5 + ceil(len(rows) / 10) + len(sources) + users
    assert sum(title == "Touched" for _, _, title in seen(connected, 2).values()) == len(rows)


def row_of_an_untouched_data_source(world: World) -> str:
    with within(world.acme):
        recently = {"edited_at__gt": now() - timedelta(hours=1)}
        versions = Version.objects.filter(valid_until=None, state="live")
        touched = set(versions.filter(**recently).values_list("parent_id", flat=True))
        touched |= set(versions.filter(**recently).values_list("object_id", flat=True))
        rows = versions.filter(parent_kind="data_source_id").exclude(parent_id__in=touched - {None})
        return str(rows.order_by("object_id")[0].object_id)


def test_what_search_does_not_report_is_found_by_the_next_full_scan(
    connected: World, sandbox: Sandbox
) -> None:
    lonely = sandbox.workspace.add_page("Soon gone", parent=None)
    sandbox.share(TOKEN, lonely)
    finish(start(connected))
    hidden = row_of_an_untouched_data_source(connected)
    sandbox.workspace.edit(hidden, title="Nobody told", edited=now())
    sandbox.workspace.hide_from_search(hidden)
    sandbox.workspace.delete(lonely)
    finish(start(connected, full=False))
    assert "Nobody told" not in {title for _, _, title in seen(connected, 2).values()}
    full = finish(start(connected))
    assert "Nobody told" in {title for _, _, title in seen(connected, 3).values()}
    assert full.coverage["vanished"] == 1
    assert full.coverage["rows"]["query"] == 1
    assert full.coverage["rows"]["both"] > 10


def test_every_so_many_scans_one_reads_everything(connected: World) -> None:
    is_full = [finish(start(connected, full=False)).is_full for _ in range(SCANS_PER_FULL + 1)]
    assert is_full == [True, *[False] * (SCANS_PER_FULL - 1), True]


def test_a_scan_that_did_not_see_everything_is_not_gone_on_from(
    connected: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.faults.add("incomplete", match="POST /v1/data_sources/*", times=None)
    assert finish(start(connected)).status == Scan.Status.INCOMPLETE
    sandbox.faults.clear()
    assert finish(start(connected, full=False)).is_full


def test_an_edit_of_the_last_minute_is_not_missed(connected: World, sandbox: Sandbox) -> None:
    """Times are cut to the minute, and the clocks differ."""
    scan = finish(start(connected))
    assert scan.started_at
    page = pages_of(connected, rows=False)[0]
    sandbox.workspace.edit(page, title="Just then", edited=scan.started_at - timedelta(seconds=50))
    finish(start(connected, full=False))
    assert "Just then" in {title for _, _, title in seen(connected, 2).values()}
