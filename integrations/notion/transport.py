"""The HTTP client below the SDK: a deadline for the whole call, bounded bodies, no redirects, our errors."""

from __future__ import annotations

import functools
import ssl
from typing import Any

import certifi
import httpx

from integrations import local_only
from integrations.http.retry import Transient
from integrations.http.watchdog import Watchdog
from integrations.http.wire import MAX_BODY_BYTES, Deadline, read_body
from integrations.notion.answers import judge
from integrations.notion.wire import request_id_of

_CONNECTED = ("connection.connect_tcp.complete", "connection.start_tls.complete")


class CheckedResponse(httpx.Response):
    """A good answer; its JSON was parsed strictly, and once."""

    def __init__(self, reply: dict[str, Any]) -> None:
        super().__init__(200)
        self._reply = reply

    def json(self, **kwargs: Any) -> dict[str, Any]:
        return self._reply


class CheckedTransport(httpx.BaseTransport):
    """Gives the SDK whole, good answers; everything else it raises as our errors.

    One for each connection: sharing a client between two tenants was seen to send one's token for the
    other's call.
    """

    def __init__(self, *, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._max_body_bytes = max_body_bytes
        self._watchdog = Watchdog()
        self._http = httpx.HTTPTransport(verify=_tls(), retries=0, trust_env=False)
        self.deadline = Deadline.after(0)
        self.is_read = True
        # Whether something of the current request may have reached Notion.
        self.may_have_acted = False
        self.status = 0
        self.failure = ""
        self.bytes_read = 0
        self.request_id: str | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request.

        Raises: Transient when another attempt may help; a NotionError when it cannot, or past the deadline;
        LocalOnly if no call may leave.
        """
        self._forget()
        local_only.refuse_calls()
        # The budget was asked before, and may have kept us waiting.
        self.deadline.check()
        left = max(self.deadline.left(), 0.001)
        timeouts = dict.fromkeys(("read", "write", "pool"), left)
        timeouts["connect"] = self.deadline.connect_seconds()
        request.extensions |= {"timeout": timeouts, "trace": self._trace}
        try:
            with self._watchdog.guard(left):
                self.may_have_acted = True
                answer, body = self._send(request)
        except (httpx.HTTPError, httpx.StreamError) as failure:
            self.failure = type(failure).__name__
            # Without a connection nothing was sent, so even a write may be repeated.
            unsent = isinstance(failure, httpx.ConnectError | httpx.ConnectTimeout)
        else:
            reply = judge(answer.status_code, answer.headers, body, is_read=self.is_read)
            self.request_id = request_id_of(answer.headers, reply)
            return CheckedResponse(reply)
        # Raised out here, so that it does not carry httpx's error, which holds the request and its headers.
        raise Transient(repeatable=self.is_read or unsent, detail=self.failure)

    def _forget(self) -> None:
        """Begin the account of a new request."""
        self.may_have_acted = False
        self.status = 0
        self.failure = ""
        self.bytes_read = 0
        self.request_id = None

    def _send(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        answer = self._http.handle_request(request)
        try:
            self.status = answer.status_code
            self.request_id = request_id_of(answer.headers, {})
            body = read_body(answer.iter_bytes(), self.deadline, max_bytes=self._max_body_bytes)
            self.bytes_read = len(body)
            return answer, body
        finally:
            answer.close()

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event in _CONNECTED:
            connection = info["return_value"].get_extra_info("socket")
            if connection is not None:
                self._watchdog.watch(connection)

    def close(self) -> None:
        self._http.close()


@functools.cache
def _tls() -> ssl.SSLContext:
    # Reading the certificates takes some 20 ms: once for the process, not once for each connection.
    return ssl.create_default_context(cafile=certifi.where())
