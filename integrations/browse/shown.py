"""What the browse pages show of the gateway's answers: titles, times, words, and links that we made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from integrations.browse.values import moment_of, words_of
from integrations.notion.replies import read_text, title_of
from tenants.roots import notion_link

Json = Mapping[str, Any]
_KINDS = {"page": "page", "data_source": "database", "database": "database"}
_BELOW = {"child_page": "page", "child_database": "database"}
# A table that is read and not worked in: its title, and so many columns more.
_MOST_COLUMNS = 5


@dataclass(frozen=True)
class Hit:
    """A page or a database in a list. ``source`` is the data source that is meant of a database."""

    id: UUID
    kind: str
    title: str
    edited_at: datetime | None = None
    in_notion: str = ""
    source: UUID | None = None


@dataclass(frozen=True)
class Page:
    id: UUID
    title: str
    edited_at: datetime | None
    in_notion: str
    facts: list[tuple[str, str]]


@dataclass(frozen=True)
class Row:
    hit: Hit
    cells: list[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """Rows of one data source; ``left_out`` columns are not shown."""

    columns: list[str]
    rows: list[Row]
    left_out: int


def hit_of(found: Json) -> Hit:
    """Return what a list shows of a search result."""
    kind = _KINDS.get(str(found.get("object")), "other")
    own = UUID(str(found["id"]))
    database = _database_of(found) or own
    return Hit(
        id=database if kind == "database" else own,
        kind=kind,
        title=_title(found),
        edited_at=moment_of(found.get("lastEditedTime") or found.get("last_edited_time")),
        in_notion=address_of(found),
        source=own if kind == "database" else None,
    )


def page_of(found: Json) -> Page:
    properties = found.get("properties")
    described = properties.items() if isinstance(properties, dict) else ()
    facts = [(read_text(name) or "", words_of(value)) for name, value in described if not _is_title(value)]
    return Page(
        id=UUID(str(found["id"])),
        title=_title(found),
        edited_at=moment_of(found.get("last_edited_time")),
        in_notion=address_of(found),
        facts=[fact for fact in facts if fact[1]],
    )


def below(blocks: list[Any]) -> list[Hit]:
    """Return the pages and databases that stand in a page."""
    found = []
    for block in blocks:
        kind = _BELOW.get(str(block.get("type")))
        if kind:
            held = block.get(block["type"])
            title = read_text(held.get("title")) if isinstance(held, dict) else None
            found.append(Hit(id=UUID(str(block["id"])), kind=kind, title=title or ""))
    return found


def table_of(schema: Json, rows: list[Any]) -> Table:
    """Return rows with their title and the first columns of their schema."""
    names = [str(name) for name, value in schema.items() if not _is_title(value)]
    shown = names[:_MOST_COLUMNS]
    return Table(
        columns=[read_text(name) or "" for name in shown],
        rows=[Row(hit_of(row), _cells(row, shown)) for row in rows],
        left_out=len(names) - len(shown),
    )


def address_of(found: Json) -> str:
    """Return where an object stands in Notion.

    Its own address if that leads into Notion; else one that is made of its id.
    """
    link = notion_link(read_text(found.get("url")) or "")
    if link is not None:
        return link.geturl()
    made_of = _database_of(found) if found.get("object") == "data_source" else None
    return f"https://www.notion.so/{(made_of or UUID(str(found['id']))).hex}"


def _cells(row: Json, columns: list[str]) -> list[tuple[str, str]]:
    properties = row.get("properties")
    values = properties if isinstance(properties, dict) else {}
    return [(read_text(name) or "", words_of(values.get(name))) for name in columns]


def _title(found: Json) -> str:
    title = found.get("title")
    return title if isinstance(title, str) else title_of(found)


def _is_title(value: object) -> bool:
    return isinstance(value, dict) and value.get("type") == "title"


def _database_of(found: Json) -> UUID | None:
    parent = found.get("parent")
    try:
        return UUID(parent["database_id"]) if isinstance(parent, dict) else None
    except (KeyError, ValueError, AttributeError, TypeError):
        return None
