"""The six calls that read. Each returns the step that gives the answer, after its checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from integrations.gateway import arguments
from integrations.gateway.access import Access, data_source_of, named, sources_of
from integrations.gateway.text import text_of
from integrations.notion.content import NotionContent
from integrations.notion.replies import title_of

Json = dict[str, Any]
Step = Callable[[], Json]
# A page's text goes as deep as this many further requests allow; the answer says if there is more.
_NESTED_REQUESTS = 10
_MOST_DATA_SOURCES = 20


def search(access: Access, given: arguments.Search) -> Step:
    def step() -> Json:
        kind = given.filter.value if given.filter else None
        # Databases are found by their data sources; who asks for the older word means them.
        kind = "data_source" if kind == "database" else kind
        reply = access.client.search(query=given.query, kind=kind, cursor=given.cursor, size=given.page_size)
        return listed([_brief(found) for found in access.allowed(reply["results"])], reply)

    return step


def list_databases(access: Access, given: arguments.ListDatabases) -> Step:
    def step() -> Json:
        reply = access.client.search(kind="data_source", cursor=given.cursor, size=given.page_size)
        by_database: dict[str, Json] = {}
        for source in access.allowed(reply["results"]):
            parent = source.get("parent") or {}
            database_id = str(parent.get("database_id") or source["id"])
            new: Json = {"id": database_id, "title": title_of(source), "url": source.get("url")}
            by_database.setdefault(database_id, new | {"dataSources": []})["dataSources"].append(
                named(source)
            )
        return listed(list(by_database.values()), reply)

    return step


def database(access: Access, given: arguments.OneDatabase) -> Step:
    found, sources = sources_of(access, given.id)

    def step() -> Json:
        described = [access.client.data_source(source["id"]) for source in sources[:_MOST_DATA_SOURCES]]
        return {
            "id": found["id"],
            "title": title_of(found),
            "url": found.get("url"),
            "dataSources": [named(each) | {"properties": each.get("properties", {})} for each in described],
            "truncated": len(sources) > _MOST_DATA_SOURCES,
        }

    return step


def query(access: Access, given: arguments.Query) -> Step:
    source_id = data_source_of(access, given.id, given.data_source_id)

    def step() -> Json:
        reply = access.client.query(
            source_id, condition=given.filter, sorts=given.sorts, cursor=given.cursor, size=given.page_size
        )
        status = reply.get("request_status")
        cut = isinstance(status, dict) and status.get("type") == "incomplete"
        return listed(reply["results"], reply) | {"dataSourceId": source_id, "truncatedByNotion": cut}

    return step


def page(access: Access, given: arguments.OnePage) -> Step:
    return lambda: access.allow(access.client.page(given.id))


def blocks(access: Access, given: arguments.Blocks) -> Step:
    access.allow_block(given.id)

    def step() -> Json:
        reply = access.client.children(given.id, cursor=given.cursor, size=given.page_size)
        walk = _Walk(access.client)
        walk.take(reply["results"], depth=0)
        return listed([block for _, block in walk.blocks], reply) | {
            "text": text_of(walk.blocks),
            "truncated": walk.truncated,
        }

    return step


def _brief(found: Json) -> Json:
    """Return what a list shows of an object."""
    return {
        "object": found.get("object"),
        "id": found["id"],
        "title": title_of(found),
        "url": found.get("url"),
        "lastEditedTime": found.get("last_edited_time"),
        "parent": found.get("parent"),
    }


def listed(results: list[Json], reply: Json) -> Json:
    """Return a page of results, and where the next one begins."""
    more = reply["has_more"]
    return {"results": results, "hasMore": more, "nextCursor": reply["next_cursor"] if more else None}


class _Walk:
    """The blocks of a page in their order, with what stands in them, as far as the bound allows."""

    def __init__(self, client: NotionContent) -> None:
        self._client = client
        self._left = _NESTED_REQUESTS
        self.blocks: list[tuple[int, Json]] = []
        self.truncated = False

    def take(self, blocks: list[Json], *, depth: int) -> None:
        for block in blocks:
            self.blocks.append((depth, block))
            if block.get("has_children") is not True or block.get("type") in ("child_page", "child_database"):
                continue
            if not self._left:
                self.truncated = True
                continue
            self._left -= 1
            reply = self._client.children(str(block["id"]))
            self.truncated = self.truncated or reply["has_more"]
            self.take(reply["results"], depth=depth + 1)
