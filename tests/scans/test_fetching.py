"""Calls side by side: what one of them is told holds for all that have not left yet."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from integrations.notion.budget import Priority
from integrations.notion.client import NotionClient
from integrations.notion.errors import NotionRateLimited, NotionUnauthorized
from integrations.notion.replies import Page
from integrations.sandbox import Sandbox, demo_token
from notionscan.secret import Secret
from scans.fetching import Answer, Fetchers


class Budget:
    """Grants what it has, and remembers what it was told."""

    def __init__(self) -> None:
        self.left = 1_000
        self.told: list[float] = []

    def acquire(self, priority: Priority, *, count: int = 1) -> None:
        if count > self.left:
            raise NotionRateLimited(retry_after=60)
        self.left -= count

    def report_limited(self, retry_after_seconds: float, *, reason: str) -> None:
        self.told.append(retry_after_seconds)


@pytest.fixture
def budget() -> Budget:
    return Budget()


@pytest.fixture
def fetchers(sandbox: Sandbox, budget: Budget) -> Iterator[Fetchers]:
    client = NotionClient(
        Secret(demo_token("Acme Atlas")),
        base_url=sandbox.url,
        notion_version="2026-03-11",
        budget=budget,
        priority=Priority.SCANS,
    )
    with client, Fetchers(client) as fetchers:
        yield fetchers


class Users:
    """A request for the list of users."""

    def fetch(self, client: NotionClient) -> Page:
        return next(client.users())


def one(fetchers: Fetchers) -> Answer:
    until = time.monotonic() + 20
    while not (found := fetchers.answers(0.1)):
        assert time.monotonic() < until, "this never came"
    [answer] = found
    return answer


def test_after_a_refused_token_no_call_leaves(fetchers: Fetchers, sandbox: Sandbox) -> None:
    sandbox.revoke(demo_token("Acme Atlas"))
    fetchers.submit([Users()])
    assert isinstance(one(fetchers).failure, NotionUnauthorized)
    # It was granted before anybody looked at the answer.
    fetchers.submit([Users()])
    assert isinstance(one(fetchers).failure, NotionUnauthorized)
    assert sandbox.requests.count("GET /v1/users") == 1


def test_after_a_limit_no_call_leaves_before_its_end(
    fetchers: Fetchers, sandbox: Sandbox, budget: Budget
) -> None:
    sandbox.faults.add("rate_limited", match="GET /v1/users", times=1, retry_after=300)
    fetchers.submit([Users()])
    assert isinstance(one(fetchers).failure, NotionRateLimited)
    assert budget.told == [300]
    fetchers.submit([Users()])
    failure = one(fetchers).failure
    assert isinstance(failure, NotionRateLimited)
    assert 290 < failure.retry_after <= 300
    assert sandbox.requests.count("GET /v1/users") == 1


def test_of_more_than_the_budget_has_one_begins(fetchers: Fetchers, sandbox: Sandbox, budget: Budget) -> None:
    budget.left = 2
    assert fetchers.submit([Users(), Users(), Users()]) == 1
    assert one(fetchers).failure is None
    assert fetchers.submit([Users()]) == 1
    assert one(fetchers).failure is None
    assert fetchers.take_granted() == 2
    with pytest.raises(NotionRateLimited):
        fetchers.submit([Users()])
    assert fetchers.in_flight == 0
    assert sandbox.requests.count("GET /v1/users") == 2


def test_a_call_that_cannot_even_begin_is_answered(
    fetchers: Fetchers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an answer, the scan would wait for it, and say that it lives, without end."""

    def fail(*arguments: Any) -> None:
        raise OSError("too many open files")

    monkeypatch.setattr(NotionClient, "another", fail)
    fetchers.submit([Users()])
    assert isinstance(one(fetchers).failure, OSError)
    assert fetchers.in_flight == 0


def test_what_begins_together_is_asked_of_the_budget_once(
    fetchers: Fetchers, budget: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(budget, "acquire", lambda priority, *, count: asked.append(count))
    assert fetchers.submit([Users(), Users(), Users()]) == 3
    assert asked == [3]
