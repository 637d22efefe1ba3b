"""What an event looks like as a row of a Notion database, and which databases can hold such rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from audit.models import Event

Json = dict[str, Any]
TITLE = "Action"
# The types that a column may have; the first is what we make.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    TITLE: ("title",),
    "User": ("rich_text",),
    "Result": ("select", "rich_text"),
    "Resource": ("rich_text",),
    "Timestamp": ("date",),
}
_TEXT_CHARACTERS = 2_000


def new_columns() -> Json:
    """Return the columns of a database that is made for an organization."""
    return {name: {types[0]: {}} for name, types in COLUMNS.items()}


def types_of(source: Json) -> dict[str, str]:
    """Return the type of each of our columns that a data source has, as Notion describes it."""
    properties = source.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    found = {name: properties.get(name) for name in COLUMNS}
    return {name: str(value.get("type")) for name, value in found.items() if isinstance(value, dict)}


def missing(types: Mapping[str, str]) -> list[str]:
    """Return the columns that are not there, or of a type that cannot hold what they are for."""
    return [
        f"{name} ({' or '.join(_WORDS[kind] for kind in allowed)})"
        for name, allowed in COLUMNS.items()
        if types.get(name) not in allowed
    ]


_WORDS = {"title": "the title", "rich_text": "text", "select": "select", "date": "date"}


def title_of(event: Event) -> str:
    """Return the text that names one event and no other, by which a row is found again."""
    return f"{event.action} · event {event.sequence}"


def is_row_of(found: Json, event: Event) -> bool:
    """Tell whether a row with an event's title is that event's, and not of another organization's log.

    Two that share a database have the same titles. Notion may keep less of a time than was given, so that
    minutes count.
    """
    properties = found.get("properties")
    value = properties.get("Timestamp") if isinstance(properties, dict) else None
    date = value.get("date") if isinstance(value, dict) else None
    try:
        start = datetime.fromisoformat(date["start"]) if isinstance(date, dict) else None
    except (KeyError, TypeError, ValueError):
        return False
    if start is None:
        return False
    moment = start if start.tzinfo else start.replace(tzinfo=UTC)
    return abs(moment - event.created_at) < timedelta(minutes=1)


def row(event: Event, types: Mapping[str, str]) -> Json:
    """Return an event's values. All texts are plain: a formula or a mention in a name stays what it is."""
    resource = " ".join(filter(None, (event.target_type, event.target_label or event.target_id)))
    return {
        TITLE: {"title": _text(title_of(event))},
        "User": {"rich_text": _text(event.actor_label)},
        "Result": {"select": {"name": event.result}}
        if types["Result"] == "select"
        else {"rich_text": _text(event.result)},
        "Resource": {"rich_text": _text(resource)},
        "Timestamp": {"date": {"start": event.created_at.astimezone(UTC).isoformat(timespec="milliseconds")}},
    }


def _text(content: str) -> list[Json]:
    return [{"type": "text", "text": {"content": content[:_TEXT_CHARACTERS]}}] if content else []
