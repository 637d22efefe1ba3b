"""What this deployment permits: INTEGRATIONS_ALLOWED, the ways of connecting, and NOTIONSCAN_LOCAL_ONLY."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import ImproperlyConfigured

from integrations.http.address import checked_base_url

NOTION_PUBLIC = "notion_public"
NOTION_INTERNAL = "notion_internal"
_KNOWN = (NOTION_PUBLIC, NOTION_INTERNAL)
_NOT_YET = ("reddit",)


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
    for name in sorted(allowed.intersection(_NOT_YET)):
        raise ImproperlyConfigured(f'INTEGRATIONS_ALLOWED: "{name}" is not available yet.')
    for name in sorted(allowed.difference(_KNOWN)):
        raise ImproperlyConfigured(
            f'INTEGRATIONS_ALLOWED: "{name}" is unknown; use "notion_public" and/or "notion_internal".'
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


def require_oauth_client(allowed: frozenset[str], client_id: str, client_secret: str) -> None:
    """Stop the process when public connections are allowed without the app's credentials.

    Raises: ImproperlyConfigured naming both variables.
    """
    if NOTION_PUBLIC in allowed and not (client_id and client_secret):
        raise ImproperlyConfigured(
            'INTEGRATIONS_ALLOWED has "notion_public"; set NOTION_CLIENT_ID and NOTION_CLIENT_SECRET.'
        )


def provider_url(name: str, value: str) -> str:
    """Return a provider's address as it stands in the setting ``name``.

    Raises: ImproperlyConfigured naming the setting, for an address that no token may be sent to.
    """
    try:
        return checked_base_url(value)
    except ValueError as problem:
        raise ImproperlyConfigured(f"{name}: {problem}") from None
