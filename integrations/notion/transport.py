"""The HTTP client below the SDK: a deadline for the whole call, bounded bodies, no redirects, our errors."""

from __future__ import annotations

import functools
import ssl
from typing import Any

import certifi
import httpx

from integrations.notion.answers import judge
from integrations.notion.errors import NotionUnavailable
from integrations.notion.retry import Transient
from integrations.notion.watchdog import Watchdog
from integrations.notion.wire import MAX_BODY_BYTES, Deadline, parse_object, read_body

_UNDONE = ("content-encoding", "transfer-encoding", "content-length")


class CheckedResponse(httpx.Response):
    """A response whose JSON is parsed strictly, and once."""

    def json(self, **kwargs: Any) -> dict[str, Any]:
        return parse_object(self.content)


class CheckedTransport(httpx.BaseTransport):
    """Gives the SDK whole, good answers; everything else it raises as our errors.

    One for each connection: sharing a client between two tenants was seen to send one's token for the
    other's call.
    """

    def __init__(self, *, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._max_body_bytes = max_body_bytes
        self._watchdog = Watchdog()
        self._http = httpx.HTTPTransport(verify=_tls(), retries=0)
        self.deadline = Deadline.after(0)
        self.is_read = True
        self.status = 0
        self.request_id: str | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Raises: Transient when another attempt may help; a NotionError when it cannot.
        """
        self.status, self.request_id = 0, None
        left = self.deadline.left()
        request.extensions |= {
            "timeout": dict.fromkeys(("connect", "read", "write", "pool"), left),
            "trace": self._trace,
        }
        with self._watchdog.guard(left):
            try:
                answer = self._http.handle_request(request)
                try:
                    self.status = answer.status_code
                    body = read_body(answer.iter_bytes(), self.deadline, max_bytes=self._max_body_bytes)
                finally:
                    answer.close()
            except httpx.ConnectError:
                # Nothing was sent yet, so even a write may be repeated.
                raise Transient from None
            except (httpx.HTTPError, httpx.StreamError):
                raise Transient(repeatable=self.is_read) from None
        self.request_id = answer.headers.get("x-notion-request-id")
        return self._checked(answer, body)

    def _checked(self, answer: httpx.Response, body: bytes) -> httpx.Response:
        if answer.status_code != 200:
            judge(answer.status_code, answer.headers, body, is_read=self.is_read)
            raise NotionUnavailable(request_id=self.request_id)
        headers = [(k, v) for k, v in answer.headers.items() if k.lower() not in _UNDONE]
        return CheckedResponse(200, headers=headers, content=body)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            connection = info["return_value"].get_extra_info("socket")
            if connection is not None:
                self._watchdog.watch(connection)

    def close(self) -> None:
        self._http.close()


@functools.cache
def _tls() -> ssl.SSLContext:
    # Reading the certificates takes some 20 ms: once for the process, not once for each connection.
    return ssl.create_default_context(cafile=certifi.where())
