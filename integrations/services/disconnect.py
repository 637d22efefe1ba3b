"""Disconnect: out of use at once, revoked at the provider as far as it allows, and told truthfully."""

from __future__ import annotations

from django.db import transaction

from audit.actions import Action
from audit.record import record
from integrations import selectors
from integrations.errors import NotConnected
from integrations.http.oauth import TokenHint
from integrations.models import Integration, PendingRevocation
from integrations.providers import PROVIDERS
from integrations.services.revocation import Revoked, keep_for_revocation, revoke
from notionscan.keyring import DecryptFailed
from notionscan.secret import Secret
from tenants.models import Organization, User


def disconnect(*, organization: Organization, actor: User | None, provider: str) -> Revoked:
    """End a connection and return what became of its token.

    Raises: NotConnected, also for the second of two at once.
    """
    with transaction.atomic():
        integration = (
            selectors.integrations(organization).filter(provider=provider).select_for_update().first()
        )
        if integration is None:
            raise NotConnected(provider=PROVIDERS[provider])
        pending = take_out_of_use(integration, actor=actor)
    if pending is None:
        return Revoked.UNSUPPORTED
    return revoke(organization_id=organization.pk, revocation_id=pending.pk)


def take_out_of_use(
    integration: Integration, *, actor: User | None, reason: str = "", revoke_after_seconds: int = 60
) -> PendingRevocation | None:
    """End a connection in the open transaction: nothing calls with its token any more, and a job revokes it.

    Returns None where there is nothing that the provider could be asked to revoke.
    """
    revocable = _revocable(integration)
    record(
        action=Action.INTEGRATION_DISCONNECTED,
        organization=integration.organization_id,
        actor=actor,
        target=integration,
        provider=integration.provider,
        connection_type=integration.connection_type,
        reason=reason,
    )
    integration.delete()
    if revocable is None:
        return None
    token, hint = revocable
    return keep_for_revocation(
        organization_id=integration.organization_id,
        provider=integration.provider,
        token=token,
        hint=hint,
        after_seconds=revoke_after_seconds,
    )


def _revocable(integration: Integration) -> tuple[Secret, TokenHint] | None:
    """Return the token to revoke, where there is one; internal tokens end in Notion's settings only."""
    if integration.connection_type != Integration.ConnectionType.PUBLIC or integration.access_token is None:
        return None
    try:
        access_token: Secret = integration.access_token.reveal()
        refresh_token = integration.refresh_token.reveal() if integration.refresh_token else None
    except DecryptFailed:
        return None
    return PROVIDERS[integration.provider].revocable(access_token, refresh_token)
