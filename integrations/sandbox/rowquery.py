"""Filters and sorts of data-source queries: by timestamps, and by the common types of property."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.sandbox.errors import invalid
from integrations.sandbox.ids import INDEX_MASK
from integrations.sandbox.inputs import is_number, wrong
from integrations.sandbox.properties import Row
from integrations.sandbox.richtext import plain
from integrations.sandbox.store import Store
from integrations.sandbox.tables import Column, Columns, columns_of, find_column

Test = Callable[[int], bool]
_TIMESTAMPS = ("created_time", "last_edited_time")
_TEXTS = ("title", "rich_text", "url", "email", "phone_number")


def arrange(store: Store, rows: Sequence[int], source: int, body: dict[str, Any]) -> list[int]:
    """Return rows as a query's `filter` and `sorts` want them."""
    columns = columns_of(store, source)
    wanted = body.get("filter")
    if wanted is not None:
        test = _condition(store, columns, wanted, depth=0)
        rows = [row for row in rows if test(row)]
    ordered = list(rows)
    sorts = body.get("sorts", [])
    if not isinstance(sorts, list):
        raise invalid("body failed validation: body.sorts should be an array.")
    for sort in reversed(sorts):  # the first sort counts most, and Python's sorting is stable
        _sort(store, columns, ordered, sort)
    return ordered


def _condition(store: Store, columns: Columns, wanted: Any, *, depth: int) -> Test:
    if not isinstance(wanted, dict) or depth > 2:
        raise invalid(
            "body failed validation: body.filter should be an object, nested at most two levels deep."
        )
    for word, join in (("and", all), ("or", any)):
        if word in wanted:
            if not isinstance(wanted[word], list):
                raise invalid(f"body failed validation: body.filter.{word} should be an array.")
            tests = [_condition(store, columns, part, depth=depth + 1) for part in wanted[word]]
            return lambda row, join=join, tests=tests: join(test(row) for test in tests)  # type: ignore[misc]
    if wanted.get("timestamp") in _TIMESTAMPS:
        timestamp = str(wanted["timestamp"])
        return _time_test(_minutes(store, timestamp), timestamp, wanted.get(timestamp))
    column = find_column(columns, wanted.get("property"))
    if column is None:
        raise invalid(f"Could not find property with name or id: {wanted.get('property')}")
    return _property_test(store, column, wanted)


def _property_test(store: Store, column: Column, wanted: dict[str, Any]) -> Test:
    # Notion takes a condition under the property's own type; text and dates also under a general name.
    alias = "rich_text" if column.type in _TEXTS else "date" if column.type in _TIMESTAMPS else column.type
    condition = wanted.get(column.type, wanted.get(alias))
    if not isinstance(condition, dict) or len(condition) != 1:
        given = next((k for k in wanted if k not in ("property", "type")), "undefined")
        raise invalid(f"database property {column.type} does not match filter {given}")
    if column.type in _TIMESTAMPS:
        return _time_test(_minutes(store, column.type), column.type, condition)
    value = _values(store, column)
    if column.type == "date":
        return _time_test(lambda row: _date_minute(value(row)), "date", condition)
    if column.type in _TEXTS:
        return _text_test(lambda row: _plain(value(row)), column.type, condition)
    if column.type in _SIMPLE:
        return _simple_test(value, column.type, condition)
    raise invalid(f"body failed validation: body.filter.{column.type} is not a filter the sandbox knows.")


def _values(store: Store, column: Column) -> Callable[[int], Any]:
    return lambda row: Row(store, row).value(column)


def _plain(value: Any) -> str:
    return plain(value) if isinstance(value, list) else value or ""


def _minutes(store: Store, timestamp: str) -> Callable[[int], int | None]:
    column = store.pages.created if timestamp == "created_time" else store.pages.edited
    return lambda row: column[row & INDEX_MASK]


def _date_minute(value: Any) -> int | None:
    return None if value is None else _moment(value["start"])


def _moment(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) // 60


def _time_test(minute: Callable[[int], int | None], name: str, condition: Any) -> Test:
    if not isinstance(condition, dict) or len(condition) != 1:
        raise invalid(f"body failed validation: body.filter.{name} should have exactly one condition.")
    ((operator, value),) = condition.items()
    if operator in ("is_empty", "is_not_empty"):
        return lambda row: (minute(row) is None) == (operator == "is_empty")
    start, end = _span(value, name)
    # `start` to `end` is what the value names: one minute, or a whole day for a bare date.
    tests: dict[str, Callable[[int], bool]] = {
        "on_or_after": lambda at: at >= start,
        "after": lambda at: at >= end,
        "on_or_before": lambda at: at < end,
        "before": lambda at: at < start,
        "equals": lambda at: start <= at < end,
    }
    if operator not in tests:
        raise invalid(f"body failed validation: body.filter.{name}.{operator} is not a condition.")
    return lambda row: (at := minute(row)) is not None and tests[operator](at)


def _span(value: Any, name: str) -> tuple[int, int]:
    try:
        start = _moment(value)
    except (TypeError, ValueError) as error:
        raise invalid(
            f"body failed validation: body.filter.{name} should be a valid ISO 8601 date string, "
            f"instead was `{value!r}`."
        ) from error
    return start, start + int(timedelta(days=1).total_seconds()) // 60 if len(value) == 10 else start + 1


def _text_test(text_of: Callable[[int], str], name: str, condition: dict[str, Any]) -> Test:
    ((operator, value),) = condition.items()
    wanted = str(value).lower()
    tests: dict[str, Callable[[str], bool]] = {
        "equals": lambda text: text == wanted,
        "does_not_equal": lambda text: text != wanted,
        "contains": lambda text: wanted in text,
        "does_not_contain": lambda text: wanted not in text,
        "starts_with": lambda text: text.startswith(wanted),
        "ends_with": lambda text: text.endswith(wanted),
        "is_empty": lambda text: not text,
        "is_not_empty": lambda text: bool(text),
    }
    if operator not in tests:
        raise invalid(f"body failed validation: body.filter.{name}.{operator} is not a condition.")
    return lambda row: tests[operator](text_of(row).lower())


def _simple_test(value_of: Callable[[int], Any], kind: str, condition: dict[str, Any]) -> Test:
    ((operator, wanted),) = condition.items()
    test = _SIMPLE[kind].get(operator)
    if test is None:
        raise invalid(f"body failed validation: body.filter.{kind}.{operator} is not a condition.")
    if kind == "number" and operator not in _EMPTY and not is_number(wanted):
        raise wrong(f"body.filter.number.{operator}", "a number", wanted)
    return lambda row: test(value_of(row), wanted)


_Comparison = Callable[[Any, Any], bool]
_EMPTY: dict[str, _Comparison] = {
    "is_empty": lambda value, _: value in (None, []),
    "is_not_empty": lambda value, _: value not in (None, []),
}
_OPTION: dict[str, _Comparison] = _EMPTY | {
    "equals": lambda value, wanted: value is not None and value["name"] == wanted,
    "does_not_equal": lambda value, wanted: value is None or value["name"] != wanted,
}
_MULTI: dict[str, _Comparison] = _EMPTY | {
    "contains": lambda value, wanted: any(o["name"] == wanted for o in value),
    "does_not_contain": lambda value, wanted: all(o["name"] != wanted for o in value),
}
_REFERENCES: dict[str, _Comparison] = _EMPTY | {
    "contains": lambda value, wanted: any(o["id"] == wanted for o in value),
    "does_not_contain": lambda value, wanted: all(o["id"] != wanted for o in value),
}
_NUMBER: dict[str, _Comparison] = _EMPTY | {
    "equals": lambda value, wanted: value == wanted,
    "does_not_equal": lambda value, wanted: value != wanted,
    "greater_than": lambda value, wanted: value is not None and value > wanted,
    "less_than": lambda value, wanted: value is not None and value < wanted,
    "greater_than_or_equal_to": lambda value, wanted: value is not None and value >= wanted,
    "less_than_or_equal_to": lambda value, wanted: value is not None and value <= wanted,
}
_SIMPLE: dict[str, dict[str, _Comparison]] = {
    "select": _OPTION,
    "status": _OPTION,
    "multi_select": _MULTI,
    "people": _REFERENCES,
    "relation": _REFERENCES,
    "number": _NUMBER,
    "checkbox": {
        "equals": lambda value, wanted: value is wanted,
        "does_not_equal": lambda value, wanted: value is not wanted,
    },
}


def _sort(store: Store, columns: Columns, rows: list[int], sort: Any) -> None:
    direction = sort.get("direction", "ascending") if isinstance(sort, dict) else None
    if direction not in ("ascending", "descending"):
        raise invalid(
            "body failed validation: body.sorts should have a direction of `ascending` or `descending`."
        )
    if sort.get("timestamp") in _TIMESTAMPS:
        key: Callable[[int], Any] = _minutes(store, sort["timestamp"])
    else:
        column = find_column(columns, sort.get("property"))
        if column is None:
            raise invalid(f"Could not find sort property with name or id: {sort.get('property')}")
        key = _sort_key(store, column)
    rows.sort(key=key, reverse=direction == "descending")


def _sort_key(store: Store, column: Column) -> Callable[[int], Any]:
    if column.type in _TIMESTAMPS:
        return _minutes(store, column.type)
    value = _values(store, column)
    if column.type in _TEXTS:
        return lambda row: _plain(value(row)).lower()
    if column.type == "date":
        return lambda row: (_date_minute(value(row)) is None, _date_minute(value(row)) or 0)
    if column.type == "number":
        return lambda row: (value(row) is None, value(row) or 0)
    if column.type in ("select", "status"):
        places = {option["name"]: i for i, option in enumerate(column.config["options"])}
        return lambda row: places.get((value(row) or {}).get("name"), len(places))
    raise invalid(f"The sandbox does not sort by a property of type {column.type}.")
