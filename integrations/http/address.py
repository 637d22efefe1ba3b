"""Which addresses a token may be sent to."""

from __future__ import annotations

import contextlib
import re
from urllib.parse import SplitResult, urlsplit

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
# urllib and the HTTP libraries disagree on where a host ends when one of these is in the address.
_UNWANTED = re.compile(r"[\\@?#\s\x00-\x1f]")


def checked_base_url(base_url: str) -> str:
    """Return the base address without a slash at its end.

    Raises: ValueError unless it is https, or http on loopback: tokens travel in headers.
    """
    with contextlib.suppress(ValueError):
        if not _UNWANTED.search(base_url) and _is_safe(urlsplit(base_url)):
            return base_url.rstrip("/")
    raise ValueError("A provider's address must start with https://; http is for loopback only.")


def _is_safe(parts: SplitResult) -> bool:
    """Tell whether it is a host that tokens may be sent to.

    Raises: ValueError, from the standard library, for a port that is none.
    """
    host = parts.hostname or ""
    # Both HTTP libraries let out errors of their own for a host with an empty part.
    if "" in host.removesuffix(".").split(".") or parts.port == 0:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
