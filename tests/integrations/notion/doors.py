"""The two ways through the door, under one name: the same faults must end the same way in both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings

from integrations.http.retry import Retry
from integrations.notion.budget import Priority
from integrations.notion.client import NotionClient
from integrations.notion.me import verify_token
from integrations.notion.replies import Me
from notionscan.secret import Secret

# The first draw after a checkout builds tables of Unicode: 16 s were seen on a busy machine.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
CANARY = "ntn_CANARY6f2b9d4407aa41"
VERSION = "2026-03-11"
BOT_ID = "7775f3a3-0000-4000-8000-000000000001"
WORKSPACE_ID = "231674b6-0000-4000-8000-000000000002"
ME = {
    "object": "user",
    "id": BOT_ID,
    "name": "Notion Scan",
    "avatar_url": None,
    "type": "bot",
    "bot": {
        "owner": {"type": "workspace", "workspace": True},
        "workspace_name": "Acme",
        "workspace_id": WORKSPACE_ID,
    },
}


@dataclass
class FakeTime:
    """Time that passes only by sleeping."""

    now: float = 1000.0
    naps: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds

    @property
    def slept(self) -> float:
        return sum(self.naps)

    def retry(self, *, jitter: float = 0.0) -> Retry:
        return Retry(clock=self.clock, sleep=self.sleep, jitter=lambda: jitter)


@contextmanager
def opened(base_url: str, **options: Any) -> Iterator[NotionClient]:
    """Open a client with defaults for what a test does not care for."""
    defaults: dict[str, Any] = {
        "notion_version": VERSION,
        "budget": NoBudget(),
        "priority": Priority.PEOPLE,
        "retry": FakeTime().retry(),
    }
    with NotionClient(Secret(CANARY), base_url=base_url, **defaults | options) as client:
        yield client


def me_by_sdk(base_url: str, *, retry: Retry, deadline_seconds: float = 10) -> Me:
    with opened(base_url, retry=retry, deadline_seconds=deadline_seconds) as client:
        return client.me()


def me_by_requests(base_url: str, *, retry: Retry, deadline_seconds: float = 10) -> Me:
    return verify_token(
        Secret(CANARY),
        base_url=base_url,
        notion_version=VERSION,
        retry=retry,
        deadline_seconds=deadline_seconds,
    )


Door = Callable[..., Me]
DOORS: dict[str, Door] = {"sdk": me_by_sdk, "requests": me_by_requests}


class NoBudget:
    """No limit of ours, for a caller that is alone with its connection."""

    def acquire(self, priority: Priority) -> None:
        """Take one request; there is always one."""

    def report_limited(self, retry_after_seconds: float, *, reason: str) -> None:
        """Forget it: the one caller was told already."""
