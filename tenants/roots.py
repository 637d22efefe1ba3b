"""Pages and databases as people name them: by a link of Notion's, or by an id."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qs, urlsplit
from uuid import UUID

_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# The end of a link's path: an id, after the title's words if there are any.
_LAST = re.compile(rf"(?:.*[/-])?({_ID.pattern})/?")
_HOSTS = re.compile(r"(?:[a-z0-9-]+\.)*(?:notion\.so|notion\.site)|(?:app|www)\.notion\.com")


def notion_link(text: str) -> SplitResult | None:
    """Return a text as a link, if it is one into Notion: by https, to one of its hosts and nowhere else."""
    try:
        link = urlsplit(text.strip())
    except ValueError:
        return None
    # The whole of it: a user's name or a port before and after the host would lead elsewhere.
    is_notions = link.scheme == "https" and _HOSTS.fullmatch(link.netloc.lower())
    return link if is_notions else None


def root_of(text: str) -> UUID | None:
    """Return the id that a line of text names, or nothing if it names none.

    A page that was opened beside its database (``?p=``) is the page: the narrower of the two.
    """
    text = text.strip().lower()
    if _ID.fullmatch(text):
        return UUID(text)
    link = notion_link(text)
    if link is None:
        return None
    beside = parse_qs(link.query).get("p", [""])[-1]
    named = _LAST.fullmatch(beside) or _LAST.fullmatch(link.path)
    return UUID(named[1]) if named else None
