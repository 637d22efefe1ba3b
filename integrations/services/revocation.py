"""Tell Notion that a token is no longer wanted: now, or by a job for a day, and then forget it."""

from __future__ import annotations

import enum
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from integrations.models import PendingRevocation
from integrations.notion.errors import NotionError, NotionOAuthRefused
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
    """What became of the token at Notion."""

    ACCESS = "access"
    UNSUPPORTED = "unsupported"
    FAILED = "failed"


def keep_for_revocation(*, organization_id: UUID, provider: str, token: Secret) -> PendingRevocation | None:
    """Move a token out of use, in the open transaction, with a job that revokes it if we cannot now.

    Returns None if another connection still uses the very same token; it must stay valid then.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT token_is_held(%s)", [token_hash(token)])
        if cursor.fetchone()[0]:
            return None
    pending = PendingRevocation(organization_id=organization_id, provider=provider)
    pending.token = token
    pending.save(force_insert=True)
    defer(TASK, delay_seconds=_FIRST_RETRY_SECONDS, revocation_id=pending.pk)
    return pending


def give_back(*, organization_id: UUID, provider: str, token: Secret) -> None:
    """Revoke a token that we were given and do not keep, unless a connection holds that very token."""
    with transaction.atomic():
        pending = keep_for_revocation(organization_id=organization_id, provider=provider, token=token)
    if pending is not None:
        revoke(organization_id=organization_id, revocation_id=pending.pk)


def revoke(*, organization_id: UUID, revocation_id: UUID) -> Revoked:
    """Revoke a kept token at Notion and erase it; it stays, for a day, if Notion cannot be reached."""
    with transaction.atomic():
        pending = PendingRevocation.objects.filter(organization_id=organization_id, pk=revocation_id).first()
        if pending is None:
            return Revoked.ACCESS
        try:
            token = pending.token.reveal()
        except DecryptFailed:
            pending.delete()
            return Revoked.FAILED
    try:
        PROVIDERS[pending.provider].oauth_app().revoke(token)
    except NotionOAuthRefused:
        # Notion does not know the token any more, which is what was wanted.
        outcome = Revoked.ACCESS
    except NotionError:
        return Revoked.FAILED
    else:
        outcome = Revoked.ACCESS
    _forget(organization_id, revocation_id)
    return outcome


def revoke_again(*, organization_id: UUID, revocation_id: UUID) -> None:
    """Try a kept revocation once more; queue the next try, or give up after a day."""
    if revoke(organization_id=organization_id, revocation_id=revocation_id) is not Revoked.FAILED:
        return
    with transaction.atomic():
        pending = PendingRevocation.objects.filter(organization_id=organization_id, pk=revocation_id).first()
        if pending is None:
            return
        age = timezone.now() - pending.created_at
        if age >= KEPT_FOR:
            pending.delete()
            return
        # The wait doubles with the age: a minute at first, an hour at most.
        wait = min(_LAST_RETRY_SECONDS, max(_FIRST_RETRY_SECONDS, int(age.total_seconds())))
        defer(TASK, delay_seconds=wait, revocation_id=revocation_id)


@transaction.atomic
def _forget(organization_id: UUID, revocation_id: UUID) -> None:
    PendingRevocation.objects.filter(organization_id=organization_id, pk=revocation_id).delete()
