"""Single requests by the ``requests`` library: one deadline, a bounded body, no redirect, a line of log."""

from __future__ import annotations

import enum
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from integrations import local_only
from integrations.http.credentials import Credentials
from integrations.http.retry import Transient
from integrations.http.watchdog import Watchdog
from integrations.http.wire import Deadline, read_body, request_id
from notionscan.secret import Secret

# Such replies are a few kilobytes; a page of HTML is not of interest.
_MAX_BODY_BYTES = 256_000
_CHUNK_BYTES = 1024


@dataclass(frozen=True, repr=False)
class Answer:
    """What came back; header names are in lower case. Its body may hold tokens, so it does not print."""

    status: int
    headers: dict[str, str]
    body: bytes


class Encoding(enum.Enum):
    """How a body is written; the value is its content type."""

    JSON = "application/json"
    FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to ask; texts in ``body`` that are secret stay so until they leave."""

    # Who is asked, as the log calls it.
    provider: str
    method: str
    base_url: str
    path: str
    credentials: Credentials
    headers: Mapping[str, str]
    body: Mapping[str, str | Secret] | None = None
    encoding: Encoding = Encoding.JSON
    is_read: bool = True
    # The header in which the provider names a request, for the log.
    request_id_header: str = ""


def send(request: Request, deadline: Deadline) -> Answer:
    """Send one request and return the answer, whatever its status.

    Raises: Transient if no whole answer came, repeatable if it is a read or nothing was sent;
    Unavailable past the deadline or the size cap; LocalOnly if no call may leave.
    """
    local_only.refuse_calls()
    started = time.monotonic()
    account: dict[str, Any] = {"method": request.method, "path": request.path, "status": 0}
    try:
        return _exchange(request, deadline, account)
    # ValueError: what urllib3 lets out for a chunk of a negative length.
    except (requests.RequestException, ValueError) as failure:
        account["failure"] = type(failure).__name__
        unsent = _never_sent(failure)
    finally:
        account["milliseconds"] = round((time.monotonic() - started) * 1000)
        logging.getLogger(f"notionscan.{request.provider}").info(
            "%s %s %s", request.provider, request.method, request.path, extra={"fields": account}
        )
    # Raised out here, so that it does not carry the library's error, which holds the request and its headers.
    raise Transient(repeatable=request.is_read or unsent, detail=account["failure"])


def _exchange(request: Request, deadline: Deadline, account: dict[str, Any]) -> Answer:
    watchdog = Watchdog()
    left = max(deadline.left(), 0.001)
    with (
        watchdog.guard(left),
        _session(watchdog) as session,
        session.request(
            request.method,
            f"{request.base_url}/{request.path}",
            auth=request.credentials,
            headers={**request.headers, "Content-Type": request.encoding.value},
            data=_encoded(request),
            timeout=(deadline.connect_seconds(), left),
            allow_redirects=False,
            stream=True,
        ) as answer,
    ):
        account["status"] = answer.status_code
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if request.request_id_header:
            account[f"{request.provider}_request"] = request_id(headers.get(request.request_id_header))
        body = read_body(answer.iter_content(_CHUNK_BYTES), deadline, max_bytes=_MAX_BODY_BYTES)
    return Answer(answer.status_code, headers, body)


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Say that there is none.

        ``allow_redirects=False`` alone still works out where to: that reads the whole body, however
        large, and lets out ValueError for a Location that is no address.
        """


def _session(watchdog: Watchdog) -> requests.Session:
    session = _Session()
    # Neither proxies nor a .netrc, which would replace our Authorization header by its own.
    session.trust_env = False
    adapter = _WatchedAdapter(watchdog)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _encoded(request: Request) -> bytes | None:
    if request.body is None:
        return None
    plain = {name: text.expose() if isinstance(text, Secret) else text for name, text in request.body.items()}
    return (json.dumps(plain) if request.encoding is Encoding.JSON else urlencode(plain)).encode()


def _never_sent(failure: Exception) -> bool:
    reason = getattr(failure.args[0] if failure.args else None, "reason", None)
    # NewConnectionError is also what a name that does not resolve gives.
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


class _WatchedAdapter(HTTPAdapter):
    """Tells the watchdog of each socket as soon as there is one."""

    def __init__(self, watchdog: Watchdog) -> None:
        self._watchdog = watchdog
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        watchdog = self._watchdog

        class WatchedHTTP(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                watchdog.watch(self.sock)

        class WatchedHTTPS(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                watchdog.watch(self.sock)

        class PoolHTTP(HTTPConnectionPool):
            ConnectionCls = WatchedHTTP

        class PoolHTTPS(HTTPSConnectionPool):
            ConnectionCls = WatchedHTTPS

        self.poolmanager.pool_classes_by_scheme = {"http": PoolHTTP, "https": PoolHTTPS}
