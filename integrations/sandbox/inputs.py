"""Checking what a write's body holds, piece by piece, refusing in Notion's words."""

import json
import math
from typing import Any

from integrations.sandbox.errors import ApiError, invalid
from integrations.sandbox.ids import is_uuid

Json = dict[str, Any]

MAX_BODY_BYTES = 500_000
MAX_URL = 2000
_SHOWN = 200  # characters of a wrong value that a message repeats


class _Missing:
    """What stands where nothing was sent: null is something."""


MISSING = _Missing()


def wrong(where: str, wanted: str, value: Any) -> ApiError:
    """Return the refusal of a value in its place."""
    shown = "undefined" if value is MISSING else json.dumps(value, default=str)[:_SHOWN]
    return invalid(f"body failed validation: {where} should be {wanted}, instead was `{shown}`.")


def an_object(value: Any, where: str) -> Json:
    """Return a value that is an object."""
    if not isinstance(value, dict):
        raise wrong(where, "an object" if value is not MISSING else "defined", value)
    return value


def only(given: Json, known: tuple[str, ...], where: str) -> Json:
    """Return an object that has none but known fields."""
    for name in given:
        if name not in known:
            raise wrong(f"{where}.{name}", "not present", given[name])
    return given


def an_array(value: Any, where: str, *, most: int = 100) -> list[Any]:
    """Return a value that is an array of at most so many elements."""
    if not isinstance(value, list):
        raise wrong(where, "an array" if value is not MISSING else "defined", value)
    if len(value) > most:
        raise wrong(f"{where}.length", f"≤ `{most}`", len(value))
    return value


def a_text(value: Any, where: str, *, most: int = 2000) -> str:
    """Return a value that is a string of at most so many UTF-16 units, which is how Notion counts."""
    if not isinstance(value, str):
        raise wrong(where, "a string" if value is not MISSING else "defined", value)
    length = len(value.encode("utf-16-le", "surrogatepass")) // 2
    if length > most:
        raise wrong(f"{where}.length", f"≤ `{most}`", length)
    return value


def a_flag(value: Any, where: str) -> bool:
    """Return a value that is true or false."""
    if not isinstance(value, bool):
        raise wrong(where, "a boolean", value)
    return value


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite number: Python's JSON reads NaN, Notion's does not."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def an_id(value: Any, where: str) -> str:
    """Return a value that is a UUID."""
    if not isinstance(value, str) or not is_uuid(value):
        raise wrong(where, "a valid uuid" if value is not MISSING else "defined", value)
    return value


def one_of(given: Json, kinds: tuple[str, ...], where: str) -> str:
    """Return which of the alternatives an object holds: the named `type`, or the only one there."""
    kind = given.get("type")
    if kind is not None and kind not in kinds:
        raise wrong(f"{where}.type", " or ".join(f'`"{k}"`' for k in kinds[:12]), kind)
    found = [k for k in kinds if k in given]
    if kind is not None and kind in found:
        return str(kind)
    if kind is None and len(found) == 1:
        return found[0]
    if kind is None and not found:
        parts = " ".join(f"{where}.{k} should be defined, instead was `undefined`." for k in kinds[:12])
        raise invalid(f"body failed validation. Fix one: {parts}" if len(kinds) > 1 else _single(parts))
    if kind is None:
        raise wrong(f"{where}.{found[1]}", "not present", given[found[1]])
    raise wrong(f"{where}.{kind}", "defined", MISSING)


def _single(parts: str) -> str:
    return f"body failed validation: {parts}"


def icon_of(value: Any, where: str) -> Json | None:
    """Return an icon: an emoji, an address, or null for none."""
    if value is None:
        return None
    given = only(an_object(value, where), ("type", "emoji", "external"), where)
    if one_of(given, ("emoji", "external"), where) == "external":
        return _external(given["external"], f"{where}.external")
    return {"type": "emoji", "emoji": a_text(given["emoji"], f"{where}.emoji", most=32)}


def cover_of(value: Any, where: str) -> Json | None:
    """Return a cover: an address, or null for none."""
    if value is None:
        return None
    given = only(an_object(value, where), ("type", "external"), where)
    one_of(given, ("external",), where)
    return _external(given["external"], f"{where}.external")


def _external(value: Any, where: str) -> Json:
    given = only(an_object(value, where), ("url",), where)
    return {
        "type": "external",
        "external": {"url": a_text(given.get("url", MISSING), f"{where}.url", most=MAX_URL)},
    }
