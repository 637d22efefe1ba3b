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
from integrations.sandbox.ids import INDEX_MASK, KIND_SHIFT, Kind, code_of, kind_of
from integrations.sandbox.schemas import SCHEMAS, property_id
from integrations.sandbox.store import Store, minute_text
from integrations.sandbox.values import Json, RowFacts, property_value, rich_text, schema_property

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


def user_ref(uuid: str) -> Json:
    """Return the partial user that objects name their authors with."""
    return {"object": "user", "id": uuid}


def emoji(icon: str | None) -> Json | None:
    """Return an icon object."""
    return {"type": "emoji", "emoji": icon} if icon else None


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
    created, edited = minute_text(columns.created[index]), minute_text(columns.edited[index])
    author, editor = (user_ref(store.author(code, last=last)) for last in (False, True))
    public = address(store, code, host=f"{store.plan.slug}.notion.site") if flags & PUBLIC else None
    return {
        "object": "page",
        "id": store.uuid(code),
        "created_time": created,
        "last_edited_time": edited,
        "created_by": author,
        "last_edited_by": editor,
        "cover": None,
        "icon": emoji(store.icon(code)),
        "parent": parent_json(store, code),
        "in_trash": bool(flags & TRASHED),
        "is_archived": False,
        "is_locked": bool(flags & LOCKED),
        "properties": _properties(store, code, only, created, edited, author, editor),
        "url": address(store, code),
        "public_url": public,
    }


def _properties(
    store: Store, code: int, only: Sequence[str] | None, created: str, edited: str, author: Json, editor: Json
) -> Json:
    title = {
        "id": "title",
        "type": "title",
        "title": rich_text(store.title(code), split=code % 17 == 5),
    }
    parent = store.parent(code)
    if parent >> KIND_SHIFT != Kind.DATA_SOURCE:
        return {"title": title} if only is None or "title" in only else {}
    schema = store.data_sources.style[parent & INDEX_MASK]
    columns = SCHEMAS[schema].columns
    wanted = [i for i, (name, _) in enumerate(columns) if only is None or _is_wanted(schema, i, name, only)]
    if wanted == [0]:
        return {columns[0][0]: title}
    facts = RowFacts(
        dice=store.dice(code),
        number=code & INDEX_MASK,
        created=created,
        edited=edited,
        author=author,
        editor=editor,
        related=_related(store, code, parent),
        source=parent,
    )
    return {columns[i][0]: property_value(schema, i, facts) if i else title for i in wanted}


def _is_wanted(schema: int, column: int, name: str, only: Sequence[str]) -> bool:
    return property_id(schema, column) in only or name in only


def _related(store: Store, code: int, source: int) -> list[str]:
    """Relate a row to the one before it in the same table, where its dice say so."""
    before = code - 1
    related = store.dice(code)[6] % 3 == 0 and (before & INDEX_MASK) > 0
    return [store.uuid(before)] if related and store.parent(before) == source else []


def database_json(store: Store, code: int) -> Json:
    """Return a database: a container that lists its data sources and has no properties of its own."""
    columns, index = store.at(code)
    title = rich_text(store.title(code))
    return {
        "object": "database",
        "id": store.uuid(code),
        "title": title,
        "description": [],
        "parent": parent_json(store, code),
        "is_inline": bool(columns.flags[index] & INLINE),
        "in_trash": bool(columns.flags[index] & TRASHED),
        "is_locked": bool(columns.flags[index] & LOCKED),
        "created_time": _exact_time(store, code, columns.created[index]),
        "last_edited_time": _exact_time(store, code, columns.edited[index]),
        "data_sources": [{"id": store.uuid(s), "name": store.title(s)} for s in store.children(code)],
        "icon": emoji(store.icon(code)),
        "cover": None,
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
    schema = columns.style[index]
    target = (store.uuid(database), store.uuid(code))
    return {
        "object": "data_source",
        "id": store.uuid(code),
        "cover": None,
        "icon": emoji(store.icon(code)),
        "created_time": minute_text(columns.created[index]),
        "created_by": user_ref(store.author(code, last=False)),
        "last_edited_by": user_ref(store.author(code, last=True)),
        "last_edited_time": minute_text(columns.edited[index]),
        "title": rich_text(store.title(code)),
        "description": rich_text("Kept by the team lead.") if index % 3 == 0 else [],
        "is_inline": bool(store.flags(database) & INLINE),
        "properties": {
            name: schema_property(schema, i, target=target)
            for i, (name, _) in enumerate(SCHEMAS[schema].columns)
        },
        "parent": {"type": "database_id", "database_id": target[0]},
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
