"""The client of one connection: its lists, its budget, and what it leaves alone."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from integrations.notion.budget import Priority
from integrations.notion.client import NotionClient
from integrations.notion.errors import NotionBlocked, NotionRateLimited, NotionUnauthorized, NotionUnavailable
from notionscan.secret import Secret
from tests.integrations.notion.doors import BOT_ID, CANARY, ME, VERSION, FakeTime, opened
from tests.integrations.notion.rawserver import RawServer, Reply, answer, cut, error, html, reset


def page_of(number: int, *, kind: str = "page") -> dict[str, Any]:
    return {"object": kind, "id": f"5b1f0b1c-0000-4000-8000-{number:012x}"}


def listed(*numbers: int, cursor: str | None = None, has_more: bool | None = None) -> Reply:
    more = cursor is not None if has_more is None else has_more
    found = [page_of(number) for number in numbers]
    return answer(200, {"object": "list", "results": found, "has_more": more, "next_cursor": cursor})


@dataclass
class SpyBudget:
    """Counts requests, and refuses from a given one on."""

    most: int = 1000
    taken: list[Priority] = field(default_factory=list)
    limited: list[tuple[float, str]] = field(default_factory=list)

    def acquire(self, priority: Priority) -> None:
        if len(self.taken) >= self.most:
            raise NotionRateLimited(retry_after=17)
        self.taken.append(priority)

    def report_limited(self, retry_after_seconds: float, *, reason: str) -> None:
        self.limited.append((retry_after_seconds, reason))


# --- lists


def test_search_follows_the_cursor_to_the_end() -> None:
    with RawServer(listed(1, 2, cursor="s:b"), listed(3)) as server, opened(server.url) as client:
        pages = list(client.search_pages())
    assert [len(page.results) for page in pages] == [2, 1]
    first, second = (json.loads(seen.body) for seen in server.seen)
    assert first == {
        "sort": {"timestamp": "last_edited_time", "direction": "descending"},
        "page_size": 100,
    }
    assert second == first | {"start_cursor": "s:b"}


def test_search_asks_for_a_kind_a_text_and_the_trash() -> None:
    with RawServer(listed()) as server, opened(server.url) as client:
        list(client.search_pages(kind="data_source", query="plan", in_trash=True))
        list(client.search_pages(in_trash=False))
    first, second = (json.loads(seen.body) for seen in server.seen)
    assert first["query"] == "plan"
    assert first["filter"] == {"property": "object", "value": "data_source", "in_trash": True}
    assert second["filter"] == {"in_trash": False}


def test_users_are_asked_for_by_query_string() -> None:
    with RawServer(listed(1, cursor="a&b=c"), listed(2)) as server, opened(server.url) as client:
        assert len(list(client.users())) == 2
    assert [seen.path for seen in server.seen] == [
        "/v1/users?page_size=100",
        "/v1/users?start_cursor=a%26b%3Dc&page_size=100",
    ]


def test_a_page_is_given_out_before_the_next_is_asked_for() -> None:
    with RawServer(listed(1, cursor="b"), listed(2)) as server, opened(server.url) as client:
        assert next(client.search_pages()).has_more
        assert len(server.seen) == 1


def test_a_cursor_that_goes_in_circles_ends_as_unavailable() -> None:
    replies = [listed(1, cursor="a"), listed(2, cursor="b"), listed(3, cursor="a"), listed(4, cursor="b")]
    got = []
    with RawServer(*replies) as server, opened(server.url) as client:
        with pytest.raises(NotionUnavailable):
            got.extend(iter_all(client))
        assert len(server.seen) == 3


def test_a_cursor_that_stands_still_ends_as_unavailable() -> None:
    with RawServer(listed(1, cursor="a")) as server, opened(server.url) as client:
        with pytest.raises(NotionUnavailable):
            iter_all(client)
        assert len(server.seen) == 2


def test_one_empty_page_in_the_middle_is_passed_over() -> None:
    replies = [listed(1, cursor="a"), listed(cursor="b"), listed(2)]
    with RawServer(*replies) as server, opened(server.url) as client:
        assert len(iter_all(client)) == 2


def test_empty_pages_without_end_are_not_followed() -> None:
    replies = [listed(cursor=f"c{number}") for number in range(50)]
    with RawServer(*replies) as server, opened(server.url) as client:
        with pytest.raises(NotionUnavailable):
            iter_all(client)
        assert len(server.seen) == 5


SHORT = answer(200, {"results": []})


@pytest.mark.parametrize(
    "fault",
    [
        SHORT,
        listed(1, has_more=True),
        answer(200, {"object": "list", "results": ["x"], "has_more": False}),
        cut(b'{"object": "list"'),
        html(502),
        reset,
        error(503, "service_unavailable"),
    ],
    ids=["no has_more", "null cursor", "no objects", "cut", "502 html", "reset", "503"],
)
def test_search_is_a_read_and_repeated_though_it_is_a_post(fault: Reply) -> None:
    with RawServer(fault, listed(1)) as server, opened(server.url) as client:
        assert len(iter_all(client)) == 1
    assert [seen.method for seen in server.seen] == ["POST", "POST"]


def test_a_short_list_that_stays_short_is_not_an_empty_workspace() -> None:
    with RawServer(SHORT) as server, opened(server.url) as client, pytest.raises(NotionUnavailable):
        iter_all(client)


def test_a_list_cut_by_notion_says_so() -> None:
    reply = {
        "object": "list",
        "results": [],
        "has_more": False,
        "next_cursor": None,
        "request_status": {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"},
    }
    with RawServer(answer(200, reply)) as server, opened(server.url) as client:
        (page,) = client.search_pages()
    assert page.incomplete_reason == "query_result_limit_reached"


def iter_all(client: NotionClient) -> list[dict[str, Any]]:
    return [found for page in client.search_pages() for found in page.results]


# --- writes, which the client will make too


@pytest.mark.parametrize("fault", [error(503, "service_unavailable"), reset, html(502), answer(200, b"")])
def test_a_write_that_may_have_been_done_is_not_sent_again(fault: Reply) -> None:
    with RawServer(fault) as server, opened(server.url) as client:
        with pytest.raises(NotionUnavailable):
            client._call("POST", "pages", dict, body={}, is_read=False)
        assert len(server.seen) == 1


def test_a_write_that_met_a_limit_is_sent_again(time: FakeTime) -> None:
    with (
        RawServer(error(429, "rate_limited", retry_after="1"), answer(200, ME)) as server,
        opened(server.url, retry=time.retry()) as client,
    ):
        client._call("POST", "pages", dict, body={}, is_read=False)
    assert len(server.seen) == 2


# --- budget


def test_every_attempt_takes_one_request_at_its_priority() -> None:
    budget = SpyBudget()
    with (
        RawServer(html(502), html(502), answer(200, ME)) as server,
        opened(server.url, budget=budget, priority=Priority.SCANS) as client,
    ):
        client.me()
    assert budget.taken == [Priority.SCANS] * 3


def test_an_exhausted_budget_stops_the_call_before_it_is_sent() -> None:
    with RawServer(html(502)) as server, opened(server.url, budget=SpyBudget(most=1)) as client:
        with pytest.raises(NotionRateLimited) as caught:
            client.me()
        assert len(server.seen) == 1
    assert caught.value.retry_after == 17


def test_a_limit_is_reported_to_the_budget_before_it_is_waited_for(time: FakeTime) -> None:
    budget = SpyBudget()
    reason = {"rate_limit_reason": "public_api_space_request_rate_limit"}
    with (
        RawServer(error(429, "rate_limited", retry_after="90", additional_data=reason)) as server,
        opened(server.url, budget=budget, retry=time.retry()) as client,
        pytest.raises(NotionRateLimited),
    ):
        client.me()
    assert budget.limited == [(90, "public_api_space_request_rate_limit")]


def test_a_limit_without_a_wait_is_reported_with_no_more_than_is_waited(time: FakeTime) -> None:
    budget = SpyBudget()
    with (
        RawServer(error(529, "service_overload"), answer(200, ME)) as server,
        opened(server.url, budget=budget, retry=time.retry()) as client,
    ):
        client.me()
    ((reported, _),) = budget.limited
    assert 0 < reported <= time.slept


def test_a_block_is_not_reported_as_a_limit() -> None:
    budget = SpyBudget()
    reason = {"rate_limit_reason": "public_api_request_blocked"}
    with (
        RawServer(error(429, "rate_limited", retry_after="1", additional_data=reason)) as server,
        opened(server.url, budget=budget) as client,
        pytest.raises(NotionBlocked),
    ):
        client.me()
    assert budget.limited == []


def test_people_come_before_agents_and_agents_before_scans() -> None:
    assert Priority.PEOPLE < Priority.AGENTS < Priority.SCANS


# --- connections


def test_two_connections_at_once_never_send_each_others_token() -> None:
    tokens = [f"ntn_tenant{number}" for number in range(4)]
    with RawServer(answer(200, ME)) as server:

        def call(token: str) -> None:
            # The path tells on whose behalf the request was made, the header whose token it carries.
            with NotionClient(
                Secret(token),
                base_url=f"{server.url}/{token}",
                notion_version=VERSION,
                budget=SpyBudget(),
                priority=Priority.PEOPLE,
            ) as client:
                for _ in range(10):
                    client.me()

        threads = [threading.Thread(target=call, args=(token,)) for token in tokens]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.seen) == 40
    for seen in server.seen:
        assert seen.headers["authorization"] == f"Bearer {seen.path.split('/')[1]}"


def test_a_client_sends_its_calls_over_one_connection_and_closes_it() -> None:
    with RawServer(answer(200, ME)) as server:
        with opened(server.url) as client:
            for _ in range(5):
                client.me()
        # Beside the thread that accepts, each connection is one of the server, and ends with it.
        _, connection = server._threads
        connection.join(timeout=1)
        assert not connection.is_alive()


def test_the_environments_proxies_and_netrc_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, door: Any, time: FakeTime
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else")
    monkeypatch.setenv("NETRC", str(netrc))
    with RawServer(answer(200, ME)) as proxy, RawServer(answer(200, ME)) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        assert str(door(server.url, retry=time.retry()).bot_id) == BOT_ID
    assert proxy.seen == []
    assert server.seen[0].headers["authorization"] == f"Bearer {CANARY}"


def test_making_clients_adds_no_log_handlers() -> None:
    names = ("notion_client", "notionscan.notion", "notionscan.notion.sdk")
    before = [len(logging.getLogger(name).handlers) for name in names]
    for _ in range(3):
        with opened("http://127.0.0.1:9"):
            pass
    assert [len(logging.getLogger(name).handlers) for name in names] == before


@pytest.mark.parametrize("token", ["", " ", "ntn_a b", "ntn_a\nb", "ntn_\x00", "ntn_é", "ntn_😀", "x" * 5000])
def test_what_cannot_be_a_token_is_refused_without_asking(token: str) -> None:
    with RawServer(answer(200, ME)) as server:
        with pytest.raises(NotionUnauthorized) as caught:
            NotionClient(
                Secret(token),
                base_url=server.url,
                notion_version=VERSION,
                budget=SpyBudget(),
                priority=Priority.PEOPLE,
            )
        assert server.seen == []
    assert token.strip() == "" or token not in repr(caught.value)
