"""What the cards of connections show: read in one go, for the page, the fragments and the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from integrations import local_only, selectors
from integrations.http.errors import LocalOnly
from integrations.models import Integration
from integrations.providers import NOTION, PROVIDERS, Provider
from integrations.services.state import DECRYPT_FAILED, REFRESH_INTERRUPTED
from tenants import selectors as tenants
from tenants.models import Organization
from tenants.policy import Member

_SENTENCES = {
    DECRYPT_FAILED: (
        "The stored token cannot be decrypted here. Nothing was sent to {title}, and nothing was lost there."
    ),
    REFRESH_INTERRUPTED: (
        "Renewing the token was interrupted, and {title} allows no second try. Nothing was lost in {title}."
    ),
}
_DEAD_SENTENCE = "{title} no longer accepts this connection's token. Nothing was lost in {title}."
_REMEDIES = {
    "reconnect": "Reconnect: {title} asks for consent once more.",
    "update_token": "Paste a new token from your integration's page in Notion.",
}


@dataclass(frozen=True)
class Variants:
    """The ways of connecting that this deployment permits."""

    public: bool
    internal: bool


@dataclass(frozen=True)
class Problem:
    """Why a connection is in error, since when, and the one thing that helps."""

    code: str
    sentence: str
    since: datetime | None
    remedy: str
    remedy_sentence: str


@dataclass(frozen=True)
class Shared:
    """What is shared with the connection, as far as it was counted."""

    status: str
    pages: int
    databases: int
    is_partial: bool
    counted_at: datetime | None
    sentence: str = ""


@dataclass(frozen=True)
class Card:
    provider: Provider
    state: str
    integration: Integration | None
    variants: Variants
    error: Problem | None
    shared: Shared | None
    admins: list[str]
    dialog: str | None = None
    form: Any = None
    message: dict[str, str] | None = None
    test: Any = None

    @property
    def template(self) -> str:
        """Return the fragment: Notion has one of its own, all other providers share one."""
        is_notion = self.provider.slug == NOTION
        return f"integrations/_{'notion' if is_notion else 'account'}_card.html"


_BLOCKED = Problem(
    code=LocalOnly.code,
    sentence=LocalOnly.sentence,
    since=None,
    remedy=LocalOnly.remedy,
    remedy_sentence="Ask whoever runs Notion Scan to end local-only mode.",
)


def variants(provider: Provider) -> Variants:
    return Variants(public=provider.public_allowed, internal=provider.internal_allowed)


def problem_of(integration: Integration | None) -> Problem | None:
    """Return why a connection does not work, or nothing if it does. In local-only mode none does."""
    return _BLOCKED if local_only.is_on() else fault_of(integration)


def fault_of(integration: Integration | None) -> Problem | None:
    """Return what is wrong with a connection itself, or nothing."""
    if integration is None or integration.status != Integration.Status.ERROR:
        return None
    title = PROVIDERS[integration.provider].title
    is_public = integration.connection_type == Integration.ConnectionType.PUBLIC
    remedy = "reconnect" if is_public else "update_token"
    return Problem(
        code=integration.error_code,
        sentence=_SENTENCES.get(integration.error_code, _DEAD_SENTENCE).format(title=title),
        since=integration.error_since,
        remedy=remedy,
        remedy_sentence=_REMEDIES[remedy].format(title=title),
    )


def shared_of(integration: Integration | None) -> Shared | None:
    """Return what was counted; ``pending`` while the job has not answered yet."""
    if integration is None or integration.status == Integration.Status.ERROR or local_only.is_on():
        return None
    if integration.shared_error_code:
        status = "failed"
    else:
        status = "pending" if integration.shared_counted_at is None else "done"
    return Shared(
        status=status,
        pages=integration.shared_pages or 0,
        databases=integration.shared_databases or 0,
        is_partial=integration.shared_is_partial,
        counted_at=integration.shared_counted_at,
        sentence="Notion could not be asked what is shared. Use Test connection to see why."
        if status == "failed"
        else "",
    )


def _state(integration: Integration | None, problem: Problem | None) -> str:
    if problem is _BLOCKED:
        return "blocked"
    if integration is None:
        return "not_connected"
    return "error" if problem else "connected"


def displayed(organization: Organization) -> list[tuple[Provider, Integration | None]]:
    """Return Notion and what else is allowed or connected, each with its connection if there is one."""
    connected = {one.provider: one for one in selectors.integrations(organization)}
    return [
        (provider, connected.get(provider.slug))
        for provider in PROVIDERS.values()
        if provider.slug == NOTION or provider.public_allowed or provider.slug in connected
    ]


def cards(member: Member, provider: Provider, **shown: Any) -> list[Card]:
    """Return the cards for a member; ``shown`` is what this request adds to the one of ``provider``.

    That is a dialog and its form, a message, or the outcome of a test.
    """
    with transaction.atomic(savepoint=False):
        found = displayed(member.organization)
        admins = [] if member.may_manage else [str(a.user) for a in tenants.admins(member.organization)]
    if provider not in [one for one, _ in found]:
        # What was done just now is told on its card, also where that was the end of it.
        found.append((provider, None))
    return [_card(one, connected, admins, **(shown if one is provider else {})) for one, connected in found]


def card(member: Member, provider: Provider, **shown: Any) -> Card:
    """Return the one card of a provider."""
    return next(one for one in cards(member, provider, **shown) if one.provider is provider)


def _card(provider: Provider, integration: Integration | None, admins: list[str], **shown: Any) -> Card:
    problem = problem_of(integration)
    return Card(
        provider=provider,
        state=_state(integration, problem),
        integration=integration,
        variants=variants(provider),
        error=problem,
        shared=shared_of(integration) if provider.slug == NOTION else None,
        admins=admins,
        **shown,
    )
