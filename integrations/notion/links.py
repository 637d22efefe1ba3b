"""Which object of Notion's somebody means: by its id, or by a link copied from Notion.

Links are no stable identifiers, but the id that they end with is; only links of Notion's own hosts count.
"""

from __future__ import annotations

import contextlib
import re
from urllib.parse import urlsplit
from uuid import UUID

from integrations.notion.address import checked_id

_HOSTS = ("notion.so", "notion.com", "notion.site")
_ENDS_WITH_ID = re.compile(
    r"(?:^|-)([0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$", re.ASCII | re.IGNORECASE
)
_LINK_CHARACTERS = 2_000


def id_of(text: str) -> UUID:
    """Return the id that a text is, or that a link to Notion ends with.

    Of a link to a database, that is the database and not the view of it, which stands in ``?v=``.
    Raises: ValueError if it is neither.
    """
    text = text.strip()
    with contextlib.suppress(ValueError):
        return UUID(checked_id(text))
    found = _ENDS_WITH_ID.search(_last_segment(text))
    if found is None:
        raise ValueError("This is neither an id of Notion's nor a link to a page or database in Notion.")
    return UUID(found[1])


def _last_segment(link: str) -> str:
    if len(link) > _LINK_CHARACTERS:
        return ""
    try:
        parts = urlsplit(link if "://" in link else f"https://{link}")
    except ValueError:
        return ""
    host = (parts.hostname or "").lower()
    if parts.scheme != "https" or not any(host == known or host.endswith(f".{known}") for known in _HOSTS):
        return ""
    return parts.path.rstrip("/").rpartition("/")[2]
