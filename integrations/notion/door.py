"""One connection's calls: its token, its budget, one deadline for all attempts, strict replies.

On the official SDK's client with our own wire and retries. What may be asked for is said by the two planes
that build on it: ``client`` (metadata, for scans) and ``content`` (governed access).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from notion_client import Client

from integrations.http.address import checked_base_url
from integrations.http.credentials import bearer
from integrations.http.errors import Unavailable
from integrations.http.retry import DEFAULT_RETRY_AFTER_SECONDS, Retry, Transient
from integrations.http.wire import MAX_BODY_BYTES, Deadline
from integrations.notion.budget import Budget, Priority
from integrations.notion.cursors import Cursors
from integrations.notion.errors import NotionOutcomeUnknown, NotionSaved, sealed
from integrations.notion.replies import Page, believed
from integrations.notion.transport import CheckedTransport
from notionscan.secret import Secret

R = TypeVar("R")
logger = logging.getLogger("notionscan.notion")
# The SDK sets the level of its logger and adds a handler to one that it makes: it gets its own, silent.
_sdk_logger = logging.getLogger("notionscan.notion.sdk")
_sdk_logger.propagate = False
_sdk_logger.addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Calls:
    """How often an endpoint was called, and how many bytes it answered."""

    calls: int = 0
    bytes: int = 0


class Door:
    """One connection's door; not shared between connections, nor between threads."""

    @sealed
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
        """Prepare calls; nothing is sent yet.

        Raises: NotionUnauthorized for what cannot be a token; ValueError for an unsafe address.
        """
        self._token = token
        self._base_url = base_url
        self._notion_version = notion_version
        self._max_body_bytes = max_body_bytes
        self.budget = budget
        self._priority = priority
        self._egress: dict[str, Calls] = {}
        self._deadline_seconds = deadline_seconds
        self._retry = retry or Retry()
        self._transport = CheckedTransport(max_body_bytes=max_body_bytes)
        # The token is httpx's to send and not the SDK's to know: that one keeps it in options that print.
        self._http = httpx.Client(
            auth=bearer(token), transport=self._transport, trust_env=False, follow_redirects=False
        )
        self._sdk = Client(
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

    def another(self, budget: Budget) -> Self:
        """Return a client of the same connection for another thread, which asks ``budget``."""
        return type(self)(
            self._token,
            base_url=self._base_url,
            notion_version=self._notion_version,
            budget=budget,
            priority=self._priority,
            deadline_seconds=self._deadline_seconds,
            max_body_bytes=self._max_body_bytes,
            retry=self._retry,
        )

    def take_egress(self) -> dict[str, Calls]:
        """Return what was called since this was last asked, by endpoint."""
        taken, self._egress = self._egress, {}
        return taken

    def _pages(self, fetch: Callable[[str | None], Page], start_cursor: str | None = None) -> Iterator[Page]:
        cursors = Cursors()
        page = fetch(start_cursor)
        yield page
        while cursor := cursors.follow(page):
            page = fetch(cursor)
            yield page

    @sealed
    def _call(
        self,
        method: str,
        path: str,
        read: Callable[[dict[str, Any]], R],
        *,
        logged_as: str = "",
        query: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        is_read: bool = True,
    ) -> R:
        """Make one call with all its attempts. ``path`` holds no id that was not checked.

        Raises: of a write besides NotionSaved and NotionOutcomeUnknown, which forbid to repeat it.
        """

        def attempt(deadline: Deadline) -> R:
            self.budget.acquire(self._priority)
            self._transport.deadline, self._transport.is_read = deadline, is_read
            started = time.monotonic()
            try:
                return believed(
                    read, self._sdk.request(path, method, query=query, body=body), is_read=is_read
                )
            except Transient as failure:
                self._take_note(failure)
                raise
            finally:
                self._count(f"{method} /v1/{logged_as or path}")
                self._log(method, logged_as or path, started)

        try:
            return self._retry.run(attempt, seconds=self._deadline_seconds)
        except Unavailable as failure:
            if is_read or not self._transport.may_have_acted:
                raise
            unknown = NotionOutcomeUnknown(failure.detail, request_id=failure.request_id)
        raise unknown

    def _take_note(self, failure: Transient) -> None:
        # A reply that was not believed has an id too; Notion's support asks for it.
        failure.request_id = failure.request_id or self._transport.request_id
        if failure.is_limit:
            wait = failure.retry_after or DEFAULT_RETRY_AFTER_SECONDS
            self.budget.report_limited(wait, reason=failure.reason)
        if failure.committed:
            raise NotionSaved(failure.committed, request_id=failure.request_id)
        if failure.repeatable or failure.is_limit:
            self._transport.may_have_acted = False

    def _count(self, endpoint: str) -> None:
        before = self._egress.get(endpoint, Calls())
        self._egress[endpoint] = Calls(before.calls + 1, before.bytes + self._transport.bytes_read)

    def _log(self, method: str, path: str, started: float) -> None:
        fields = {
            "method": method,
            "path": path,
            "status": self._transport.status,
            "milliseconds": round((time.monotonic() - started) * 1000),
            "notion_request": self._transport.request_id,
        }
        if self._transport.failure:
            fields["failure"] = self._transport.failure
        logger.info("notion %s %s", method, path, extra={"fields": fields})
