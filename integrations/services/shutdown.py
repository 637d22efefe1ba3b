"""The kill switch: every connection out of use at once; only revocations leave after it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from audit.actions import Action
from audit.record import record
from integrations.budget import START_LIMIT, WINDOW_SECONDS
from integrations.models import Integration
from integrations.services.disconnect import take_out_of_use
from notionscan import rls


@dataclass
class Ended:
    """How many connections ended, and how many of them Notion is asked to revoke."""

    connections: int = 0
    revocations: int = 0


def disconnect_all(organization_ids: list[UUID], *, reason: str) -> Ended:
    """End every connection of these organizations, one short transaction each; calls nobody.

    The revocations are queued at the pace that Notion allows one connection, since they all come from us.
    """
    ended = Ended()
    for organization_id in organization_ids:
        with rls.scope(rls.organization_scope(organization_id)), transaction.atomic():
            for integration in Integration.objects.select_for_update():
                wait = ended.revocations * WINDOW_SECONDS // START_LIMIT
                pending = take_out_of_use(integration, actor=None, reason=reason, revoke_after_seconds=wait)
                ended.connections += 1
                ended.revocations += pending is not None
    with transaction.atomic():
        record(
            action=Action.INTEGRATION_DISCONNECTED,
            organization=None,
            actor=None,
            reason=reason,
            connections=ended.connections,
            organizations=len(organization_ids),
        )
    return ended
