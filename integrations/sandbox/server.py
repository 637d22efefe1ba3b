"""The listening side: one thread per connection, keep-alive, one write per reply, loopback only."""

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable

from integrations.sandbox.messages import BadRequestError, Reply, Request, Wire


class NotLoopbackError(ValueError):
    """The sandbox was asked to serve beyond this computer."""


def require_loopback(host: str) -> None:
    """Raise unless the host is this computer: the sandbox's tokens are public knowledge."""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise NotLoopbackError(
            f"The sandbox serves on loopback only, for example on 127.0.0.1, and never on {host}."
        )


class Listener:
    """A TCP server for one `answer` function; can be closed and started again on the same port."""

    def __init__(self, host: str, port: int, answer: Callable[[Request, Wire], Reply]) -> None:
        require_loopback(host)
        self.host = host
        self.port = port
        self._answer = answer
        self._stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Bind and serve in the background. Raises OSError where the port is taken."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((self.host, self.port))
            listening.listen(512)
        except OSError:
            listening.close()
            raise
        self.port = listening.getsockname()[1]
        self._stopping = threading.Event()
        self._socket = listening
        self._thread = threading.Thread(
            target=self._accept, args=(listening,), name="sandbox-accept", daemon=True
        )
        self._thread.start()

    def _accept(self, listening: socket.socket) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with self._lock:
                self._connections.add(connection)
            threading.Thread(
                target=self._serve, args=(connection,), name="sandbox-connection", daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        wire = Wire(connection, self._stopping.wait)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not self._stopping.is_set() and self._serve_one(wire):
                pass
        except OSError:
            pass  # the client went away, or close() ended a reply under way
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _serve_one(self, wire: Wire) -> bool:
        try:
            request = wire.read_request()
        except BadRequestError as error:
            Reply(400, str(error).encode(), "text/plain; charset=utf-8").send(wire, close=True)
            return False
        if request is None:
            return False
        return self._answer(request, wire).send(wire, close=request.close)

    def close(self) -> None:
        """Stop serving: end every wait, close every connection, return when the port is free."""
        self._stopping.set()
        if self._socket is not None:
            # On Linux shutdown() wakes the thread blocked in accept(); elsewhere it fails and close() does.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None
        with self._lock:
            open_connections = list(self._connections)
        for connection in open_connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # already closed by its own thread
        if self._thread is not None:
            self._thread.join(5)
            self._thread = None
