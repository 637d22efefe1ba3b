"""The background jobs of connections."""

from __future__ import annotations

from uuid import UUID

from integrations.services import revocation, shared
from notionscan.jobs import organization_task


@organization_task(shared.TASK)
def count_shared(organization_id: UUID, *, integration_id: UUID) -> None:
    shared.count_shared(organization_id=organization_id, integration_id=integration_id)


@organization_task(revocation.TASK)
def revoke_pending(organization_id: UUID, *, revocation_id: UUID) -> None:
    revocation.revoke_again(organization_id=organization_id, revocation_id=revocation_id)
