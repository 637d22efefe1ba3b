"""The registry: what can be connected, and how each provider's OAuth application is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from integrations import allowed
from integrations.http.errors import ProviderError, Unavailable
from integrations.http.oauth import Account, ProviderApp, TokenGrant, TokenHint
from integrations.notion import errors as notion_errors
from integrations.notion.oauth import OAuthApp
from integrations.reddit import errors as reddit_errors
from integrations.reddit.oauth import RedditApp
from notionscan.secret import Secret

NOTION = "notion"
REDDIT = "reddit"


@dataclass(frozen=True, kw_only=True)
class Provider:
    """What a provider is called, what permits each way to it, and how its tokens behave."""

    slug: str
    title: str
    public: str
    internal: str | None = None
    oauth_app: Callable[[], ProviderApp]
    # How the provider is asked whose token it is, where what it grants does not say so.
    ask_account: Callable[[Secret], Account] | None = None
    # The door's kind of an error that the shared machinery raised.
    named: Callable[[ProviderError], ProviderError]
    # Revoking this one ends the whole authorization.
    ends_with: TokenHint
    # Whether a refresh token serves once. One that serves again may be tried again after a crash.
    rotates_refresh_token: bool
    # What its consent page asks, and what connecting gives: for who is about to consent.
    asks: str
    about: str

    @property
    def public_allowed(self) -> bool:
        return self.public in settings.INTEGRATIONS_ALLOWED

    @property
    def internal_allowed(self) -> bool:
        return self.internal in settings.INTEGRATIONS_ALLOWED

    @property
    def dead_code(self) -> str:
        """Return the code of a connection whose token the provider no longer accepts."""
        return f"{self.slug}_unauthorized"

    def account_of(self, grant: TokenGrant) -> Account:
        """Return whose tokens these are.

        Raises: Unauthorized; RateLimited; Unavailable.
        """
        if grant.account is not None:
            return grant.account
        if self.ask_account is None:
            raise self.named(Unavailable("the grant does not say whose it is"))
        return self.ask_account(grant.access_token)

    def revocable(self, access_token: Secret, refresh_token: Secret | None) -> tuple[Secret, TokenHint]:
        """Return the token whose revocation ends an authorization, as far as it is there."""
        if self.ends_with is TokenHint.REFRESH and refresh_token is not None:
            return refresh_token, TokenHint.REFRESH
        return access_token, TokenHint.ACCESS


def _notion_app() -> ProviderApp:
    return OAuthApp(
        client_id=settings.NOTION_CLIENT_ID,
        client_secret=settings.NOTION_CLIENT_SECRET,
        redirect_uri=settings.NOTION_REDIRECT_URI,
        base_url=settings.NOTION_API_BASE_URL,
        notion_version=settings.NOTION_VERSION,
    )


def _reddit_app() -> RedditApp:
    return RedditApp(
        client_id=settings.REDDIT_CLIENT_ID,
        client_secret=settings.REDDIT_CLIENT_SECRET,
        redirect_uri=f"{settings.BASE_URL}/api/integrations/reddit/callback",
        www_base_url=settings.REDDIT_WWW_BASE_URL,
        oauth_base_url=settings.REDDIT_OAUTH_BASE_URL,
        user_agent=f"web:notionscan:v1 (by {settings.BASE_URL})",
    )


PROVIDERS = {
    NOTION: Provider(
        slug=NOTION,
        title="Notion",
        public=allowed.NOTION_PUBLIC,
        internal=allowed.NOTION_INTERNAL,
        oauth_app=_notion_app,
        named=notion_errors.named,
        ends_with=TokenHint.ACCESS,
        rotates_refresh_token=True,
        asks="which pages to share",
        about="A report on the workspace: how healthy, how owned and how exposed it is.",
    ),
    REDDIT: Provider(
        slug=REDDIT,
        title="Reddit",
        public=allowed.REDDIT,
        oauth_app=_reddit_app,
        ask_account=lambda token: _reddit_app().account(token),
        named=reddit_errors.named,
        # Its access tokens end with the refresh token, and not the other way round.
        ends_with=TokenHint.REFRESH,
        rotates_refresh_token=False,
        asks="whether the name of your account may be read",
        about=(
            "Shows whose Reddit account belongs to this organization. The account's name is read, and "
            "nothing else: no posts, no messages, no votes."
        ),
    ),
}
