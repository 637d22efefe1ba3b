"""Whatever breaks on the way: the same findings as without it, or less and honestly so."""

from __future__ import annotations

import itertools
import socket
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from integrations.models import Integration
from integrations.notion import replies
from integrations.sandbox import Sandbox
from integrations.services import calls
from integrations.services.connect import update_token
from integrations.services.disconnect import disconnect
from notionscan import rls
from notionscan.secret import Secret
from scans import asking, crawl, fetching, listings, metadata
from scans.metadata import TITLE_CHARACTERS
from scans.models import Scan, Stream, Version
from scans.services import run
from tests.factories import World, events, the_integration, within
from tests.scans.conftest import TOKEN, again, expire_lease, finish, seen, start, work

pytestmark = pytest.mark.usefixtures("short_pages")
SEARCH, USERS, QUERY = "POST /v1/search", "GET /v1/users", "POST /v1/data_sources/*/query"
LOOK_UP = "GET /v1/databases/*"
LATENCY_MS = 100
# Of each kind, the first calls of a list and one in its middle.
PLACES = [(SEARCH, 1), (SEARCH, 6), (USERS, 1), (QUERY, 2), (LOOK_UP, 1)]
PASSING: list[tuple[str, dict[str, Any]]] = [
    ("internal_server_error", {}),
    ("bad_gateway", {}),
    ("bad_gateway_html", {}),
    ("service_unavailable", {}),
    ("gateway_timeout", {}),
    ("service_overload", {"retry_after": 1}),
    ("rate_limited", {"retry_after": 1}),
    ("rate_limited", {"retry_after": 60}),
    ("rate_limited", {"retry_after": 300}),
    ("rate_limited", {"retry_after": None}),
    ("rate_limited", {"retry_after": 0}),
    ("rate_limited", {"retry_after": -5}),
    ("rate_limited", {"retry_after": "Wed, 21 Oct 2099 07:28:00 GMT"}),
    ("rate_limited", {"retry_after": 10**9}),
    ("rate_limited", {"reason": "public_api_space_request_rate_limit", "retry_after": 120}),
    ("reset", {}),
    ("close", {}),
    ("hang", {"seconds": 3}),
    ("drip", {"seconds_per_byte": 1}),
    ("truncated", {}),
    ("truncated_unannounced", {}),
    ("html", {}),
    ("empty_body", {}),
    ("not_an_object", {}),
    ("nan", {}),
    ("deep", {}),
    ("huge", {"bytes": 500_000_000}),
    ("without_envelope", {}),
    ("null_cursor", {}),
    ("edge_block", {}),
    ("redirect", {}),
]


@pytest.fixture
def clean(connected: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> dict[UUID, Any]:
    """What an undisturbed scan sees; the calls after it do not wait for long."""
    scan = finish(start(connected))
    assert scan.status == Scan.Status.COMPLETE
    monkeypatch.setattr(calls, "_CALL_SECONDS", 1.5)
    monkeypatch.setattr(crawl, "_PATIENCE_SECONDS", 0.5)
    # So that what breaks breaks in the middle of lists.
    monkeypatch.setattr(crawl, "_BATCH_OBJECTS", 10)
    monkeypatch.setattr(run, "_AGAIN_SECONDS", 1)
    sandbox.requests.clear()
    return seen(connected)


@pytest.mark.parametrize(
    ("fault", "options"), PASSING, ids=[f"{name}-{'-'.join(map(str, o.values()))}" for name, o in PASSING]
)
def test_what_passes_costs_nothing_but_time(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], fault: str, options: dict[str, Any]
) -> None:
    for match, at in PLACES:
        sandbox.faults.add(fault, match=match, at=at, times=1, **options)
    scan = finish(start(connected))
    assert not sandbox.faults.waiting()
    assert scan.status == Scan.Status.COMPLETE, scan.coverage["reasons"]
    assert seen(connected, 2) == clean


@pytest.mark.parametrize("fault", ["duplicates", "reversed", "empty_page"])
def test_lists_in_disorder_are_read_all_the_same(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], fault: str
) -> None:
    for match in (SEARCH, USERS, QUERY):
        sandbox.faults.add(fault, match=match, at=2, times=2)
    scan = finish(start(connected))
    assert scan.status == Scan.Status.COMPLETE, scan.coverage["reasons"]
    assert seen(connected, 2) == clean


@pytest.mark.parametrize("match", [SEARCH, USERS, QUERY])
@pytest.mark.parametrize("fault", ["invalid_cursor", "cursor_loop"])
def test_a_cursor_that_leads_nowhere_begins_its_own_list_again(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], match: str, fault: str
) -> None:
    is_get = match == USERS
    if fault == "invalid_cursor":
        has_cursor = None if is_get else "start_cursor"
        sandbox.faults.add(fault, match=match, body_has=has_cursor, at=2 if is_get else 1)
    else:
        sandbox.faults.add(fault, match=match, times=4)
    scan = finish(start(connected))
    assert scan.status == Scan.Status.COMPLETE, scan.coverage["reasons"]
    assert seen(connected, 2) == clean


def test_cursors_that_are_dead_when_a_scan_goes_on_cost_their_lists_alone(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any]
) -> None:
    sandbox.latency_ms = LATENCY_MS
    sandbox.faults.add("rate_limited", match=SEARCH, at=7, retry_after=300)
    scan = work(start(connected))
    assert scan.status == Scan.Status.WAITING
    with within(connected.acme):
        cursors = Stream.objects.filter(scan=scan, is_done=False).exclude(cursor="").count()
    assert cursors
    sandbox.faults.add("invalid_cursor", match=SEARCH, body_has="start_cursor", times=cursors)
    scan = finish(scan)
    assert not sandbox.faults.waiting()
    assert scan.status == Scan.Status.COMPLETE, scan.coverage["reasons"]
    assert seen(connected, 2) == clean


@pytest.mark.parametrize(
    ("match", "reason"),
    [(SEARCH, "Notion's search ended early"), (QUERY, "more rows than Notion gives out")],
)
@pytest.mark.parametrize("fault", ["incomplete", "cursor_loop"])
def test_a_list_that_never_ends_rightly_is_a_reason_and_no_loop(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], match: str, reason: str, fault: str
) -> None:
    sandbox.faults.add(fault, match=match, times=None)
    scan = finish(start(connected))
    assert scan.status == Scan.Status.INCOMPLETE
    assert any(reason in each for each in scan.coverage["reasons"]), scan.coverage
    assert scan.known_until is None


def test_a_long_search_is_read_from_both_ends(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notion's search was seen to lose its cursor after some 10,000 results."""
    shared = len([1 for kind, state, _ in clean.values() if (kind, state) == ("page", "live")])
    monkeypatch.setattr(listings, "_SEARCH_REACHES", 10)
    sandbox.depths.search_dies_after = 10 * (shared // 20 + 1)
    assert sandbox.depths.search_dies_after < shared - 10
    scan = finish(start(connected))
    assert scan.status == Scan.Status.COMPLETE, scan.coverage["reasons"]
    assert seen(connected, 2) == clean


def test_what_neither_end_reaches_is_a_gap(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listings, "_SEARCH_REACHES", 10)
    sandbox.depths.search_dies_after = 10
    scan = finish(start(connected))
    assert scan.status == Scan.Status.INCOMPLETE
    assert any("Notion's search ended early" in each for each in scan.coverage["reasons"])


def test_more_rows_than_a_query_gives_are_read_in_windows(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any]
) -> None:
    sandbox.depths.query_cap = 10
    scan = finish(start(connected))
    assert scan.status == Scan.Status.COMPLETE, scan.coverage["reasons"]
    assert seen(connected, 2) == clean
    assert scan.coverage["rows"]["search"] == 0


def test_a_page_that_moves_during_a_search_is_not_lost(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any]
) -> None:
    """An edit takes a page to the top of a list that was read there already, and from the other end too."""
    pages = [one for one, (kind, state, _) in clean.items() if (kind, state) == ("page", "live")]
    moving = str(pages[len(pages) // 2])
    sandbox.faults.add(
        "act",
        match=SEARCH,
        at=7,
        action=lambda: sandbox.workspace.edit(moving, title="Moved", edited=timezone.now()),
    )
    scan = finish(start(connected))
    assert scan.status == Scan.Status.COMPLETE, scan.coverage["reasons"]
    assert seen(connected, 2)[UUID(moving)] == ("page", "live", "Moved")


def test_a_storm_of_limits_is_sat_out(connected: World, sandbox: Sandbox, clean: dict[UUID, Any]) -> None:
    for number in range(1, 25, 3):
        sandbox.faults.add("rate_limited", match="* /v1/*", at=number, retry_after=number % 3 * 30 or 1)
    scan = finish(start(connected))
    assert scan.status == Scan.Status.COMPLETE, scan.coverage["reasons"]
    assert seen(connected, 2) == clean


@pytest.mark.parametrize("call", range(1, 18))
def test_a_token_that_dies_keeps_what_was_read(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], call: int
) -> None:
    sandbox.latency_ms = LATENCY_MS
    sandbox.faults.add("revoke_token", match="* /v1/*", at=call)
    scan = finish(start(connected))
    assert scan.status == Scan.Status.INCOMPLETE
    assert "no longer accepts" in scan.coverage["reasons"][0]
    # Those that were under way when it died are answered; what left after the first refusal is one at most.
    refusals = sandbox.requests.entries("* /v1/*", status=401)
    assert len(refusals) <= fetching.MOST_AT_ONCE
    late = [each for each in refusals if each.time > refusals[0].time + 1.8 * LATENCY_MS / 1000]
    assert len(late) <= 1
    integration = the_integration(connected.acme)
    assert integration is not None
    assert integration.status == Integration.Status.ERROR
    before = sandbox.requests.count("* /v1/*")
    assert work(scan).status == Scan.Status.INCOMPLETE
    assert sandbox.requests.count("* /v1/*") == before


def test_a_token_that_is_replaced_meanwhile_goes_on(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any]
) -> None:
    newer = sandbox.add_token(sandbox.workspace, secret="ntn_" + "n" * 46, label="newer").secret

    def replace() -> None:
        with within(connected.acme):
            update_token(organization=connected.acme, actor=None, token=Secret(newer))
        sandbox.revoke(TOKEN)

    scan = start(connected)
    stored = crawl._Crawl._store
    replaced: list[bool] = []

    def replace_once(*arguments: Any) -> None:
        if not replaced:
            replaced.append(True)
            replace()
            assert arguments[0].fetchers.in_flight, "it is replaced in the middle of the lists"
        stored(*arguments)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(crawl._Crawl, "_store", replace_once)
        scan = finish(scan)
    assert scan.status == Scan.Status.COMPLETE, scan.coverage["reasons"]
    assert sandbox.requests.count("* /v1/*", status=401) >= 1
    assert seen(connected, 2) == clean


def test_a_disconnect_on_the_way_cancels(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.latency_ms = LATENCY_MS
    scan = start(connected)
    stored = crawl._Crawl._store
    ended: list[bool] = []

    def disconnect_once(*arguments: Any) -> None:
        stored(*arguments)
        if not ended:
            ended.append(True)
            with within(connected.acme):
                disconnect(organization=connected.acme, actor=None, provider="notion")

    monkeypatch.setattr(crawl._Crawl, "_store", disconnect_once)
    scan = finish(scan)
    assert scan.status == Scan.Status.CANCELLED
    assert events(connected.acme)[-1] == ("scan.cancelled", "error")
    before = sandbox.requests.count("* /v1/*")
    # What was under way left as well.
    assert sum(each["calls"] for each in scan.egress.values()) == before
    work(scan)
    assert sandbox.requests.count("* /v1/*") == before


def test_one_list_that_fails_for_good_keeps_no_other_from_being_read(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "FAILURES_AT_MOST", 1)
    sandbox.faults.add("internal_server_error", match=USERS, times=None)
    scan = finish(start(connected))
    assert scan.status == Scan.Status.INCOMPLETE
    assert "Lists that were not read to their end: 1." in scan.coverage["reasons"]
    with within(connected.acme):
        assert [s.name for s in Stream.objects.filter(scan=scan, is_done=False)] == ["users"]
    assert {one for one, (kind, _, _) in seen(connected, 2).items() if kind != "user"} == {
        one for one, (kind, _, _) in clean.items() if kind != "user"
    }


def test_a_worker_that_is_told_to_stop_hands_the_scan_back(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any]
) -> None:
    scan = start(connected)
    expire_lease(scan)
    asked = iter([False, False, True])
    with rls.scope(rls.job_scope(scan.organization_id)):
        run.run_scan(
            organization_id=scan.organization_id, scan_id=scan.pk, should_stop=lambda: next(asked, True)
        )
    scan = again(scan)
    assert (scan.status, scan.lease, scan.leased_until) == (Scan.Status.QUEUED, None, None)
    assert finish(scan).status == Scan.Status.COMPLETE
    assert seen(connected, 2) == clean


def test_parts_of_objects_and_unknown_kinds_are_no_end(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any]
) -> None:
    sandbox.faults.add("partial", match=SEARCH, at=2)
    scan = finish(start(connected))
    assert scan.status == Scan.Status.COMPLETE, scan.coverage["reasons"]
    assert seen(connected, 2) == clean
    sandbox.faults.add("unknown_kinds", match=SEARCH, at=2)
    scan = finish(start(connected))
    assert scan.coverage["objects"]["canvas"] == 1
    assert set(clean) < set(seen(connected, 3))


@pytest.mark.parametrize("call", [18, 28])
def test_what_is_named_and_not_yet_told_when_a_scan_is_given_back_is_asked_for_later(
    connected: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    """The list's checkpoint is behind it: nothing names it again."""
    monkeypatch.setattr(crawl, "_FIRST_WIDTH", 1)
    sandbox.faults.add("partial", match=SEARCH, times=None)
    sandbox.faults.add("rate_limited", match="GET /v1/pages/*", at=call, retry_after=300)
    scan = work(start(connected))
    assert scan.status == Scan.Status.WAITING
    scan = finish(scan)
    assert scan.status == Scan.Status.COMPLETE, scan.coverage["reasons"]
    sandbox.faults.clear()
    assert finish(start(connected)).status == Scan.Status.COMPLETE
    assert seen(connected, 1) == seen(connected, 2)


def test_an_unknown_kind_may_have_an_id_of_another_form(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = replies.read_object

    def as_canvas(found: Any) -> dict[str, Any]:
        kept = read(found)
        return kept | {"object": "canvas", "id": "canvas/7"} if kept["object"] == "data_source" else kept

    monkeypatch.setattr("integrations.notion.client.read_object", as_canvas)
    scan = finish(start(connected))
    assert scan.coverage["objects"]["canvas"] == 1
    # What was asked for by its id, and answered by something else.
    assert "told nothing of them" in scan.coverage["reasons"][0]


def test_what_is_named_and_never_told_is_a_reason_and_no_loop(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that may insert and not read gets ids alone, however it asks."""
    monkeypatch.setattr(metadata, "is_partial", lambda found: found.get("object") == "page")
    monkeypatch.setattr(asking, "LOOK_UPS_AT_MOST", 7)
    scan = finish(start(connected))
    assert scan.status == Scan.Status.INCOMPLETE
    assert "Notion named documents and told nothing of them" in scan.coverage["reasons"][0]
    assert sandbox.requests.count("GET /v1/pages/*") <= 2 * 7


def test_a_connection_refused_is_waited_for(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], settings: Any
) -> None:
    scan = start(connected)
    with socket.socket() as taken:
        # Bound, and listening to nobody.
        taken.bind(("127.0.0.1", 0))
        settings.NOTION_API_BASE_URL = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert work(scan).status == Scan.Status.WAITING
    settings.NOTION_API_BASE_URL = sandbox.url
    assert finish(scan).status == Scan.Status.COMPLETE
    assert seen(connected, 2) == clean


def test_what_goes_between_list_and_look_up_is_told(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any]
) -> None:
    database = next(
        str(one) for one, (kind, state, _) in clean.items() if (kind, state) == ("database", "live")
    )
    sandbox.faults.add("act", match=LOOK_UP, action=lambda: sandbox.workspace.delete(database))
    scan = finish(start(connected))
    gone = seen(connected, 2)[UUID(database)]
    # Its data source had been listed, and nobody shows any more where that stands.
    assert gone[:2] in {("database", "vanished"), ("database", "live")}
    assert (scan.status == Scan.Status.INCOMPLETE) == (gone[1] == "vanished")
    if gone[1] == "vanished":
        assert scan.coverage["unseen"] == 1
    after = finish(start(connected))
    assert after.status == Scan.Status.COMPLETE, after.coverage["reasons"]
    assert seen(connected, 3)[UUID(database)][:2] == ("database", "vanished")


def test_a_page_that_moves_between_list_and_look_up_stands_where_it_was_seen_last(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any]
) -> None:
    pages = [one for one, (kind, state, _) in clean.items() if (kind, state) == ("page", "live")]
    with within(connected.acme):
        documents = list(
            Version.objects.filter(object_id__in=pages, parent_kind="page_id").order_by("-edited_at")
        )
    moving, target = str(documents[-1].object_id), str(documents[0].parent_id)
    sandbox.faults.add("partial", match=SEARCH, times=None)
    sandbox.faults.add(
        "act",
        match=f"GET /v1/pages/{moving}",
        action=lambda: sandbox.workspace.move(moving, parent=target),
    )
    scan = finish(start(connected))
    assert scan.status == Scan.Status.COMPLETE, scan.coverage["reasons"]
    with within(connected.acme):
        now = Version.objects.get(object_id=moving, valid_until=None)
    assert str(now.parent_id) == target


def test_poisoned_titles_are_stored_as_text(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any]
) -> None:
    titles = {
        "nul\x00": "nul",
        "lone \ud800": "lone ?",
        "x" * 1_000_000: "x" * TITLE_CHARACTERS,
        "\u202eright to left\u202c": "\u202eright to left\u202c",
        "<script>": "<script>",
        "=1+1": "=1+1",
    }
    made = {}
    for title, stored in titles.items():
        made[UUID(sandbox.workspace.add_page(title, parent=None, edited=timezone.now()))] = stored
    for page in made:
        sandbox.share(TOKEN, str(page))
    scan = finish(start(connected))
    assert scan.status == Scan.Status.COMPLETE, scan.coverage["reasons"]
    found = seen(connected, 2)
    assert {page: found[page][2] for page in made} == made


def test_a_time_without_a_zone_ends_no_scan(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = replies.read_object
    calls = itertools.count()

    def sometimes_naive(found: Any) -> dict[str, Any]:
        kept = read(found)
        if next(calls) % 3 == 0 and kept.get("last_edited_time"):
            kept["last_edited_time"] = kept["last_edited_time"].removesuffix(".000Z")
        return kept

    monkeypatch.setattr("integrations.notion.client.read_object", sometimes_naive)
    scan = finish(start(connected))
    assert scan.status == Scan.Status.COMPLETE, scan.coverage["reasons"]
    assert seen(connected, 2) == clean


def test_a_scan_that_ends_every_worker_is_given_up(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "TAKEN_OVER_AT_MOST", 3)
    scan = start(connected)
    # The first stored batch of a new kind fails, whoever reads it.
    monkeypatch.setattr(crawl._Crawl, "_take", lambda *arguments: [][1])
    with rls.scope(rls.job_scope(scan.organization_id)), pytest.raises(IndexError):
        run.run_scan(organization_id=scan.organization_id, scan_id=scan.pk)
    for _ in range(3):
        expire_lease(scan)
        with rls.scope(rls.job_scope(scan.organization_id)), pytest.raises(IndexError):
            run.run_scan(organization_id=scan.organization_id, scan_id=scan.pk, lease=again(scan).lease)
    assert again(scan).is_live
    expire_lease(scan)
    with rls.scope(rls.job_scope(scan.organization_id)):
        run.run_scan(organization_id=scan.organization_id, scan_id=scan.pk, lease=again(scan).lease)
    ended = again(scan)
    assert ended.status == Scan.Status.INCOMPLETE
    assert "interrupted again and again" in ended.coverage["reasons"][0]


def test_content_that_may_not_be_read_is_called_so(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any]
) -> None:
    sandbox.faults.add("restricted_resource", match=SEARCH, times=None)
    scan = finish(start(connected))
    assert scan.status == Scan.Status.INCOMPLETE
    assert scan.coverage["reasons"][0].startswith("Notion did not show documents")
    assert not any("people" in each for each in scan.coverage["reasons"])


def test_a_relation_to_what_is_not_shared_is_a_gap(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = "12345678-0000-4000-8000-000000000001"
    read = replies.read_schema

    def leading_elsewhere(found: Any) -> list[dict[str, Any]]:
        return [*read(found), {"id": "x", "name": "Away", "type": "relation", "target": elsewhere}]

    monkeypatch.setattr(replies, "read_schema", leading_elsewhere)
    scan = finish(start(connected))
    assert sandbox.requests.count(f"GET /v1/data_sources/{elsewhere}", status=404) == 1
    assert scan.status == Scan.Status.INCOMPLETE
    assert scan.coverage["unseen"] == 1


def test_authors_beyond_the_bound_are_a_reason(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "LOOK_UPS_AT_MOST", 1)
    monkeypatch.setattr(asking, "SHOWN_FOR_A_LOOK_UP", 1_000_000)
    scan = finish(start(connected))
    assert any(each.startswith("Authors who are not members") for each in scan.coverage["reasons"])


def test_parents_beyond_the_bound_are_said_to_be_too_many_and_not_to_be_hidden(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "LOOK_UPS_AT_MOST", 1)
    monkeypatch.setattr(asking, "SHOWN_FOR_A_LOOK_UP", 1_000_000)
    pages = [one for one, (kind, state, _) in clean.items() if (kind, state) == ("page", "live")]
    for page in pages[:3]:
        sandbox.workspace.set_parent_json(str(page), {"type": "block_id", "block_id": str(uuid4())})
    reasons = finish(start(connected)).coverage["reasons"]
    # The one that was asked for is not there.
    assert "Documents that others refer to and that were too many to look up: 2." in reasons
    assert "Documents that others refer to and that were never seen, as they are not shared: 1." in reasons
