"""Choose the Notion database that an organization's events are mirrored to, have one made, or stop."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from audit import selectors as audit
from audit.actions import Action, Result
from audit.record import label, record
from integrations import local_only, mirror_rows, selectors
from integrations.errors import IntegrationError, NotConnected
from integrations.http.errors import ProviderError
from integrations.mirror_errors import ChooseDataSource, MirrorColumns, MirrorInTrash, NotMirrored
from integrations.models import Integration, Mirror
from integrations.notion.budget import Priority
from integrations.notion.content import NotionContent
from integrations.notion.errors import NotionNotShared, NotionSaved
from integrations.notion.replies import title_of
from integrations.providers import NOTION
from integrations.services.calls import call_content
from notionscan.jobs import defer
from tenants.models import Organization, User

TASK = "integrations.mirror"
_TITLE = "Audit log of Notion Scan"


@dataclass(frozen=True)
class Target:
    """A data source that can hold events, and the types of its columns."""

    database_id: UUID
    data_source_id: UUID
    title: str
    types: dict[str, str]


def target(client: NotionContent, object_id: UUID, source_id: UUID | None = None) -> Target:
    """Return the data source that an id means: its own, or that of the database it is of.

    Raises: ChooseDataSource where the database has several and none is named; MirrorColumns; MirrorInTrash;
    NotionNotShared; the door's other errors.
    """
    database_id, source = _found(client, object_id, source_id)
    types = mirror_rows.types_of(source)
    if source.get("in_trash") is True:
        raise MirrorInTrash
    if lacking := mirror_rows.missing(types):
        raise MirrorColumns(lacking)
    return Target(database_id, UUID(source["id"]), label(title_of(source)), types)


def set_mirror(
    *, organization: Organization, actor: User, object_id: UUID, source_id: UUID | None = None
) -> Mirror:
    """Mirror the events from now on to a database, or data source, that there is.

    Raises: LocalOnly; NotConnected; ConnectionInError; as ``target``.
    """
    integration = _connection(organization)
    try:
        chosen = _call(integration, lambda client: target(client, object_id, source_id))
    except (IntegrationError, ProviderError) as problem:
        _record_failure(organization, actor, problem.code)
        raise
    return _configure(organization, actor, chosen)


def create_mirror(*, organization: Organization, actor: User, page_id: UUID) -> Mirror:
    """Make a database under a page, and mirror the events from now on to it.

    Raises: LocalOnly; NotConnected; ConnectionInError; the door's errors. After NotionOutcomeUnknown there
    may be a database that nobody uses.
    """
    integration = _connection(organization)
    correlation_id = uuid.uuid4()
    with transaction.atomic():
        record(
            action=Action.NOTION_WRITE,
            organization=organization.pk,
            actor=actor,
            target=integration,
            correlation_id=correlation_id,
            step="intent",
            call="create the database of the audit mirror",
            objects=[str(page_id)],
        )
    try:
        made = _call(integration, lambda client: _made(client, page_id))
    except (IntegrationError, ProviderError) as problem:
        _record_failure(organization, actor, problem.code, correlation_id)
        raise
    return _configure(organization, actor, made, correlation_id)


@transaction.atomic
def stop_mirror(*, organization: Organization, actor: User) -> None:
    """Write no more events to Notion; those that are there stay. The deployment's default stays off as well.

    Raises: NotMirrored.
    """
    mirror = Mirror.objects.select_for_update().filter(organization=organization, is_stopped=False).first()
    if mirror is None:
        raise NotMirrored
    mirror.is_stopped = True
    mirror.lease = mirror.leased_until = mirror.error_since = None
    mirror.error_code = mirror.error_detail = ""
    mirror.save()
    record(
        action=Action.MIRROR_STOPPED,
        organization=organization.pk,
        actor=actor,
        mirrored_sequence=mirror.mirrored_sequence,
        database=mirror.database_id,
    )


@transaction.atomic
def retry_mirror(*, organization: Organization) -> None:
    """Let the job try again at once, as after what it complained of was mended.

    Raises: LocalOnly; NotMirrored.
    """
    local_only.refuse_calls()
    if not Mirror.objects.filter(organization=organization, is_stopped=False).update(next_at=None):
        raise NotMirrored
    defer(TASK)


def _connection(organization: Organization) -> Integration:
    local_only.refuse_calls()
    with transaction.atomic():
        integration = selectors.integration(organization, NOTION)
    if integration is None:
        raise NotConnected
    return integration


def _call(integration: Integration, use: Callable[[NotionContent], Target]) -> Target:
    return call_content(
        organization_id=integration.organization_id,
        integration_id=integration.pk,
        priority=Priority.PEOPLE,
        use=use,
    )


def _found(client: NotionContent, object_id: UUID, source_id: UUID | None) -> tuple[UUID, dict[str, Any]]:
    """Return the database's id and the data source as Notion describes it."""
    try:
        database = client.database(object_id)
    except NotionNotShared:
        # Ids of data sources look the same, and links to them are copied as well.
        source = client.data_source(object_id)
        parent = source.get("parent")
        database_id = parent.get("database_id") if isinstance(parent, dict) else None
        return UUID(database_id or str(object_id)), source
    if database.get("in_trash") is True:
        raise MirrorInTrash
    listed = database.get("data_sources")
    sources = {
        UUID(each["id"]): label(each.get("name") or "Untitled")
        for each in (listed if isinstance(listed, list) else [])
    }
    if source_id not in sources:
        if len(sources) != 1:
            raise ChooseDataSource(sources)
        [source_id] = sources
    return UUID(database["id"]), client.data_source(source_id)


def _made(client: NotionContent, page_id: UUID) -> Target:
    try:
        database_id = client.create_database(
            parent_page_id=page_id, title=_TITLE, properties=mirror_rows.new_columns()
        )["id"]
    except NotionSaved as saved:
        database_id = saved.ids[0]
    return target(client, UUID(database_id))


@transaction.atomic
def _configure(
    organization: Organization, actor: User, chosen: Target, correlation_id: UUID | None = None
) -> Mirror:
    """Store the choice; of two at once the later one holds.

    A mirror that is not stopped goes on where it is, in the other database, so that no event is in none.
    """
    before = Mirror.objects.select_for_update().filter(organization=organization, is_stopped=False).first()
    start = before.mirrored_sequence if before else audit.last_sequence(organization.pk)
    is_same = before is not None and before.data_source_id == chosen.data_source_id
    mirror, _ = Mirror.objects.update_or_create(
        organization=organization,
        defaults={
            "database_id": chosen.database_id,
            "data_source_id": chosen.data_source_id,
            "title": chosen.title,
            "configured_by_label": label(actor),
            "is_stopped": False,
            "started_after": before.started_after if before else start,
            "mirrored_sequence": start,
            **({} if is_same else {"mirrored_at": None, "last_page_id": None, "begun_sequence": 0}),
            "lease": None,
            "leased_until": None,
            "next_at": None,
            "failures": 0,
            "error_code": "",
            "error_detail": "",
            "error_since": None,
        },
    )
    record(
        action=Action.MIRROR_CONFIGURED,
        organization=organization.pk,
        actor=actor,
        target=mirror,
        correlation_id=correlation_id,
        database=chosen.database_id,
        data_source=chosen.data_source_id,
    )
    defer(TASK)
    return mirror


@transaction.atomic
def _record_failure(
    organization: Organization, actor: User, code: str, correlation_id: UUID | None = None
) -> None:
    record(
        action=Action.MIRROR_CONFIGURED,
        organization=organization.pk,
        actor=actor,
        result=Result.ERROR,
        correlation_id=correlation_id,
        reason=code,
    )
