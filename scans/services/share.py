"""Share a report by a link, end a link, and let somebody in who holds one."""

from __future__ import annotations

import hashlib
import secrets
import string
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from audit.actions import Action
from audit.record import label, record
from notionscan import limits, rls
from scans.errors import NoReport, NoSuchShare, ShareRefused
from scans.models import Report, Share, ShareView
from tenants.models import Organization, User

DEFAULT_DAYS = 30
MOST_DAYS = 365
_LEAST_PASSCODE = 6
_LONGEST_PASSCODE = 128
_ALPHABET = string.ascii_letters + string.digits
# 43 of 62 characters: 256 bits.
_TOKEN_CHARACTERS = 43
_GUESSES = 10


@dataclass(frozen=True)
class Shared:
    """A new link, and its token, which is shown now and never again."""

    share: Share
    token: str


def create_share(
    *,
    organization: Organization,
    actor: User,
    report: Report | None,
    recipient: str,
    expires_at: datetime | None = None,
    passcode: str = "",
    redaction: str = Share.Redaction.INITIALS,
) -> Shared:
    """Make a link to a report for one recipient.

    Raises: NoReport; ShareRefused for an empty recipient, a bad date, a short passcode.
    """
    if report is None:
        raise NoReport
    until = expires_at or timezone.now() + timedelta(days=DEFAULT_DAYS)
    # Scripts leave out the zone of what they mean in UTC.
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    _refuse(recipient.strip(), until, passcode)
    token = "".join(secrets.choice(_ALPHABET) for _ in range(_TOKEN_CHARACTERS))
    with transaction.atomic():
        share = Share.objects.create(
            organization=organization,
            report=report,
            recipient=recipient.strip(),
            token_hash=_hashed(token),
            passcode=make_password(passcode) if passcode else "",
            redaction=redaction,
            created_by_label=label(actor),
            expires_at=until,
        )
        record(
            action=Action.SHARE_CREATED,
            organization=organization.pk,
            actor=actor,
            target=share,
            expires_at=until.isoformat(timespec="seconds"),
            redaction=redaction,
            has_passcode=bool(passcode),
        )
    return Shared(share, token)


def address(token: str) -> str:
    """Return the link itself."""
    return f"{settings.BASE_URL}/r/{token}"


def revoke_share(*, organization: Organization, actor: User, share_id: UUID) -> Share:
    """End a link at once; one that has ended stays so.

    Raises: NoSuchShare.
    """
    with transaction.atomic():
        share = Share.objects.select_for_update().filter(organization=organization, pk=share_id).first()
        if share is None:
            raise NoSuchShare
        if share.revoked_at is None:
            share.revoked_at = timezone.now()
            share.save(update_fields=["revoked_at"])
            record(action=Action.SHARE_REVOKED, organization=organization.pk, actor=actor, target=share)
    return share


def find_by_token(token: str) -> UUID | None:
    """Return the link that a token opens now; the same None for unknown, revoked and expired."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT share_alive(%s)", [_hashed(token)])
        found: UUID | None = cursor.fetchone()[0]
        return found


def is_right(share: Share, passcode: str, *, source: str) -> bool:
    """Say whether it is the link's passcode. Wrong ones count by link and source, so nobody locks out others.

    Raises: LimitReached after ten.
    """
    limit = limits.Limit(f"share:{share.pk}:{source}", _GUESSES)
    with limits.attempt([limit]) as attempt:
        # In constant time, as for passwords.
        right = check_password(passcode[:_LONGEST_PASSCODE], share.passcode)
        if not right:
            attempt.failed()
    return right


def record_view(share: Share, *, source: str, browser: str) -> None:
    """Count that a link was opened, and record it in the organization's log."""
    scope = rls.organization_scope(share.organization_id)
    with rls.scope(scope), transaction.atomic():
        Share.objects.filter(pk=share.pk).update(views=F("views") + 1, last_viewed_at=timezone.now())
        ShareView.objects.create(
            organization_id=share.organization_id,
            share=share,
            source=salted_hmac("scans.share", f"{share.pk}:{source}", algorithm="sha256").hexdigest()[:16],
            browser=browser[:32],
        )
        record(action=Action.SHARE_VIEWED, organization=share.organization_id, actor=None, target=share)


def _refuse(recipient: str, until: datetime, passcode: str) -> None:
    if not recipient or len(recipient) > 254:
        raise ShareRefused("Say whom the link is for, in at most 254 characters.")
    if not timezone.now() < until <= timezone.now() + timedelta(days=MOST_DAYS, hours=1):
        raise ShareRefused(f"A link ends after today, and within {MOST_DAYS} days.")
    if passcode and not _LEAST_PASSCODE <= len(passcode) <= _LONGEST_PASSCODE:
        raise ShareRefused(f"A passcode has {_LEAST_PASSCODE} to {_LONGEST_PASSCODE} characters.")


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
