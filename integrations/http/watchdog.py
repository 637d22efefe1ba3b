"""Ends a call at its deadline, whatever the other side does.

Timeouts of sockets start anew with every byte, so one byte per second outlives them all. At the deadline
the watchdog shuts the socket down, and whoever reads it wakes up with an error.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


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
        timer = threading.Timer(seconds, self._cut, (call,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                # A timer that fires just now must not cut the next call, which reuses the socket.
                self._guarding, self._is_over = None, False

    def _cut(self, call: object) -> None:
        with self._lock:
            if self._guarding is not call:
                return
            self._is_over = True
            for connection in self._sockets:
                _shut(connection)


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # Not SSLSocket's own shutdown: that takes the TLS state away from under the reader.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
