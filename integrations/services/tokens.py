"""The token of a connection for one call: read in a short transaction, refreshed by one caller only."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.record import record
from integrations.errors import ConnectionInError, NotConnected
from integrations.http.errors import OAuthRefused, ProviderError, Unavailable
from integrations.http.oauth import TokenGrant
from integrations.models import Integration
from integrations.providers import PROVIDERS
from integrations.services.revocation import give_back
from integrations.services.state import DECRYPT_FAILED, REFRESH_INTERRUPTED, put_into_error
from integrations.services.verification import token_hash
from notionscan.keyring import DecryptFailed
from notionscan.secret import Secret

# Longer than the deadline of the refresh itself, so that a live one never loses its lease.
LEASE = timedelta(seconds=20)
_POLL_SECONDS = 0.1
# A token that would run out during a call counts as expired.
_EXPIRES_SOON = timedelta(seconds=30)


@dataclass(frozen=True)
class HeldToken:
    """A connection's token as it was read; ``version`` tells whether it was replaced since."""

    organization_id: UUID
    integration_id: UUID
    provider: str
    token: Secret
    version: int
    can_refresh: bool
    expires_at: datetime | None
    last_used_at: datetime | None

    @property
    def has_expired(self) -> bool:
        """Tell whether to refresh it before anybody is asked."""
        soon = timezone.now() + _EXPIRES_SOON
        return self.can_refresh and self.expires_at is not None and self.expires_at <= soon


def current_token(*, organization_id: UUID, integration_id: UUID) -> HeldToken:
    """Return the token to call with.

    Raises: NotConnected if it was disconnected; ConnectionInError if there is no token that works.
    """
    with transaction.atomic():
        integration = _found(
            Integration.objects.filter(organization_id=organization_id, pk=integration_id).first()
        )
        try:
            return _held(integration)
        except DecryptFailed:
            version = integration.token_version
            provider = integration.provider
    put_into_error(
        organization_id=organization_id,
        integration_id=integration_id,
        seen_version=version,
        code=DECRYPT_FAILED,
        erase=False,
    )
    raise _in_error(provider)


def kept_token(*, organization_id: UUID, integration_id: UUID) -> HeldToken:
    """Return the token that a connection in error still has.

    Raises: NotConnected if it was disconnected; ConnectionInError if it cannot be opened, or was erased.
    """
    with transaction.atomic():
        integration = _found(
            Integration.objects.filter(organization_id=organization_id, pk=integration_id).first()
        )
        try:
            return _opened(integration)
        except DecryptFailed:
            raise _in_error(integration.provider) from None


def refreshed_token(stale: HeldToken) -> HeldToken:
    """Return a newer token than the stale one: refresh it, or wait for whoever is doing so.

    Raises: NotConnected, ConnectionInError, the door's Unavailable.
    """
    give_up_at = time.monotonic() + LEASE.total_seconds()
    while True:
        try:
            claim = _claim(stale)
        except DecryptFailed:
            _give_up(stale, DECRYPT_FAILED, erase=False)
            raise _in_error(stale.provider) from None
        if isinstance(claim, HeldToken):
            return claim
        if claim is not None:
            return _refresh(stale, claim)
        if time.monotonic() > give_up_at:
            raise PROVIDERS[stale.provider].named(Unavailable())
        time.sleep(_POLL_SECONDS)


@dataclass(frozen=True)
class _Lease:
    until: datetime
    refresh_token: Secret


def expiry_of(grant: TokenGrant) -> datetime | None:
    """Return when the access token of a grant that came just now runs out, where that is known."""
    return None if grant.expires_in is None else timezone.now() + timedelta(seconds=grant.expires_in)


def _found(integration: Integration | None) -> Integration:
    if integration is None:
        raise NotConnected
    return integration


def _in_error(provider: str) -> ConnectionInError:
    return ConnectionInError(provider=PROVIDERS[provider])


def _locked(stale: HeldToken) -> Integration:
    rows = Integration.objects.filter(organization_id=stale.organization_id, pk=stale.integration_id)
    return _found(rows.select_for_update().first())


def _held(integration: Integration) -> HeldToken:
    if integration.status == Integration.Status.ERROR:
        raise _in_error(integration.provider)
    return _opened(integration)


def _opened(integration: Integration) -> HeldToken:
    if integration.access_token is None:
        raise _in_error(integration.provider)
    return HeldToken(
        organization_id=integration.organization_id,
        integration_id=integration.pk,
        provider=integration.provider,
        token=integration.access_token.reveal(),
        version=integration.token_version,
        can_refresh=integration.refresh_token is not None,
        expires_at=integration.access_token_expires_at,
        last_used_at=integration.last_used_at,
    )


def _claim(stale: HeldToken) -> HeldToken | _Lease | None:
    """Return the newer token, or the lease on refreshing it, or nothing while another holds that."""
    with transaction.atomic():
        integration = _locked(stale)
        held = _held(integration)
        if held.version != stale.version:
            return held
        now = timezone.now()
        if integration.refresh_token is not None and _may_lease(integration, now):
            integration.refresh_lease_until = now + LEASE
            integration.save(update_fields=["refresh_lease_until"])
            return _Lease(integration.refresh_lease_until, integration.refresh_token.reveal())
        if integration.refresh_lease_until is not None and integration.refresh_lease_until > now:
            return None
    # Whoever held the lease died after the refresh token may have been used up: asking again would be
    # refused for ever, so the admin reconnects.
    _give_up(stale, REFRESH_INTERRUPTED, erase=True)
    raise _in_error(stale.provider)


def _may_lease(integration: Integration, now: datetime) -> bool:
    """Tell whether nobody refreshes it, or whoever did is dead and a refresh token serves again."""
    until = integration.refresh_lease_until
    return until is None or (until <= now and not PROVIDERS[integration.provider].rotates_refresh_token)


def _refresh(stale: HeldToken, lease: _Lease) -> HeldToken:
    try:
        grant = PROVIDERS[stale.provider].oauth_app().refresh(lease.refresh_token)
    except OAuthRefused:
        _give_up(stale, PROVIDERS[stale.provider].dead_code, erase=True)
        raise _in_error(stale.provider) from None
    except ProviderError:
        # Not refused, so perhaps not even heard: whoever calls next may try again.
        _release(stale, lease)
        raise
    return _store(stale, lease, grant)


def _store(stale: HeldToken, lease: _Lease, grant: TokenGrant) -> HeldToken:
    with transaction.atomic():
        rows = Integration.objects.filter(organization_id=stale.organization_id, pk=stale.integration_id)
        integration = rows.select_for_update().first()
        is_ours = integration is not None and (
            (integration.token_version, integration.refresh_lease_until) == (stale.version, lease.until)
        )
        if integration is not None and is_ours:
            _keep(integration, grant)
            return _held(integration)
    # Disconnected, reconnected, given up or refreshed meanwhile: nobody would ever use, or revoke, these
    # tokens. A refresh token that is the old one may well be in use: the access token alone is new then.
    is_new = grant.refresh_token != lease.refresh_token
    token, hint = PROVIDERS[stale.provider].revocable(
        grant.access_token, grant.refresh_token if is_new else None
    )
    give_back(organization_id=stale.organization_id, provider=stale.provider, token=token, hint=hint)
    with transaction.atomic():
        return _held(_locked(stale))


def _keep(integration: Integration, grant: TokenGrant) -> None:
    integration.access_token = grant.access_token
    integration.access_token_hash = token_hash(grant.access_token)
    integration.access_token_expires_at = expiry_of(grant)
    integration.refresh_token = grant.refresh_token
    integration.token_version += 1
    integration.refresh_lease_until = None
    integration.save()
    record(
        action=Action.INTEGRATION_TOKEN_REFRESHED,
        organization=integration.organization_id,
        actor=None,
        target=integration,
        provider=integration.provider,
    )


@transaction.atomic
def _release(stale: HeldToken, lease: _Lease) -> None:
    Integration.objects.filter(
        organization_id=stale.organization_id, pk=stale.integration_id, refresh_lease_until=lease.until
    ).update(refresh_lease_until=None)


def _give_up(stale: HeldToken, code: str, *, erase: bool) -> None:
    put_into_error(
        organization_id=stale.organization_id,
        integration_id=stale.integration_id,
        seen_version=stale.version,
        code=code,
        erase=erase,
    )
