"""Ask Notion whose token this is, before anything is stored."""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.db import transaction

from audit.actions import Action, Result
from audit.record import record
from integrations.errors import TokenRefused, TooManyAttempts
from integrations.notion.errors import (
    NotionCapabilityMissing,
    NotionConflict,
    NotionNotShared,
    NotionRefused,
    NotionUnauthorized,
    NotionUnavailable,
)
from integrations.notion.me import Me, verify_token
from notionscan import limits
from notionscan.secret import Secret
from tenants.models import Organization, User

# Longer than the deadline of one verification. Good tokens are not limited, so many at once wait for a
# place instead of being refused for verifications that have not failed.
_WAIT_SECONDS = 15


def verified(token: Secret, *, organization: Organization, actor: User | None, action: Action) -> Me:
    """Return what users/me says of a token.

    Refused tokens are counted and audited. Raises: TooManyAttempts before asking Notion; TokenRefused;
    NotionUnavailable or NotionRateLimited if Notion could not say.
    """
    try:
        with limits.attempt(
            limits.limits_of("verification", organization.pk), wait_seconds=_WAIT_SECONDS
        ) as attempt:
            return _asked(token, organization, actor, action, attempt)
    except limits.LimitReached as reached:
        raise TooManyAttempts(reached.retry_after_seconds) from None


def token_hash(token: Secret) -> str:
    """Return the SHA-256 that says whether two connections hold the same token."""
    return hashlib.sha256(token.expose().encode()).hexdigest()


def _asked(
    token: Secret, organization: Organization, actor: User | None, action: Action, attempt: limits.Try
) -> Me:
    try:
        return verify_token(
            token, base_url=settings.NOTION_API_BASE_URL, notion_version=settings.NOTION_VERSION
        )
    except (NotionNotShared, NotionConflict):
        # Every token can ask users/me: such an answer is no answer.
        raise NotionUnavailable from None
    except (NotionUnauthorized, NotionCapabilityMissing, NotionRefused):
        attempt.failed()
        with transaction.atomic():
            record(
                action=action,
                organization=organization.pk,
                actor=actor,
                result=Result.ERROR,
                reason=TokenRefused.code,
            )
        raise TokenRefused from None
