"""What a login's failures are counted by, so that guessing ends and nobody can be locked out for ever.

Ten wrong passwords close an address to everybody, the right password included; anybody can do that to
anybody. So a browser that once logged in to an account is remembered, and its attempts at that account are
counted by themselves, whatever strangers do meanwhile. In a new browser there is the mailbox: the mail that
resets a password also logs in, and makes that browser a known one.
"""

from __future__ import annotations

import secrets
import unicodedata

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from notionscan.limits import PER_ACCOUNT, Limit, limits_of

_LIFETIME_SECONDS = 180 * 24 * 3600
_ID_BYTES = 16


def login_limits(request: HttpRequest, address: str) -> list[Limit]:
    """Return the limits of an attempt to log in; they are the same whether or not the address exists."""
    salt = _salt(address)
    browser = request.get_signed_cookie(
        settings.KNOWN_BROWSER_COOKIE_NAME, default="", salt=salt, max_age=_LIFETIME_SECONDS
    )
    if browser:
        return [Limit(f"login:browser:{browser}", PER_ACCOUNT)]
    return limits_of("login", salt)


def remember(response: HttpResponseBase, address: str) -> None:
    """Let this browser be known to the account; the cookie says so, and gives no access."""
    response.set_signed_cookie(
        settings.KNOWN_BROWSER_COOKIE_NAME,
        secrets.token_urlsafe(_ID_BYTES),
        salt=_salt(address),
        max_age=_LIFETIME_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _salt(address: str) -> str:
    # One spelling for all that the database may take for the same address: it compares without case, and
    # the upper case of a dotless i, or of a long s, is that of the common one.
    return unicodedata.normalize("NFKC", address.strip()).upper().casefold()
