"""HTTP messages: a small, fast reader of requests and writer of replies on a raw socket.

The standard library's handler parses headers as e-mail and cannot send the broken replies that tests need.
"""

import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, unquote

_MAX_HEAD = 64 * 1024
_MAX_BODY = 8 * 1024 * 1024
JSON_TYPE = "application/json; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"


class BadRequestError(Exception):
    """Bytes that are not a request this server reads."""


@dataclass(slots=True)
class Request:
    """One request, read completely."""

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytes
    close: bool

    def query(self) -> dict[str, list[str]]:
        """Return the decoded query parameters."""
        return parse_qs(self.query_string, keep_blank_values=True)

    def form(self) -> dict[str, list[str]]:
        """Return the decoded fields of a posted form."""
        return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)


class Wire:
    """A connection's socket, and a way to wait that ends when the server stops."""

    def __init__(self, sock: socket.socket, wait: Callable[[float], bool]) -> None:
        self.sock = sock
        self.wait = wait
        self._buffer = bytearray()

    def read_request(self) -> Request | None:
        """Return the next request, or None when the other side has closed."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > _MAX_HEAD:
                raise BadRequestError("The request's headers are too long.")
            if not self._receive():
                return None
        head = self._buffer[:end].decode("latin-1")
        del self._buffer[: end + 4]
        request = _parse_head(head)
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > _MAX_BODY or "transfer-encoding" in request.headers:
            raise BadRequestError("The request's body is too long or has no plain length.")
        if request.headers.get("expect", "").lower() == "100-continue":
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        size = int(length)
        while len(self._buffer) < size:
            if not self._receive():
                return None
        request.body = bytes(self._buffer[:size])
        del self._buffer[:size]
        return request

    def _receive(self) -> bool:
        data = self.sock.recv(65536)
        self._buffer += data
        return bool(data)


def _parse_head(head: str) -> Request:
    first, *lines = head.split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequestError("The request line is malformed.")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    path, _, query = words[1].partition("?")
    connection = headers.get("connection", "").lower()
    close = connection == "close" or (words[2] == "HTTP/1.0" and connection != "keep-alive")
    return Request(words[0], unquote(path), query, headers, b"", close)


@dataclass(slots=True)
class Reply:
    """One reply, and how it is put on the wire: whole, unless a fault says otherwise."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)
    deliver: "Delivery | None" = None
    fault: str | None = None

    def head(self, *, length: int | None = None, close: bool = False) -> bytes:
        """Return the status line and headers; `length` is announced unless None."""
        lines = [f"HTTP/1.1 {self.status} {_phrase(self.status)}", f"Content-Type: {self.content_type}"]
        if length is not None:
            lines.append(f"Content-Length: {length}")
        lines.extend(f"{name}: {value}" for name, value in self.headers.items())
        if close:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def send(self, wire: Wire, *, close: bool) -> bool:
        """Write the reply; return whether the connection can go on."""
        if self.deliver is not None:
            return self.deliver(wire, self)
        wire.sock.sendall(self.head(length=len(self.body), close=close) + self.body)
        return not close


Delivery = Callable[[Wire, Reply], bool]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Service Overload" if status == 529 else "Unknown"
