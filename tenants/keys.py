"""Callers by key: from the Authorization header to a service account, in its organization's scope."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.http import HttpRequest

from audit.actions import Action, Result
from audit.record import record
from notionscan import limits, rls
from tenants.models import ServiceAccount
from tenants.services.service_accounts import PREFIX, hash_of

# Whatever else comes after the word is a key that is none.
_BEARER = re.compile(r"Bearer(?: +(.*))?", re.IGNORECASE | re.DOTALL)
_MINUTE = timedelta(minutes=1)
# A script that goes on with a dead key does not queue at the head of its organization's chain.
_REFUSALS_RECORDED = 10

# One statement and one row lock: opens a new minute when the last is over, and counts the request if it fits.
_TAKE = """
UPDATE tenants_serviceaccount SET
    last_used_at = clock_timestamp(),
    window_used = CASE WHEN window_started_at > clock_timestamp() - %(minute)s
                       THEN window_used + 1 ELSE 1 END,
    window_started_at = CASE WHEN window_started_at > clock_timestamp() - %(minute)s
                             THEN window_started_at ELSE clock_timestamp() END
WHERE id = %(account)s AND (
    window_started_at IS NULL OR window_started_at <= clock_timestamp() - %(minute)s
    OR window_used < requests_per_minute
)
RETURNING window_used
"""
_WAIT = """
SELECT extract(epoch FROM window_started_at + %(minute)s - clock_timestamp())
FROM tenants_serviceaccount WHERE id = %(account)s
"""


class KeyRefused(Exception):
    """Whoever calls is nobody we know."""

    def __init__(self, sentence: str = "This key is unknown, revoked or expired.") -> None:
        super().__init__(sentence)
        self.sentence = sentence


class BudgetSpent(Exception):
    """The service account has made all its requests of this minute."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"This service account's budget is used up; try again in {retry_after_seconds} s.")
        self.retry_after_seconds = retry_after_seconds


def account_of(request: HttpRequest) -> ServiceAccount | None:
    """Return the account whose key the request carries, count the request, and enter the scope.

    None where there is no bearer key at all.
    Raises: KeyRefused for one that opens nothing, or stands in the address; BudgetSpent.
    """
    if any(PREFIX in value for values in request.GET.lists() for value in (values[0], *values[1])):
        raise KeyRefused(
            "Send the key in the Authorization header, and never in an address: those are logged."
        )
    sent = _BEARER.fullmatch(request.headers.get("Authorization", ""))
    if sent is None:
        return None
    organization_id, account_id = _ids_of(sent[1] or "")
    rls.enter(rls.organization_scope(organization_id))
    with transaction.atomic():
        account = ServiceAccount.objects.select_related("organization").filter(pk=account_id).first()
        is_alive = account is not None and account.state not in ("revoked", "expired")
        wait_seconds = _count(account_id) if is_alive else 0
    if account is None:
        raise KeyRefused
    if not is_alive:
        _record_refusal(account)
        raise KeyRefused
    if wait_seconds:
        raise BudgetSpent(wait_seconds)
    return account


def _ids_of(key: str) -> tuple[UUID, UUID]:
    """Return the organization and the account of a key, before there is a scope.

    Raises: KeyRefused.
    """
    if not key.startswith(PREFIX):
        raise KeyRefused
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization, account FROM service_account_of(%s)", [hash_of(key)])
        ids: tuple[UUID, UUID] | None = cursor.fetchone()
    if ids is None:
        raise KeyRefused
    return ids


def _count(account_id: UUID) -> int:
    """Count a request in the open transaction; returns 0, or the seconds until there is room for it."""
    values: dict[str, Any] = {"account": account_id, "minute": _MINUTE}
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, values)
        if cursor.fetchone() is not None:
            return 0
        cursor.execute(_WAIT, values)
        seconds: float = cursor.fetchone()[0]
        return max(1, math.ceil(seconds))


def _record_refusal(account: ServiceAccount) -> None:
    limit = limits.Limit(f"dead key:{account.pk}", _REFUSALS_RECORDED)
    try:
        with limits.attempt([limit]) as attempt:
            attempt.failed()
            with transaction.atomic():
                record(
                    action=Action.ACCESS_DENIED,
                    organization=account.organization_id,
                    actor=account,
                    result=Result.DENIED,
                    reason=f"key {account.state}",
                )
    except limits.LimitReached:
        return
