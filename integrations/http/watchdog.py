"""Ends a call at its deadline, whatever the other side does.

Timeouts of sockets start anew with every byte, so one byte per second outlives them all. At the deadline
the watchdog shuts the socket down, and whoever reads it wakes up with an error.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator


class Watchdog:
    """Knows the sockets of one client, and cuts them when a guarded call takes too long."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._guarding: object = None
        self._is_over = False

    def watch(self, connection: socket.socket) -> None:
        """Add a socket. A TLS socket is a new one: wrapping leaves an empty shell of the old."""
        with self._lock:
            self._sockets = [known for known in self._sockets if known.fileno() != -1]
            self._sockets.append(connection)
            # A name that resolves slowly gives a socket after the deadline; nobody would cut it then.
            if self._is_over:
                _shut(connection)

    @contextlib.contextmanager
    def guard(self, seconds: float) -> Iterator[None]:
        """Run a block; after so many seconds its sockets are shut down."""
        call = object()
        self._guarding = call
        _alarms.set(seconds, lambda: self._cut(call))
        try:
            yield
        finally:
            with self._lock:
                # An alarm that goes off just now must not cut the next call, which reuses the socket.
                self._guarding, self._is_over = None, False

    def _cut(self, call: object) -> None:
        with self._lock:
            if self._guarding is not call:
                return
            self._is_over = True
            for connection in self._sockets:
                _shut(connection)


class _Alarms:
    """One thread that waits for all deadlines of a process: one for each call took a sixth of their time."""

    def __init__(self) -> None:
        self._begin()
        # A forked process has none of its parent's threads, and none of its calls.
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def set(self, seconds: float, ring: Callable[[], None]) -> None:
        """Call ``ring`` after so many seconds; it is called even if nobody is interested any more."""
        with self._changed:
            alarm = (time.monotonic() + seconds, next(self._numbers), ring)
            heapq.heappush(self._waiting, alarm)
            # One that ended by an error of an alarm is replaced: without it, no call would have an end.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            elif self._waiting[0] is alarm:
                self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                at, _, ring = self._waiting[0]
                left = at - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                heapq.heappop(self._waiting)
            ring()


_alarms = _Alarms()


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # Not SSLSocket's own shutdown: that takes the TLS state away from under the reader.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
