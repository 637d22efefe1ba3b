"""How a secret leaves for a provider: it is put on a request at the last moment.

Until then it is a ``Secret``: headers and bodies in plain text are in no variable of ours that an error
report could print.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Generator
from typing import Any

import httpx
from requests import PreparedRequest
from requests.auth import AuthBase

from integrations.http.errors import Unauthorized
from notionscan.secret import Secret

# Tokens are opaque; this is only what can stand in a header at all. Both HTTP libraries would quote a
# value that cannot in the message of their own error.
_SENDABLE = re.compile(r"[\x21-\x7e]{1,4096}")


class Credentials(AuthBase, httpx.Auth):
    """An Authorization header, for either HTTP library."""

    def __init__(self, scheme: str, value: Secret) -> None:
        self._scheme = scheme
        self._value = value

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        self._sign(request.headers)
        return request

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        self._sign(request.headers)
        yield request

    def _sign(self, headers: Any) -> None:
        headers["Authorization"] = f"{self._scheme} {self._value.expose()}"


def bearer(token: Secret) -> Credentials:
    """Return the credentials of a connection.

    Raises: Unauthorized for what cannot be a token, without asking.
    """
    if not _SENDABLE.fullmatch(token.expose()):
        raise Unauthorized
    return Credentials("Bearer", token)


def basic(client_id: str, client_secret: Secret) -> Credentials:
    """Return the credentials of our OAuth application."""
    pair = Secret(f"{client_id}:{client_secret.expose()}")
    return Credentials("Basic", Secret(base64.b64encode(pair.expose().encode()).decode()))
