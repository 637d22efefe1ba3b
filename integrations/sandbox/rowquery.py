"""Filters and sorts of data-source queries: timestamps and titles, all that a metadata scan may ask for."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.sandbox.errors import invalid
from integrations.sandbox.ids import INDEX_MASK
from integrations.sandbox.schemas import SCHEMAS
from integrations.sandbox.store import Store

Test = Callable[[int], bool]
_TIMESTAMPS = ("created_time", "last_edited_time")


def arrange(store: Store, rows: Sequence[int], schema: int, body: dict[str, Any]) -> list[int]:
    """Return rows as a query's `filter` and `sorts` want them."""
    wanted = body.get("filter")
    if wanted is not None:
        test = _condition(store, schema, wanted, depth=0)
        rows = [row for row in rows if test(row)]
    ordered = list(rows)
    sorts = body.get("sorts", [])
    if not isinstance(sorts, list):
        raise invalid("body failed validation: body.sorts should be an array.")
    for sort in reversed(sorts):  # the first sort counts most, and Python's sorting is stable
        _sort(store, schema, ordered, sort)
    return ordered


def _condition(store: Store, schema: int, wanted: Any, *, depth: int) -> Test:
    if not isinstance(wanted, dict) or depth > 2:
        raise invalid(
            "body failed validation: body.filter should be an object, nested at most two levels deep."
        )
    for word, join in (("and", all), ("or", any)):
        if word in wanted:
            if not isinstance(wanted[word], list):
                raise invalid(f"body failed validation: body.filter.{word} should be an array.")
            tests = [_condition(store, schema, part, depth=depth + 1) for part in wanted[word]]
            return lambda row, join=join, tests=tests: join(test(row) for test in tests)  # type: ignore[misc]
    timestamp = wanted.get("timestamp") or _time_column(schema, wanted.get("property"))
    if timestamp in _TIMESTAMPS:
        return _time_test(store, timestamp, wanted.get(timestamp) or wanted.get("date"))
    if wanted.get("property") in ("title", SCHEMAS[schema].columns[0][0]):
        return _title_test(store, wanted.get("title") or wanted.get("rich_text"))
    raise invalid(f"Could not find property with name or id: {wanted.get('property')}")


def _time_column(schema: int, name: Any) -> str | None:
    return next(
        (kind for column, kind in SCHEMAS[schema].columns if column == name and kind in _TIMESTAMPS), None
    )


def _minutes(store: Store, timestamp: str) -> Callable[[int], int]:
    column = store.pages.created if timestamp == "created_time" else store.pages.edited
    return lambda row: column[row & INDEX_MASK]


def _time_test(store: Store, timestamp: str, condition: Any) -> Test:
    if not isinstance(condition, dict) or len(condition) != 1:
        raise invalid(f"body failed validation: body.filter.{timestamp} should have exactly one condition.")
    ((operator, value),) = condition.items()
    minute = _minutes(store, timestamp)
    if operator in ("is_empty", "is_not_empty"):
        return lambda row: operator == "is_not_empty"
    start, end = _span(value, timestamp)
    # `start` to `end` is what the value names: one minute, or a whole day for a bare date.
    tests: dict[str, Test] = {
        "on_or_after": lambda row: minute(row) >= start,
        "after": lambda row: minute(row) >= end,
        "on_or_before": lambda row: minute(row) < end,
        "before": lambda row: minute(row) < start,
        "equals": lambda row: start <= minute(row) < end,
    }
    if operator not in tests:
        raise invalid(f"body failed validation: body.filter.{timestamp}.{operator} is not a condition.")
    return tests[operator]


def _span(value: Any, timestamp: str) -> tuple[int, int]:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise invalid(
            f"body failed validation: body.filter.{timestamp} should be a valid ISO 8601 date string, "
            f"instead was `{value!r}`."
        ) from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    end = moment + (timedelta(days=1) if len(value) == 10 else timedelta(minutes=1))
    return int(moment.timestamp()) // 60, int(end.timestamp()) // 60


def _title_test(store: Store, condition: Any) -> Test:
    if not isinstance(condition, dict) or len(condition) != 1:
        raise invalid("body failed validation: body.filter.title should have exactly one condition.")
    ((operator, value),) = condition.items()
    text = str(value).lower()
    tests: dict[str, Callable[[str], bool]] = {
        "equals": lambda title: title == text,
        "does_not_equal": lambda title: title != text,
        "contains": lambda title: text in title,
        "does_not_contain": lambda title: text not in title,
        "starts_with": lambda title: title.startswith(text),
        "ends_with": lambda title: title.endswith(text),
        "is_empty": lambda title: not title,
        "is_not_empty": lambda title: bool(title),
    }
    if operator not in tests:
        raise invalid(f"body failed validation: body.filter.title.{operator} is not a condition.")
    return lambda row: tests[operator](store.title(row).lower())


def _sort(store: Store, schema: int, rows: list[int], sort: Any) -> None:
    direction = sort.get("direction", "ascending") if isinstance(sort, dict) else None
    if direction not in ("ascending", "descending"):
        raise invalid(
            "body failed validation: body.sorts should have a direction of `ascending` or `descending`."
        )
    name = sort.get("property")
    timestamp = sort.get("timestamp") or _time_column(schema, name)
    if timestamp in _TIMESTAMPS:
        rows.sort(key=_minutes(store, timestamp), reverse=direction == "descending")
    elif name in ("title", SCHEMAS[schema].columns[0][0]):
        rows.sort(key=lambda row: store.title(row).lower(), reverse=direction == "descending")
    else:
        raise invalid(f"Could not find sort property with name or id: {name}")
