"""What a write names besides the place it goes to: Notion shows such objects there, and changes some."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from integrations.notion.address import checked_id
from integrations.notion.content import PARENT_IDS
from notionscan.errors import Invalid

# Each is looked up, with what it stands in.
MOST_REFERENCES = 50
# A mention names it like this.
_MENTIONED = ("page", "database", "data_source")


def references_of(body: Any) -> set[tuple[str, str]]:
    """Return the objects that properties or blocks name, each as the kind of its id and the id.

    Raises: Invalid for what names an object by something else than a UUID, and for too many.
    """
    found = {(kind, _id(value)) for kind, value in _named(body)}
    if len(found) > MOST_REFERENCES:
        raise Invalid(
            f"A service account with roots names at most {MOST_REFERENCES} other pages in a request; "
            "write the rest in another one."
        )
    return found


def _named(body: Any) -> Iterator[tuple[str, Any]]:
    waiting = [body]
    while waiting:
        here = waiting.pop()
        if isinstance(here, list | tuple):
            waiting += here
        elif isinstance(here, dict):
            for name, value in here.items():
                yield from _named_by(name, value)
            waiting += here.values()


def _named_by(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    # A synced block and a link name their object as a parent is named.
    if name in PARENT_IDS and isinstance(value, str):
        yield name, value
    elif name in _MENTIONED and isinstance(value, dict) and "id" in value:
        yield f"{name}_id", value["id"]
    elif name == "relation" and isinstance(value, list):
        yield from (("page_id", each["id"]) for each in value if isinstance(each, dict) and "id" in each)


def _id(value: Any) -> str:
    try:
        return checked_id(str(value))
    except ValueError as problem:
        raise Invalid(f"The request names an object by what is no id. {problem}") from None
