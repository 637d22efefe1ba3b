"""The queue of faults: which call each one hits.

A fault waits for calls that match, skips those before its turn, fires as often as it was asked to, and is
then spent.
"""

import threading
from collections import deque
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from integrations.sandbox.fault_kinds import FAULTS
from integrations.sandbox.messages import Request


@dataclass(kw_only=True)
class Fault:
    """One queued fault.

    `match` is a pattern over "METHOD path"; `at` the first matching call that is hit, counted from 1; `times`
    how many are hit from there (None: all); `token` limits it to one label, `body_has` to bodies with a text.
    """

    name: str
    match: str = "* /v1/*"
    at: int = 1
    times: int | None = 1
    token: str | None = None
    body_has: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict, repr=False)
    seen: int = 0
    fired: int = 0

    def meets(self, request: Request, token: str | None) -> bool:
        """Count a call that matches; tell whether it is hit."""
        if self.is_spent or not fnmatchcase(f"{request.method} {request.path}", self.match):
            return False
        if self.token not in (None, token):
            return False
        if self.body_has is not None and self.body_has.encode() not in request.body:
            return False
        self.seen += 1
        return self.seen >= self.at

    @property
    def is_spent(self) -> bool:
        """Tell whether the fault has done all it was asked to."""
        return self.times is not None and self.fired >= self.times


class Faults:
    """The queue of faults waiting for their calls."""

    def __init__(self) -> None:
        self._queue: deque[Fault] = deque()
        self._lock = threading.Lock()

    def add(
        self,
        name: str,
        match: str = "* /v1/*",
        *,
        at: int = 1,
        times: int | None = 1,
        token: str | None = None,
        body_has: str | None = None,
        **options: Any,
    ) -> Fault:
        """Queue a fault (see Fault for the arguments); options are the fault's own."""
        if name not in FAULTS:
            raise ValueError(f"There is no fault called {name!r}; known are: {', '.join(sorted(FAULTS))}.")
        if at < 1 or (times is not None and times < 1):
            raise ValueError("A fault's `at` and `times` count from 1.")
        fault = Fault(
            name=name, match=match, at=at, times=times, token=token, body_has=body_has, options=options
        )
        with self._lock:
            self._queue.append(fault)
        return fault

    def due(self, request: Request, token: str | None) -> Fault | None:
        """Return the first fault that hits this call; all that match count it."""
        if not self._queue:
            return None
        with self._lock:
            hits = [fault for fault in self._queue if fault.meets(request, token)]
            if not hits:
                return None
            hits[0].fired += 1
            if hits[0].is_spent:
                self._queue.remove(hits[0])
            return hits[0]

    def waiting(self) -> list[Fault]:
        """Return the faults that are not spent."""
        with self._lock:
            return list(self._queue)

    def clear(self) -> None:
        """Call all faults off."""
        with self._lock:
            self._queue.clear()
