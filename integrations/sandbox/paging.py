"""Pagination as Notion does it: sessions with cursors `s:<session>:<row>`, meaningless elsewhere.

A session keeps the order it started with, so editing a page does not shift the pages behind it.
"""

import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from integrations.sandbox.errors import invalid
from integrations.sandbox.shapes import dumps

PAGE_LIMIT = 100
_MAX_SESSIONS = 2000


@dataclass
class Session:
    """One listing under way."""

    key: tuple[str, ...]
    codes: Sequence[int]
    offsets: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Slice:
    """One page of a listing; `cut` says that the endpoint's own limit ended it early."""

    codes: Sequence[int]
    next_cursor: str | None
    cut: bool = False


class Sessions:
    """Open listings, oldest forgotten first."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Session] = OrderedDict()
        self._lock = threading.Lock()

    def page(
        self,
        key: tuple[str, ...],
        *,
        cursor: str | None,
        size: int,
        start: Callable[[], Sequence[int]],
        name: Callable[[int], str],
        cap: int | None = None,
        dies_after: int | None = None,
    ) -> Slice:
        """Return one page; `start` makes the order of a new listing, `cap` is the most it may ever return.

        After `dies_after` results the cursor given out is dead. A size of 0 gives an empty page whose cursor,
        always a new one, leads to the same place.

        Raises: ApiError where the cursor is not one given out for this very listing.
        """
        with self._lock:
            session_id, session, offset = (
                self._resume(key, cursor) if cursor else ("", Session(key, start()), 0)
            )
            total = len(session.codes) if cap is None else min(cap, len(session.codes))
            end = min(offset + size, total)
            codes = session.codes[offset:end]
            if end >= total:
                return Slice(codes, None, cut=total < len(session.codes))
            if not session_id or size == 0:
                session_id = str(uuid.uuid4())
            row = name(session.codes[end])
            if dies_after is None or end < dies_after:
                session.offsets[row] = end
            self._open[session_id] = session
            self._open.move_to_end(session_id)
            while len(self._open) > _MAX_SESSIONS:
                self._open.popitem(last=False)
            return Slice(codes, f"s:{session_id}:{row}")

    def _resume(self, key: tuple[str, ...], cursor: str) -> tuple[str, Session, int]:
        parts = cursor.split(":")
        session = self._open.get(parts[1]) if len(parts) == 3 and parts[0] == "s" else None
        offset = session.offsets.get(parts[2]) if session and session.key == key else None
        if session is None or offset is None:
            raise invalid(f"The start_cursor provided is invalid: {cursor}")
        return parts[1], session, offset

    def clear(self) -> None:
        """Forget every listing: all cursors given out so far are dead."""
        with self._lock:
            self._open.clear()


def envelope(items: Sequence[bytes], part: Slice, *, kind: str, request_id: str) -> bytes:
    """Return a list reply around rendered objects."""
    status: dict[str, str] = {"type": "complete"}
    if part.cut:
        status = {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}
    tail = {
        "next_cursor": part.next_cursor,
        "has_more": part.next_cursor is not None,
        "type": kind,
        kind: {},
        "request_status": status,
        "request_id": request_id,
    }
    return b'{"object":"list","results":[' + b",".join(items) + b"]," + dumps(tail)[1:]
