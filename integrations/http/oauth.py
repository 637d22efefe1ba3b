"""What the OAuth application of every provider does, and what an authorization gives."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from notionscan.secret import Secret


class TokenHint(enum.StrEnum):
    """Which of its tokens a provider is asked to revoke; the words are those of RFC 7009."""

    ACCESS = "access_token"
    REFRESH = "refresh_token"


@dataclass(frozen=True, kw_only=True)
class Account:
    """Whose token it is; ``workspace_id`` where the provider has workspaces."""

    id: str
    name: str | None
    workspace_id: UUID | None = None
    workspace_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class TokenGrant:
    """What one authorization, or one refresh, gives.

    Units: expires_in in seconds, None where the provider names no lifetime.
    """

    access_token: Secret
    refresh_token: Secret | None
    expires_in: int | None = None
    # Where the provider names it along with the tokens.
    account: Account | None = None


class ProviderApp(Protocol):
    """Our OAuth application at a provider. Its calls raise the door's kinds of what ``http.errors`` lists."""

    def authorize_url(self, state: str) -> str:
        """Return the consent page's address."""

    def exchange(self, code: str) -> TokenGrant:
        """Exchange the consent's code, which serves once, for tokens.

        Raises: OAuthRefused; Unavailable, after which the code may or may not be used up.
        """

    def is_alive(self, token: Secret) -> bool:
        """Ask whether a token is accepted, at nobody's cost where the provider allows it.

        Raises: OAuthRefused, which means no; RateLimited; Unavailable.
        """

    def refresh(self, refresh_token: Secret) -> TokenGrant:
        """Return a new access token, and the refresh token to use next.

        Raises: OAuthRefused if the refresh token is worth nothing any more; Unavailable.
        """

    def revoke(self, token: Secret, hint: TokenHint) -> None:
        """Revoke a token; may be repeated.

        Raises: OAuthRefused if the provider does not know it; Unavailable.
        """
