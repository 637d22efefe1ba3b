"""Where Notion is, and which ids may become part of an address."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def checked_base_url(base_url: str) -> str:
    """Return the base address without a slash at its end.

    Raises: ValueError unless it is https, or http on loopback: tokens travel in headers.
    """
    parts = urlsplit(base_url)
    if parts.scheme == "https" and parts.hostname:
        return base_url.rstrip("/")
    if parts.scheme == "http" and parts.hostname in _LOOPBACK:
        return base_url.rstrip("/")
    raise ValueError("NOTION_API_BASE_URL must start with https://; http is for loopback only.")


def checked_id(value: str | UUID) -> str:
    """Return an id in Notion's form; the SDK itself lets ``?``, ``#`` and ``/`` through.

    Raises: ValueError if it is not a UUID.
    """
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise ValueError("A Notion id is a UUID, such as 231674b6-1f0a-4f1e-9d0b-2f6c1c2b6f3a.") from None
