"""What is stored of an object, made of what the door kept of Notion's reply."""

from __future__ import annotations

import enum
import functools
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from integrations.notion.replies import CANONICAL_ID
from scans.models import Version

# Longer ones are cut: PostgreSQL keeps them, but nobody reads a megabyte of title.
TITLE_CHARACTERS = 2_000
_SHORT = 32
# As a URN and in braces, an id has 47 characters.
_SHORTEST_NO_ID = 48
LIVE, TRASHED = Version.State.LIVE.value, Version.State.TRASHED.value


class Standing(enum.StrEnum):
    """How a person belongs to the workspace. Guests are not listed, and found as authors only."""

    MEMBER = "member"
    GUEST = "guest"
    UNRESOLVED = "unresolved"


class Metadata(NamedTuple):
    """One object as a scan saw it, as texts that PostgreSQL reads and that are the same for the same thing.

    Ids are written with hyphens, times in UTC; ``structure`` is canonical JSON. Not as values of Python's,
    which were made and written again for each.
    """

    object_id: str
    kind: str
    state: str
    title: str
    parent_kind: str
    parent_id: str | None
    created_at: str | None
    edited_at: str | None
    created_by: str | None
    edited_by: str | None
    is_archived: bool
    is_locked: bool
    is_public: bool
    icon: str
    structure: str | None

    @property
    def digest(self) -> str:
        """Return a fingerprint of everything that is stored, as 32 hexadecimal digits."""
        return hashlib.blake2b(repr(tuple(self)).encode(), digest_size=16).hexdigest()


COLUMNS = Metadata._fields


def read(found: Mapping[str, Any]) -> Metadata:
    """Return what is stored of an object that the door gave."""
    kind = found.get("object")
    parent = found.get("parent") or {}
    parent_kind = str(parent.get("type") or "")
    structure = found.get("schema", found.get("data_sources"))
    if kind == "user":
        structure = {"standing": found.get("standing"), "type": found.get("type")}
    return Metadata(
        # Kinds that nobody knows yet may have ids of another form.
        object_id=_id(found["id"]) or str(uuid5(NAMESPACE_URL, f"{kind}:{found['id']}")),
        kind=str(kind or "unknown")[:16],
        state=TRASHED if found.get("in_trash") is True else LIVE,
        title=str(found.get("title") or found.get("name") or "")[:TITLE_CHARACTERS],
        parent_kind=parent_kind[:_SHORT],
        parent_id=_known_id(parent.get(parent_kind)),
        created_at=_time(found.get("created_time")),
        edited_at=_time(found.get("last_edited_time")),
        created_by=_known_id(found.get("created_by")),
        edited_by=_known_id(found.get("last_edited_by")),
        is_archived=found.get("is_archived") is True,
        is_locked=found.get("is_locked") is True,
        is_public=bool(found.get("public_url")),
        icon=str(found.get("icon") or "")[:_SHORT],
        structure=json.dumps(structure, sort_keys=True) if structure is not None else None,
    )


def is_partial(found: Mapping[str, Any]) -> bool:
    """Say whether Notion named an object and nothing of it, as lists sometimes do."""
    return found.get("object") in ("page", "data_source") and found.get("created_time") is None


def unresolved_person(user_id: UUID) -> Metadata:
    """Return what is stored of somebody who made or edited something, and whom Notion does not know."""
    person = {"object": "user", "id": str(user_id), "standing": Standing.UNRESOLVED.value}
    return read(person)._replace(state=Version.State.VANISHED.value)


def vanished(gone: Version) -> Metadata:
    """Return what is stored of an object that is not there any more: all that was known of it."""
    structure = None if gone.structure is None else json.dumps(gone.structure, sort_keys=True)
    known = {name: _as_text(getattr(gone, name)) for name in COLUMNS}
    return Metadata(**known | {"state": Version.State.VANISHED.value, "structure": structure})


def _as_text(value: Any) -> Any:
    if isinstance(value, datetime):
        return _written(value)
    return str(value) if isinstance(value, UUID) else value


def _id(value: object) -> str | None:
    if isinstance(value, str) and CANONICAL_ID.fullmatch(value):
        return value
    try:
        return str(UUID(str(value)))
    except ValueError:
        return None


# Few people and parents stand in many objects.
_cached_id = functools.lru_cache(maxsize=4096)(_id)


def _known_id(value: object) -> str | None:
    # A cache keeps what it is asked for, and whatever is longer is no id.
    return _cached_id(value) if isinstance(value, str) and len(value) < _SHORTEST_NO_ID else None


def _time(value: object) -> str | None:
    moment = time_of(value)
    if moment is None:
        return None
    # As Notion writes it, to the sign: Python reads more than PostgreSQL does, such as a decimal comma.
    if isinstance(value, str) and len(value) == 24 and value[4:20:3] + value[23] == "--T::.Z":
        return value
    return _written(moment)


def _written(moment: datetime) -> str:
    """Write a time as Notion does."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def time_of(value: object) -> datetime | None:
    """Read a time; Notion writes some with Z and some with an offset, and none without either."""
    try:
        moment = datetime.fromisoformat(str(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
