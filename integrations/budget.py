"""The budget of a connection, in PostgreSQL: all processes that call for it share one window.

Notion allows a number of requests in a fixed 60-second window (180 on most plans, 600 on the larger; the
plan is not told). We start at 180 and learn: a 429 lowers the limit to what went through. People come
before agents and agents before scans: each lower rank leaves a few requests of the window to the higher.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction

from integrations.notion.budget import Priority
from integrations.notion.errors import NotionRateLimited

START_LIMIT = 180
WINDOW_SECONDS = 60
# Requests of a window that this rank may not take.
_RESERVED = {Priority.PEOPLE: 0, Priority.AGENTS: 3, Priority.SCANS: 6}

# One statement and one row lock: opens a new window when the old one is over, and counts the request
# only if it fits and nobody was told to wait. Times are the database's, the one clock all share.
_TAKE = """
INSERT INTO integrations_ratebudget AS b
    (integration_id, organization_id, window_started_at, used, "limit")
VALUES (%(integration)s, %(organization)s, clock_timestamp(), 1, %(start)s)
ON CONFLICT (integration_id) DO UPDATE SET
    window_started_at = CASE WHEN b.window_started_at <= clock_timestamp() - %(window)s
                             THEN clock_timestamp() ELSE b.window_started_at END,
    used = CASE WHEN b.window_started_at <= clock_timestamp() - %(window)s THEN 1 ELSE b.used + 1 END
WHERE (b.blocked_until IS NULL OR b.blocked_until <= clock_timestamp())
  AND (b.window_started_at <= clock_timestamp() - %(window)s OR b.used < b."limit" - %(reserved)s)
RETURNING used
"""
_WAIT = """
SELECT extract(epoch FROM greatest(b.blocked_until, b.window_started_at + %(window)s) - clock_timestamp())
FROM integrations_ratebudget b WHERE b.integration_id = %(integration)s
"""
_BLOCK = """
UPDATE integrations_ratebudget SET
    blocked_until = greatest(blocked_until, clock_timestamp() + make_interval(secs => %(seconds)s))
WHERE integration_id = %(integration)s
"""


@dataclass(frozen=True)
class DatabaseBudget:
    """The shared budget of one connection; its calls need the organization's scope."""

    organization_id: UUID
    integration_id: UUID

    def acquire(self, priority: Priority) -> None:
        """Take one request.

        Raises: NotionRateLimited with the seconds to wait, if the window is used up or Notion said wait.
        """
        values = {
            "integration": self.integration_id,
            "organization": self.organization_id,
            "start": START_LIMIT,
            "window": timedelta(seconds=WINDOW_SECONDS),
            "reserved": _RESERVED[priority],
        }
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_TAKE, values)
            if cursor.fetchone() is not None:
                return
            cursor.execute(_WAIT, values)
            wait = float(cursor.fetchone()[0])
        raise NotionRateLimited(retry_after=max(1, math.ceil(wait)))

    def report_limited(self, retry_after_seconds: float) -> None:
        """Let nobody call before Notion's Retry-After is over."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_BLOCK, {"integration": self.integration_id, "seconds": retry_after_seconds})
