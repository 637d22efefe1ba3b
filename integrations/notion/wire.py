"""Bodies and replies, believed only after a look: bounded in size and time, strict JSON, no redirects."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from integrations.notion.errors import NotionUnavailable

MAX_BODY_BYTES = 16_000_000
Clock = Callable[[], float]


@dataclass(frozen=True)
class Deadline:
    """The moment by which a call is over, retries, waits and slow bodies included."""

    at: float
    clock: Clock = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Clock = time.monotonic) -> Deadline:
        return cls(clock() + seconds, clock)

    def left(self) -> float:
        """Return the seconds that are left, never negative."""
        return max(0.0, self.at - self.clock())

    def check(self) -> None:
        """Raise NotionUnavailable when there is no time left."""
        if self.left() <= 0:
            raise NotionUnavailable


def read_body(chunks: Iterable[bytes], deadline: Deadline, *, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """Read a body that may be endless, or come one byte per second.

    Raises: NotionUnavailable past the deadline or the size cap.
    """
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > max_bytes:
            raise NotionUnavailable
        deadline.check()
    return bytes(body)


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises: NotionUnavailable for anything else: HTML, a cut body, NaN, absurd nesting, another type.
    """
    try:
        value = json.loads(body, parse_constant=_not_json)
    except (ValueError, RecursionError):
        raise NotionUnavailable from None
    if not isinstance(value, dict):
        raise NotionUnavailable
    return value


def check_list(reply: dict[str, Any]) -> dict[str, Any]:
    """Return a list reply that has what a list has; a short body looks like an empty workspace otherwise.

    Raises: NotionUnavailable.
    """
    is_list = reply.get("object") == "list" and isinstance(reply.get("results"), list)
    has_more, cursor = reply.get("has_more"), reply.get("next_cursor")
    if not is_list or not isinstance(has_more, bool):
        raise NotionUnavailable
    if has_more and not (isinstance(cursor, str) and cursor):
        raise NotionUnavailable
    return reply


def _not_json(constant: str) -> NoReturn:
    raise ValueError(constant)
