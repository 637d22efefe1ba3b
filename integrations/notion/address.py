"""Which ids may become part of an address."""

from __future__ import annotations

import re
from uuid import UUID

_ID = re.compile(
    r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}", re.ASCII | re.IGNORECASE
)


def checked_id(value: str | UUID) -> str:
    """Return an id in Notion's form; the SDK itself lets ``?``, ``#`` and ``/`` through.

    Raises: ValueError if it is not a UUID.
    """
    # UUID() alone takes braces, underscores and spaces for a UUID.
    if _ID.fullmatch(str(value)):
        return str(UUID(str(value)))
    raise ValueError("A Notion id is a UUID, such as 231674b6-1f0a-4f1e-9d0b-2f6c1c2b6f3a.")
