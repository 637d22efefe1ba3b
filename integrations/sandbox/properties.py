"""The property values of pages and rows: generated ones, and over them what was written through the API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from integrations.sandbox.ids import INDEX_MASK, KIND_SHIFT, Kind
from integrations.sandbox.tables import Column, columns_of, shown_id
from integrations.sandbox.values import Json, RowFacts, generated_value, rich_text, user_ref

if TYPE_CHECKING:
    from integrations.sandbox.store import Store

_LISTS = ("multi_select", "people", "files", "relation", "rich_text", "title")


class Row:
    """One page's values; what they are made from is worked out only where a value needs it."""

    def __init__(self, store: Store, code: int) -> None:
        self._store = store
        self._code = code
        self._source = store.parent(code)
        self._written: dict[str, Any] = store.overrides.get(code, {})
        self._values: dict[str, Any] = self._written.get("values", {})
        self._is_made = code in store.overlay.made
        self._facts: RowFacts | None = None

    def value(self, column: Column) -> Any:
        """Return the value in a column, without the object around it."""
        if column.type == "title":
            return self.title()
        if column.type in _COMPUTED:
            return _COMPUTED[column.type](self)
        if column.id in self._values:
            return self._values[column.id]
        if column.generated is None or self._is_made:
            return _empty(column)
        schema = self._store.data_sources.style[self._source & INDEX_MASK]
        return generated_value(schema, column.generated, self.facts)

    def title(self) -> list[Json]:
        """Return the title's runs."""
        if "title_runs" in self._written:
            runs: list[Json] = self._written["title_runs"]
            return runs
        return rich_text(self._store.title(self._code), split=self._code % 17 == 5)

    @property
    def facts(self) -> RowFacts:
        """Return what generated and computed values depend on."""
        if self._facts is None:
            store, code = self._store, self._code
            created, edited = store.times(code)
            self._facts = RowFacts(
                dice=store.dice(code),
                number=code & INDEX_MASK,
                created=created,
                edited=edited,
                author=user_ref(store.author(code, last=False)),
                editor=user_ref(store.author(code, last=True)),
                related=self._related(),
                source=self._source,
            )
        return self._facts

    def _related(self) -> list[str]:
        """Relate a row to the one before it in the same table, where its dice say so."""
        store, before = self._store, self._code - 1
        related = store.dice(self._code)[6] % 3 == 0 and (before & INDEX_MASK) > 0
        return [store.uuid(before)] if related and store.parent(before) == self._source else []


# Notion computes these from the page itself; nobody can write them.
_COMPUTED: dict[str, Callable[[Row], Any]] = {
    "created_by": lambda row: row.facts.author,
    "created_time": lambda row: row.facts.created,
    "last_edited_by": lambda row: row.facts.editor,
    "last_edited_time": lambda row: row.facts.edited,
}


def _empty(column: Column) -> Any:
    """Return what an untouched property of a new page holds."""
    if column.type in _LISTS:
        return []
    if column.type == "checkbox":
        return False
    if column.type == "status":  # a status is never empty: new rows start with the first
        return next(iter(column.config["options"]), None)
    return {"type": "string", "string": None} if column.type == "formula" else None


def properties_json(store: Store, code: int, only: Sequence[str] | None) -> Json:
    """Return a page's properties; `only` names those to keep, by id or name."""
    row = Row(store, code)
    parent = store.parent(code)
    if parent >> KIND_SHIFT != Kind.DATA_SOURCE:
        title = {"id": "title", "type": "title", "title": row.title()}
        return {"title": title} if only is None or "title" in only else {}
    return {
        column.name: _shown(column, row.value(column))
        for column in columns_of(store, parent)
        if only is None or column.id in only or column.name in only
    }


def _shown(column: Column, value: Any) -> Json:
    made = {"id": shown_id(column), "type": column.type, column.type: value}
    return {**made, "has_more": False} if column.type == "relation" else made
