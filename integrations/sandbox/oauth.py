"""OAuth as Notion runs it: single-use codes, exact redirect URIs, rotating refresh tokens, RFC errors."""

import base64
import binascii
import hmac
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from integrations.sandbox.errors import OAuthError
from integrations.sandbox.ids import Kind, code_of
from integrations.sandbox.tokens import EVERYTHING, Capability, Token, TokenKind, TokenRegistry, new_secret
from integrations.sandbox.users import owner_json
from integrations.sandbox.workspace import Workspace

_CODE_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class OAuthClient:
    """A public connection, as its developer set it up in Notion's portal."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    name: str = "Notion Scan"
    capabilities: frozenset[Capability] = EVERYTHING


@dataclass(kw_only=True)
class Grant:
    """A consent waiting for its code to be exchanged."""

    client: OAuthClient
    redirect_uri: str | None
    workspace: Workspace
    person: int
    shared: set[int] | None
    expires: float


class Authorizer:
    """Hands out codes and tokens, and takes them back."""

    def __init__(
        self,
        clients: tuple[OAuthClient, ...],
        tokens: TokenRegistry,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clients = {client.client_id: client for client in clients}
        self.old_token_survives_refresh = False
        self._tokens = tokens
        self._clock = clock
        self._grants: dict[str, Grant] = {}
        self._refresh: dict[str, Token] = {}
        self._lock = threading.Lock()

    def client_of(self, client_id: str, redirect_uri: str | None) -> OAuthClient:
        """Return the client of an authorize request, or raise where it must not be sent anywhere.

        The redirect URI may be left out only where exactly one is configured.
        """
        client = self.clients.get(client_id)
        if client is None:
            raise OAuthError("invalid_client", description="No connection has this client_id.")
        if redirect_uri is None and len(client.redirect_uris) != 1:
            raise OAuthError("invalid_request", description="redirect_uri is missing.")
        if redirect_uri is not None and redirect_uri not in client.redirect_uris:
            raise OAuthError("invalid_request", description="redirect_uri is not one of this connection's.")
        return client

    def consent(
        self, client: OAuthClient, redirect_uri: str | None, workspace: Workspace, shared: set[int] | None
    ) -> str:
        """Record that the demo user allowed access; return the code."""
        code = new_secret("03")
        grant = Grant(
            client=client,
            redirect_uri=redirect_uri,
            workspace=workspace,
            person=code_of(Kind.USER, 0),
            shared=shared,
            expires=self._clock() + _CODE_SECONDS,
        )
        with self._lock:
            self._grants[code] = grant
        return code

    def authenticate(self, authorization: str | None) -> OAuthClient:
        """Return the client of a Basic authorization header, or raise 401."""
        return client_of_header(self.clients, authorization)

    def token(self, client: OAuthClient, body: dict[str, Any], request_id: str) -> dict[str, Any]:
        """Answer /v1/oauth/token."""
        grant_type = body.get("grant_type")
        if grant_type == "authorization_code":
            made = self._exchange(client, body)
        elif grant_type == "refresh_token":
            made = self._rotate(client, body)
        elif isinstance(grant_type, str):
            raise OAuthError("unsupported_grant_type")
        else:
            raise OAuthError("invalid_request", description="grant_type is missing.")
        return {
            "access_token": made.secret,
            "token_type": "bearer",
            "refresh_token": made.refresh_secret,
            "bot_id": made.bot_id,
            "workspace_id": made.workspace.id,
            "workspace_name": made.workspace.name,
            "workspace_icon": None,
            "owner": owner_json(made),
            "duplicated_template_id": None,
            "request_id": request_id,
        }

    def _exchange(self, client: OAuthClient, body: dict[str, Any]) -> Token:
        with self._lock:  # taken out under the lock: of two simultaneous exchanges one finds nothing
            grant = self._grants.get(str(body.get("code")))
            if grant is None or grant.client is not client:
                raise OAuthError("invalid_grant")
            del self._grants[str(body.get("code"))]
        if grant.expires < self._clock() or body.get("redirect_uri") != grant.redirect_uri:
            raise OAuthError("invalid_grant")
        owner = f"{client.client_id}/{grant.person}"
        bot = self._tokens.bot_number(grant.workspace, owner)
        self._forget_refresh(client, grant.workspace, bot)
        fresh = Token(
            secret=new_secret("ntn_"),
            label=f"{grant.workspace.plan.slug}/oauth",
            kind=TokenKind.OAUTH,
            workspace=grant.workspace,
            bot=bot,
            bot_name=client.name,
            owner=grant.person,
            shared=grant.shared,
            capabilities=client.capabilities,
            client_id=client.client_id,
            refresh_secret=new_secret("nrt_"),
        )
        return self._issue(fresh)

    def _forget_refresh(self, client: OAuthClient, workspace: Workspace, bot: int) -> None:
        """Authorizing again kills the refresh token of the time before; its access token lives on."""
        with self._lock:
            stale = [
                secret
                for secret, t in self._refresh.items()
                if (t.client_id, t.workspace, t.bot) == (client.client_id, workspace, bot)
            ]
            for secret in stale:
                del self._refresh[secret]

    def _rotate(self, client: OAuthClient, body: dict[str, Any]) -> Token:
        with self._lock:
            old = self._refresh.get(str(body.get("refresh_token")))
            if old is None or old.client_id != client.client_id:
                raise OAuthError("invalid_grant")
            del self._refresh[str(body.get("refresh_token"))]
        old.active = old.active and self.old_token_survives_refresh
        fresh = Token(
            secret=new_secret("ntn_"),
            label=old.label,
            kind=old.kind,
            workspace=old.workspace,
            bot=old.bot,
            bot_name=old.bot_name,
            owner=old.owner,
            shared=old.shared,
            unshared=old.unshared,
            capabilities=old.capabilities,
            client_id=old.client_id,
            refresh_secret=new_secret("nrt_"),
        )
        return self._issue(fresh)

    def _issue(self, token: Token) -> Token:
        with self._lock:
            if token.refresh_secret:
                self._refresh[token.refresh_secret] = token
        return self._tokens.add(token)

    def introspect(self, client: OAuthClient, body: dict[str, Any], request_id: str) -> dict[str, Any]:
        """Answer /v1/oauth/introspect; `iat` is in milliseconds, as Notion has it."""
        token = self._own_token(client, body)
        if token is None or not token.active:
            return {"active": False, "request_id": request_id}
        scope = " ".join(c.value for c in Capability if c in token.capabilities)
        return {"active": True, "scope": scope, "iat": token.issued_ms, "request_id": request_id}

    def revoke(self, client: OAuthClient, body: dict[str, Any], request_id: str) -> dict[str, Any]:
        """Answer /v1/oauth/revoke; as RFC 7009 asks, an unknown token is no error."""
        token = self._own_token(client, body)
        if token is not None:
            self.kill(token)
        return {"request_id": request_id}

    def _own_token(self, client: OAuthClient, body: dict[str, Any]) -> Token | None:
        if not isinstance(body.get("token"), str):
            raise OAuthError("invalid_request", description="token is missing.")
        try:
            token = self._tokens.find(body["token"])
        except KeyError:
            return None
        return token if token.client_id == client.client_id and body["token"] != token.label else None

    def kill(self, token: Token) -> None:
        """Make an access token and its refresh token invalid."""
        token.active = False
        with self._lock:
            self._refresh.pop(token.refresh_secret or "", None)


def client_of_header(clients: Mapping[str, OAuthClient], authorization: str | None) -> OAuthClient:
    """Return the client of a Basic authorization header, or raise 401."""
    scheme, _, encoded = (authorization or "").partition(" ")
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        client_id, secret = "", ""
    client = clients.get(client_id) if scheme.lower() == "basic" else None
    if client is None or not hmac.compare_digest(client.client_secret.encode(), secret.encode()):
        raise OAuthError("invalid_client", status=401)
    return client


def callback(redirect_uri: str, **parameters: str | None) -> str:
    """Return the address to send the browser back to."""
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{query}"
