"""Count the pages and databases that are shared with a connection, within a bound."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audit.actions import Action, Result
from audit.record import record
from integrations.errors import IntegrationError
from integrations.http.errors import ProviderError
from integrations.models import Integration
from integrations.notion.budget import Priority
from integrations.notion.client import NotionClient
from integrations.services.calls import call_notion
from notionscan.jobs import defer

TASK = "integrations.count_shared"
# 2,000 objects of each kind: enough to know that something is shared, little enough of the window.
_REQUESTS_PER_KIND = 20


def count_shared_later(integration: Integration) -> None:
    """Queue the count with the open transaction; the card shows it when it is there."""
    Integration.objects.filter(pk=integration.pk).update(shared_counted_at=None, shared_error_code="")
    defer(TASK, integration_id=integration.pk)


def count_shared(*, organization_id: UUID, integration_id: UUID) -> None:
    """Count what search can see and store the numbers, or the reason why there are none."""
    try:
        pages, databases = call_notion(
            organization_id=organization_id,
            integration_id=integration_id,
            priority=Priority.AGENTS,
            use=_count,
        )
    except (ProviderError, IntegrationError) as problem:
        _store(organization_id, integration_id, shared_error_code=problem.code)
        return
    _store(
        organization_id,
        integration_id,
        shared_pages=pages[0],
        shared_databases=databases[0],
        shared_is_partial=pages[1] or databases[1],
        shared_error_code="",
    )


def _count(client: NotionClient) -> tuple[tuple[int, bool], tuple[int, bool]]:
    return _count_kind(client, "page"), _count_kind(client, "data_source")


def _count_kind(client: NotionClient, kind: str) -> tuple[int, bool]:
    """Return how many objects were seen, and whether there are more."""
    seen = 0
    has_more = False
    for number, page in enumerate(client.search_pages(kind=kind), start=1):
        seen += len(page.results)
        has_more = page.has_more
        if number == _REQUESTS_PER_KIND:
            break
    return seen, has_more


@transaction.atomic
def _store(organization_id: UUID, integration_id: UUID, **values: object) -> None:
    """Store what came of it, and record that the token was used; of an ended connection, neither."""
    found = Integration.objects.filter(organization_id=organization_id, pk=integration_id)
    if not found.update(shared_counted_at=timezone.now(), **values):
        return
    failure = str(values["shared_error_code"])
    record(
        action=Action.NOTION_READ,
        organization=organization_id,
        actor=None,
        target=found.get(),
        result=Result.ERROR if failure else Result.SUCCESS,
        read="pages and databases that are shared, counted",
        reason=failure,
    )
