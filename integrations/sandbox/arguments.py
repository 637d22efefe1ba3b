"""Reading a request's arguments, refusing what Notion refuses, in its words."""

import json
from typing import Any

from integrations.sandbox.errors import ApiError, invalid
from integrations.sandbox.ids import is_uuid
from integrations.sandbox.messages import Request
from integrations.sandbox.paging import PAGE_LIMIT


def _wrong(where: str, name: str, wanted: str, value: Any) -> ApiError:
    return invalid(f"{where} failed validation: {where}.{name} should be {wanted}, instead was `{value!r}`.")


def json_object(request: Request) -> dict[str, Any]:
    """Return the request's body; no body counts as an empty object."""
    if not request.body:
        return {}
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise ApiError("invalid_json", "Error parsing JSON body.") from error
    if not isinstance(body, dict):
        raise invalid("body failed validation: body should be an object.")
    return body


def checked_id(text: str, name: str) -> str:
    """Return an id from a path, or raise where it is not a UUID."""
    if not is_uuid(text):
        raise invalid(f'path failed validation: path.{name} should be a valid uuid, instead was `"{text}"`.')
    return text


def page_size(value: Any, where: str) -> int:
    """Return how many results are wanted, 100 where nothing is said."""
    if value is None:
        return PAGE_LIMIT
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(where, "page_size", "a number", value)
    if not 1 <= value <= PAGE_LIMIT:
        bound = f"≤ `{PAGE_LIMIT}`" if value > PAGE_LIMIT else "≥ `1`"
        raise _wrong(where, "page_size", bound, value)
    return value


def cursor_of(arguments: dict[str, Any], where: str) -> str | None:
    """Return the start cursor; unlike a missing one, null is refused."""
    if "start_cursor" not in arguments:
        return None
    cursor = arguments["start_cursor"]
    if not isinstance(cursor, str) or not cursor:
        raise _wrong(where, "start_cursor", "a string", cursor)
    return cursor


def flag_of(arguments: dict[str, Any], name: str, where: str) -> bool:
    """Return a boolean argument, false where nothing is said."""
    value = arguments.get(name, False)
    if not isinstance(value, bool):
        raise _wrong(where, name, "a boolean", value)
    return value


def object_of(arguments: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an object argument, empty where nothing is said."""
    value = arguments.get(name, {})
    if not isinstance(value, dict):
        raise _wrong("body", name, "an object", value)
    return value
