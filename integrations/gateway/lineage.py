"""Where an object of Notion's stands: its id, and the ids of all that it is in, up to the workspace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from integrations.notion.content import PARENT_IDS, NotionContent
from integrations.notion.errors import NotionNotShared

Json = dict[str, Any]
# Deeper nesting than anybody makes; a chain that goes round ends here too.
_MOST_STEPS = 60
READERS = {
    "page_id": NotionContent.page,
    "block_id": NotionContent.block,
    "database_id": NotionContent.database,
    "data_source_id": NotionContent.data_source,
}


class Lineages:
    """Parents that were looked up for one request, each of them once."""

    def __init__(self, client: NotionContent) -> None:
        self._client = client
        self._parents: dict[str, Json] = {}
        self.lookups = 0

    def of(self, found: Json) -> Iterator[UUID]:
        """Yield the object's id, then its parents'; who knows what is above one that is not shared."""
        yield UUID(str(found["id"]))
        parent = _parent_of(found)
        for _ in range(_MOST_STEPS):
            named = [(kind, parent[kind]) for kind in PARENT_IDS if isinstance(parent.get(kind), str)]
            for _, object_id in named:
                yield UUID(object_id)
            if not named:
                return
            above = self._above(*named[0])
            if above is None:
                return
            parent = above

    def _above(self, kind: str, object_id: str) -> Json | None:
        if object_id not in self._parents:
            self.lookups += 1
            try:
                found = READERS[kind](self._client, object_id)
            except NotionNotShared:
                return None
            self._parents[object_id] = _parent_of(found)
        return self._parents[object_id]


def _parent_of(found: Json) -> Json:
    parent = found.get("parent")
    return parent if isinstance(parent, dict) else {}
