"""Notion's API for one connection, on the official SDK's client with our own wire and retries."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import httpx
from notion_client import Client

from integrations.notion.address import checked_base_url
from integrations.notion.budget import Budget, Priority
from integrations.notion.errors import NotionUnavailable
from integrations.notion.replies import Me, Page, read_me, read_object, read_user
from integrations.notion.retry import Retry, Transient
from integrations.notion.transport import CheckedTransport
from integrations.notion.wire import MAX_BODY_BYTES, Deadline, check_list
from notionscan.secret import Secret

logger = logging.getLogger("notionscan.notion")
# The SDK sets the level of its logger and adds a handler to one that it makes: it gets its own, silent.
_sdk_logger = logging.getLogger("notionscan.notion.sdk")
_sdk_logger.propagate = False
_sdk_logger.addHandler(logging.NullHandler())

PAGE_SIZE = 100
_EMPTY_PAGES_IN_A_ROW = 5


class NotionClient:
    """One connection's client; not shared between connections, nor between threads."""

    def __init__(
        self,
        token: Secret,
        *,
        base_url: str,
        notion_version: str,
        budget: Budget,
        priority: Priority,
        deadline_seconds: float = 10,
        max_body_bytes: int = MAX_BODY_BYTES,
        retry: Retry | None = None,
    ) -> None:
        self._budget = budget
        self._priority = priority
        self._deadline_seconds = deadline_seconds
        self._retry = retry or Retry()
        self._transport = CheckedTransport(max_body_bytes=max_body_bytes)
        self._http = httpx.Client(transport=self._transport, trust_env=False, follow_redirects=False)
        self._sdk = Client(
            auth=token.expose(),
            base_url=checked_base_url(base_url),
            notion_version=notion_version,
            retry=False,
            logger=_sdk_logger,
            client=self._http,
        )

    def __enter__(self) -> Self:
        # Not the SDK's own: that one replaces the client it was given.
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def me(self) -> Me:
        """Return whose token this is.

        Raises: NotionUnauthorized if it is dead; NotionRateLimited; NotionUnavailable.
        Source: developers.notion.com/reference/get-self
        """
        return read_me(self._call("GET", "users/me"))

    def users(self) -> Iterator[Page]:
        """Yield the workspace's members and bots, a page at a time; guests are not listed.

        Raises: NotionCapabilityMissing without the user capability.
        Source: developers.notion.com/reference/get-users
        """
        return self._pages(
            lambda cursor: self._call("GET", "users", query=_without_none(start_cursor=cursor, page_size=PAGE_SIZE)),
            read_user,
        )

    def search_pages(
        self, *, kind: str | None = None, query: str = "", in_trash: bool | None = None
    ) -> Iterator[Page]:
        """Yield what the token can see, newest edit first, a page at a time.

        ``kind`` is ``page`` or ``data_source``. Notion does not promise that search is exhaustive.
        Source: developers.notion.com/reference/post-search
        """
        wanted: dict[str, Any] = {"property": "object", "value": kind} if kind else {}
        if in_trash is not None:
            wanted["in_trash"] = in_trash

        def fetch(cursor: str | None) -> dict[str, Any]:
            body = _without_none(
                query=query or None,
                filter=wanted or None,
                sort={"timestamp": "last_edited_time", "direction": "descending"},
                start_cursor=cursor,
                page_size=PAGE_SIZE,
            )
            return self._call("POST", "search", body=body)

        return self._pages(fetch, read_object)

    def _pages(
        self, fetch: Callable[[str | None], dict[str, Any]], read: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> Iterator[Page]:
        """Follow a cursor that must move.

        Raises: NotionUnavailable for a cursor that was seen before, or for empty pages without end.
        """
        cursor: str | None = None
        seen: set[str] = set()
        empty = 0
        while True:
            reply = check_list(fetch(cursor))
            results = [read(found) for found in reply["results"] if isinstance(found, dict)]
            empty = 0 if results else empty + 1
            cursor = reply["next_cursor"] if reply["has_more"] else None
            yield Page(results, bool(reply["has_more"]), cursor)
            if cursor is None:
                return
            if cursor in seen or empty >= _EMPTY_PAGES_IN_A_ROW:
                raise NotionUnavailable
            seen.add(cursor)

    def _call(
        self, method: str, path: str, *, query: Any = None, body: Any = None, is_read: bool = True
    ) -> dict[str, Any]:
        """Make one call with all its attempts. ``path`` holds no id that was not checked."""

        def attempt(deadline: Deadline) -> dict[str, Any]:
            self._budget.acquire(self._priority)
            self._transport.deadline, self._transport.is_read = deadline, is_read
            started = time.monotonic()
            try:
                reply: dict[str, Any] = self._sdk.request(path, method, query=query, body=body)
                return reply
            except Transient as failure:
                if failure.retry_after is not None:
                    self._budget.report_limited(failure.retry_after, reason=failure.reason)
                raise
            except NotionUnavailable:
                # A 200 that is no JSON: the same request may well be answered properly.
                raise Transient(repeatable=is_read, request_id=self._transport.request_id) from None
            finally:
                self._log(method, path, started)

        return self._retry.run(attempt, seconds=self._deadline_seconds)

    def _log(self, method: str, path: str, started: float) -> None:
        fields = {
            "method": method,
            "path": path,
            "status": self._transport.status,
            "milliseconds": round((time.monotonic() - started) * 1000),
            "notion_request": self._transport.request_id,
        }
        logger.info("notion %s %s", method, path, extra={"fields": fields})


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
