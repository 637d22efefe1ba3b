"""The tokens a sandbox accepts: who each one speaks for, what it may do, and what is shared with it."""

import secrets
import string
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b

from integrations.sandbox.errors import ApiError
from integrations.sandbox.ids import Kind, code_of
from integrations.sandbox.workspace import Workspace

_ALPHABET = string.ascii_letters + string.digits
_OWN_BOTS = 100  # bots below this number belong to the generated workspace


class Capability(StrEnum):
    """What a connection was given in Notion's portal; the names are those of the introspect endpoint."""

    READ_CONTENT = "read_content"
    UPDATE_CONTENT = "update_content"
    INSERT_CONTENT = "insert_content"
    READ_COMMENTS = "read_comments"
    INSERT_COMMENTS = "insert_comments"
    READ_USERS = "read_user_without_email"
    READ_EMAILS = "read_user_with_email"


EVERYTHING = frozenset(Capability) - {Capability.READ_USERS}


class TokenKind(StrEnum):
    """How a token came to be."""

    INTERNAL = "internal"
    PERSONAL = "personal"
    OAUTH = "oauth"


def demo_secret(purpose: str, *, prefix: str = "ntn_", length: int = 46) -> str:
    """Return a made-up secret that looks like Notion's and is the same on every machine.

    Only the sandbox accepts it; being computed, it never looks like a leaked secret in the source.
    """
    number = int.from_bytes(blake2b(purpose.encode(), person=b"sandbox").digest(), "big")
    letters = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[digit])
    return prefix + "".join(letters)


@dataclass(eq=False, kw_only=True)
class Token:
    """One access token. `shared` None means the whole workspace; ids otherwise, with all below them."""

    secret: str = field(repr=False)
    label: str
    kind: TokenKind
    workspace: Workspace
    bot: int
    bot_name: str
    owner: int | None = None
    capabilities: frozenset[Capability] = EVERYTHING
    shared: set[int] | None = None
    unshared: set[int] = field(default_factory=set)
    client_id: str | None = None
    refresh_secret: str | None = field(default=None, repr=False)
    issued_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    active: bool = True
    shares_version: int = 0

    @property
    def bot_id(self) -> str:
        """Return the id users/me shows."""
        return self.workspace.uuid(code_of(Kind.BOT, self.bot))

    @property
    def sees_users(self) -> bool:
        """Tell whether user information is allowed, with or without e-mail addresses."""
        return bool(self.capabilities & {Capability.READ_USERS, Capability.READ_EMAILS})

    def require(self, capability: Capability) -> None:
        """Raise the API's 403 unless the token has this capability."""
        if capability not in self.capabilities:
            raise ApiError(
                "restricted_resource",
                "Insufficient permissions for this endpoint.",
                additional_data={"integration_id": self.bot_id},
            )


class TokenRegistry:
    """All tokens of a sandbox, by secret and by label."""

    def __init__(self) -> None:
        self._by_secret: dict[str, Token] = {}
        self._lock = threading.Lock()
        self._bots: dict[tuple[str, str], int] = {}

    def __iter__(self) -> Iterator[Token]:
        return iter(list(self._by_secret.values()))

    def add(self, token: Token) -> Token:
        """Accept a token from now on."""
        with self._lock:
            self._by_secret[token.secret] = token
        return token

    def bot_number(self, workspace: Workspace, owner: str) -> int:
        """Return the bot for an owner (an app and its user, say); the same owner always gets the same bot."""
        with self._lock:
            taken = sum(1 for name, _ in self._bots if name == workspace.name)
            return self._bots.setdefault((workspace.name, owner), _OWN_BOTS + taken)

    def authenticate(self, authorization: str | None) -> Token:
        """Return the token of an Authorization header, or raise the API's 401."""
        scheme, _, secret = (authorization or "").partition(" ")
        token = self._by_secret.get(secret.strip()) if scheme.lower() == "bearer" else None
        if token is None or not token.active:
            raise ApiError("unauthorized", "API token is invalid.")
        return token

    def find(self, name: str) -> Token:
        """Return a token by secret, refresh token or label; of equal labels, the newest."""
        token = self._by_secret.get(name)
        if token is not None:
            return token
        matches = [t for t in self._by_secret.values() if name in (t.label, t.refresh_secret)]
        if not matches:
            raise KeyError("No such token.")
        return matches[-1]

    def labelled(self, prefix: str) -> list[Token]:
        """Return the tokens whose label starts like this."""
        return [t for t in self._by_secret.values() if t.label.startswith(prefix)]


def new_secret(prefix: str) -> str:
    """Return a fresh random secret."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(46))
