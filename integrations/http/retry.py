"""When to try again, and how long to wait: one policy for every call."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from integrations.http.errors import ProviderError, RateLimited, Unavailable
from integrations.http.wire import Clock, Deadline

T = TypeVar("T")
# Workspace limits may ask for more than a minute; a day is nobody's rate limit.
MAX_RETRY_AFTER_SECONDS = 3600.0
DEFAULT_RETRY_AFTER_SECONDS = 2.0
_FIRST_WAIT_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 8.0


@dataclass(eq=False)
class Transient(Exception):
    """An attempt that failed in a way that another attempt may not."""

    # A limit: nothing was done, so anything may be repeated, but not too early.
    is_limit: bool = False
    # The wait that was asked for, where it is usable; with a 5xx it may be the edge that asks.
    retry_after: float | None = None
    # The provider's word for the limit that was hit.
    reason: str = ""
    # Whether the request may be repeated although the provider may have acted on it.
    repeatable: bool = True
    # Of a write that was saved all the same: the ids of what it made.
    committed: tuple[str, ...] = ()
    request_id: str | None = None
    detail: str = ""


@dataclass(frozen=True)
class Retry:
    """Repeats attempts within a deadline; clock, sleep and random are passed in by tests."""

    clock: Clock = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = field(default=random.random)
    # By when all calls of one errand are over, however long each of them may take.
    until: Deadline | None = None

    def run(self, attempt: Callable[[Deadline], T], *, seconds: float) -> T:
        """Run ``attempt`` until it succeeds or there is no time for another one.

        Raises: RateLimited when the wait is longer than the time left; Unavailable
        when the time is over; whatever else the attempt raises.
        """
        if self.until is not None:
            self.until.check()
            seconds = min(seconds, self.until.left())
        deadline = Deadline.after(seconds, self.clock)
        number = 0
        while True:
            try:
                return attempt(deadline)
            except Transient as caught:
                failure = caught
            wait = self._wait(failure, number)
            if wait >= deadline.left() or not (failure.is_limit or failure.repeatable):
                raise _given_up(failure, wait)
            self.sleep(wait)
            # A machine that was suspended, or is busy, sleeps longer than it was asked to.
            if deadline.left() <= 0:
                raise _given_up(failure, wait)
            number += 1

    def _wait(self, failure: Transient, number: int) -> float:
        growth = 2.0 ** min(number, 10)
        if failure.is_limit:
            backoff = min(_LONGEST_WAIT_SECONDS, DEFAULT_RETRY_AFTER_SECONDS * growth)
            asked = backoff if failure.retry_after is None else failure.retry_after
            # Never before Retry-After, and not all waiters at the same moment after it.
            return asked + self.jitter() * 0.25
        longest = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * growth)
        return max(longest * (0.5 + self.jitter() / 2), failure.retry_after or 0.0)


def _given_up(failure: Transient, wait: float) -> ProviderError:
    if failure.is_limit:
        asked = wait if failure.retry_after is None else failure.retry_after
        return RateLimited(retry_after=asked, request_id=failure.request_id)
    return Unavailable(failure.detail, request_id=failure.request_id)


def retry_after_seconds(value: object, *, now: datetime | None = None) -> float | None:
    """Return how long a Retry-After asks to wait, in seconds or by a date; None if it says nothing usable.

    Units: seconds, more than none and at most an hour.
    """
    if not isinstance(value, str):
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value, now or datetime.now(UTC))
    # Written so that NaN, which is neither more nor less than anything, falls out too.
    return min(seconds, MAX_RETRY_AFTER_SECONDS) if seconds > 0 else None


def _seconds_until(value: str, now: datetime) -> float:
    try:
        moment = email.utils.parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - now).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        # All four were seen from the standard library for dates that are none.
        return 0.0
