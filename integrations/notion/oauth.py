"""The public connection's OAuth: consent address, code for tokens, refresh, introspect, revoke."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from integrations.notion.address import checked_base_url
from integrations.notion.answers import judge
from integrations.notion.errors import NotionOAuthRefused, NotionUnavailable
from integrations.notion.plain import send
from integrations.notion.replies import read_id, read_text
from integrations.notion.retry import Retry
from integrations.notion.wire import Deadline, parse_object
from notionscan.secret import Secret


@dataclass(frozen=True)
class TokenGrant:
    """What one authorization, or one refresh, gives. Notion names no lifetime."""

    access_token: Secret
    refresh_token: Secret | None
    bot_id: UUID
    workspace_id: UUID
    workspace_name: str | None
    owner_type: str
    owner_name: str | None


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

        Raises: NotionOAuthRefused; NotionUnavailable, after which the code may or may not be used up.
        """
        body = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri}
        return _read_grant(self._post("token", body, is_read=False))

    def refresh(self, refresh_token: Secret) -> TokenGrant:
        """Return new tokens; both old ones are dead then.

        Raises: NotionOAuthRefused if the refresh token is used up or revoked; NotionUnavailable.
        """
        body = {"grant_type": "refresh_token", "refresh_token": refresh_token.expose()}
        return _read_grant(self._post("token", body, is_read=False))

    def introspect(self, token: Secret) -> Introspection:
        """Ask whether a token of this application is alive.

        Raises: NotionOAuthRefused; NotionUnavailable.
        """
        reply = self._post("introspect", {"token": token.expose()}, is_read=True)
        if not isinstance(reply.get("active"), bool):
            raise NotionUnavailable
        scope = reply.get("scope")
        return Introspection(reply["active"], tuple(scope.split()) if isinstance(scope, str) else ())

    def revoke(self, token: Secret) -> None:
        """Revoke an access token; revoking it again changes nothing, so this may be repeated.

        Raises: NotionOAuthRefused; NotionUnavailable.
        """
        self._post("revoke", {"token": token.expose()}, is_read=True)

    def _post(self, endpoint: str, body: dict[str, str], *, is_read: bool) -> dict[str, Any]:
        credentials = f"{self.client_id}:{self.client_secret.expose()}".encode()
        headers = {
            "Authorization": f"Basic {base64.b64encode(credentials).decode()}",
            "Notion-Version": self.notion_version,
        }
        path = f"oauth/{endpoint}"
        url = f"{checked_base_url(self.base_url)}/v1/{path}"

        def attempt(deadline: Deadline) -> dict[str, Any]:
            status, answered, content = send(
                "POST", url, path=path, headers=headers, json=body, deadline=deadline, is_read=is_read
            )
            if status in (400, 401, 403):
                raise _refusal(content, answered.get("x-notion-request-id"))
            return judge(status, answered, content, is_read=is_read)

        return self.retry.run(attempt, seconds=self.deadline_seconds)


def _refusal(content: bytes, request_id: str | None) -> NotionOAuthRefused:
    """Read either shape of an OAuth error: RFC 6749's ``error``, or Notion's ``code``.

    Raises: NotionUnavailable for an edge's HTML page, which refuses nothing.
    """
    details = parse_object(content)
    error = details.get("error") or details.get("code")
    return NotionOAuthRefused(error=error if isinstance(error, str) else "", request_id=request_id)


def _read_grant(reply: Mapping[str, Any]) -> TokenGrant:
    access, refresh = reply.get("access_token"), reply.get("refresh_token")
    if not isinstance(access, str) or not access:
        raise NotionUnavailable
    owner = reply.get("owner")
    owner = owner if isinstance(owner, dict) else {}
    user = owner.get("user")
    return TokenGrant(
        access_token=Secret(access),
        refresh_token=Secret(refresh) if isinstance(refresh, str) and refresh else None,
        bot_id=read_id(reply.get("bot_id")),
        workspace_id=read_id(reply.get("workspace_id")),
        workspace_name=read_text(reply.get("workspace_name")),
        owner_type=read_text(owner.get("type")) or "workspace",
        owner_name=read_text(user.get("name")) if isinstance(user, dict) else None,
    )
