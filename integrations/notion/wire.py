"""Bodies and replies, believed only after a look: bounded in size and time, and strict JSON."""

from __future__ import annotations

import contextlib
import json
import math
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from integrations.notion.errors import NotionUnavailable

MAX_BODY_BYTES = 16_000_000
Clock = Callable[[], float]
# A cursor goes into an address or a body; the HTTP libraries refuse 64 kB and lone surrogates by errors of
# their own.
_CURSOR = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,4096}")
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
        """Raise NotionUnavailable when there is no time left."""
        if self.left() <= 0:
            raise NotionUnavailable("the time is over")


def read_body(chunks: Iterable[bytes], deadline: Deadline, *, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """Read a body that may be endless, or come one byte per second.

    Raises: NotionUnavailable past the deadline or the size cap; asking again would not help.
    """
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > max_bytes:
            raise NotionUnavailable("the body is too large")
        deadline.check()
    return bytes(body)


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises: NotionUnavailable for anything else: HTML, a cut body, NaN, absurd nesting, another type.
    """
    value: Any = None
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(body, parse_constant=_not_json, parse_float=_finite)
    if not isinstance(value, dict):
        raise NotionUnavailable("the body is not a JSON object")
    return value


def check_list(reply: dict[str, Any]) -> dict[str, Any]:
    """Return a list reply that has what a list has; a short body looks like an empty workspace otherwise.

    Raises: NotionUnavailable.
    """
    results, has_more, cursor = reply.get("results"), reply.get("has_more"), reply.get("next_cursor")
    if reply.get("object") != "list" or not isinstance(results, list) or not isinstance(has_more, bool):
        raise NotionUnavailable("the reply is not a list")
    if not all(isinstance(found, dict) for found in results):
        raise NotionUnavailable("the list holds something else than objects")
    if has_more and not (isinstance(cursor, str) and _CURSOR.fullmatch(cursor)):
        raise NotionUnavailable("the list goes on, but names no usable cursor")
    return reply


def request_id_of(headers: Mapping[str, str], reply: Mapping[str, Any]) -> str | None:
    """Return Notion's id of a request, which its support asks for; it may stand in logs."""
    found = headers.get("x-notion-request-id") or reply.get("request_id")
    return found if isinstance(found, str) and _REQUEST_ID.fullmatch(found) else None


def word_of(value: object) -> str:
    """Return an error code as Notion writes them, or nothing: it goes into logs, audit and errors."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def _not_json(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
