"""Whatever Notion, the edge or the network do, one of our errors comes of it, in time and without a loop."""

from __future__ import annotations

import gzip
import json
import time as real_time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from integrations.http.retry import MAX_RETRY_AFTER_SECONDS, Retry
from integrations.notion.errors import (
    NotionBlocked,
    NotionCapabilityMissing,
    NotionConflict,
    NotionError,
    NotionNotShared,
    NotionRateLimited,
    NotionRefused,
    NotionUnauthorized,
    NotionUnavailable,
)
from tests.integrations.notion.doors import BOT_ID, CANARY, DOORS, ME, VERSION, Door, FakeTime, opened
from tests.integrations.notion.rawserver import (
    REQUEST_ID,
    RawServer,
    Reply,
    answer,
    closed_port,
    cut,
    drip,
    endless,
    error,
    hang,
    head,
    html,
    reset,
    unmeasured,
)

GOOD = answer(200, ME)
BLOCKED = {"rate_limit_reason": "public_api_request_blocked"}


def in_seconds(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def test_a_good_answer_says_whose_token_it_is(door: Door, time: FakeTime) -> None:
    with RawServer(GOOD) as server:
        me = door(server.url, retry=time.retry())
    assert (str(me.bot_id), me.workspace_name, me.owner_type) == (BOT_ID, "Acme", "workspace")
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("GET", "/v1/users/me")
    assert seen.headers["authorization"] == f"Bearer {CANARY}"
    assert seen.headers["notion-version"] == VERSION
    assert time.naps == []


# --- refusals


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (error(400, "validation_error"), NotionRefused, "notion_refused"),
        (error(401, "unauthorized"), NotionUnauthorized, "notion_unauthorized"),
        (error(403, "restricted_resource"), NotionCapabilityMissing, "notion_capability_missing"),
        (error(404, "object_not_found"), NotionNotShared, "notion_not_shared"),
        (error(409, "conflict_error"), NotionConflict, "notion_conflict"),
        (error(429, "rate_limited", additional_data=BLOCKED), NotionBlocked, "notion_blocked"),
    ],
)
def test_a_refusal_is_typed_has_words_and_is_not_repeated(
    door: Door, time: FakeTime, reply: Reply, kind: type[NotionError], code: str
) -> None:
    with RawServer(reply) as server, pytest.raises(kind) as caught:
        door(server.url, retry=time.retry())
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert caught.value.request_id == REQUEST_ID
    assert caught.value.remedy
    assert len(server.seen) == 1
    assert time.naps == []


def test_a_refused_request_keeps_notions_word() -> None:
    with (
        RawServer(error(400, "validation_error")) as server,
        opened(server.url) as client,
        pytest.raises(NotionRefused) as caught,
    ):
        client.me()
    assert caught.value.notion_code == "validation_error"


@pytest.mark.parametrize("code", ["", "<b>", "a\nb", "x" * 65, "Invalid"])
def test_a_word_that_is_no_code_is_not_passed_on(door: Door, time: FakeTime, code: str) -> None:
    with RawServer(error(400, code)) as server, pytest.raises(NotionRefused) as caught:
        door(server.url, retry=time.retry())
    assert caught.value.notion_code == ""


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("body", [b"<html>Access denied</html>", b"", b"{}", b'{"error": "denied"}'])
def test_what_is_not_notions_envelope_says_nothing_about_the_token(
    door: Door, time: FakeTime, status: int, body: bytes
) -> None:
    with RawServer(answer(status, body)) as server, pytest.raises(NotionUnavailable):
        door(server.url, retry=time.retry())
    assert len(server.seen) == 1


@pytest.mark.parametrize("value", ["<script>", "a b", "x" * 65, "i\u00e9"])
def test_a_request_id_that_is_none_is_not_passed_on(door: Door, time: FakeTime, value: str) -> None:
    reply = answer(401, {"object": "error", "code": "unauthorized"}, x_notion_request_id=value)
    with RawServer(reply) as server, pytest.raises(NotionUnauthorized) as caught:
        door(server.url, retry=time.retry())
    assert caught.value.request_id is None


def test_the_request_id_is_found_in_the_body_too(door: Door, time: FakeTime) -> None:
    body = {"object": "error", "code": "unauthorized", "request_id": "in-the-body"}
    reply = answer(401, body, x_notion_request_id="")
    with RawServer(reply) as server, pytest.raises(NotionUnauthorized) as caught:
        door(server.url, retry=time.retry())
    assert caught.value.request_id == "in-the-body"


# --- limits


@pytest.mark.parametrize("status", [429, 529])
@pytest.mark.parametrize("seconds", [1, 7])
def test_a_short_limit_is_waited_for_and_then_forgotten(
    door: Door, time: FakeTime, status: int, seconds: int
) -> None:
    with RawServer(error(status, "rate_limited", retry_after=str(seconds)), GOOD) as server:
        me = door(server.url, retry=time.retry())
    assert str(me.bot_id) == BOT_ID
    assert time.naps == [seconds]


@pytest.mark.parametrize("status", [429, 529])
@pytest.mark.parametrize("seconds", [10, 60, 300])
def test_a_limit_longer_than_the_deadline_is_told_and_not_slept(
    door: Door, time: FakeTime, status: int, seconds: int
) -> None:
    with (
        RawServer(error(status, "rate_limited", retry_after=str(seconds))) as server,
        pytest.raises(NotionRateLimited) as caught,
    ):
        door(server.url, retry=time.retry())
    assert caught.value.retry_after == seconds
    assert time.naps == []
    assert len(server.seen) == 1


def test_a_limit_above_a_minute_is_waited_for_where_there_is_time(door: Door, time: FakeTime) -> None:
    with RawServer(error(429, "rate_limited", retry_after="300"), GOOD) as server:
        door(server.url, retry=time.retry(), deadline_seconds=400)
    assert time.naps == [300]


def test_a_limit_by_date_is_waited_for(door: Door, time: FakeTime) -> None:
    with RawServer(error(429, "rate_limited", retry_after=in_seconds(6)), GOOD) as server:
        door(server.url, retry=time.retry())
    assert 4 < time.slept <= 6


@pytest.mark.parametrize(
    "value", ["1000000000", "1" * 400, "1" * 5000, "inf", "Fri, 31 Dec 9999 23:59:59 GMT"]
)
def test_an_absurd_limit_is_told_within_bounds(door: Door, time: FakeTime, value: str) -> None:
    with (
        RawServer(error(429, "rate_limited", retry_after=value)) as server,
        pytest.raises(NotionRateLimited) as caught,
    ):
        door(server.url, retry=time.retry())
    assert caught.value.retry_after == MAX_RETRY_AFTER_SECONDS


@pytest.mark.parametrize(
    "value",
    ["", "0", "-5", "soon", "nan", "Mon, 99 Foo 2026 99:99:99 GMT", "Mon, 01 Jan 99999999999 00:00:00 GMT"],
)
def test_a_limit_without_a_usable_wait_backs_off(door: Door, time: FakeTime, value: str) -> None:
    limit = error(429, "rate_limited", retry_after=value)
    with RawServer(limit, limit, GOOD) as server:
        door(server.url, retry=time.retry())
    assert time.naps == [2, 4]


def test_a_limit_without_the_header_backs_off_and_ends_as_a_limit(door: Door, time: FakeTime) -> None:
    with RawServer(error(429, "rate_limited")) as server, pytest.raises(NotionRateLimited) as caught:
        door(server.url, retry=time.retry())
    assert time.naps == [2, 4]
    assert caught.value.retry_after == 8
    assert len(server.seen) == 3


def test_a_limit_is_read_from_the_body_where_the_header_was_dropped(door: Door, time: FakeTime) -> None:
    limit = error(429, "rate_limited", additional_data={"retry_after": "5"})
    with RawServer(limit, GOOD) as server:
        door(server.url, retry=time.retry())
    assert time.naps == [5]


@pytest.mark.parametrize("status", [429, 529])
def test_a_limit_that_is_a_page_of_html_is_still_a_limit(door: Door, time: FakeTime, status: int) -> None:
    reply = answer(status, b"<h1>slow down</h1>", retry_after="60")
    with RawServer(reply) as server, pytest.raises(NotionRateLimited) as caught:
        door(server.url, retry=time.retry())
    assert caught.value.retry_after == 60


# --- what may pass

DEEP = b'{"object":' + b"[" * 120_000 + b"]" * 120_000 + b"}"
# Good but for one value in a place that nobody reads.
ALMOST = json.dumps(ME)[:-1].encode() + b', "extra": '
CUT_BODY = json.dumps(ME).encode()[:-20]
NO_OBJECT = answer(200, {name: value for name, value in ME.items() if name != "object"})

PASSING: dict[str, Reply] = {
    "500": error(500, "internal_server_error"),
    "502 html": html(502),
    "503": error(503, "service_unavailable"),
    "504": error(504, "gateway_timeout"),
    "reset": reset,
    "hang-up": cut(b"", missing=10),
    "cut body": cut(CUT_BODY),
    "cut body without a length": unmeasured(CUT_BODY),
    "html with 200": html(200),
    "empty body": answer(200, b""),
    "a list, not an object": answer(200, []),
    "short": answer(200, {}),
    "NaN": answer(200, ALMOST + b"NaN}"),
    "infinity": answer(200, ALMOST + b"-Infinity}"),
    "infinity by exponent": answer(200, ALMOST + b"1e999}"),
    "deep": answer(200, DEEP),
    "a huge number": answer(200, ALMOST + b"9" * 10_000 + b"}"),
    "bad utf-8": answer(200, ALMOST + b'"\xff"}'),
    "more than one object": answer(200, json.dumps(ME).encode() * 2),
    "bad gzip": answer(200, b"no gzip at all", content_encoding="gzip"),
    "no object": NO_OBJECT,
    "not a bot": answer(200, ME | {"type": "person"}),
    "no workspace": answer(200, ME | {"bot": {}}),
    "no id": answer(200, ME | {"id": "../../pages"}),
}


@pytest.mark.parametrize("fault", list(PASSING))
def test_a_fault_that_passes_is_not_noticed(door: Door, time: FakeTime, fault: str) -> None:
    with RawServer(PASSING[fault], GOOD) as server:
        me = door(server.url, retry=time.retry())
    assert str(me.bot_id) == BOT_ID
    assert len(server.seen) == 2
    assert time.naps == [0.125]


@pytest.mark.parametrize("fault", list(PASSING))
def test_a_fault_that_stays_ends_as_unavailable_within_the_deadline(
    door: Door, time: FakeTime, fault: str
) -> None:
    with RawServer(PASSING[fault]) as server, pytest.raises(NotionUnavailable) as caught:
        door(server.url, retry=time.retry(jitter=1.0), deadline_seconds=3)
    assert caught.value.code == "notion_unavailable"
    assert caught.value.detail
    assert time.naps == [0.25, 0.5, 1]
    assert len(server.seen) == 4


def test_a_refused_connection_is_unavailable(door: Door, time: FakeTime) -> None:
    with pytest.raises(NotionUnavailable):
        door(f"http://127.0.0.1:{closed_port()}", retry=time.retry())
    assert 5 < time.slept < 10


def test_a_name_that_does_not_resolve_is_unavailable(door: Door, time: FakeTime) -> None:
    with pytest.raises(NotionUnavailable):
        door("https://notion.invalid", retry=time.retry(), deadline_seconds=1)


# --- deadlines, in real time

SLOW: dict[str, Reply] = {
    "hang": hang,
    "headers byte by byte": drip(head(content_length="2") + b"{}" * 200),
    "body byte by byte": drip(b" " * 1000, after=head(content_length="1000")),
    "body byte by byte without a length": drip(b" " * 1000, after=head()),
    "endless headers": drip(b"x-more: 1\r\n" * 200, after=b"HTTP/1.1 200 OK\r\n", gap_seconds=0.01),
}


@pytest.mark.parametrize("fault", list(SLOW))
def test_a_slow_answer_ends_at_the_deadline(door: Door, fault: str) -> None:
    with RawServer(SLOW[fault]) as server:
        started = real_time.monotonic()
        with pytest.raises(NotionUnavailable):
            door(server.url, retry=Retry(), deadline_seconds=0.3)
        assert 0.25 < real_time.monotonic() - started < 1


def test_a_hang_is_not_followed_by_another_attempt(door: Door) -> None:
    with RawServer(hang, GOOD) as server, pytest.raises(NotionUnavailable):
        door(server.url, retry=Retry(), deadline_seconds=0.2)
    assert len(server.seen) == 1


def test_a_client_goes_on_after_a_hang() -> None:
    with (
        RawServer(hang, GOOD) as server,
        opened(server.url, retry=Retry(), deadline_seconds=0.2) as client,
    ):
        with pytest.raises(NotionUnavailable):
            client.me()
        assert str(client.me().bot_id) == BOT_ID


# --- sizes


def test_an_endless_body_is_cut_and_not_fetched_again(door: Door, time: FakeTime) -> None:
    with RawServer(endless()) as server, pytest.raises(NotionUnavailable) as caught:
        door(server.url, retry=time.retry())
    assert caught.value.detail == "the body is too large"
    assert len(server.seen) == 1


def test_a_body_over_the_cap_is_refused_and_one_under_it_read() -> None:
    body = json.dumps(ME).encode()
    with RawServer(answer(200, body)) as server:
        with opened(server.url, max_body_bytes=len(body)) as client:
            assert str(client.me().bot_id) == BOT_ID
        with opened(server.url, max_body_bytes=len(body) - 1) as client, pytest.raises(NotionUnavailable):
            client.me()


def test_what_requests_asks_for_is_small_and_so_is_its_cap(time: FakeTime) -> None:
    with (
        RawServer(answer(200, ALMOST + b'"' + b"x" * 300_000 + b'"}')) as server,
        pytest.raises(NotionUnavailable) as caught,
    ):
        DOORS["requests"](server.url, retry=time.retry())
    assert caught.value.detail == "the body is too large"


def test_a_small_body_that_unpacks_to_a_large_one_is_refused(door: Door, time: FakeTime) -> None:
    packed = gzip.compress(b" " * 40_000_000)
    with (
        RawServer(answer(200, packed, content_encoding="gzip")) as server,
        pytest.raises(NotionUnavailable) as caught,
    ):
        door(server.url, retry=time.retry())
    assert caught.value.detail == "the body is too large"


def test_a_packed_answer_is_unpacked(door: Door, time: FakeTime) -> None:
    packed = gzip.compress(json.dumps(ME).encode())
    with RawServer(answer(200, packed, content_encoding="gzip")) as server:
        assert str(door(server.url, retry=time.retry()).bot_id) == BOT_ID


# --- redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(door: Door, time: FakeTime, status: int) -> None:
    with (
        RawServer(GOOD) as elsewhere,
        RawServer(answer(status, ME, location=f"{elsewhere.url}/v1/users/me")) as server,
        pytest.raises(NotionUnavailable),
    ):
        door(server.url, retry=time.retry())
    assert elsewhere.seen == []
    assert len(server.seen) == 1
