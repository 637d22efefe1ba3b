"""The kill switch: every connection out of use at once; only revocations leave after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from django.db import DatabaseError, transaction

from audit.actions import Action
from audit.record import record
from integrations.budget import START_LIMIT, WINDOW_SECONDS
from integrations.models import Integration
from integrations.services.disconnect import take_out_of_use
from notionscan import rls


@dataclass
class Ended:
    """How many connections ended, how many of them Notion is asked to revoke, whose row we did not get."""

    connections: int = 0
    revocations: int = 0
    missed: list[UUID] = field(default_factory=list)


def disconnect_all(organization_ids: list[UUID], *, reason: str) -> Ended:
    """End every connection of these organizations, one short transaction each; calls nobody.

    The revocations are queued at the pace that Notion allows one connection, since they all come from us.
    A row that somebody holds, or that cannot be read, keeps nobody else connected: it is tried once more
    after all others.
    """
    ended = Ended()
    locked = list(_end_each(organization_ids, ended, reason))
    ended.missed = list(_end_each(locked, ended, reason))
    with transaction.atomic():
        record(
            action=Action.INTEGRATION_DISCONNECTED,
            organization=None,
            actor=None,
            reason=reason,
            connections=ended.connections,
            organizations=len(organization_ids),
            missed=len(ended.missed),
        )
    return ended


def _end_each(organization_ids: list[UUID], ended: Ended, reason: str) -> Iterator[UUID]:
    """End the connections of each organization, and yield those whose rows the database did not give us."""
    for organization_id in organization_ids:
        try:
            _end(organization_id, ended, reason)
        except DatabaseError:
            yield organization_id


def _end(organization_id: UUID, ended: Ended, reason: str) -> None:
    connections = revocations = 0
    with rls.scope(rls.organization_scope(organization_id)), transaction.atomic():
        for integration in Integration.objects.select_for_update():
            wait = (ended.revocations + revocations) * WINDOW_SECONDS // START_LIMIT
            pending = take_out_of_use(integration, actor=None, reason=reason, revoke_after_seconds=wait)
            connections += 1
            revocations += pending is not None
    ended.connections += connections
    ended.revocations += revocations
