"""What is stored of an object, made of what the door kept of Notion's reply."""

from __future__ import annotations

import enum
import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from scans.models import Version

# Longer ones are cut: PostgreSQL keeps them, but nobody reads a megabyte of title.
TITLE_CHARACTERS = 2_000
_SHORT = 32


class Standing(enum.StrEnum):
    """How a person belongs to the workspace. Guests are not listed, and found as authors only."""

    MEMBER = "member"
    GUEST = "guest"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True)
class Metadata:
    """One object as a scan saw it. Times are in UTC; ``structure`` is canonical JSON."""

    object_id: UUID
    kind: str
    state: str
    title: str
    parent_kind: str
    parent_id: UUID | None
    created_at: datetime | None
    edited_at: datetime | None
    created_by: UUID | None
    edited_by: UUID | None
    is_archived: bool
    is_locked: bool
    is_public: bool
    icon: str
    structure: str | None

    @property
    def digest(self) -> UUID:
        """Return a fingerprint of everything that is stored."""
        # Not astuple(), which copies every id deeply: a third of a scan's time.
        content = repr(tuple(vars(self).values())).encode()
        return UUID(bytes=hashlib.blake2b(content, digest_size=16).digest())


COLUMNS = tuple(field.name for field in fields(Metadata))


def read(found: Mapping[str, Any]) -> Metadata:
    """Return what is stored of an object that the door gave."""
    parent = found.get("parent") or {}
    structure = found.get("schema", found.get("data_sources"))
    if found.get("object") == "user":
        structure = {"standing": found.get("standing"), "type": found.get("type")}
    return Metadata(
        # Kinds that nobody knows yet may have ids of another form.
        object_id=_id(found["id"]) or uuid5(NAMESPACE_URL, f"{found.get('object')}:{found['id']}"),
        kind=str(found.get("object") or "unknown")[:16],
        state=(Version.State.TRASHED if found.get("in_trash") is True else Version.State.LIVE).value,
        title=str(found.get("title") or found.get("name") or "")[:TITLE_CHARACTERS],
        parent_kind=str(parent.get("type") or "")[:_SHORT],
        parent_id=_id(parent.get(str(parent.get("type")))),
        created_at=time_of(found.get("created_time")),
        edited_at=time_of(found.get("last_edited_time")),
        created_by=_id(found.get("created_by")),
        edited_by=_id(found.get("last_edited_by")),
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
    return replace(read(person), state=Version.State.VANISHED.value)


def _id(value: object) -> UUID | None:
    return _uuid(str(value))


# Few people and parents stand in many objects.
@functools.lru_cache(maxsize=4096)
def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def time_of(value: object) -> datetime | None:
    """Read a time; Notion writes some with Z and some with an offset, and none without either."""
    try:
        moment = datetime.fromisoformat(str(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
