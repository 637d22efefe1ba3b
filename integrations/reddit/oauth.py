"""Reddit's OAuth: consent address, code for tokens, whose they are, refresh, revoke."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

from integrations.http.address import checked_base_url
from integrations.http.credentials import basic, bearer
from integrations.http.oauth import Account, TokenGrant, TokenHint
from integrations.http.plain import Answer, Encoding, Request, send
from integrations.http.retry import Retry, Transient
from integrations.http.wire import Deadline
from integrations.reddit.answers import granted, identified, revoked
from integrations.reddit.errors import RedditUnauthorized, RedditUnavailable, sealed
from notionscan.secret import Secret

T = TypeVar("T")
_SCOPE = "identity"
# Ids are numbers to the base 36; names have 3 to 20 characters today.
_ID = re.compile(r"[0-9a-z]{1,32}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LONGEST_LIFETIME_SECONDS = 366 * 24 * 3600


@dataclass(frozen=True)
class RedditApp:
    """Our application at Reddit; ``redirect_uri`` must be the one configured there.

    Reddit throttles and refuses the user agents of HTTP libraries: ours says what we are, and where.
    """

    client_id: str
    client_secret: Secret
    redirect_uri: str
    www_base_url: str
    oauth_base_url: str
    user_agent: str
    deadline_seconds: float = 10
    retry: Retry = field(default_factory=Retry)

    def authorize_url(self, state: str) -> str:
        """Return the consent page's address; without ``permanent`` there would be no refresh token."""
        query = {
            "client_id": self.client_id,
            "response_type": "code",
            "state": state,
            "redirect_uri": self.redirect_uri,
            "duration": "permanent",
            "scope": _SCOPE,
        }
        return f"{checked_base_url(self.www_base_url)}/api/v1/authorize?{urlencode(query)}"

    def exchange(self, code: str) -> TokenGrant:
        """Exchange the consent's code, which serves once, for tokens.

        Raises: RedditOAuthRefused; RedditUnavailable, after which the code may or may not be used up;
        RedditAppRefused, one of those, if our own credentials are wrong.
        """
        body: dict[str, str | Secret] = {
            "grant_type": "authorization_code",
            "code": Secret(code),
            "redirect_uri": self.redirect_uri,
        }
        # From here on it is a Secret in every frame that an error report could print.
        del code
        return self._grant(body)

    def refresh(self, refresh_token: Secret) -> TokenGrant:
        """Return a new access token; the refresh token serves again, also where the reply leaves it out.

        Raises: RedditOAuthRefused if the account has withdrawn its consent; RedditUnavailable.
        """
        return self._grant({"grant_type": "refresh_token", "refresh_token": refresh_token}, refresh_token)

    @sealed
    def account(self, token: Secret) -> Account:
        """Ask whose token it is.

        Raises: RedditUnauthorized; RedditRateLimited; RedditUnavailable.
        """
        request = Request(
            provider="reddit",
            method="GET",
            base_url=checked_base_url(self.oauth_base_url),
            path="api/v1/me",
            credentials=bearer(token),
            headers={"User-Agent": self.user_agent},
        )
        return self._run(request, lambda answer: _read_account(identified(answer)))

    def is_alive(self, token: Secret) -> bool:
        """Ask whose token it is: Reddit answers nothing else about a token.

        Raises: RedditRateLimited; RedditUnavailable.
        """
        try:
            self.account(token)
        except RedditUnauthorized:
            return False
        return True

    @sealed
    def revoke(self, token: Secret, hint: TokenHint) -> None:
        """Revoke a token; with a refresh token, every access token that came of it dies too.

        Raises: RedditUnavailable.
        """
        body = {"token": token, "token_type_hint": hint.value}
        self._run(self._post("revoke_token", body, is_read=True), revoked)

    @sealed
    def _grant(self, body: Mapping[str, str | Secret], refresh_token: Secret | None = None) -> TokenGrant:
        request = self._post("access_token", body, is_read=False)
        return self._run(request, lambda answer: _read_grant(granted(answer), refresh_token))

    def _post(self, endpoint: str, body: Mapping[str, str | Secret], *, is_read: bool) -> Request:
        return Request(
            provider="reddit",
            method="POST",
            base_url=checked_base_url(self.www_base_url),
            path=f"api/v1/{endpoint}",
            credentials=basic(self.client_id, self.client_secret),
            headers={"User-Agent": self.user_agent},
            body=body,
            encoding=Encoding.FORM,
            is_read=is_read,
        )

    def _run(self, request: Request, read: Callable[[Answer], T]) -> T:
        def attempt(deadline: Deadline) -> T:
            return read(send(request, deadline))

        return self.retry.run(attempt, seconds=self.deadline_seconds)


def _read_grant(reply: Mapping[str, Any], refresh_token: Secret | None) -> TokenGrant:
    access, refresh = reply.get("access_token"), reply.get("refresh_token")
    if not isinstance(access, str) or not access:
        raise RedditUnavailable("the reply holds no access token")
    if isinstance(refresh, str) and refresh:
        refresh_token = Secret(refresh)
    return TokenGrant(
        access_token=Secret(access),
        refresh_token=refresh_token,
        expires_in=_read_lifetime(reply.get("expires_in")),
    )


def _read_lifetime(value: object) -> int | None:
    """Return the seconds; without a usable number the token is used until Reddit refuses it."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LONGEST_LIFETIME_SECONDS:
        return value
    return None


def _read_account(reply: Mapping[str, Any]) -> Account:
    found = reply.get("id"), reply.get("name")
    match found:
        case (str(account_id), str(name)) if _ID.fullmatch(account_id) and _NAME.fullmatch(name):
            return Account(id=account_id, name=name)
    # Asked again, it may be what it should be.
    raise Transient(detail="the reply names no account")
