"""Tell a provider that a token is no longer wanted: now, or by a job for a day, and then forget it."""

from __future__ import annotations

import enum
import math
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from integrations.http.errors import OAuthRefused, ProviderError, RateLimited
from integrations.http.oauth import TokenHint
from integrations.models import PendingRevocation
from integrations.providers import PROVIDERS
from integrations.services.verification import token_hash
from notionscan.jobs import defer
from notionscan.keyring import DecryptFailed
from notionscan.secret import Secret

TASK = "integrations.revoke_pending"
KEPT_FOR = timedelta(hours=24)
_FIRST_RETRY_SECONDS = 60
_LAST_RETRY_SECONDS = 3600


class Revoked(enum.StrEnum):
    """What became of the token at its provider."""

    ACCESS = "access"
    UNSUPPORTED = "unsupported"
    FAILED = "failed"


def keep_for_revocation(
    *,
    organization_id: UUID,
    provider: str,
    token: Secret,
    hint: TokenHint = TokenHint.ACCESS,
    after_seconds: int = _FIRST_RETRY_SECONDS,
) -> PendingRevocation | None:
    """Move a token out of use, in the open transaction, with a job that revokes it if nobody did before.

    Returns None if another connection still uses the very same token; it must stay valid then.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT token_is_held(%s)", [token_hash(token)])
        if cursor.fetchone()[0]:
            return None
    pending = PendingRevocation(organization_id=organization_id, provider=provider, token_hint=hint)
    pending.token = token
    pending.save(force_insert=True)
    defer(TASK, delay_seconds=after_seconds, revocation_id=pending.pk)
    return pending


def give_back(
    *, organization_id: UUID, provider: str, token: Secret, hint: TokenHint = TokenHint.ACCESS
) -> None:
    """Revoke a token that we were given and do not keep, unless a connection holds that very token."""
    try:
        with transaction.atomic():
            pending = keep_for_revocation(
                organization_id=organization_id, provider=provider, token=token, hint=hint
            )
    except (IntegrityError, DecryptFailed):
        # The organization was deleted meanwhile, and nothing can be kept for it.
        with suppress(ProviderError):
            PROVIDERS[provider].oauth_app().revoke(token, hint)
        return
    if pending is not None:
        revoke(organization_id=organization_id, revocation_id=pending.pk)


def revoke(*, organization_id: UUID, revocation_id: UUID) -> Revoked:
    """Revoke a kept token and erase it; it stays, for a day, if its provider cannot be reached."""
    try:
        return _revoke(organization_id, revocation_id)
    except ProviderError:
        return Revoked.FAILED


def revoke_again(*, organization_id: UUID, revocation_id: UUID) -> None:
    """Try a kept revocation once more; queue the next try, or give up after a day."""
    try:
        _revoke(organization_id, revocation_id)
        return
    except RateLimited as limit:
        least = math.ceil(limit.retry_after)
    except ProviderError:
        least = _FIRST_RETRY_SECONDS
    with transaction.atomic():
        pending = PendingRevocation.objects.filter(organization_id=organization_id, pk=revocation_id).first()
        if pending is None:
            return
        age = timezone.now() - pending.created_at
        if age >= KEPT_FOR:
            pending.delete()
            return
        # The wait doubles with the age: a minute at first, an hour at most, and never less than we were told.
        wait = max(least, min(_LAST_RETRY_SECONDS, int(age.total_seconds())))
        defer(TASK, delay_seconds=wait, revocation_id=revocation_id)


def _revoke(organization_id: UUID, revocation_id: UUID) -> Revoked:
    """Tell the provider, and forget the token.

    Raises: the door's errors, if it could not be told.
    """
    with transaction.atomic():
        pending = PendingRevocation.objects.filter(organization_id=organization_id, pk=revocation_id).first()
        if pending is None:
            return Revoked.ACCESS
        try:
            token = pending.token.reveal()
        except DecryptFailed:
            pending.delete()
            return Revoked.FAILED
    # Refused means that the provider does not know the token any more, which is what was wanted.
    with suppress(OAuthRefused):
        PROVIDERS[pending.provider].oauth_app().revoke(token, TokenHint(pending.token_hint))
    _forget(organization_id, revocation_id)
    return Revoked.ACCESS


@transaction.atomic
def _forget(organization_id: UUID, revocation_id: UUID) -> None:
    PendingRevocation.objects.filter(organization_id=organization_id, pk=revocation_id).delete()
