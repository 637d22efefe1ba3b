"""Each fault the stand-in Notion knows, met on the way through a real workspace."""

from __future__ import annotations

import json
import time as real_time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
import requests

from integrations.http.retry import Retry
from integrations.notion.budget import Priority
from integrations.notion.client import NotionClient
from integrations.notion.errors import (
    NotionBlocked,
    NotionError,
    NotionRateLimited,
    NotionRefused,
    NotionUnavailable,
)
from integrations.notion.me import verify_token
from integrations.notion.oauth import OAuthApp
from integrations.notion.replies import Page
from integrations.sandbox import EVERYTHING, Capability, Kind, OAuthClient, Sandbox
from integrations.sandbox.planted import MARKERS
from notionscan.secret import Secret
from tests.integrations.notion.doors import VERSION, FakeTime, NoBudget

INTERNAL, PERSONAL, OTHER = "acme-atlas/internal", "acme-atlas/personal", "globex-works/internal"
SEARCH, ME = "POST /v1/search", "GET /v1/users/me"
SHY = OAuthClient(
    client_id="5a4db0c5-0000-4000-8000-00000000511f",
    client_secret="secret_of_the_shy_application",
    redirect_uris=("http://localhost:8000/shy",),
    capabilities=EVERYTHING - {Capability.READ_EMAILS},
)


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    from integrations.sandbox import DEMO_CLIENT

    with Sandbox(pages=250, databases=6, users=20, seed=11, clients=(DEMO_CLIENT, SHY)) as sandbox:
        yield sandbox


@pytest.fixture
def notion(served: Sandbox) -> Sandbox:
    served.reset()
    return served


def client(sandbox: Sandbox, label: str = INTERNAL, **options: Any) -> NotionClient:
    defaults: dict[str, Any] = {"budget": NoBudget(), "priority": Priority.SCANS, "retry": FakeTime().retry()}
    return NotionClient(
        Secret(sandbox.tokens[label]), base_url=sandbox.url, notion_version=VERSION, **defaults | options
    )


def search(sandbox: Sandbox, kind: str = "page", **options: Any) -> list[Page]:
    with client(sandbox, **options) as notion_client:
        return list(notion_client.search_pages(kind=kind))


def ids(pages: list[Page]) -> list[str]:
    return [found["id"] for page in pages for found in page.results]


# --- only metadata


@pytest.mark.parametrize(("kind", "code"), [("page", Kind.PAGE), ("data_source", Kind.DATA_SOURCE)])
def test_search_keeps_nothing_that_was_planted(notion: Sandbox, kind: str, code: Kind) -> None:
    reply = requests.post(
        f"{notion.url}/v1/search",
        json={"filter": {"property": "object", "value": kind}},
        headers=notion.headers(notion.tokens[INTERNAL]),
        timeout=5,
    )
    assert any(marker in reply.text for marker in MARKERS)  # otherwise this test could not fail
    pages = search(notion, kind)
    assert ids(pages) == notion.visible(notion.tokens[INTERNAL], code)
    kept = json.dumps([page.results for page in pages]) + repr(pages)
    assert [marker for marker in MARKERS if marker in kept] == []
    assert "properties" not in kept
    assert any(found["title"] for page in pages for found in page.results)


def test_unknown_kinds_are_passed_on_to_be_counted(notion: Sandbox) -> None:
    notion.faults.add("unknown_kinds", SEARCH, times=None)
    pages = search(notion)
    found = [item for page in pages for item in page.results]
    assert sum(item["object"] == "canvas" for item in found) == len(pages)
    assert any(item.get("parent", {}).get("type") == "galaxy_id" for item in found)
    pages_only = [item["id"] for item in found if item["object"] == "page"]
    assert pages_only == notion.visible(notion.tokens[INTERNAL], Kind.PAGE)


def test_partial_results_keep_their_ids(notion: Sandbox) -> None:
    notion.faults.add("partial", SEARCH, times=None)
    pages = search(notion)
    assert ids(pages) == notion.visible(notion.tokens[INTERNAL], Kind.PAGE)
    assert {item["title"] for page in pages for item in page.results} == {""}


# --- lists that are not what they should be


@pytest.mark.parametrize("empty", [1, 3])
def test_empty_pages_lose_nothing(notion: Sandbox, empty: int) -> None:
    notion.faults.add("empty_page", SEARCH, at=2, times=empty)
    pages = search(notion)
    assert [len(page.results) for page in pages].count(0) == empty
    assert ids(pages) == notion.visible(notion.tokens[INTERNAL], Kind.PAGE)


def test_empty_pages_without_end_are_left(notion: Sandbox) -> None:
    notion.faults.add("empty_page", SEARCH, times=None)
    with pytest.raises(NotionUnavailable):
        search(notion)
    assert notion.requests.count(SEARCH) <= 10


def test_cursors_in_a_circle_are_left(notion: Sandbox) -> None:
    notion.faults.add("cursor_loop", SEARCH, times=None)
    with pytest.raises(NotionUnavailable) as caught:
        search(notion)
    assert caught.value.detail == "the list goes round in circles"
    assert notion.requests.count(SEARCH) <= 4


def test_duplicates_are_passed_on_for_the_caller_to_know(notion: Sandbox) -> None:
    notion.faults.add("duplicates", SEARCH, times=None)
    found = ids(search(notion))
    assert len(found) > len(set(found))
    assert set(found) == set(notion.visible(notion.tokens[INTERNAL], Kind.PAGE))


def test_a_result_that_notion_cut_says_so(notion: Sandbox) -> None:
    notion.faults.add("incomplete", SEARCH)
    (page,) = search(notion)
    assert page.incomplete_reason == "query_result_limit_reached"


def test_a_cursor_that_died_is_refused_and_not_asked_for_again(notion: Sandbox) -> None:
    notion.faults.add("invalid_cursor", SEARCH, body_has="start_cursor", times=None)
    with pytest.raises(NotionRefused) as caught:
        search(notion)
    assert caught.value.notion_code == "validation_error"
    assert notion.requests.count(SEARCH) == 2


# --- faults that pass, and faults that stay

PASSING = [
    "internal_server_error",
    "bad_gateway",
    "bad_gateway_html",
    "service_unavailable",
    "gateway_timeout",
    "html",
    "truncated",
    "truncated_unannounced",
    "reset",
    "close",
    "empty_body",
    "not_an_object",
    "nan",
    "deep",
    "without_envelope",
    "null_cursor",
]


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("at", [1, 2])
def test_a_fault_that_passes_leaves_the_search_whole(notion: Sandbox, fault: str, at: int) -> None:
    notion.faults.add(fault, SEARCH, at=at)
    assert ids(search(notion)) == notion.visible(notion.tokens[INTERNAL], Kind.PAGE)
    assert notion.faults.waiting() == []


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_stays_is_told_and_bounded(notion: Sandbox, fault: str) -> None:
    notion.faults.add(fault, SEARCH, times=None)
    with pytest.raises(NotionUnavailable) as caught:
        search(notion)
    assert type(caught.value) is NotionUnavailable
    assert 2 <= notion.requests.count(SEARCH) <= 10


def test_a_huge_answer_is_left_early(notion: Sandbox) -> None:
    notion.faults.add("huge", SEARCH, times=None)
    with pytest.raises(NotionUnavailable) as caught:
        search(notion, max_body_bytes=100_000)
    assert caught.value.detail == "the body is too large"
    assert notion.requests.count(SEARCH) == 1


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_a_slow_search_ends_at_the_deadline(notion: Sandbox, fault: str) -> None:
    notion.faults.add(fault, SEARCH, times=None, seconds_per_byte=0.02)
    started = real_time.monotonic()
    with pytest.raises(NotionUnavailable):
        search(notion, retry=Retry(), deadline_seconds=0.3)
    assert 0.25 < real_time.monotonic() - started < 1


@pytest.mark.parametrize("fault", ["edge_block", "redirect"])
def test_what_the_edge_says_is_not_about_the_token(notion: Sandbox, fault: str) -> None:
    notion.faults.add(fault, times=None)
    with pytest.raises(NotionUnavailable):
        search(notion)
    assert notion.requests.count(SEARCH) == 1


@pytest.mark.parametrize("fault", ["rate_limited", "service_overload"])
@pytest.mark.parametrize("retry_after", [1, 60, 300, None, 0, -3, "soon", 1e9])
def test_a_limit_is_waited_for_or_told(notion: Sandbox, fault: str, retry_after: object) -> None:
    notion.faults.add(fault, ME, retry_after=retry_after)
    time = FakeTime()
    is_long = isinstance(retry_after, int | float) and retry_after >= 10
    with client(notion, retry=time.retry()) as notion_client:
        if is_long:
            with pytest.raises(NotionRateLimited) as caught:
                notion_client.me()
            assert caught.value.retry_after == min(float(str(retry_after)), 3600)
            assert time.naps == []
        else:
            notion_client.me()
            assert time.naps == [1 if retry_after == 1 else 2]
    assert notion.requests.count(ME, status=200) == (0 if is_long else 1)


def test_a_block_is_not_waited_for(notion: Sandbox) -> None:
    notion.faults.add("request_blocked", times=None)
    for call in (lambda: search(notion), lambda: client(notion).me(), lambda: verify(notion, INTERNAL)):
        before = notion.requests.total
        with pytest.raises(NotionBlocked):
            call()
        assert notion.requests.total == before + 1


def verify(sandbox: Sandbox, label: str) -> Any:
    return verify_token(
        Secret(sandbox.tokens[label]),
        base_url=sandbox.url,
        notion_version=VERSION,
        retry=FakeTime().retry(),
    )


# The deep one is larger than such an answer may be at all; the last two are about lists.
@pytest.mark.parametrize("fault", [fault for fault in PASSING[:-2] if fault != "deep"])
def test_a_token_is_verified_through_a_fault_that_passes(notion: Sandbox, fault: str) -> None:
    notion.faults.add(fault, ME)
    assert verify(notion, PERSONAL).owner_type == "user"
    assert notion.requests.count(ME) == 2


# --- two connections


def test_two_connections_see_their_own_workspace(notion: Sandbox) -> None:
    with client(notion) as ours, client(notion, OTHER) as theirs:
        for _ in range(3):
            assert str(ours.me().workspace_id) != str(theirs.me().workspace_id)
            assert ours.me() == verify(notion, INTERNAL)
            assert theirs.me() == verify(notion, OTHER)
    assert {entry.token for entry in notion.requests.entries(ME)} == {INTERNAL, OTHER}


# --- OAuth


def app(sandbox: Sandbox, oauth_client: OAuthClient) -> OAuthApp:
    return OAuthApp(
        client_id=oauth_client.client_id,
        client_secret=Secret(oauth_client.client_secret),
        redirect_uri=oauth_client.redirect_uris[0],
        base_url=sandbox.url,
        notion_version=VERSION,
        retry=FakeTime().retry(),
    )


def code_of(application: OAuthApp) -> str:
    """Press Allow."""
    asked = urlsplit(application.authorize_url("state"))
    form = {name: values[0] for name, values in parse_qs(asked.query).items()}
    reply = requests.post(
        f"{asked.scheme}://{asked.netloc}{asked.path}",
        data=form | {"workspace": "acme-atlas", "decision": "allow"},
        allow_redirects=False,
        timeout=5,
    )
    return parse_qs(urlsplit(reply.headers["Location"]).query)["code"][0]


def test_an_owner_of_whom_little_is_told_is_no_obstacle(notion: Sandbox) -> None:
    application = app(notion, SHY)
    grant = application.exchange(code_of(application))
    assert grant.account is not None
    assert grant.account.name is None
    me = verify_token(grant.access_token, base_url=notion.url, notion_version=VERSION)
    assert (me.owner_type, me.owner_name, me.bot_id) == ("user", None, UUID(grant.account.id))
    assert "read_user_with_email" not in application.introspect(grant.access_token).capabilities


@pytest.mark.parametrize(
    "fault", ["internal_server_error", "bad_gateway_html", "service_unavailable", "reset"]
)
def test_a_code_is_not_sent_twice(notion: Sandbox, fault: str) -> None:
    application = app(notion, notion.client)
    code = code_of(application)
    notion.faults.add(fault, "POST /v1/oauth/token")
    sent = notion.requests.count("POST /v1/oauth/token")
    with pytest.raises(NotionUnavailable):
        application.exchange(code)
    assert notion.requests.count("POST /v1/oauth/token") == sent + 1


@pytest.mark.parametrize("fault", ["truncated", "truncated_unannounced", "drip", "hang"])
def test_a_refresh_whose_answer_is_lost_is_not_repeated(notion: Sandbox, fault: str) -> None:
    """The sandbox has rotated by then: a second request would be refused, and look like a dead grant."""
    patient = app(notion, notion.client)
    grant = patient.exchange(code_of(patient))
    assert grant.refresh_token is not None
    notion.faults.add(fault, "POST /v1/oauth/token", seconds_per_byte=0.02)
    sent = notion.requests.count("POST /v1/oauth/token")
    hasty = OAuthApp(
        client_id=notion.client.client_id,
        client_secret=Secret(notion.client.client_secret),
        redirect_uri=notion.client.redirect_uris[0],
        base_url=notion.url,
        notion_version=VERSION,
        deadline_seconds=0.3,
    )
    with pytest.raises(NotionError) as caught:
        hasty.refresh(grant.refresh_token)
    assert type(caught.value) is NotionUnavailable
    assert notion.requests.count("POST /v1/oauth/token") == sent + 1
