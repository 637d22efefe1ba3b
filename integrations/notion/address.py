"""Where Notion is, and which ids may become part of an address."""

from __future__ import annotations

import contextlib
import re
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
# urllib and the HTTP libraries disagree on where a host ends when one of these is in the address.
_UNWANTED = re.compile(r"[\\@?#\s\x00-\x1f]")
_ID = re.compile(
    r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}", re.ASCII | re.IGNORECASE
)


def checked_base_url(base_url: str) -> str:
    """Return the base address without a slash at its end.

    Raises: ValueError unless it is https, or http on loopback: tokens travel in headers.
    """
    with contextlib.suppress(ValueError):
        if not _UNWANTED.search(base_url) and _is_safe(urlsplit(base_url)):
            return base_url.rstrip("/")
    raise ValueError("NOTION_API_BASE_URL must start with https://; http is for loopback only.")


def _is_safe(parts: SplitResult) -> bool:
    """Tell whether it is a host that tokens may be sent to.

    Raises: ValueError, from the standard library, for a port that is none.
    """
    host = parts.hostname or ""
    # Both HTTP libraries let out errors of their own for a host with an empty part.
    if "" in host.removesuffix(".").split(".") or parts.port == 0:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)


def checked_id(value: str | UUID) -> str:
    """Return an id in Notion's form; the SDK itself lets ``?``, ``#`` and ``/`` through.

    Raises: ValueError if it is not a UUID.
    """
    # UUID() alone takes braces, underscores and spaces for a UUID.
    if _ID.fullmatch(str(value)):
        return str(UUID(str(value)))
    raise ValueError("A Notion id is a UUID, such as 231674b6-1f0a-4f1e-9d0b-2f6c1c2b6f3a.")
