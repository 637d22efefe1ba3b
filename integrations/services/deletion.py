"""Delete an organization: its tokens given back, its rows and its data key gone, its audit chain kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from django.db import OperationalError, models, transaction
from psycopg.errors import DeadlockDetected

from audit.actions import Action
from audit.record import record
from integrations.models import Integration, PendingRevocation
from integrations.services.disconnect import take_out_of_use
from integrations.services.revocation import Revoked, revoke
from notionscan import rls
from tenants.models import Organization

_MOST_CLASHES = 20


@dataclass(frozen=True)
class Receipt:
    """What was deleted, by table, and what became of the tokens at Notion."""

    organization_id: UUID
    rows: dict[str, int]
    # By outcome; `unsupported` are internal tokens, which end in Notion's own settings only.
    revocations: dict[str, int]


def delete_organization(organization: Organization) -> Receipt:
    """Delete everything of the organization but its audit chain; its tokens are revoked first.

    Each revocation has ten seconds; a token that Notion cannot be told about is erased all the same.
    """
    outcomes: Counter[str] = Counter()
    tried: set[UUID] = set()
    clashes = 0
    while True:
        _give_back_tokens(organization.pk, outcomes, tried)
        try:
            receipt = _delete_without_tokens(organization, outcomes, tried)
        except OperationalError as clash:
            # A scan that still stores what was under way waits for us, and we for it; without a connection
            # it ends soon.
            clashes += 1
            if not isinstance(clash.__cause__, DeadlockDetected) or clashes > _MOST_CLASHES:
                raise
            continue
        if receipt:
            return receipt


def _give_back_tokens(organization_id: UUID, outcomes: Counter[str], tried: set[UUID]) -> None:
    with transaction.atomic():
        for integration in Integration.objects.select_for_update():
            has_token = integration.access_token is not None
            if take_out_of_use(integration, actor=None, reason="organization deleted") is None and has_token:
                outcomes[Revoked.UNSUPPORTED] += 1
        pending = set(PendingRevocation.objects.values_list("pk", flat=True)) - tried
    for revocation_id in pending:
        outcomes[revoke(organization_id=organization_id, revocation_id=revocation_id)] += 1
    tried |= pending


def _delete_without_tokens(
    organization: Organization, outcomes: Counter[str], tried: set[UUID]
) -> Receipt | None:
    """Delete the organization; None if a consent that ended meanwhile brought another token."""
    organization_id = organization.pk
    with transaction.atomic():
        # No connection and no pending revocation can be added to a locked organization: both refer to it.
        Organization.objects.select_for_update().get(pk=organization_id)
        untold = PendingRevocation.objects.exclude(pk__in=tried)
        if Integration.objects.exists() or untold.exists():
            return None
        rows = _rows(organization_id)
        # The deployment's chain is locked after the organization's, as everywhere.
        record(action=Action.ORGANIZATION_DELETED, organization=organization_id, actor=None, rows=rows)
        record(
            action=Action.ORGANIZATION_DELETED,
            organization=None,
            actor=None,
            target=organization,
            revoked=outcomes[Revoked.ACCESS],
            not_revoked=outcomes[Revoked.FAILED] + outcomes[Revoked.UNSUPPORTED],
        )
        organization.delete()
    return Receipt(organization_id, rows, dict(outcomes))


def _rows(organization_id: UUID) -> dict[str, int]:
    """Count the organization's rows in every fenced table that goes with it."""
    tables: list[type[models.Model]] = [
        model for model in rls.scoped_models() if model._meta.app_label != "audit"
    ]
    return {
        model._meta.db_table: model._default_manager.filter(
            **{model.scope_column: organization_id}  # type: ignore[attr-defined]
        ).count()
        for model in tables
    }
