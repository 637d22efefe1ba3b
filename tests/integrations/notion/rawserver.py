"""A server on a bare socket: it answers as it is told, also in ways that no HTTP server would."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

REQUEST_ID = "0f1e2d3c-0000-4000-8000-00000000beef"


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Peer:
    """The other end of one connection, as a reply sees it."""

    def __init__(self, connection: socket.socket, closing: threading.Event) -> None:
        self.connection = connection
        self.closing = closing

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)


# A reply tells whether the connection stays open.
Reply = Callable[[Peer], bool]


class RawServer:
    """Answers the first request with the first reply, and so on; the last one is repeated."""

    def __init__(self, *replies: Reply, tls: ssl.SSLContext | None = None) -> None:
        self._replies = deque(replies)
        self._tls = tls
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.seen: list[Seen] = []

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        # Wakes the accept; closing alone would leave it waiting.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=2)

    def _run(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._run(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        with contextlib.suppress(OSError), contextlib.ExitStack() as open_ones:
            open_ones.callback(connection.close)
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                open_ones.callback(connection.close)
            stays = True
            while stays and (request := _read(connection)) is not None:
                self.seen.append(request)
                reply = self._replies.popleft() if len(self._replies) > 1 else self._replies[0]
                stays = reply(Peer(connection, self._closing))


def _read(connection: socket.socket) -> Seen | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    method, path, _ = first.split(" ", 2)
    return Seen(method, path, headers, body)


def head(status: int = 200, /, **headers: str) -> bytes:
    """Return a status line and headers; underscores in names become hyphens."""
    named = {"x-notion-request-id": REQUEST_ID} | {k.replace("_", "-"): v for k, v in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} Whatever\r\n{lines}\r\n".encode("latin-1")


def answer(status: int = 200, body: object = b"", /, **headers: str) -> Reply:
    """Answer properly: a whole body, JSON unless it is bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def reply(peer: Peer) -> bool:
        peer.send(head(status, content_length=str(len(content)), **headers) + content)
        return True

    return reply


def error(
    status: int, code: str, /, *, additional_data: dict[str, Any] | None = None, **headers: str
) -> Reply:
    """Answer with Notion's error envelope."""
    body = {"object": "error", "status": status, "code": code, "message": "…", "request_id": REQUEST_ID}
    return answer(status, body | ({"additional_data": additional_data} if additional_data else {}), **headers)


def html(status: int) -> Reply:
    """Answer with the edge's page, which has no request id of Notion's."""
    return answer(status, b"<!doctype html><h1>Attention Required</h1>", content_type="text/html")


def cut(body: bytes, *, missing: int = 100) -> Reply:
    """Promise more than is sent, and hang up."""

    def reply(peer: Peer) -> bool:
        peer.send(head(content_length=str(len(body) + missing)) + body)
        return False

    return reply


def unmeasured(body: bytes) -> Reply:
    """Send a body whose end is the end of the connection, so that a cut one looks whole."""

    def reply(peer: Peer) -> bool:
        peer.send(head() + body)
        return False

    return reply


def endless(block: bytes = b" " * 4096) -> Reply:
    """Send a body until nobody reads it."""

    def reply(peer: Peer) -> bool:
        peer.send(head(transfer_encoding="chunked"))
        while not peer.closing.is_set():
            peer.send(f"{len(block):x}\r\n".encode() + block + b"\r\n")
        return False

    return reply


def hang(peer: Peer) -> bool:
    """Say nothing."""
    peer.closing.wait(5)
    return False


def reset(peer: Peer) -> bool:
    """Break the connection instead of closing it."""
    peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def drip(data: bytes, *, after: bytes = b"", gap_seconds: float = 0.02) -> Reply:
    """Send one byte at a time, each soon enough for a socket's timeout."""

    def reply(peer: Peer) -> bool:
        peer.send(after)
        for byte in data:
            if peer.closing.wait(gap_seconds):
                break
            peer.send(bytes([byte]))
        return False

    return reply


def closed_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
