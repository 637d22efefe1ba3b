"""JSON of workspace objects, field by field as API version 2026-03-11 sends them.

Version 2025-09-03 differs by carrying `archived` beside `in_trash`; both are rendered from here.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from integrations.sandbox.columns import IN_BLOCK, INLINE, LOCKED, PUBLIC, TRASHED
from integrations.sandbox.generator import WORKSPACE
from integrations.sandbox.ids import INDEX_MASK, Kind, code_of, kind_of
from integrations.sandbox.properties import properties_json
from integrations.sandbox.store import Store, minute_text
from integrations.sandbox.tables import schema_json
from integrations.sandbox.values import Json, rich_text, user_ref

_WORD = re.compile(r"[A-Za-z0-9]+")

BLOCKS_PER_PAGE = 16
CONTAINER = BLOCKS_PER_PAGE - 1  # the toggle that holds child pages whose parent is a block

NEWEST_VERSION = "2026-03-11"
OLDER_VERSION = "2025-09-03"
VERSIONS = (NEWEST_VERSION, OLDER_VERSION)


_encode = json.JSONEncoder(separators=(",", ":")).encode  # kept: making an encoder costs more than using it


def dumps(value: Any) -> bytes:
    """Return JSON as bytes; ASCII only, so that a lone surrogate in a title survives as an escape."""
    return _encode(value).encode("ascii")


def icon_json(store: Store, code: int) -> Json | None:
    """Return an object's icon: what was written, or its generated emoji."""
    written = store.overrides.get(code)
    if written and "icon" in written:
        icon: Json | None = written["icon"]
        return icon
    emoji = store.icon(code)
    return {"type": "emoji", "emoji": emoji} if emoji else None


def address(store: Store, code: int, *, host: str = "app.notion.com/p") -> str:
    """Return the web address of a page or database."""
    words = _WORD.findall(store.title(code)[:60])
    plain = store.uuid(code).replace("-", "")
    return f"https://{host}/{'-'.join([*words, plain])}"


def parent_json(store: Store, code: int) -> Json:
    """Return the parent of a page or database."""
    if (changed := store.overrides.get(code)) and "parent" in changed:
        return dict(changed["parent"])
    columns, index = store.at(code)
    parent = columns.parent[index]
    if parent == WORKSPACE:
        return {"type": "workspace", "workspace": True}
    if columns.flags[index] & IN_BLOCK:
        block = code_of(Kind.BLOCK, (parent & INDEX_MASK) * BLOCKS_PER_PAGE + CONTAINER)
        return {"type": "block_id", "block_id": store.uuid(block)}
    kind = kind_of(parent)
    if kind is Kind.DATA_SOURCE:
        database = store.data_sources.parent[parent & INDEX_MASK]
        return {
            "type": "data_source_id",
            "data_source_id": store.uuid(parent),
            "database_id": store.uuid(database),
        }
    name = "page_id" if kind is Kind.PAGE else "database_id"
    return {"type": name, name: store.uuid(parent)}


def page_json(store: Store, code: int, *, only: Sequence[str] | None = None) -> Json:
    """Return a page or row; `only` names the properties to keep, by id or name."""
    columns, index = store.at(code)
    flags = columns.flags[index]
    created, edited = store.times(code)
    author, editor = (user_ref(store.author(code, last=last)) for last in (False, True))
    public = address(store, code, host=f"{store.plan.slug}.notion.site") if flags & PUBLIC else None
    return {
        "object": "page",
        "id": store.uuid(code),
        "created_time": created,
        "last_edited_time": edited,
        "created_by": author,
        "last_edited_by": editor,
        "cover": store.overrides.get(code, {}).get("cover"),
        "icon": icon_json(store, code),
        "parent": parent_json(store, code),
        "in_trash": bool(flags & TRASHED),
        "is_archived": False,
        "is_locked": bool(flags & LOCKED),
        "properties": properties_json(store, code, only),
        "url": address(store, code),
        "public_url": public,
    }


def title_runs(store: Store, code: int) -> list[Json]:
    """Return the title of a database or data source as rich text."""
    runs: list[Json] | None = store.overrides.get(code, {}).get("title_runs")
    return rich_text(store.title(code)) if runs is None else runs


def _description(store: Store, source: int) -> list[Json]:
    if source in store.overlay.made:
        return []
    return rich_text("Kept by the team lead.") if (source & INDEX_MASK) % 3 == 0 else []


def database_json(store: Store, code: int) -> Json:
    """Return a database: a container that lists its data sources and has no properties of its own."""
    columns, index = store.at(code)
    return {
        "object": "database",
        "id": store.uuid(code),
        "title": title_runs(store, code),
        "description": store.overrides.get(code, {}).get("description", []),
        "parent": parent_json(store, code),
        "is_inline": bool(columns.flags[index] & INLINE),
        "in_trash": bool(columns.flags[index] & TRASHED),
        "is_locked": bool(columns.flags[index] & LOCKED),
        "created_time": _exact_time(store, code, columns.created[index]),
        "last_edited_time": _exact_time(store, code, columns.edited[index]),
        "data_sources": [{"id": store.uuid(s), "name": store.title(s)} for s in store.children(code)],
        "icon": icon_json(store, code),
        "cover": store.overrides.get(code, {}).get("cover"),
        "url": address(store, code),
        "public_url": None,
    }


def _exact_time(store: Store, code: int, minute: int) -> str:
    """Databases alone carry milliseconds, and an offset instead of a Z."""
    dice = store.dice(code)
    moment = datetime.fromtimestamp(minute * 60 + dice[24] % 60, UTC).replace(microsecond=dice[25] * 3000)
    return moment.isoformat(timespec="milliseconds")


def data_source_json(store: Store, code: int) -> Json:
    """Return a data source with its schema."""
    columns, index = store.at(code)
    database = columns.parent[index]
    return {
        "object": "data_source",
        "id": store.uuid(code),
        "cover": store.overrides.get(code, {}).get("cover"),
        "icon": icon_json(store, code),
        "created_time": minute_text(columns.created[index]),
        "created_by": user_ref(store.author(code, last=False)),
        "last_edited_by": user_ref(store.author(code, last=True)),
        "last_edited_time": minute_text(columns.edited[index]),
        "title": title_runs(store, code),
        "description": _description(store, code),
        "is_inline": bool(store.flags(database) & INLINE),
        "properties": schema_json(store, code),
        "parent": {"type": "database_id", "database_id": store.uuid(database)},
        "database_parent": parent_json(store, database),
        "url": address(store, database),
        "public_url": None,
        "in_trash": bool(columns.flags[index] & TRASHED),
    }


_SHAPES = {Kind.DATABASE: database_json, Kind.DATA_SOURCE: data_source_json}
_MAX_RENDERED = 60_000  # objects; about 80 MB


def render(store: Store, code: int, *, version: str, only: tuple[str, ...] | None = None) -> bytes:
    """Return an object's JSON, cached: serving must never be what a benchmark measures."""
    key = (code, version if only is None else f"{version}{only}")
    cached = store.rendered.get(key)
    if cached is not None:
        return cached
    changes = store.version
    kind = kind_of(code)
    shape = page_json(store, code, only=only) if kind is Kind.PAGE else _SHAPES[kind](store, code)
    if version == OLDER_VERSION:
        shape["archived"] = shape["in_trash"]
    body = dumps(shape)
    if len(store.rendered) >= _MAX_RENDERED:
        store.rendered.clear()
    if changes == store.version:  # otherwise someone edited while this was rendered
        store.rendered[key] = body
    return body
