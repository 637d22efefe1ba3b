"""Call a provider for a connection: its token, one refresh, and the end of a dead token."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from integrations import local_only
from integrations.budget import DatabaseBudget
from integrations.errors import ConnectionInError
from integrations.http.errors import Unauthorized
from integrations.http.retry import Retry
from integrations.http.wire import Deadline
from integrations.models import Integration
from integrations.notion.budget import Priority
from integrations.notion.client import NotionClient
from integrations.notion.content import NotionContent
from integrations.notion.door import Door
from integrations.providers import PROVIDERS
from integrations.services.state import put_into_error
from integrations.services.tokens import HeldToken, current_token, refreshed_token

T = TypeVar("T")
D = TypeVar("D", bound=Door)
_CALL_SECONDS = 10
# "Last used" is for people; a row written on every call would be the busiest row of all.
_LAST_USED_GRAIN = timedelta(minutes=1)


def call_notion(
    *,
    organization_id: UUID,
    integration_id: UUID,
    priority: Priority,
    use: Callable[[NotionClient], T],
) -> T:
    """Run ``use`` with a client for the connection's metadata.

    Raises: as ``call_with_token``.
    """
    return call_with_token(
        organization_id=organization_id,
        integration_id=integration_id,
        use=lambda held: ask_notion(held, priority, use),
    )


def call_content(
    *,
    organization_id: UUID,
    integration_id: UUID,
    priority: Priority,
    use: Callable[[NotionContent], T],
    until: Deadline | None = None,
) -> T:
    """Run ``use`` with a client for the connection's content; policy and record are the caller's.

    Each of its calls may take some seconds, and all of them end by ``until``.
    Raises: as ``call_with_token``.
    """
    return call_with_token(
        organization_id=organization_id,
        integration_id=integration_id,
        use=lambda held: _use(NotionContent, held, priority, use, Retry(until=until)),
    )


def call_with_token(
    *,
    organization_id: UUID,
    integration_id: UUID,
    use: Callable[[HeldToken], T],
    counts_as_use: bool = True,
) -> T:
    """Run ``use`` with the connection's token, and again with a newer one if it was refused.

    Raises: LocalOnly, before the token is opened; NotConnected; ConnectionInError when the provider no longer
    accepts the token; the door's errors.
    """
    local_only.refuse_calls()
    held = current_token(organization_id=organization_id, integration_id=integration_id)
    is_fresh = held.has_expired
    if held.has_expired:
        held = refreshed_token(held)
    while True:
        try:
            result = use(held)
        except Unauthorized:
            if held.can_refresh and not is_fresh:
                held, is_fresh = refreshed_token(held), True
            elif _bury(held):
                raise ConnectionInError(provider=PROVIDERS[held.provider]) from None
            else:
                # Somebody replaced it meanwhile: the newer one is asked.
                held = current_token(organization_id=organization_id, integration_id=integration_id)
        else:
            if counts_as_use:
                _touch(held)
            return result


def ask_notion(held: HeldToken, priority: Priority, use: Callable[[NotionClient], T]) -> T:
    """Run ``use`` with a client for a token that is held, by its connection's budget.

    Raises: the door's errors.
    """
    return _use(NotionClient, held, priority, use)


def _use(
    door: type[D], held: HeldToken, priority: Priority, use: Callable[[D], T], retry: Retry | None = None
) -> T:
    budget = DatabaseBudget(held.organization_id, held.integration_id)
    with door(
        held.token,
        base_url=settings.NOTION_API_BASE_URL,
        notion_version=settings.NOTION_VERSION,
        budget=budget,
        priority=priority,
        deadline_seconds=_CALL_SECONDS,
        retry=retry,
    ) as client:
        return use(client)


def _bury(held: HeldToken) -> bool:
    """Put the connection of a dead token into ``error``; False if it has a newer one."""
    return put_into_error(
        organization_id=held.organization_id,
        integration_id=held.integration_id,
        seen_version=held.version,
        code=PROVIDERS[held.provider].dead_code,
        erase=True,
    )


def _touch(held: HeldToken) -> None:
    now = timezone.now()
    if held.last_used_at is not None and held.last_used_at > now - _LAST_USED_GRAIN:
        return
    with transaction.atomic():
        Integration.objects.filter(organization_id=held.organization_id, pk=held.integration_id).update(
            last_used_at=now
        )
