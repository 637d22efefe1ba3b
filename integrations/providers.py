"""The registry: what can be connected, and how each provider's OAuth application is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from integrations import allowed
from integrations.notion.oauth import OAuthApp

NOTION = "notion"


@dataclass(frozen=True)
class Provider:
    """What a provider is called, what permits each way to it, and its OAuth application."""

    slug: str
    title: str
    public: str
    internal: str | None
    oauth_app: Callable[[], OAuthApp]

    @property
    def public_allowed(self) -> bool:
        return self.public in settings.INTEGRATIONS_ALLOWED

    @property
    def internal_allowed(self) -> bool:
        return self.internal in settings.INTEGRATIONS_ALLOWED


def _notion_app() -> OAuthApp:
    return OAuthApp(
        client_id=settings.NOTION_CLIENT_ID,
        client_secret=settings.NOTION_CLIENT_SECRET,
        redirect_uri=settings.NOTION_REDIRECT_URI,
        base_url=settings.NOTION_API_BASE_URL,
        notion_version=settings.NOTION_VERSION,
    )


PROVIDERS = {
    NOTION: Provider(
        slug=NOTION,
        title="Notion",
        public=allowed.NOTION_PUBLIC,
        internal=allowed.NOTION_INTERNAL,
        oauth_app=_notion_app,
    )
}
