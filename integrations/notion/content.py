"""Notion's content, for governed access: what it answers is passed on whole and kept nowhere.

Policy, roots and the record are asked before anything of this (``integrations/gateway``). Scans never use it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from integrations.notion.address import checked_id
from integrations.notion.door import Door
from integrations.notion.errors import NotionUnavailable
from integrations.notion.wire import check_list

Json = dict[str, Any]
PAGE_SIZE = 100
# By which a parent is found; of several, the container that is looked at first.
PARENT_IDS = ("database_id", "data_source_id", "page_id", "block_id")


class NotionContent(Door):
    """One connection's content, to read and to write.

    Every method raises ValueError, before any call, for an id that is not a UUID; NotionNotShared;
    NotionCapabilityMissing; NotionRefused for what Notion calls invalid. Writes raise besides NotionSaved,
    NotionOutcomeUnknown and NotionConflict.
    """

    def search(
        self, *, query: str = "", kind: str | None = None, cursor: str | None = None, size: int = PAGE_SIZE
    ) -> Json:
        """Return pages and data sources by title, newest edit first; ``kind`` is one of the two.

        Source: developers.notion.com/reference/post-search
        """
        body = _given(
            query=query or None,
            filter={"property": "object", "value": kind} if kind else None,
            sort={"timestamp": "last_edited_time", "direction": "descending"},
            start_cursor=cursor,
            page_size=size,
        )
        return self._call("POST", "search", _list, body=body)

    def page(self, page_id: str | UUID) -> Json:
        """Source: developers.notion.com/reference/retrieve-a-page"""
        return self._one("pages", page_id)

    def database(self, database_id: str | UUID) -> Json:
        """Source: developers.notion.com/reference/retrieve-database"""
        return self._one("databases", database_id)

    def data_source(self, data_source_id: str | UUID) -> Json:
        """Source: developers.notion.com/reference/retrieve-a-data-source"""
        return self._one("data_sources", data_source_id)

    def block(self, block_id: str | UUID) -> Json:
        """Source: developers.notion.com/reference/retrieve-a-block"""
        return self._one("blocks", block_id)

    def children(self, block_id: str | UUID, *, cursor: str | None = None, size: int = PAGE_SIZE) -> Json:
        """Return the blocks that stand directly in a page or block.

        Source: developers.notion.com/reference/get-block-children
        """
        path = f"blocks/{checked_id(block_id)}/children"
        query = _given(start_cursor=cursor, page_size=size)
        return self._call("GET", path, _list, query=query, logged_as="blocks/{id}/children")

    def query(
        self,
        data_source_id: str | UUID,
        *,
        condition: Json | None = None,
        sorts: list[Json] | None = None,
        cursor: str | None = None,
        size: int = PAGE_SIZE,
    ) -> Json:
        """Return a data source's rows with their values.

        Source: developers.notion.com/reference/query-a-data-source
        """
        path = f"data_sources/{checked_id(data_source_id)}/query"
        body = _given(filter=condition, sorts=sorts, start_cursor=cursor, page_size=size)
        return self._call("POST", path, _list, body=body, logged_as="data_sources/{id}/query")

    def create_page(
        self, *, parent: Json, properties: Json, children: list[Json] | None = None, icon: Json | None = None
    ) -> Json:
        """Source: developers.notion.com/reference/post-page"""
        body = _given(parent=parent, properties=properties, children=children, icon=icon)
        return self._call("POST", "pages", _object, body=body, is_read=False)

    def update_page(self, page_id: str | UUID, **changes: Any) -> Json:
        """Change ``properties``, ``icon``, ``cover`` or ``in_trash``.

        Source: developers.notion.com/reference/patch-page
        """
        path = f"pages/{checked_id(page_id)}"
        return self._call("PATCH", path, _object, body=changes, logged_as="pages/{id}", is_read=False)

    def append(self, block_id: str | UUID, children: list[Json]) -> Json:
        """Add blocks at the end of a page or block; returns them.

        Source: developers.notion.com/reference/patch-block-children
        """
        path = f"blocks/{checked_id(block_id)}/children"
        return self._call(
            "PATCH",
            path,
            _list,
            body={"children": children},
            logged_as="blocks/{id}/children",
            is_read=False,
        )

    def create_database(self, *, parent_page_id: str | UUID, title: str, properties: Json) -> Json:
        """Make a database with one data source that has these properties.

        Source: developers.notion.com/reference/create-a-database
        """
        body = {
            "parent": {"type": "page_id", "page_id": checked_id(parent_page_id)},
            "title": [{"type": "text", "text": {"content": title}}],
            "initial_data_source": {"properties": properties},
        }
        return self._call("POST", "databases", _object, body=body, is_read=False)

    def _one(self, kind: str, object_id: str | UUID) -> Json:
        return self._call("GET", f"{kind}/{checked_id(object_id)}", _object, logged_as=f"{kind}/{{id}}")


def _object(reply: Json) -> Json:
    """Return an object as it is.

    Raises: NotionUnavailable if it has no kind or no id, or if what we go by is not what it should be: a cut
    or foreign reply.
    """
    if not isinstance(reply.get("object"), str) or reply["object"] in ("list", "error"):
        raise NotionUnavailable("the reply is not an object of Notion's")
    _check_id(reply.get("id"))
    _check_parent(reply.get("parent") or {})
    _check_sources(reply.get("data_sources") or [])
    return reply


def _check_parent(parent: object) -> None:
    """Let a parent name what it likes, and the four kinds that are followed by ids."""
    if not isinstance(parent, dict):
        raise NotionUnavailable("the object's parent is none")
    for kind in PARENT_IDS:
        if parent.get(kind) is not None:
            _check_id(parent[kind])


def _check_sources(sources: object) -> None:
    if not isinstance(sources, list) or not all(isinstance(source, dict) for source in sources):
        raise NotionUnavailable("the database's data sources are none")
    for source in sources:
        _check_id(source.get("id"))


def _check_id(value: object) -> None:
    try:
        checked_id(str(value))
    except ValueError:
        raise NotionUnavailable("an id is not a UUID") from None


def _list(reply: Json) -> Json:
    """Return a list as it is.

    Raises: NotionUnavailable if it is none, or says that it goes on without saying where.
    """
    check_list(reply)
    for found in reply["results"]:
        _object(found)
    return reply


def _given(**values: Any) -> Json:
    return {name: value for name, value in values.items() if value is not None}
