"""Callers by key: from the Authorization header to a service account, in its organization's scope."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.http import HttpRequest

from audit.actions import Action, Result
from audit.record import record
from notionscan import limits, rls
from tenants.models import ServiceAccount
from tenants.services.service_accounts import PREFIX, hash_of

_BEARER = re.compile(r"Bearer +(\S+)", re.IGNORECASE)
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
    account = _found(sent[1])
    if account is None:
        raise KeyRefused
    if account.state in ("revoked", "expired"):
        _record_refusal(account)
        raise KeyRefused
    _count(account)
    return account


def _found(key: str) -> ServiceAccount | None:
    if not key.startswith(PREFIX):
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT account, organization FROM service_account_of(%s)", [hash_of(key)])
        ids = cursor.fetchone()
    if ids is None:
        return None
    rls.enter(rls.organization_scope(ids[1]))
    with transaction.atomic():
        return ServiceAccount.objects.select_related("organization").filter(pk=ids[0]).first()


def _count(account: ServiceAccount) -> None:
    values: dict[str, Any] = {"account": account.pk, "minute": _MINUTE}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_TAKE, values)
        if cursor.fetchone() is not None:
            return
        cursor.execute(_WAIT, values)
        row = cursor.fetchone()
    # Without a row it was deleted meanwhile, with its organization.
    if row is None:
        raise KeyRefused
    raise BudgetSpent(max(1, math.ceil(row[0])))


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
