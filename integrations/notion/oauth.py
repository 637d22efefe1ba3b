"""The public connection's OAuth: consent address, code for tokens, refresh, introspect, revoke."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from integrations.http.address import checked_base_url
from integrations.http.credentials import basic
from integrations.http.errors import Unavailable
from integrations.http.oauth import Account, TokenGrant, TokenHint
from integrations.http.plain import Answer, Request, send
from integrations.http.retry import Retry
from integrations.http.wire import Deadline, parse_object, word_of
from integrations.notion.answers import judge
from integrations.notion.errors import (
    NotionAppRefused,
    NotionError,
    NotionOAuthRefused,
    NotionUnavailable,
    sealed,
)
from integrations.notion.replies import read_id, read_text
from integrations.notion.wire import REQUEST_ID_HEADER, request_id_of
from notionscan.secret import Secret

# The words that are about a code or a token. Callers erase tokens for these, so whatever else is refused
# counts as our application's fault: a wrong client secret, a redirect URI, a request that changed.
_OF_THE_GRANT = ("invalid_grant", "invalid_token", "access_denied")


@dataclass(frozen=True)
class Introspection:
    """Whether a token is alive, and the capabilities it was granted."""

    active: bool
    capabilities: tuple[str, ...]


@dataclass(frozen=True)
class OAuthApp:
    """Our application at Notion; ``redirect_uri`` must be one of those configured there."""

    client_id: str
    client_secret: Secret
    redirect_uri: str
    base_url: str
    notion_version: str
    deadline_seconds: float = 10
    retry: Retry = field(default_factory=Retry)

    def authorize_url(self, state: str) -> str:
        """Return the consent page's address.

        Source: developers.notion.com/docs/authorization
        """
        query = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "owner": "user",
            "state": state,
        }
        return f"{checked_base_url(self.base_url)}/v1/oauth/authorize?{urlencode(query)}"

    def exchange(self, code: str) -> TokenGrant:
        """Exchange the consent's code, which serves once, for tokens.

        Raises: NotionOAuthRefused; NotionUnavailable, after which the code may or may not be used up;
        NotionAppRefused, one of those, if our own credentials are wrong.
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
        """Return new tokens; both old ones are dead then.

        Raises: NotionOAuthRefused if the refresh token is used up or revoked; NotionUnavailable.
        """
        body: dict[str, str | Secret] = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self._grant(body)

    @sealed
    def introspect(self, token: Secret) -> Introspection:
        """Ask whether a token of this application is alive.

        Raises: NotionOAuthRefused; NotionUnavailable.
        """
        reply = self._post("introspect", {"token": token}, is_read=True)
        if not isinstance(reply.get("active"), bool):
            raise NotionUnavailable("the reply does not say whether the token is active")
        scope = reply.get("scope")
        return Introspection(reply["active"], tuple(scope.split()) if isinstance(scope, str) else ())

    def is_alive(self, token: Secret) -> bool:
        """Ask by our own credentials, which takes no request of the connection's limit.

        Raises: NotionOAuthRefused; NotionUnavailable.
        """
        return self.introspect(token).active

    @sealed
    def revoke(self, token: Secret, hint: TokenHint = TokenHint.ACCESS) -> None:
        """Revoke an access token; revoking it again changes nothing, so this may be repeated.

        Notion takes no hint, and its refresh token ends with the access token.

        Raises: NotionOAuthRefused; NotionUnavailable.
        """
        self._post("revoke", {"token": token}, is_read=True)

    @sealed
    def _grant(self, body: Mapping[str, str | Secret]) -> TokenGrant:
        return _read_grant(self._post("token", body, is_read=False))

    def _post(self, endpoint: str, body: Mapping[str, str | Secret], *, is_read: bool) -> dict[str, Any]:
        request = Request(
            provider="notion",
            method="POST",
            base_url=f"{checked_base_url(self.base_url)}/v1",
            path=f"oauth/{endpoint}",
            credentials=basic(self.client_id, self.client_secret),
            headers={"Notion-Version": self.notion_version},
            body=body,
            is_read=is_read,
            request_id_header=REQUEST_ID_HEADER,
        )

        def attempt(deadline: Deadline) -> dict[str, Any]:
            answer = send(request, deadline)
            if 400 <= answer.status < 500 and answer.status != 429:
                raise _refusal(answer)
            return judge(answer.status, answer.headers, answer.body, is_read=is_read)

        return self.retry.run(attempt, seconds=self.deadline_seconds)


def _refusal(answer: Answer) -> NotionError:
    """Read either shape of an OAuth error: RFC 6749's ``error``, or Notion's ``code``.

    An edge's HTML page refuses nothing.
    """
    try:
        details = parse_object(answer.body)
    except Unavailable:
        details = {}
    error = word_of(details.get("error")) or word_of(details.get("code"))
    request_id = request_id_of(answer.headers, details)
    if not error:
        return NotionUnavailable(f"status {answer.status}", request_id=request_id)
    if error in _OF_THE_GRANT:
        return NotionOAuthRefused(error=error, request_id=request_id)
    return NotionAppRefused(error=error, request_id=request_id)


def _read_grant(reply: Mapping[str, Any]) -> TokenGrant:
    access, refresh = reply.get("access_token"), reply.get("refresh_token")
    if not isinstance(access, str) or not access:
        raise NotionUnavailable("the reply holds no access token")
    owner = reply.get("owner")
    owner = owner if isinstance(owner, dict) else {}
    user = owner.get("user")
    return TokenGrant(
        access_token=Secret(access),
        refresh_token=Secret(refresh) if isinstance(refresh, str) and refresh else None,
        account=Account(
            id=str(read_id(reply.get("bot_id"))),
            name=read_text(user.get("name")) if isinstance(user, dict) else None,
            workspace_id=read_id(reply.get("workspace_id")),
            workspace_name=read_text(reply.get("workspace_name")),
        ),
    )
