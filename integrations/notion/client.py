"""Notion's metadata, for scans and for what the card shows; whatever else a reply holds ends here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from integrations.notion.address import checked_id
from integrations.notion.door import Door
from integrations.notion.replies import Me, Page, read_me, read_object, read_page, read_text, read_user

PAGE_SIZE = 100


class NotionClient(Door):
    """One connection's metadata."""

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


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
