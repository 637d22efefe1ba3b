"""The limit that all callers of one connection share; the door asks before each HTTP request."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol


class Priority(IntEnum):
    """Who is waiting; the lower number goes first."""

    PEOPLE = 0
    AGENTS = 1
    SCANS = 2
    BACKGROUND = 3


class Budget(Protocol):
    """What the door asks of a limit; every attempt counts, retries included."""

    def acquire(self, priority: Priority, *, count: int = 1) -> None:
        """Take so many requests, all or none.

        Raises: NotionRateLimited with the seconds until there are.
        """

    def report_limited(self, retry_after_seconds: float, *, reason: str) -> None:
        """Let nobody call for so long; ``reason`` is Notion's ``rate_limit_reason``."""
