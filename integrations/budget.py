"""The budget of a connection, in PostgreSQL: all processes that call for it share one window.

Notion allows a number of requests in a fixed 60-second window (180 on most plans, 600 on the larger; the
plan is not told). We start at 180 and learn: a 429 lowers the limit to what went through, and a window
used up without one raises it. People come before agents, agents before scans, and scans before what nobody
waits for: each lower rank leaves a few requests of the window to the higher.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from integrations.errors import NotConnected
from integrations.notion.budget import Priority
from integrations.notion.errors import NotionRateLimited

START_LIMIT = 180
MOST_LIMIT = 600
LEAST_LIMIT = 30
WINDOW_SECONDS = 60
_LESSON_LASTS = timedelta(hours=1)
_OWN_LIMIT = "public_api_request_rate_limit"
# Requests of a window that this rank may not take.
_RESERVED = {Priority.PEOPLE: 0, Priority.AGENTS: 3, Priority.SCANS: 6, Priority.BACKGROUND: 9}

# One statement and one row lock: opens a new window when the old one is over, and counts the requests
# only if all fit and nobody was told to wait. Times are the database's, the one clock all share.
# A window that was used up without a refusal lets the next one be larger, unless Notion taught us
# the limit within the last hour. Its commit waits for no disk: that took longer than the rest, and what a
# crash of PostgreSQL takes back are the requests of the last second. Waits that Notion asked for do wait.
_TAKE = """
INSERT INTO integrations_ratebudget AS b
    (integration_id, organization_id, window_started_at, used, "limit")
VALUES (%(integration)s, %(organization)s, clock_timestamp(), %(count)s, %(start)s)
ON CONFLICT (integration_id) DO UPDATE SET
    "limit" = CASE WHEN b.window_started_at <= clock_timestamp() - %(window)s
                        AND b.used >= b."limit" - %(slack)s
                        AND (b.limited_at IS NULL OR b.limited_at < clock_timestamp() - %(lesson)s)
                   THEN least(%(most)s, b."limit" + b."limit" / 4) ELSE b."limit" END,
    used = %(count)s + CASE WHEN b.window_started_at <= clock_timestamp() - %(window)s THEN 0 ELSE b.used END,
    window_started_at = CASE WHEN b.window_started_at <= clock_timestamp() - %(window)s
                             THEN clock_timestamp() ELSE b.window_started_at END
WHERE (b.blocked_until IS NULL OR b.blocked_until <= clock_timestamp())
  AND %(count)s + CASE WHEN b.window_started_at <= clock_timestamp() - %(window)s THEN 0 ELSE b.used END
      <= b."limit" - %(reserved)s
RETURNING used, set_config('synchronous_commit', 'off', true)
"""
_WAIT = """
SELECT extract(epoch FROM CASE
    WHEN b.blocked_until > clock_timestamp() THEN b.blocked_until
    ELSE b.window_started_at + %(window)s END - clock_timestamp())
FROM integrations_ratebudget b WHERE b.integration_id = %(integration)s
"""
# Only the connection's own limit teaches us: the workspace's is shared with tools we know nothing of.
_BLOCK = """
UPDATE integrations_ratebudget SET
    blocked_until = greatest(blocked_until, clock_timestamp() + make_interval(secs => %(seconds)s)),
    "limit" = CASE WHEN %(own)s THEN greatest(%(least)s, least("limit", used)) ELSE "limit" END,
    limited_at = CASE WHEN %(own)s THEN clock_timestamp() ELSE limited_at END
WHERE integration_id = %(integration)s
"""


@dataclass(frozen=True)
class DatabaseBudget:
    """The shared budget of one connection; its calls need the organization's scope."""

    organization_id: UUID
    integration_id: UUID

    def acquire(self, priority: Priority, *, count: int = 1) -> None:
        """Take one request, or so many at once: all or none.

        Raises: NotionRateLimited with the seconds to wait, if the window has not so many left or Notion said
        wait; NotConnected if the connection was ended meanwhile.
        """
        values: dict[str, Any] = {
            "integration": self.integration_id,
            "organization": self.organization_id,
            "count": count,
            "start": START_LIMIT,
            "window": timedelta(seconds=WINDOW_SECONDS),
            "reserved": _RESERVED[priority],
            "slack": max(_RESERVED.values()),
            "lesson": _LESSON_LASTS,
            "most": MOST_LIMIT,
        }
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_TAKE, values)
                if cursor.fetchone() is not None:
                    return
                cursor.execute(_WAIT, values)
                wait = float(cursor.fetchone()[0])
        except IntegrityError:
            raise NotConnected from None
        raise NotionRateLimited(retry_after=max(1, math.ceil(wait)))

    def report_limited(self, retry_after_seconds: float, *, reason: str) -> None:
        """Let nobody call before Notion's Retry-After is over, and learn the limit if it is ours."""
        values: dict[str, Any] = {
            "integration": self.integration_id,
            "seconds": retry_after_seconds,
            "own": reason == _OWN_LIMIT,
            "least": LEAST_LIMIT,
        }
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_BLOCK, values)
