"""Call Notion for a connection: its token, its budget, one refresh, and the end of a dead token."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from integrations import local_only
from integrations.budget import DatabaseBudget
from integrations.errors import ConnectionInError
from integrations.models import Integration
from integrations.notion.budget import Priority
from integrations.notion.client import NotionClient
from integrations.notion.errors import NotionUnauthorized
from integrations.services.state import DEAD, put_into_error
from integrations.services.tokens import HeldToken, current_token, refreshed_token

T = TypeVar("T")
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
    """Run ``use`` with a client for the connection.

    Raises: LocalOnly, before the token is opened; NotConnected; ConnectionInError when Notion no longer
    accepts the token; the door's errors.
    """
    local_only.refuse_calls()
    held = current_token(organization_id=organization_id, integration_id=integration_id)
    is_fresh = False
    while True:
        try:
            result = _use(held, priority, use)
        except NotionUnauthorized:
            if held.can_refresh and not is_fresh:
                held, is_fresh = refreshed_token(held), True
            elif _bury(held):
                raise ConnectionInError from None
            else:
                # Somebody replaced it meanwhile: the newer one is asked.
                held = current_token(organization_id=organization_id, integration_id=integration_id)
        else:
            _touch(held)
            return result


def _use(held: HeldToken, priority: Priority, use: Callable[[NotionClient], T]) -> T:
    budget = DatabaseBudget(held.organization_id, held.integration_id)
    with NotionClient(
        held.token,
        base_url=settings.NOTION_API_BASE_URL,
        notion_version=settings.NOTION_VERSION,
        budget=budget,
        priority=priority,
        deadline_seconds=_CALL_SECONDS,
    ) as client:
        return use(client)


def _bury(held: HeldToken) -> bool:
    """Put the connection of a dead token into ``error``; False if it has a newer one."""
    return put_into_error(
        organization_id=held.organization_id,
        integration_id=held.integration_id,
        seen_version=held.version,
        code=DEAD,
        erase=True,
    )


@transaction.atomic
def _touch(held: HeldToken) -> None:
    now = timezone.now()
    Integration.objects.filter(
        Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - _LAST_USED_GRAIN),
        organization_id=held.organization_id,
        pk=held.integration_id,
    ).update(last_used_at=now)
