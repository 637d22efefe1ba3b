"""Nobody calls before Notion's wait is over, nor after the deadline, whatever mixture of answers comes."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.http.errors import RateLimited, Unavailable
from integrations.http.retry import MAX_RETRY_AFTER_SECONDS, Retry, Transient
from integrations.http.wire import Deadline
from integrations.notion.answers import judge
from integrations.notion.budget import Priority
from integrations.notion.errors import NotionBlocked, NotionUnavailable
from tests.integrations.notion.doors import BOT_ID, ME, PATIENT, Door, FakeTime, opened
from tests.integrations.notion.rawserver import RawServer, answer, error, html

STARTED = 1000.0
BLOCKED = {"rate_limit_reason": "public_api_request_blocked"}


@dataclass(frozen=True)
class Outcome:
    """One answer of Notion's, as its status, its header and its body's word for the wait."""

    status: int
    header: str | None = None
    in_body: str | None = None

    @property
    def asked(self) -> float:
        """Return the wait a reader of the documentation would take from it; 0 if it names none."""
        told = [self.header] + ([self.in_body] if self.status in (429, 529) else [])
        for text in told:
            if text is not None and text.isdecimal() and int(text) > 0:
                return min(float(text), MAX_RETRY_AFTER_SECONDS)
        return 0.0

    def judged(self) -> dict[str, Any]:
        body: dict[str, Any] = {"object": "error", "code": "whatever"}
        if self.in_body is not None:
            body["additional_data"] = {"retry_after": self.in_body}
        headers = {} if self.header is None else {"retry-after": self.header}
        return judge(self.status, headers, json.dumps(body).encode(), is_read=True)


WAITS = st.none() | st.sampled_from(["0", "-1", "", "soon", "1", "2", "60", "300", "99999999999"])
OUTCOMES = st.builds(Outcome, st.sampled_from([429, 529, 500, 502, 503, 504]), WAITS, WAITS)


@PATIENT
@given(
    outcomes=st.lists(OUTCOMES, min_size=1, max_size=12),
    seconds=st.floats(0.1, 10_000),
    jitter=st.floats(0, 1),
    takes=st.floats(0, 3),
    oversleeps=st.floats(0, 3),
)
def test_no_attempt_is_early_and_none_is_late(
    outcomes: list[Outcome], seconds: float, jitter: float, takes: float, oversleeps: float
) -> None:
    time = FakeTime()
    starts: list[float] = []
    ends: list[float] = []

    def sleep(nap: float) -> None:
        time.sleep(nap + oversleeps)

    def attempt(deadline: Deadline) -> str:
        starts.append(time.now)
        time.now += takes
        ends.append(time.now)
        if len(starts) > len(outcomes):
            return "done"
        outcomes[len(starts) - 1].judged()
        return "never"

    with contextlib.suppress(RateLimited, Unavailable):
        Retry(clock=time.clock, sleep=sleep, jitter=lambda: jitter).run(attempt, seconds=seconds)
    for outcome, ended, started in zip(outcomes, ends, starts[1:], strict=False):
        assert started >= ended + outcome.asked - 1e-6
    assert all(start <= STARTED + seconds for start in starts)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_wait_that_comes_with_a_breakdown_is_kept_too(door: Door, time: FakeTime, status: int) -> None:
    with RawServer(answer(status, b"<h1>back soon</h1>", retry_after="7"), answer(200, ME)) as server:
        assert str(door(server.url, retry=time.retry()).bot_id) == BOT_ID
    assert time.naps == [7]


def test_a_breakdown_longer_than_the_deadline_is_told_at_once_and_is_no_limit(
    door: Door, time: FakeTime
) -> None:
    with RawServer(answer(503, b"", retry_after="120")) as server:
        with pytest.raises(NotionUnavailable):
            door(server.url, retry=time.retry())
        assert len(server.seen) == 1
    assert time.naps == []


@pytest.mark.parametrize("header", ["soon", "0", "-1", ""])
def test_a_useless_header_does_not_hide_what_the_body_says(door: Door, time: FakeTime, header: str) -> None:
    limit = error(429, "rate_limited", additional_data={"retry_after": "5"}, retry_after=header)
    with RawServer(limit, answer(200, ME)) as server:
        door(server.url, retry=time.retry())
    assert time.naps == [5]


@pytest.mark.parametrize("failure", [Transient(), Transient(is_limit=True, retry_after=1)])
def test_a_nap_that_took_too_long_is_followed_by_no_attempt(failure: Transient, time: FakeTime) -> None:
    calls = []

    def attempt(deadline: Deadline) -> None:
        calls.append(time.now)
        raise failure

    retry = Retry(clock=time.clock, sleep=lambda nap: time.sleep(nap + 60), jitter=lambda: 0.0)
    with pytest.raises((Unavailable, RateLimited)):
        retry.run(attempt, seconds=10)
    assert calls == [STARTED]


@pytest.mark.parametrize("status", [429, 529])
@pytest.mark.parametrize("body", [b"", b"<h1>slow down</h1>", b'{"additional_data": []}', b"[]"])
def test_a_block_is_told_by_its_reason_alone(door: Door, time: FakeTime, status: int, body: bytes) -> None:
    with RawServer(answer(status, body, retry_after="1"), answer(200, ME)) as server:
        door(server.url, retry=time.retry())
    with RawServer(error(status, "rate_limited", additional_data=BLOCKED, retry_after="1")) as server:
        with pytest.raises(NotionBlocked):
            door(server.url, retry=time.retry())
        assert len(server.seen) == 1


# --- the budget


@dataclass
class Spy:
    """A budget that remembers in which order it was asked and told."""

    time: FakeTime
    takes: float = 0.0
    told: list[str] = field(default_factory=list)

    def acquire(self, priority: Priority) -> None:
        self.told.append("acquire")
        self.time.now += self.takes

    def report_limited(self, retry_after_seconds: float, *, reason: str) -> None:
        self.told.append(f"limited {retry_after_seconds:g} {reason}")


def test_every_attempt_is_paid_for_and_every_limit_told(time: FakeTime) -> None:
    reason = {"rate_limit_reason": "public_api_request_rate_limit"}
    limit = error(429, "rate_limited", additional_data=reason, retry_after="1")
    overload = error(529, "service_overload", retry_after="2")
    spy = Spy(time)
    with (
        RawServer(limit, html(502), overload, answer(200, ME)) as server,
        opened(server.url, budget=spy, retry=time.retry()) as client,
    ):
        client.me()
        assert len(server.seen) == 4
    assert spy.told == [
        "acquire",
        "limited 1 public_api_request_rate_limit",
        "acquire",
        "acquire",
        "limited 2 ",
        "acquire",
    ]


@pytest.mark.parametrize("reason", [None, 7, ["x"], {"a": 1}])
def test_a_reason_that_is_no_text_is_none(time: FakeTime, reason: object) -> None:
    spy = Spy(time)
    limit = error(429, "rate_limited", additional_data={"rate_limit_reason": reason}, retry_after="1")
    with (
        RawServer(limit, answer(200, ME)) as server,
        opened(server.url, budget=spy, retry=time.retry()) as client,
    ):
        client.me()
    assert spy.told == ["acquire", "limited 1 ", "acquire"]


def test_a_budget_that_took_until_the_deadline_leaves_nothing_to_send(time: FakeTime) -> None:
    with (
        RawServer(answer(200, ME)) as server,
        opened(server.url, budget=Spy(time, takes=11), retry=time.retry()) as client,
    ):
        with pytest.raises(NotionUnavailable) as caught:
            client.me()
        assert server.seen == []
    assert caught.value.detail == "the time is over"
