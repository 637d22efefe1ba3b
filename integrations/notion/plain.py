"""Single requests by the ``requests`` library, under the same rules as the client's."""

from __future__ import annotations

import logging
import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from integrations.notion.retry import Transient
from integrations.notion.watchdog import Watchdog
from integrations.notion.wire import Deadline, read_body

logger = logging.getLogger("notionscan.notion")
# Such replies are a few kilobytes; a page of HTML is not of interest.
_MAX_BODY_BYTES = 256_000
_CHUNK_BYTES = 1024


def send(
    method: str, url: str, *, path: str, headers: dict[str, str], json: Any, deadline: Deadline, is_read: bool
) -> tuple[int, dict[str, str], bytes]:
    """Send one request and return status, headers (names in lower case) and body.

    Raises: Transient if no whole answer came; repeatable if it is a read, or nothing was sent.
    """
    started = time.monotonic()
    status = 0
    watchdog = Watchdog()
    adapter = _WatchedAdapter(watchdog)
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    try:
        with watchdog.guard(deadline.left()), session:
            answer = session.request(
                method,
                url,
                headers=headers,
                json=json,
                timeout=max(deadline.left(), 0.001),
                allow_redirects=False,
                stream=True,
            )
            status = answer.status_code
            body = read_body(answer.iter_content(_CHUNK_BYTES), deadline, max_bytes=_MAX_BODY_BYTES)
    except (requests.ConnectTimeout, requests.ConnectionError) as failure:
        # The cause holds the request with its headers: it is looked at, and dropped.
        raise Transient(repeatable=is_read or _never_sent(failure)) from None
    except requests.RequestException:
        raise Transient(repeatable=is_read) from None
    finally:
        fields = {
            "method": method,
            "path": path,
            "status": status,
            "milliseconds": round((time.monotonic() - started) * 1000),
        }
        logger.info("notion %s %s", method, path, extra={"fields": fields})
    return status, {name.lower(): value for name, value in answer.headers.items()}, body


def _never_sent(failure: requests.RequestException) -> bool:
    reason = getattr(failure.args[0] if failure.args else None, "reason", None)
    return isinstance(failure, requests.ConnectTimeout) or type(reason).__name__ == "NewConnectionError"


class _WatchedAdapter(HTTPAdapter):
    """Tells the watchdog of each socket as soon as there is one."""

    def __init__(self, watchdog: Watchdog) -> None:
        self._watchdog = watchdog
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        watchdog = self._watchdog

        class WatchedHTTP(HTTPConnection):
            def _new_conn(self) -> Any:
                connection = super()._new_conn()
                watchdog.watch(connection)
                return connection

        class WatchedHTTPS(HTTPSConnection):
            def _new_conn(self) -> Any:
                connection = super()._new_conn()
                watchdog.watch(connection)
                return connection

        class PoolHTTP(HTTPConnectionPool):
            ConnectionCls = WatchedHTTP

        class PoolHTTPS(HTTPSConnectionPool):
            ConnectionCls = WatchedHTTPS

        self.poolmanager.pool_classes_by_scheme = {"http": PoolHTTP, "https": PoolHTTPS}
