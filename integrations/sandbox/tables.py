"""The columns of data sources: those of the generated schemas, and those written through the API."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from integrations.sandbox.ids import INDEX_MASK, Kind
from integrations.sandbox.schemas import SCHEMAS, property_id
from integrations.sandbox.values import Json, schema_config

if TYPE_CHECKING:
    from integrations.sandbox.store import Store


class Column(NamedTuple):
    """One property of a data source. `id` is plain, `generated` its place in the generated schema, if any."""

    id: str
    name: str
    type: str
    config: Json
    generated: int | None = None


Columns = tuple[Column, ...]


def columns_of(store: Store, source: int) -> Columns:
    """Return a data source's columns, the title's among them."""
    changed = store.overrides.get(source)
    if changed and "columns" in changed:
        columns: Columns = changed["columns"]
        return columns
    return _generated(store.data_sources.style[source & INDEX_MASK])


@cache
def _generated(schema: int) -> Columns:
    return tuple(
        Column(property_id(schema, i), name, kind, schema_config(schema, i), i)
        for i, (name, kind) in enumerate(SCHEMAS[schema].columns)
    )


def find_column(columns: Columns, name: object) -> Column | None:
    """Return the column of this name or id; ids come plain or as shown."""
    if not isinstance(name, str):
        return None
    by_name = next((c for c in columns if c.name == name), None)
    return by_name or next((c for c in columns if name in (c.id, shown_id(c))), None)


@cache
def _quoted(plain: str) -> str:
    return quote(plain, safe="")


def shown_id(column: Column) -> str:
    """Return a column's id as the API shows it: percent-encoded."""
    return _quoted(column.id)


def schema_json(store: Store, source: int) -> Json:
    """Return the `properties` of a data source."""
    return {
        column.name: {
            "id": shown_id(column),
            "name": column.name,
            "description": None,
            "type": column.type,
            column.type: _related(store, source, column) if column.type == "relation" else column.config,
        }
        for column in columns_of(store, source)
    }


def _related(store: Store, source: int, column: Column) -> Json:
    """Return a relation's configuration; generated ones point into their own table."""
    found = store.find(column.config.get("data_source_id", store.uuid(source)), Kind.DATA_SOURCE)
    target = source if found is None else found
    database = store.uuid(store.data_sources.parent[target & INDEX_MASK])
    return {"database_id": database, "data_source_id": store.uuid(target)} | column.config
