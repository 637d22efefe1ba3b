"""How often something may fail: one exact count in the database, whatever number of processes ask.

An attempt takes a place *before* it is made and gives it back unless it failed, so that forty at once are
not forty looks at a count that nobody has raised yet. Places of one key are handed out under a lock.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.core.internal.ratelimit import get_ip
from django.db import connection, transaction
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from notionscan.models import Attempt

WINDOW = timedelta(minutes=10)
# Many people share one address (an office, a mobile network), so it may fail more often than one account.
PER_ACCOUNT = 10
PER_SOURCE = 50

# The request being served; set by the middleware. A command has none, and so no source.
request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)

# An attempt that is open for longer has lost its process.
_OPEN_AT_MOST = timedelta(seconds=60)
_POLL_SECONDS = 0.05


class LimitReached(Exception):
    """It failed too often; nothing was tried. ``retry_after_seconds`` is at least 1.

    ``may_clear`` where an attempt that is under way may yet give its place back.
    """

    def __init__(self, retry_after_seconds: int, *, may_clear: bool = False) -> None:
        super().__init__(f"Too many attempts. Try again {waiting(retry_after_seconds)}.")
        self.retry_after_seconds = retry_after_seconds
        self.may_clear = may_clear


@dataclass(frozen=True)
class Limit:
    """At most ``allowed`` failures under ``name`` in any ten minutes; of the name, only an HMAC is kept."""

    name: str
    allowed: int

    @property
    def key(self) -> str:
        return salted_hmac("notionscan.limits", self.name, algorithm="sha256").hexdigest()


@dataclass
class Try:
    """One attempt under way."""

    ids: Sequence[int]
    has_failed: bool = False

    def failed(self) -> None:
        """Let this attempt count."""
        self.has_failed = True


def limits_of(what: str, account: object) -> list[Limit]:
    """Return the two limits of an attempt: of the account, and of the source where there is one."""
    found = [Limit(f"{what}:account:{account}", PER_ACCOUNT)]
    if (asking := request.get()) is not None:
        # The client's address behind our own proxies; of an IPv6 one, the network it can choose from.
        found.append(Limit(f"{what}:source:{get_ip(asking)}", PER_SOURCE))
    return found


@contextmanager
def attempt(limits: Sequence[Limit], *, wait_seconds: float = 0) -> Iterator[Try]:
    """Take a place under every limit for the block; it is given back unless the block calls ``failed``.

    Where places are only held by attempts under way, ``wait_seconds`` is how long to wait for theirs.
    Raises: LimitReached, before the block.
    """
    this = Try(_taken(limits, wait_seconds))
    try:
        yield this
    finally:
        _close(this)


def waiting(seconds: int) -> str:
    """Return the wait as people say it."""
    minutes = math.ceil(seconds / 60)
    return f"in {minutes} minute{'' if minutes == 1 else 's'}"


def forget_old() -> None:
    """Delete the attempts that count no more."""
    Attempt.objects.filter(counts_until__lt=Now()).delete()


def _taken(limits: Sequence[Limit], wait_seconds: float) -> list[int]:
    give_up_at = time.monotonic() + wait_seconds
    while True:
        try:
            return _take(limits)
        except LimitReached as reached:
            if not reached.may_clear or time.monotonic() >= give_up_at:
                raise
        time.sleep(_POLL_SECONDS)


@transaction.atomic
def _take(limits: Sequence[Limit]) -> list[int]:
    now = _locked([limit.key for limit in limits])
    if full := [reached for limit in limits if (reached := _full(limit, now))]:
        raise max(full, key=lambda reached: reached.retry_after_seconds)
    places = [
        Attempt.objects.create(key=limit.key, started_at=now, counts_until=now + WINDOW) for limit in limits
    ]
    return [place.pk for place in places]


def _locked(keys: Sequence[str]) -> datetime:
    """Hold the keys until the transaction ends, and return the database's time.

    The next statement sees what the last holder committed. In order, so that two cannot block each other;
    the clock is the database's, because those of the web machines may differ.
    """
    with connection.cursor() as cursor:
        for key in sorted(keys):
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


def _full(limit: Limit, now: datetime) -> LimitReached | None:
    counted = Attempt.objects.filter(key=limit.key, counts_until__gt=now).order_by("-started_at")
    newest = list(counted[: limit.allowed])
    if len(newest) < limit.allowed:
        return None
    if any(one.is_open and one.started_at > now - _OPEN_AT_MOST for one in newest):
        return LimitReached(1, may_clear=True)
    return LimitReached(max(1, math.ceil((newest[-1].counts_until - now).total_seconds())))


@transaction.atomic
def _close(this: Try) -> None:
    rows = Attempt.objects.filter(pk__in=this.ids)
    if this.has_failed:
        rows.update(is_open=False)
    else:
        rows.delete()
