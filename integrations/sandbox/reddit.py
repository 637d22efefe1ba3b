"""A stand-in for Reddit beside the Notion one: consent, tokens that run out, whose they are, and their end.

One address stands in for both of www.reddit.com and oauth.reddit.com. What it answers, and what it refuses,
is as Reddit's own code has it (github.com/reddit-archive/reddit, r2/controllers/oauth2.py).
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import Any

from integrations.sandbox.consent import page, sent_to
from integrations.sandbox.errors import OAuthError
from integrations.sandbox.messages import Reply, Request
from integrations.sandbox.oauth import OAuthClient, callback, client_of_header
from integrations.sandbox.shapes import dumps
from integrations.sandbox.tokens import new_secret

PREFIX = "/api/v1/"
ACCOUNTS = {"acme_atlas": "1a2b3c", "globex_works": "4d5e6f"}
_CODE_SECONDS = 600
_TOKEN_SECONDS = 3600
# Reddit throttles what does not say what it is.
_LIBRARIES = ("python-requests", "python-urllib", "python-httpx", "curl", "java", "go-http-client")

_FORM = """<h1>{app} would like to connect with your Reddit account</h1>
<form method="post" action="/api/v1/authorize">
{hidden}
<fieldset>
<legend>Account</legend>
{choices}
</fieldset>
<p>Allow {app} to:</p>
<ul>
<li>Access your Reddit username and signup date</li>
</ul>
<div class="actions">
<button type="submit" name="decision" value="decline">Decline</button>
<button type="submit" name="authorize" value="allow" class="allow">Allow</button>
</div>
</form>"""


@dataclass(eq=False, kw_only=True)
class Authorization:
    """One consent of one account, with the tokens that came of it."""

    client: OAuthClient
    account: str
    redirect_uri: str
    is_permanent: bool
    code_expires: float
    refresh_token: str | None = field(default=None, repr=False)
    is_active: bool = True


@dataclass(eq=False, kw_only=True)
class AccessToken:
    """An access token, which runs out by itself."""

    authorization: Authorization
    expires: float
    is_active: bool = True


class Reddit:
    """Answers what stands below /api/v1/."""

    def __init__(self, clients: tuple[OAuthClient, ...], clock: Callable[[], float] = time.monotonic) -> None:
        self.clients = {client.client_id: client for client in clients}
        self._clock = clock
        self._codes: dict[str, Authorization] = {}
        self._refresh: dict[str, Authorization] = {}
        self._access: dict[str, AccessToken] = {}
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Reply:
        """Return the reply to a request."""
        if request.path == f"{PREFIX}authorize" and request.method in ("GET", "POST"):
            return self._consent(request)
        actions: dict[tuple[str, str], Callable[[Request], Reply]] = {
            ("POST", "access_token"): self._token,
            ("POST", "revoke_token"): self._revoke,
            ("GET", "me"): self._me,
        }
        action = actions.get((request.method, request.path.removeprefix(PREFIX)))
        if action is None:
            return _message(404, "Not Found")
        user_agent = request.headers.get("user-agent", "").lower()
        if not user_agent or user_agent.startswith(_LIBRARIES):
            return _message(429, "Too Many Requests")
        try:
            return action(request)
        except OAuthError as error:
            if error.status == 401:
                return _message(401, "Unauthorized")
            return Reply(error.status, dumps({"error": error.error}))

    # Switches -----------------------------------------------------------------------------------------

    def expire(self, account: str) -> None:
        """Let an account's access tokens run out; its refresh tokens go on working."""
        with self._lock:
            for token in self._access.values():
                if token.authorization.account == account:
                    token.expires = self._clock() - 1

    def withdraw(self, account: str) -> None:
        """End every authorization of an account, as in its settings at Reddit."""
        with self._lock:
            for authorization in [*self._refresh.values()]:
                if authorization.account == account:
                    self._end(authorization)

    # Consent ------------------------------------------------------------------------------------------

    def _consent(self, request: Request) -> Reply:
        """Show the form, or act on it. An unknown client or redirect URI is never redirected to."""
        source = request.form() if request.method == "POST" else request.query()
        fields = {name: values[0] for name, values in source.items()}
        client = self.clients.get(fields.get("client_id", ""))
        target = fields.get("redirect_uri", "")
        if client is None or target not in client.redirect_uris:
            return _page(
                "Bad Request", "<h1>Bad Request</h1><p>The client or its redirect URI is wrong.</p>", 400
            )
        state = fields.get("state", "")
        if fields.get("response_type") != "code" or not state:
            return sent_to(callback(target, error="unsupported_response_type", state=state))
        if fields.get("scope") != "identity":
            return sent_to(callback(target, error="invalid_scope", state=state))
        if request.method == "GET":
            return _page("Allow access", _form(client, fields))
        account = fields.get("account", "")
        if fields.get("authorize") != "allow" or account not in ACCOUNTS:
            return sent_to(callback(target, error="access_denied", state=state))
        code = new_secret("")
        with self._lock:
            self._codes[code] = Authorization(
                client=client,
                account=account,
                redirect_uri=target,
                is_permanent=fields.get("duration") == "permanent",
                code_expires=self._clock() + _CODE_SECONDS,
            )
        return sent_to(callback(target, code=code, state=state))

    # Tokens -------------------------------------------------------------------------------------------

    def _token(self, request: Request) -> Reply:
        client = client_of_header(self.clients, request.headers.get("authorization"))
        fields = {name: values[0] for name, values in request.form().items()}
        match fields.get("grant_type"):
            case "authorization_code":
                return self._exchange(client, fields)
            case "refresh_token":
                return self._again(client, fields.get("refresh_token", ""))
        return Reply(200, dumps({"error": "unsupported_grant_type"}))

    def _exchange(self, client: OAuthClient, fields: dict[str, str]) -> Reply:
        with self._lock:  # taken out under the lock: of two simultaneous exchanges one finds nothing
            found = self._codes.pop(fields.get("code", ""), None)
        if (
            found is None
            or found.client is not client
            or found.code_expires < self._clock()
            or fields.get("redirect_uri") != found.redirect_uri
        ):
            # Reddit says so with status 200.
            return Reply(200, dumps({"error": "invalid_grant"}))
        if found.is_permanent:
            found.refresh_token = new_secret(f"{ACCOUNTS[found.account]}-")
            with self._lock:
                self._refresh[found.refresh_token] = found
        return self._issued(found)

    def _again(self, client: OAuthClient, refresh_token: str) -> Reply:
        with self._lock:
            found = self._refresh.get(refresh_token)
        if found is None or found.client is not client or not found.is_active:
            return _message(400, "Bad Request")
        return self._issued(found)

    def _issued(self, authorization: Authorization) -> Reply:
        secret = new_secret(f"{ACCOUNTS[authorization.account]}-")
        with self._lock:
            self._access[secret] = AccessToken(
                authorization=authorization, expires=self._clock() + _TOKEN_SECONDS
            )
        given: dict[str, Any] = {
            "access_token": secret,
            "token_type": "bearer",
            "expires_in": _TOKEN_SECONDS,
            "scope": "identity",
        }
        if authorization.refresh_token:
            given["refresh_token"] = authorization.refresh_token
        return Reply(200, dumps(given))

    def _me(self, request: Request) -> Reply:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        token = self._access.get(secret) if scheme.lower() == "bearer" else None
        if token is None or not token.is_active or token.expires <= self._clock():
            return _message(401, "Unauthorized")
        account = token.authorization.account
        return Reply(200, dumps({"id": ACCOUNTS[account], "name": account, "is_employee": False}))

    def _revoke(self, request: Request) -> Reply:
        client = client_of_header(self.clients, request.headers.get("authorization"))
        secret = request.form().get("token", [""])[0]
        with self._lock:
            token, authorization = self._access.get(secret), self._refresh.get(secret)
            owner = token.authorization if token else authorization
            if owner is not None and owner.client is not client:
                raise OAuthError("unauthorized_client")
            if token is not None:
                token.is_active = False
            if authorization is not None:
                self._end(authorization)
        return Reply(204)

    def _end(self, authorization: Authorization) -> None:
        """End an authorization: with its refresh token, every access token of it dies. Under the lock."""
        authorization.is_active = False
        for token in self._access.values():
            if token.authorization is authorization:
                token.is_active = False


def _form(client: OAuthClient, fields: dict[str, str]) -> str:
    kept = ("client_id", "redirect_uri", "response_type", "duration", "scope", "state")
    hidden = "\n".join(
        f'<input type="hidden" name="{name}" value="{escape(fields[name])}">'
        for name in kept
        if name in fields
    )
    choices = "\n".join(
        f'<label><input type="radio" name="account" value="{name}"{"" if i else " checked"}>u/{name}</label>'
        for i, name in enumerate(ACCOUNTS)
    )
    return _FORM.format(app=escape(client.name), hidden=hidden, choices=choices)


def _page(title: str, content: str, status: int = 200) -> Reply:
    return page(status, title, content, stands_in_for="Reddit")


def _message(status: int, message: str) -> Reply:
    """Return Reddit's envelope: the status once more, as a number."""
    return Reply(status, dumps({"message": message, "error": status}))
