"""Ask Notion whose token this is, before anything is stored."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit.actions import Action, Result
from audit.record import record
from integrations.errors import TokenRefused, TooManyAttempts
from integrations.models import FailedVerification
from integrations.notion.errors import (
    NotionCapabilityMissing,
    NotionConflict,
    NotionNotShared,
    NotionRefused,
    NotionUnauthorized,
    NotionUnavailable,
)
from integrations.notion.me import Me, verify_token
from notionscan.secret import Secret
from tenants.models import Organization, User

FAILURES_ALLOWED = 10
FAILURE_WINDOW = timedelta(minutes=10)


def verified(token: Secret, *, organization: Organization, actor: User | None, action: Action) -> Me:
    """Return what users/me says of a token.

    Refused tokens are counted and audited. Raises: TooManyAttempts before asking Notion; TokenRefused;
    NotionUnavailable or NotionRateLimited if Notion could not say.
    """
    _refuse_guessing(organization)
    try:
        return verify_token(
            token, base_url=settings.NOTION_API_BASE_URL, notion_version=settings.NOTION_VERSION
        )
    except (NotionNotShared, NotionConflict):
        # Every token can ask users/me: such an answer is no answer.
        raise NotionUnavailable from None
    except (NotionUnauthorized, NotionCapabilityMissing, NotionRefused):
        with transaction.atomic():
            FailedVerification.objects.create(organization=organization)
            record(
                action=action,
                organization=organization.pk,
                actor=actor,
                result=Result.ERROR,
                reason=TokenRefused.code,
            )
        raise TokenRefused from None


def token_hash(token: Secret) -> str:
    """Return the SHA-256 that says whether two connections hold the same token."""
    return hashlib.sha256(token.expose().encode()).hexdigest()


@transaction.atomic
def _refuse_guessing(organization: Organization) -> None:
    now = timezone.now()
    failures = FailedVerification.objects.filter(organization=organization)
    failures.filter(created_at__lt=now - FAILURE_WINDOW).delete()
    recent = list(failures.order_by("-created_at").values_list("created_at", flat=True)[:FAILURES_ALLOWED])
    if len(recent) == FAILURES_ALLOWED:
        again = recent[-1] + FAILURE_WINDOW - now
        raise TooManyAttempts(max(1, round(again.total_seconds())))
