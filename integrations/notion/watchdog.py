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

    def watch(self, connection: socket.socket) -> None:
        self._sockets = [known for known in self._sockets if known.fileno() != -1]
        self._sockets.append(connection)

    @contextlib.contextmanager
    def guard(self, seconds: float) -> Iterator[None]:
        """Run a block; after so many seconds its sockets are shut down."""
        timer = threading.Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        for connection in self._sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
