"""Notion's API for one connection, on the official SDK's client with our own wire and retries."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

import httpx
from notion_client import Client

from integrations.notion.address import checked_base_url, checked_id
from integrations.notion.budget import Budget, Priority
from integrations.notion.credentials import bearer
from integrations.notion.cursors import Cursors
from integrations.notion.errors import sealed
from integrations.notion.replies import (
    Me,
    Page,
    believed,
    read_me,
    read_object,
    read_page,
    read_text,
    read_user,
)
from integrations.notion.retry import DEFAULT_RETRY_AFTER_SECONDS, Retry, Transient
from integrations.notion.transport import CheckedTransport
from integrations.notion.wire import MAX_BODY_BYTES, Deadline
from notionscan.secret import Secret

R = TypeVar("R")
logger = logging.getLogger("notionscan.notion")
# The SDK sets the level of its logger and adds a handler to one that it makes: it gets its own, silent.
_sdk_logger = logging.getLogger("notionscan.notion.sdk")
_sdk_logger.propagate = False
_sdk_logger.addHandler(logging.NullHandler())

PAGE_SIZE = 100


@dataclass(frozen=True)
class Calls:
    """How often an endpoint was called, and how many bytes it answered."""

    calls: int = 0
    bytes: int = 0


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

    def another(self, budget: Budget) -> NotionClient:
        """Return a client of the same connection for another thread, which asks ``budget``."""
        return NotionClient(
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

    def me(self) -> Me:
        """Return whose token this is.

        Raises: NotionUnauthorized if it is dead; NotionRateLimited; NotionUnavailable.
        Source: developers.notion.com/reference/get-self
        """
        return self._call("GET", "users/me", read_me)

    def users(self, *, start_cursor: str | None = None) -> Iterator[Page]:
        """Yield the workspace's members and bots, a page at a time; guests are not listed.

        ``start_cursor`` is the ``next_cursor`` of an earlier page.
        Raises: NotionCapabilityMissing without the user capability.
        Source: developers.notion.com/reference/get-users
        """

        def fetch(cursor: str | None) -> Page:
            query = _without_none(start_cursor=cursor, page_size=PAGE_SIZE)
            return self._call("GET", "users", lambda reply: read_page(reply, read_user), query=query)

        return self._pages(fetch, start_cursor)

    def user(self, user_id: str | UUID) -> dict[str, Any]:
        """Return one member or guest of the workspace.

        Raises: ValueError, before any call, if the id is not a UUID; NotionNotShared if there is no such
        person, or not any more.
        Source: developers.notion.com/reference/get-user
        """
        return self._call("GET", f"users/{checked_id(user_id)}", read_user, logged_as="users/{id}")

    def search_pages(
        self,
        *,
        kind: str | None = None,
        query: str = "",
        in_trash: bool | None = None,
        oldest_first: bool = False,
        start_cursor: str | None = None,
    ) -> Iterator[Page]:
        """Yield what the token can see, newest edit first, a page at a time.

        ``kind`` is ``page`` or ``data_source``; ``start_cursor`` is the ``next_cursor`` of an earlier page.
        Notion does not promise that search is exhaustive.
        Source: developers.notion.com/reference/post-search
        """
        wanted: dict[str, Any] = {"property": "object", "value": kind} if kind else {}
        if in_trash is not None:
            wanted["in_trash"] = in_trash

        def fetch(cursor: str | None) -> Page:
            body = _without_none(
                query=read_text(query) or None,
                filter=wanted or None,
                sort={
                    "timestamp": "last_edited_time",
                    "direction": "ascending" if oldest_first else "descending",
                },
                start_cursor=cursor,
                page_size=PAGE_SIZE,
            )
            return self._call("POST", "search", lambda reply: read_page(reply, read_object), body=body)

        return self._pages(fetch, start_cursor)

    def rows(
        self,
        data_source_id: str | UUID,
        *,
        created_from: str | None = None,
        edited_from: str | None = None,
        in_trash: bool = False,
        start_cursor: str | None = None,
    ) -> Iterator[Page]:
        """Yield a data source's rows with their titles alone, oldest first, a page at a time.

        Notion cuts a query after 10,000 rows and says so in ``incomplete_reason``; ``created_from``, a time
        as Notion writes it, goes on from there. ``edited_from`` gives the rows edited since, newest first.
        Raises: ValueError, before any call, if the id is not a UUID; NotionNotShared.
        Source: developers.notion.com/reference/query-a-data-source
        """
        path = f"data_sources/{checked_id(data_source_id)}/query"
        by, since = ("last_edited_time", edited_from) if edited_from else ("created_time", created_from)

        def fetch(cursor: str | None) -> Page:
            body = _without_none(
                filter={"timestamp": by, by: {"on_or_after": since}} if since else None,
                sorts=[{"timestamp": by, "direction": "descending" if edited_from else "ascending"}],
                in_trash=in_trash or None,
                start_cursor=cursor,
                page_size=PAGE_SIZE,
            )
            return self._call(
                "POST",
                path,
                lambda reply: read_page(reply, read_object),
                query={"filter_properties": ["title"]},
                body=body,
                logged_as="data_sources/{id}/query",
            )

        return self._pages(fetch, start_cursor)

    def data_source(self, data_source_id: str | UUID) -> dict[str, Any]:
        """Return a data source with its schema: names and types of properties, and no values.

        Raises: ValueError, before any call, if the id is not a UUID; NotionNotShared.
        Source: developers.notion.com/reference/retrieve-a-data-source
        """
        return self._retrieved("data_sources", data_source_id)

    def database(self, database_id: str | UUID) -> dict[str, Any]:
        """Return a database: where it stands, and the ids of its data sources.

        Raises: ValueError, before any call, if the id is not a UUID; NotionNotShared.
        Source: developers.notion.com/reference/retrieve-database
        """
        return self._retrieved("databases", database_id)

    def page(self, page_id: str | UUID) -> dict[str, Any]:
        """Return a page's metadata; of its properties the title alone.

        Raises: ValueError, before any call, if the id is not a UUID; NotionNotShared.
        Source: developers.notion.com/reference/retrieve-a-page
        """
        return self._retrieved("pages", page_id, query={"filter_properties": ["title"]})

    def block(self, block_id: str | UUID) -> dict[str, Any]:
        """Return where a block stands, and nothing of what is in it.

        Raises: ValueError, before any call, if the id is not a UUID; NotionNotShared.
        Source: developers.notion.com/reference/retrieve-a-block
        """
        return self._retrieved("blocks", block_id)

    def _retrieved(
        self, kind: str, object_id: str | UUID, *, query: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        path = f"{kind}/{checked_id(object_id)}"
        return self._call("GET", path, read_object, query=query, logged_as=f"{kind}/{{id}}")

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
        """Make one call with all its attempts. ``path`` holds no id that was not checked."""

        def attempt(deadline: Deadline) -> R:
            self.budget.acquire(self._priority)
            self._transport.deadline, self._transport.is_read = deadline, is_read
            started = time.monotonic()
            try:
                return believed(
                    read, self._sdk.request(path, method, query=query, body=body), is_read=is_read
                )
            except Transient as failure:
                # A reply that was not believed has an id too; Notion's support asks for it.
                failure.request_id = failure.request_id or self._transport.request_id
                if failure.is_limit:
                    wait = failure.retry_after or DEFAULT_RETRY_AFTER_SECONDS
                    self.budget.report_limited(wait, reason=failure.reason)
                raise
            finally:
                self._count(f"{method} /v1/{logged_as or path}")
                self._log(method, logged_as or path, started)

        return self._retry.run(attempt, seconds=self._deadline_seconds)

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


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
