"""The retry policy by itself, for every schedule of failures."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.http.errors import RateLimited, Unauthorized, Unavailable
from integrations.http.retry import MAX_RETRY_AFTER_SECONDS, Retry, Transient, retry_after_seconds
from integrations.http.wire import Deadline
from tests.integrations.notion.doors import PATIENT, FakeTime

NOW = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
DEADLINES = st.floats(0.01, 1000)
JITTER = st.floats(0, 1)
FAILURES = st.builds(
    Transient, is_limit=st.booleans(), retry_after=st.none() | st.floats(0.001, MAX_RETRY_AFTER_SECONDS)
)


class Script:
    """Fails as told, each attempt taking a moment, and remembers when it was called."""

    def __init__(self, time: FakeTime, failures: list[Transient], *, takes: float = 0.0) -> None:
        self.time, self.failures, self.takes = time, list(failures), takes
        self.calls: list[float] = []

    def __call__(self, deadline: Deadline) -> str:
        self.calls.append(self.time.now)
        self.time.now += self.takes
        if self.failures:
            raise self.failures.pop(0)
        return "done"


@PATIENT
@given(failures=st.lists(FAILURES, max_size=30), seconds=DEADLINES, jitter=JITTER, takes=st.floats(0, 2))
def test_no_attempt_starts_after_the_deadline_and_nobody_sleeps_beyond_it(
    failures: list[Transient], seconds: float, jitter: float, takes: float
) -> None:
    time = FakeTime()
    script = Script(time, failures, takes=takes)
    with contextlib.suppress(RateLimited, Unavailable):
        time.retry(jitter=jitter).run(script, seconds=seconds)
    assert all(moment <= 1000.0 + seconds for moment in script.calls)
    assert time.now <= 1000.0 + seconds + takes + 1e-6


def test_all_calls_of_one_errand_end_by_the_same_moment() -> None:
    time = FakeTime()
    retry = Retry(clock=time.clock, sleep=time.sleep, jitter=lambda: 0, until=Deadline.after(15, time.clock))
    # Each may take ten seconds, and the second has five.
    left = []

    def attempt(deadline: Deadline) -> None:
        left.append(deadline.left())
        time.sleep(10)

    retry.run(attempt, seconds=10)
    retry.run(attempt, seconds=10)
    with pytest.raises(Unavailable):
        retry.run(attempt, seconds=10)
    assert left == [10, 5]


@PATIENT
@given(
    waits=st.lists(st.floats(0.001, 600), min_size=1, max_size=10), seconds=st.floats(1, 5000), jitter=JITTER
)
def test_nothing_is_sent_before_retry_after_is_over(
    waits: list[float], seconds: float, jitter: float
) -> None:
    time = FakeTime()
    script = Script(time, [Transient(is_limit=True, retry_after=wait) for wait in waits])
    with contextlib.suppress(RateLimited):
        time.retry(jitter=jitter).run(script, seconds=seconds)
    gaps = [later - earlier for earlier, later in zip(script.calls, script.calls[1:], strict=False)]
    assert all(gap >= wait - 1e-6 for gap, wait in zip(gaps, waits, strict=False))


@PATIENT
@given(st.text() | st.from_regex(r"[-+0-9.eE]{1,30}") | st.none() | st.integers())
def test_any_retry_after_gives_a_bounded_wait_or_none(value: object) -> None:
    seconds = retry_after_seconds(value, now=NOW)
    assert seconds is None or 0 < seconds <= MAX_RETRY_AFTER_SECONDS


@PATIENT
@given(st.integers(1, 3600))
def test_a_date_and_the_same_number_of_seconds_ask_for_the_same_wait(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after_seconds(date, now=NOW) == retry_after_seconds(str(seconds)) == seconds


def test_a_date_without_a_zone_is_taken_as_utc() -> None:
    assert retry_after_seconds("Thu, 01 Oct 2026 09:30:09 -0000", now=NOW) == 9


def test_a_date_that_is_over_asks_for_nothing() -> None:
    assert retry_after_seconds(format_datetime(NOW - timedelta(days=1), usegmt=True), now=NOW) is None


def test_waits_grow_to_a_bound_and_spread_by_half(time: FakeTime) -> None:
    script = Script(time, [Transient()] * 8)
    assert time.retry(jitter=1.0).run(script, seconds=100) == "done"
    assert time.naps == [0.25, 0.5, 1, 2, 4, 8, 8, 8]
    lazy = FakeTime()
    lazy.retry(jitter=0.0).run(Script(lazy, [Transient()] * 8), seconds=100)
    assert lazy.naps == [nap / 2 for nap in time.naps]


def test_waiters_on_one_limit_do_not_all_return_at_once(time: FakeTime) -> None:
    limit = Transient(is_limit=True, retry_after=3)
    time.retry(jitter=1.0).run(Script(time, [limit]), seconds=10)
    assert time.naps == [3.25]


def test_what_may_have_been_done_is_not_done_again(time: FakeTime) -> None:
    script = Script(time, [Transient(repeatable=False, detail="status 503", request_id="r-1")])
    with pytest.raises(Unavailable) as caught:
        time.retry().run(script, seconds=10)
    assert len(script.calls) == 1
    assert (caught.value.detail, caught.value.request_id) == ("status 503", "r-1")


def test_a_limited_write_may_be_repeated_because_nothing_was_done(time: FakeTime) -> None:
    limit = Transient(is_limit=True, retry_after=1, repeatable=False)
    assert time.retry().run(Script(time, [limit]), seconds=10) == "done"


def test_a_final_error_passes_at_once(time: FakeTime) -> None:
    def attempt(deadline: Deadline) -> None:
        raise Unauthorized

    with pytest.raises(Unauthorized):
        time.retry().run(attempt, seconds=10)
    assert time.naps == []


def test_an_error_of_the_last_attempt_carries_no_earlier_one(time: FakeTime) -> None:
    with pytest.raises(Unavailable) as caught:
        time.retry().run(Script(time, [Transient()] * 99), seconds=2)
    assert caught.value.__context__ is None
