"""The state of a connection: what puts it into ``error``, and what may then be told about it."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audit.actions import Action, Result
from audit.record import record
from integrations.models import Integration
from integrations.providers import PROVIDERS
from notionscan.jobs import defer

# The job that tells the admins (notices.py).
MAIL = "integrations.mail_of_error"
DECRYPT_FAILED = "decrypt_failed"
REFRESH_INTERRUPTED = "refresh_interrupted"


@transaction.atomic
def put_into_error(
    *, organization_id: UUID, integration_id: UUID, seen_version: int, code: str, erase: bool
) -> bool:
    """Set a connection to ``error``, erase dead tokens and queue the mail to its admins, once.

    Returns False if the token was replaced meanwhile.
    """
    integration = (
        Integration.objects.filter(
            organization_id=organization_id, pk=integration_id, token_version=seen_version
        )
        .select_for_update()
        .first()
    )
    if integration is None:
        return False
    if integration.status == Integration.Status.ERROR and not (erase and integration.access_token):
        return True
    integration.status = Integration.Status.ERROR
    integration.error_code = code
    integration.error_since = timezone.now()
    integration.error_mailed_at = None
    integration.refresh_lease_until = None
    fields = ["status", "error_code", "error_since", "error_mailed_at", "refresh_lease_until"]
    if erase:
        integration.access_token = None
        integration.refresh_token = None
        integration.access_token_hash = ""
        fields += ["access_token", "refresh_token", "access_token_hash"]
    integration.save(update_fields=fields)
    _record(integration, code)
    defer(MAIL, integration_id=integration.pk)
    return True


def _record(integration: Integration, code: str) -> None:
    """Record, where it was the provider who ended the connection, that; and that it does not work.

    The one is what happened to the customer's consent, the other our state, whatever the reason: who looks
    for either finds it.
    """
    ended = code == PROVIDERS[integration.provider].dead_code
    for action in [*([Action.INTEGRATION_DEAUTHORIZED] if ended else []), Action.INTEGRATION_ERROR]:
        record(
            action=action,
            organization=integration.organization_id,
            actor=None,
            target=integration,
            result=Result.ERROR,
            reason=code,
            provider=integration.provider,
        )
