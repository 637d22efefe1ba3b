"""Whatever breaks on the way: the same findings as without it, or less and honestly so."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from integrations.models import Integration
from integrations.sandbox import Sandbox
from integrations.services import calls
from integrations.services.connect import update_token
from integrations.services.disconnect import disconnect
from notionscan import rls
from notionscan.secret import Secret
from scans import crawl, fetching, listings
from scans.models import Scan, Stream
from scans.services import run
from tests.factories import World, events, the_integration, within
from tests.scans.conftest import TOKEN, again, expire_lease, finish, seen, start, work

pytestmark = pytest.mark.usefixtures("short_pages")
SEARCH, USERS, QUERY = "POST /v1/search", "GET /v1/users", "POST /v1/data_sources/*/query"
LOOK_UP = "GET /v1/databases/*"
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
    ("huge", {"bytes": 60_000_000}),
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


@pytest.mark.parametrize("call", [1, 2, 3, 5, 8, 12, 17])
def test_a_token_that_dies_keeps_what_was_read(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], call: int
) -> None:
    sandbox.faults.add("revoke_token", match="* /v1/*", at=call)
    scan = finish(start(connected))
    assert scan.status == Scan.Status.INCOMPLETE
    assert "no longer accepts" in scan.coverage["reasons"][0]
    # Those under way when it died, and none after the first refusal was read.
    assert sandbox.requests.count("* /v1/*", status=401) <= fetching.MOST_AT_ONCE
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
        stored(*arguments)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(crawl._Crawl, "_store", replace_once)
        scan = finish(scan)
    assert scan.status == Scan.Status.COMPLETE, scan.coverage["reasons"]
    assert seen(connected, 2) == clean


def test_a_disconnect_on_the_way_cancels(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
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
    assert finish(scan).status == Scan.Status.CANCELLED
    assert events(connected.acme)[-1] == ("scan.cancelled", "error")
    before = sandbox.requests.count("* /v1/*")
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
    for fault in ("partial", "unknown_kinds"):
        sandbox.faults.add(fault, match=SEARCH, at=2)
        assert not finish(start(connected)).is_live
        sandbox.faults.clear()
    assert finish(start(connected)).status == Scan.Status.COMPLETE


def test_poisoned_titles_are_stored_as_text(
    connected: World, sandbox: Sandbox, clean: dict[UUID, Any]
) -> None:
    titles = ["nul\x00", "lone \ud800", "x" * 1_000_000, "\u202eright to left", "<script>", "=1+1"]
    for title in titles:
        sandbox.workspace.add_page(title, parent=None, edited=timezone.now())
    sandbox.share(TOKEN, sandbox.workspace.add_page("nul\x00 shared", parent=None))
    scan = finish(start(connected))
    assert scan.status == Scan.Status.COMPLETE, scan.coverage["reasons"]
    found = {title for _, _, title in seen(connected, 2).values()}
    assert "nul shared" in found
