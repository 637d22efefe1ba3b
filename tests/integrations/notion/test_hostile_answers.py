"""Answers that no HTTP server would give: whatever the libraries make of them, our errors come out."""

from __future__ import annotations

import json
import socket
import time as real_time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from integrations.http.retry import Retry
from integrations.notion.errors import NotionUnavailable
from integrations.notion.oauth import OAuthApp
from notionscan.secret import Secret
from tests.integrations.notion.doors import (
    BOT_ID,
    ME,
    VERSION,
    FakeTime,
    me_by_requests,
    me_by_sdk,
    opened,
)
from tests.integrations.notion.rawserver import Peer, RawServer, Reply, answer, drip, hang, head

BODY = json.dumps(ME).encode()
WHOLE = b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def app(base_url: str, retry: Retry, deadline_seconds: float) -> OAuthApp:
    return OAuthApp(
        client_id="client-of-ours",
        client_secret=Secret("secret_CANARY"),
        redirect_uri="http://localhost/callback",
        base_url=base_url,
        notion_version=VERSION,
        deadline_seconds=deadline_seconds,
        retry=retry,
    )


Call = Callable[[str, Retry, float], Any]
CALLS: dict[str, Call] = {
    "client": lambda url, retry, seconds: me_by_sdk(url, retry=retry, deadline_seconds=seconds),
    "verify": lambda url, retry, seconds: me_by_requests(url, retry=retry, deadline_seconds=seconds),
    "exchange": lambda url, retry, seconds: app(url, retry, seconds).exchange("the-code"),
    "refresh": lambda url, retry, seconds: app(url, retry, seconds).refresh(Secret("the-token")),
    "introspect": lambda url, retry, seconds: app(url, retry, seconds).introspect(Secret("the-token")),
    "revoke": lambda url, retry, seconds: app(url, retry, seconds).revoke(Secret("the-token")),
}


@pytest.fixture(params=list(CALLS))
def call(request: pytest.FixtureRequest) -> Call:
    """Make one call, by each way that leads to Notion."""
    return CALLS[request.param]


def raw(data: bytes) -> Reply:
    """Send these bytes and hang up."""

    def reply(peer: Peer) -> bool:
        peer.send(data)
        return False

    return reply


def close(peer: Peer) -> bool:
    """Hang up without a word."""
    return False


ODD: dict[str, Reply] = {
    "nothing at all": close,
    "switching protocols": raw(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" + BODY),
    "continue for ever": raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 200),
    "no status line": raw(BODY),
    "zeros": raw(b"\0" * 100),
    "status 0": raw(b"HTTP/1.1 0 Nothing\r\n" + WHOLE),
    "status 999": raw(b"HTTP/1.1 999 Odd\r\n" + WHOLE),
    "no content": raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "not modified": raw(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
    "two lengths": raw(OK + b"Content-Length: 5\r\n" + WHOLE),
    "chunk that is no number": raw(CHUNKED + b"zz\r\n" + BODY),
    "chunk of a negative length": raw(CHUNKED + b"-5\r\n" + BODY),
    "chunk of a huge length": raw(CHUNKED + b"f" * 18 + b"\r\n" + BODY),
    "a header without end": raw(OK + b"x: " + b"y" * 500_000 + b"\r\n" + WHOLE),
    "encoded a thousand times": raw(OK + b"Content-Encoding: " + b"gzip, " * 1000 + b"gzip\r\n" + WHOLE),
    "not deflated": raw(OK + b"Content-Encoding: deflate\r\n" + WHOLE),
}


@pytest.mark.parametrize("fault", list(ODD))
def test_an_answer_that_is_no_http_ends_as_unavailable(call: Call, fault: str, time: FakeTime) -> None:
    with RawServer(ODD[fault]) as server, pytest.raises(NotionUnavailable) as caught:
        call(server.url, time.retry(), 0.3)
    assert caught.value.detail


@pytest.mark.parametrize("name", ["exchange", "refresh"])
@pytest.mark.parametrize("fault", list(ODD))
def test_what_serves_once_is_sent_once_whatever_comes_back(name: str, fault: str, time: FakeTime) -> None:
    with RawServer(ODD[fault]) as server:
        with pytest.raises(NotionUnavailable):
            CALLS[name](server.url, time.retry(), 10)
        assert len(server.seen) == 1
    assert time.naps == []


# --- redirects that are not followed can still do harm

LOCATIONS = [
    b"http://[",
    b"\xff\xfe",
    b"http://\xe2\x84\x80.com/",
    b"//",
    b"",
    b"http://a b/",
    b"x:99999999999",
]


@pytest.mark.parametrize("location", LOCATIONS)
def test_a_redirect_to_no_address_is_unavailable(call: Call, location: bytes, time: FakeTime) -> None:
    reply = raw(b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\n" + WHOLE)
    with RawServer(reply) as server:
        with pytest.raises(NotionUnavailable) as caught:
            call(server.url, time.retry(), 10)
        assert len(server.seen) == 1
    assert caught.value.detail == "status 302"


def test_the_body_of_a_redirect_is_capped_too(call: Call, time: FakeTime) -> None:
    sent = 0

    def endless_redirect(peer: Peer) -> bool:
        nonlocal sent
        peer.send(head(302, location="/elsewhere", transfer_encoding="chunked"))
        while not peer.closing.is_set() and sent < 60_000_000:
            peer.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            sent += 65536
        peer.send(b"0\r\n\r\n")
        return False

    with RawServer(endless_redirect) as server, pytest.raises(NotionUnavailable) as caught:
        call(server.url, time.retry(), 10)
    assert caught.value.detail == "the body is too large"
    # The client's cap is 16 MB; what is beyond was in the sockets' buffers.
    assert sent < 40_000_000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_no_credentials_to_its_target(call: Call, status: int, time: FakeTime) -> None:
    """The target is reached by another name, so libraries that compare hosts are not asked to help."""
    with RawServer(answer(200, ME)) as elsewhere:
        target = f"http://localhost:{elsewhere.port}/v1/users/me"
        with RawServer(answer(status, ME, location=target)) as server:
            with pytest.raises(NotionUnavailable):
                call(server.url, time.retry(), 10)
            assert "CANARY" in str(server.seen) or "Basic " in str(server.seen)
    assert elsewhere.seen == []


# --- in real time

LATE: dict[str, Reply] = {
    "hang": hang,
    "headers byte by byte": drip(head(content_length="2") + b"{}" * 200),
    "body byte by byte": drip(b" " * 1000, after=head(content_length="1000")),
    "body byte by byte without a length": drip(b" " * 1000, after=head()),
    "chunks byte by byte": drip(b"1\r\n \r\n" * 200, after=head(transfer_encoding="chunked")),
    "a refusal byte by byte": drip(b" " * 1000, after=head(401, content_length="1000")),
    "a redirect byte by byte": drip(b" " * 1000, after=head(302, location="/", content_length="1000")),
    "continue byte by byte": drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 40),
}


@pytest.mark.parametrize("fault", list(LATE))
def test_a_late_answer_ends_at_the_deadline(call: Call, fault: str) -> None:
    with RawServer(LATE[fault]) as server:
        started = real_time.monotonic()
        with pytest.raises(NotionUnavailable):
            call(server.url, Retry(), 0.2)
        assert 0.15 < real_time.monotonic() - started < 1
        assert len(server.seen) == 1


@pytest.fixture
def full() -> Iterator[str]:
    """The address of a listener whose queue is full, so that nobody is accepted and nobody refused."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
            waiting.append(one)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for one in waiting:
            one.close()


def test_a_connection_that_is_never_accepted_ends_at_the_deadline(call: Call, full: str) -> None:
    started = real_time.monotonic()
    with pytest.raises(NotionUnavailable):
        call(full, Retry(), 0.3)
    assert 0.05 < real_time.monotonic() - started < 1


# --- what a list may do to the next request


def listed(cursor: str) -> Reply:
    found = [{"object": "page", "id": BOT_ID}]
    return answer(200, {"object": "list", "results": found, "has_more": True, "next_cursor": cursor})


@pytest.mark.parametrize("what", ["search_pages", "users"])
@pytest.mark.parametrize(
    "cursor", ["\ud800", "a\x00b", "a\r\nX-Evil: 1", "x" * 70_000], ids=["surrogate", "NUL", "lines", "long"]
)
def test_a_cursor_that_cannot_be_sent_is_not_believed(what: str, cursor: str) -> None:
    with RawServer(listed(cursor)) as server, opened(server.url) as client:
        with pytest.raises(NotionUnavailable) as caught:
            list(getattr(client, what)())
        assert caught.value.detail == "the list goes on, but names no usable cursor"
    assert all("start_cursor" not in seen.path and b"start_cursor" not in seen.body for seen in server.seen)


@pytest.mark.parametrize("what", ["search_pages", "users"])
def test_any_cursor_that_can_be_sent_arrives_as_it_was(what: str) -> None:
    cursor = "s:7f2a/é?&#=+% ../" + "x" * 1000
    end = answer(200, {"object": "list", "results": [], "has_more": False, "next_cursor": None})
    with RawServer(listed(cursor), end) as server, opened(server.url) as client:
        assert len(list(getattr(client, what)())) == 2
    sent = server.seen[1]
    assert urlsplit(sent.path).path in ("/v1/search", "/v1/users")
    if sent.body:
        assert json.loads(sent.body)["start_cursor"] == cursor
    else:
        assert parse_qs(urlsplit(sent.path).query)["start_cursor"] == [cursor]


@pytest.mark.parametrize("query", ["\ud800", "a\x00b"])
def test_a_search_text_that_cannot_be_sent_is_cleaned(query: str) -> None:
    end = answer(200, {"object": "list", "results": [], "has_more": False, "next_cursor": None})
    with RawServer(end) as server, opened(server.url) as client:
        list(client.search_pages(query=query))
    assert json.loads(server.seen[0].body)["query"] in ("?", "ab")
