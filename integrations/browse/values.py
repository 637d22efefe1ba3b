"""Values of properties as people read them: words without form, and never a link."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from integrations.gateway.text import plain_text
from integrations.notion.replies import read_text

# A rollup holds formulas that hold dates; deeper is nobody's property.
_DEEPEST = 3


def words_of(value: object, *, depth: int = _DEEPEST) -> str:
    """Return a property's value in words; empty for none, and for kinds that are not known."""
    if not isinstance(value, dict) or depth == 0:
        return ""
    kind = value.get("type")
    held = value.get(kind) if isinstance(kind, str) else None
    if held is None:
        return ""
    if kind == "formula":
        return words_of(held, depth=depth - 1)
    if kind == "rollup":
        return _rollup(held, depth - 1)
    reader = _READERS.get(str(kind))
    return reader(held) if reader else ""


def moment_of(value: object) -> datetime | None:
    """Return a time that Notion gave, in UTC."""
    try:
        moment = datetime.fromisoformat(str(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _rollup(held: object, depth: int) -> str:
    if isinstance(held, dict) and isinstance(held.get("array"), list):
        return ", ".join(filter(None, (words_of(each, depth=depth) for each in held["array"])))
    return words_of(held, depth=depth)


def _number(held: object) -> str:
    return f"{held:,}" if isinstance(held, int | float) and not isinstance(held, bool) else ""


def _name(held: object) -> str:
    return (read_text(held.get("name")) or "") if isinstance(held, dict) else ""


def _names(held: object) -> str:
    return ", ".join(filter(None, map(_name, held))) if isinstance(held, list) else ""


def _people(held: object) -> str:
    # Without the capability to read users, a person is an id.
    named = [_name(each) or "somebody" for each in held] if isinstance(held, list) else []
    return ", ".join(named)


def _day(value: object) -> str:
    moment = moment_of(value)
    if moment is None:
        return ""
    return (
        f"{moment.day} {moment:%b %Y}" if len(str(value)) == 10 else f"{moment.day} {moment:%b %Y, %H:%M} UTC"
    )


def _date(held: object) -> str:
    ends = [held.get("start"), held.get("end")] if isinstance(held, dict) else []
    return " – ".join(filter(None, map(_day, ends)))


def _relation(held: object) -> str:
    count = len(held) if isinstance(held, list) else 0
    return f"{count} page{'' if count == 1 else 's'}" if count else ""


def _unique_id(held: object) -> str:
    if not isinstance(held, dict) or not isinstance(held.get("number"), int):
        return ""
    prefix = read_text(held.get("prefix"))
    return f"{prefix}-{held['number']}" if prefix else str(held["number"])


def _state(held: object) -> str:
    return (read_text(held.get("state")) or "").capitalize() if isinstance(held, dict) else ""


def _text(held: object) -> str:
    return read_text(held) or ""


def _yes_or_no(held: object) -> str:
    return "Yes" if held is True else "No"


_READERS: dict[str, Callable[[Any], str]] = {
    "title": plain_text,
    "rich_text": plain_text,
    "number": _number,
    "select": _name,
    "status": _name,
    "multi_select": _names,
    "files": _names,
    "people": _people,
    "date": _date,
    "checkbox": _yes_or_no,
    "boolean": _yes_or_no,
    "string": _text,
    "url": _text,
    "email": _text,
    "phone_number": _text,
    "created_time": _day,
    "last_edited_time": _day,
    "created_by": lambda held: _people([held]),
    "last_edited_by": lambda held: _people([held]),
    "relation": _relation,
    "unique_id": _unique_id,
    "verification": _state,
}
