"""When to try again, and how long to wait: one policy for every call."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from integrations.notion.errors import NotionRateLimited, NotionUnavailable
from integrations.notion.wire import Clock, Deadline

T = TypeVar("T")
# Workspace limits may ask for more than a minute; a day is nobody's rate limit.
MAX_RETRY_AFTER_SECONDS = 3600.0
DEFAULT_RETRY_AFTER_SECONDS = 2.0
_FIRST_WAIT_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 8.0


@dataclass
class Transient(Exception):
    """An attempt that failed in a way that another attempt may not."""

    # None: not a limit, so waiting is ours to choose. Otherwise Notion's own wait.
    retry_after: float | None = None
    # Whether the request may be repeated although Notion may have acted on it.
    repeatable: bool = True
    request_id: str | None = None
    # Notion's word for the limit that was hit.
    reason: str = ""


@dataclass(frozen=True)
class Retry:
    """Repeats attempts within a deadline; clock, sleep and random are passed in by tests."""

    clock: Clock = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = field(default=random.random)

    def run(self, attempt: Callable[[Deadline], T], *, seconds: float) -> T:
        """Run ``attempt`` until it succeeds or there is no time for another one.

        Raises: NotionRateLimited when Notion's wait is longer than the time left; NotionUnavailable
        when the time is over; whatever else the attempt raises.
        """
        deadline = Deadline.after(seconds, self.clock)
        number = 0
        while True:
            try:
                return attempt(deadline)
            except Transient as failure:
                wait = self._wait(failure, number)
                if failure.retry_after is not None and wait >= deadline.left():
                    raise NotionRateLimited(
                        retry_after=failure.retry_after, request_id=failure.request_id
                    ) from None
                if not failure.repeatable or wait >= deadline.left():
                    raise NotionUnavailable(request_id=failure.request_id) from None
            self.sleep(wait)
            number += 1

    def _wait(self, failure: Transient, number: int) -> float:
        if failure.retry_after is not None:
            # Never before Retry-After, and not all waiters at the same moment after it.
            return failure.retry_after + self.jitter() * 0.25
        longest = min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2.0**number)
        return longest * (0.5 + self.jitter() / 2)


def retry_after_seconds(headers: Mapping[str, str], *, now: datetime | None = None) -> float:
    """Return how long Notion asks to wait: seconds or a date; a default where it does not say.

    Units: seconds, between the default and an hour.
    """
    value = (headers.get("retry-after") or headers.get("Retry-After") or "").strip()
    try:
        seconds = float(int(value))
    except ValueError:
        seconds = _seconds_until(value, now or datetime.now(UTC))
    if seconds <= 0:
        return DEFAULT_RETRY_AFTER_SECONDS
    return min(seconds, MAX_RETRY_AFTER_SECONDS)


def _seconds_until(value: str, now: datetime) -> float:
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - now).total_seconds()
