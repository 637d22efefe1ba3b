"""Local-only mode: no call leaves for Notion or Reddit.

Both ways out of the door ask here before they send, so that nothing leaves whoever calls and for whichever
provider. Services that would end in a call ask first as well: then no token is opened, nothing is counted
against a limit, and nobody waits.
"""

from __future__ import annotations

from django.conf import settings

from integrations.http.errors import LocalOnly


def is_on() -> bool:
    return bool(settings.NOTIONSCAN_LOCAL_ONLY)


def refuse_calls() -> None:
    """Raises: LocalOnly, if no call may leave."""
    if is_on():
        raise LocalOnly
