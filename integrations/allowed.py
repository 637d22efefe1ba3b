"""What this deployment permits: INTEGRATIONS_ALLOWED, the ways of connecting, and NOTIONSCAN_LOCAL_ONLY."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured

from integrations.http.address import checked_base_url
from integrations.notion.links import id_of

NOTION_PUBLIC = "notion_public"
NOTION_INTERNAL = "notion_internal"
REDDIT = "reddit"
_KNOWN = (NOTION_PUBLIC, NOTION_INTERNAL, REDDIT)


def parse(names: Iterable[str]) -> frozenset[str]:
    """Return the allowed ways.

    Raises: ImproperlyConfigured, with the fix, for the retired name and for names nobody knows.
    """
    allowed = frozenset(name.strip() for name in names if name.strip())
    if "notion" in allowed:
        raise ImproperlyConfigured(
            'INTEGRATIONS_ALLOWED: "notion" is no longer supported; '
            'use "notion_public" and/or "notion_internal".'
        )
    for name in sorted(allowed.difference(_KNOWN)):
        raise ImproperlyConfigured(
            f'INTEGRATIONS_ALLOWED: "{name}" is unknown; use "notion_public", "notion_internal", "reddit".'
        )
    return allowed


def parse_local_only(text: str) -> bool:
    """Return whether no call may leave; what is neither yes nor no must not be taken for no.

    Raises: ImproperlyConfigured.
    """
    word = text.strip().lower()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    raise ImproperlyConfigured('NOTIONSCAN_LOCAL_ONLY: use "true" or "false".')


def parse_audit_database(text: str) -> UUID | None:
    """Return the database that audit logs are mirrored to where an organization chose none.

    Raises: ImproperlyConfigured.
    """
    if not text:
        return None
    with contextlib.suppress(ValueError):
        return id_of(text)
    raise ImproperlyConfigured("NOTION_AUDIT_DB_ID: give a Notion database's id, or the link to it.")


def require_oauth_client(allowed: frozenset[str], way: str, **credentials: str) -> None:
    """Stop the process when a way through an OAuth application is allowed without its credentials.

    Raises: ImproperlyConfigured naming all of them.
    """
    if way in allowed and not all(credentials.values()):
        raise ImproperlyConfigured(f'INTEGRATIONS_ALLOWED has "{way}"; set {" and ".join(credentials)}.')


def provider_url(name: str, value: str) -> str:
    """Return a provider's address as it stands in the setting ``name``.

    Raises: ImproperlyConfigured naming the setting, for an address that no token may be sent to.
    """
    try:
        return checked_base_url(value)
    except ValueError as problem:
        raise ImproperlyConfigured(f"{name}: {problem}") from None
