"""The state of a connection: what puts it into ``error``, and what may then be told about it."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audit.actions import Action, Result
from audit.record import record
from integrations.models import Integration

DECRYPT_FAILED = "decrypt_failed"
REFRESH_INTERRUPTED = "refresh_interrupted"


@transaction.atomic
def put_into_error(
    *, organization_id: UUID, integration_id: UUID, seen_version: int, code: str, erase: bool
) -> bool:
    """Set a connection to ``error`` and erase dead tokens; False if the token was replaced meanwhile."""
    integration = (
        Integration.objects.filter(
            organization_id=organization_id, pk=integration_id, token_version=seen_version
        )
        .select_for_update()
        .first()
    )
    if integration is None:
        return False
    if integration.status == Integration.Status.ERROR:
        return True
    integration.status = Integration.Status.ERROR
    integration.error_code = code
    integration.error_since = timezone.now()
    integration.refresh_lease_until = None
    fields = ["status", "error_code", "error_since", "refresh_lease_until"]
    if erase:
        integration.access_token = None
        integration.refresh_token = None
        integration.access_token_hash = ""
        fields += ["access_token", "refresh_token", "access_token_hash"]
    integration.save(update_fields=fields)
    record(
        action=Action.INTEGRATION_ERROR,
        organization=organization_id,
        actor=None,
        target=integration,
        result=Result.ERROR,
        reason=code,
        provider=integration.provider,
    )
    return True
