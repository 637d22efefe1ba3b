"""The budget that all processes of a connection share."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.utils import ProgrammingError
from django.utils import timezone

from integrations.budget import LEAST_LIMIT, MOST_LIMIT, START_LIMIT, DatabaseBudget
from integrations.errors import NotConnected
from integrations.models import Integration, RateBudget
from integrations.notion.budget import Priority
from integrations.notion.errors import NotionRateLimited
from notionscan import rls
from notionscan.secret import Secret
from tenants.models import Organization
from tests.factories import World, make_world, within

OWN = "public_api_request_rate_limit"


def make_budget(organization: Organization) -> DatabaseBudget:
    with within(organization):
        integration = Integration(
            organization=organization,
            provider="notion",
            connection_type="internal",
            workspace_id=organization.pk,
            account_id=organization.pk,
            connected_by_label="someone",
        )
        integration.access_token = Secret("ntn_x")
        integration.save()
    return DatabaseBudget(organization.pk, integration.pk)


@pytest.fixture
def budget(world: World) -> DatabaseBudget:
    rls.enter(rls.organization_scope(world.acme.pk))
    return make_budget(world.acme)


@pytest.fixture(autouse=True)
def _no_scope_left() -> object:
    with rls.scope(None):
        yield


def take(budget: DatabaseBudget, count: int, priority: Priority = Priority.PEOPLE) -> None:
    for _ in range(count):
        budget.acquire(priority)


def change(**values: object) -> None:
    RateBudget.objects.update(**values)


def row() -> RateBudget:
    return RateBudget.objects.get()


def test_the_window_holds_180_requests_at_first(budget: DatabaseBudget) -> None:
    take(budget, START_LIMIT)
    with pytest.raises(NotionRateLimited) as refusal:
        budget.acquire(Priority.PEOPLE)
    assert 0 < refusal.value.retry_after <= 60


def test_of_places_that_are_taken_together_none_is_beyond_the_window(budget: DatabaseBudget) -> None:
    budget.acquire(Priority.SCANS, count=START_LIMIT - 7)
    with pytest.raises(NotionRateLimited):
        budget.acquire(Priority.SCANS, count=2)
    budget.acquire(Priority.SCANS)
    assert row().used == START_LIMIT - 6
    change(window_started_at=timezone.now() - timedelta(seconds=61), limited_at=timezone.now())
    with pytest.raises(NotionRateLimited):
        budget.acquire(Priority.SCANS, count=START_LIMIT)
    budget.acquire(Priority.SCANS, count=2)
    assert row().used == 2


def test_a_new_window_opens_after_a_minute(budget: DatabaseBudget) -> None:
    take(budget, START_LIMIT)
    change(window_started_at=timezone.now() - timedelta(seconds=61), limited_at=timezone.now())
    budget.acquire(Priority.PEOPLE)
    assert row().used == 1


def test_people_may_take_what_is_kept_from_agents_and_scans(budget: DatabaseBudget) -> None:
    budget.acquire(Priority.PEOPLE)
    change(used=START_LIMIT - 6)
    with pytest.raises(NotionRateLimited):
        budget.acquire(Priority.SCANS)
    take(budget, 3, Priority.AGENTS)
    with pytest.raises(NotionRateLimited):
        budget.acquire(Priority.AGENTS)
    take(budget, 3, Priority.PEOPLE)


def test_nobody_calls_before_retry_after(budget: DatabaseBudget) -> None:
    budget.acquire(Priority.PEOPLE)
    budget.report_limited(300, reason="public_api_space_request_rate_limit")
    with pytest.raises(NotionRateLimited) as refusal:
        budget.acquire(Priority.PEOPLE)
    assert 295 <= refusal.value.retry_after <= 300
    # A new window does not lift the block.
    change(window_started_at=timezone.now() - timedelta(seconds=61))
    with pytest.raises(NotionRateLimited):
        budget.acquire(Priority.PEOPLE)


def commit_waits_for_the_disk() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        return bool(cursor.fetchone()[0] == "on")


def test_a_crash_may_forget_a_request_and_no_wait(budget: DatabaseBudget) -> None:
    budget.report_limited(0, reason="public_api_space_request_rate_limit")
    assert commit_waits_for_the_disk()
    budget.acquire(Priority.PEOPLE)
    assert not commit_waits_for_the_disk()


def test_a_shorter_wait_does_not_shorten_a_longer_one(budget: DatabaseBudget) -> None:
    budget.acquire(Priority.PEOPLE)
    budget.report_limited(300, reason="")
    budget.report_limited(1, reason="")
    with pytest.raises(NotionRateLimited) as refusal:
        budget.acquire(Priority.PEOPLE)
    assert refusal.value.retry_after > 200


@pytest.mark.parametrize(
    ("reason", "used", "limit"),
    [
        (OWN, 100, 100),
        (OWN, 5, LEAST_LIMIT),
        ("public_api_space_request_rate_limit", 100, START_LIMIT),
        ("", 100, START_LIMIT),
    ],
)
def test_only_the_connections_own_limit_teaches(
    budget: DatabaseBudget, reason: str, used: int, limit: int
) -> None:
    budget.acquire(Priority.PEOPLE)
    change(used=used)
    budget.report_limited(1, reason=reason)
    assert row().limit == limit


def test_a_window_used_up_without_a_refusal_makes_the_next_one_larger(budget: DatabaseBudget) -> None:
    budget.acquire(Priority.PEOPLE)
    over = timezone.now() - timedelta(seconds=61)
    change(used=START_LIMIT, window_started_at=over)
    budget.acquire(Priority.PEOPLE)
    assert row().limit == 225
    change(used=MOST_LIMIT, limit=MOST_LIMIT, window_started_at=over)
    budget.acquire(Priority.PEOPLE)
    assert row().limit == MOST_LIMIT
    change(used=100, limit=100, window_started_at=over, limited_at=timezone.now())
    budget.acquire(Priority.PEOPLE)
    assert row().limit == 100


def test_another_organization_has_a_budget_of_its_own(world: World) -> None:
    mine, theirs = make_budget(world.acme), make_budget(world.globex)
    with within(world.acme):
        take(mine, 3)
    with within(world.globex):
        take(theirs, 1)
        assert row().used == 1


def test_another_organizations_budget_cannot_be_used(committed: None) -> None:
    world = make_world()
    theirs = make_budget(world.acme)
    with within(world.acme):
        take(theirs, 1)
    with rls.scope(rls.organization_scope(world.globex.pk)):
        for forged in (theirs, DatabaseBudget(world.globex.pk, theirs.integration_id)):
            with pytest.raises(ProgrammingError, match="row-level security"):
                forged.acquire(Priority.PEOPLE)
        theirs.report_limited(300, reason=OWN)
    with within(world.acme):
        assert (row().used, row().limit, row().blocked_until) == (1, START_LIMIT, None)


def test_a_connection_that_was_ended_has_no_budget(committed: None) -> None:
    world = make_world()
    budget = make_budget(world.acme)
    with within(world.acme):
        take(budget, 1)
        Integration.objects.all().delete()
    with rls.scope(rls.organization_scope(world.acme.pk)), pytest.raises(NotConnected):
        budget.acquire(Priority.PEOPLE)
    with within(world.acme):
        assert not RateBudget.objects.exists()


@pytest.mark.parametrize("priority", list(Priority))
def test_a_block_holds_for_everybody(budget: DatabaseBudget, priority: Priority) -> None:
    take(budget, 1)
    budget.report_limited(30, reason="")
    with pytest.raises(NotionRateLimited):
        budget.acquire(priority)
    change(blocked_until=timezone.now() - timedelta(seconds=1))
    budget.acquire(priority)


def test_eight_threads_never_take_more_than_there_is(committed: None) -> None:
    world = make_world()
    budget = make_budget(world.acme)
    with within(world.acme):
        budget.acquire(Priority.PEOPLE)
        change(limit=50)
    taken: list[int] = []

    def run() -> None:
        with rls.scope(rls.organization_scope(world.acme.pk)):
            for _ in range(20):
                try:
                    budget.acquire(Priority.PEOPLE)
                    taken.append(1)
                except NotionRateLimited:
                    pass
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 49
