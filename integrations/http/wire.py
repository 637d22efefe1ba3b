"""Bodies and replies, believed only after a look: bounded in size and time, and strict JSON."""

from __future__ import annotations

import contextlib
import json
import math
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from integrations.http.errors import Unavailable

MAX_BODY_BYTES = 16_000_000
Clock = Callable[[], float]
_REQUEST_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_WORD = re.compile(r"[0-9a-z_]{1,64}")


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

    def connect_seconds(self) -> float:
        """Return the time for one address to accept us.

        A third of what is left: a name has several addresses, each of which gets this long in turn,
        and the watchdog cannot cut a socket that is not connected yet.
        """
        return max(self.left() / 3, 0.001)

    def check(self) -> None:
        """Raise Unavailable when there is no time left."""
        if self.left() <= 0:
            raise Unavailable("the time is over")


def read_body(chunks: Iterable[bytes], deadline: Deadline, *, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """Read a body that may be endless, or come one byte per second.

    Raises: Unavailable past the deadline or the size cap; asking again would not help.
    """
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > max_bytes:
            raise Unavailable("the body is too large")
        deadline.check()
    return bytes(body)


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises: Unavailable for anything else: HTML, a cut body, NaN, absurd nesting, another type.
    """
    value: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(body, parse_constant=_not_json, parse_float=_finite)
    if not isinstance(value, dict):
        raise Unavailable("the body is not a JSON object")
    return value


def request_id(value: object) -> str | None:
    """Return a provider's id of a request, if it is one that may stand in logs."""
    return value if isinstance(value, str) and _REQUEST_ID.fullmatch(value) else None


def word_of(value: object) -> str:
    """Return an error code as providers write them, or nothing: it goes into logs, audit and errors."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def _not_json(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
