"""Failures are counted exactly, whatever number of processes count them, and nothing else is."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from integrations.sandbox import Sandbox, demo_token
from notionscan import limits, tasks
from notionscan.limits import Limit, LimitReached, attempt
from notionscan.models import Attempt
from tests.factories import World, make_world
from tests.integrations.test_oauth import CALLBACK, ask, decide
from tests.integrations.test_races import at_once

GOOD = demo_token("Acme Atlas")
TWO = [Limit("somebody", 2)]


def fail(which: list[Limit]) -> None:
    with attempt(which) as this:
        this.failed()


def age(seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notionscan_attempt SET started_at = started_at - make_interval(secs => %s), "
            "counts_until = counts_until - make_interval(secs => %s)",
            [seconds, seconds],
        )


def test_failures_count_and_the_rest_does_not(db: None) -> None:
    for _ in range(5):
        with attempt(TWO):
            pass
    fail(TWO)
    fail(TWO)
    with pytest.raises(LimitReached) as reached, attempt(TWO):
        raise AssertionError("It was tried.")
    assert 595 < reached.value.retry_after_seconds <= 600


def test_an_attempt_that_breaks_is_given_back(db: None) -> None:
    with pytest.raises(ZeroDivisionError), attempt(TWO):
        raise ZeroDivisionError
    assert not Attempt.objects.exists()


def test_the_window_slides_with_the_oldest_failure(db: None) -> None:
    fail(TWO)
    age(400)
    fail(TWO)
    with pytest.raises(LimitReached) as reached, attempt(TWO):
        pass
    assert 195 < reached.value.retry_after_seconds <= 200
    age(200)
    fail(TWO)
    with pytest.raises(LimitReached) as reached, attempt(TWO):
        pass
    assert 395 < reached.value.retry_after_seconds <= 400


def test_a_place_is_taken_under_every_limit_or_under_none(db: None) -> None:
    fail(TWO)
    fail(TWO)
    with pytest.raises(LimitReached), attempt([Limit("somebody else", 2), *TWO]):
        pass
    assert Attempt.objects.count() == 2


def test_an_attempt_whose_process_died_counts_and_nobody_waits_for_it(db: None) -> None:
    for _ in range(2):
        limits._take(TWO)
    age(61)
    with pytest.raises(LimitReached) as reached, attempt(TWO, wait_seconds=0.2):
        pass
    assert 535 < reached.value.retry_after_seconds <= 539


def test_whoever_may_wait_gets_the_place_that_is_given_back(committed: None, monkeypatch: Any) -> None:
    waits = threading.Event()
    real = limits.time.sleep
    monkeypatch.setattr(limits.time, "sleep", lambda seconds: (waits.set(), real(0.001)))
    tried: list[bool] = []

    def wait() -> None:
        with attempt(TWO, wait_seconds=60):
            tried.append(True)
        connection.close()

    with attempt(TWO), attempt(TWO):
        thread = threading.Thread(target=wait)
        thread.start()
        assert waits.wait(10)
        assert tried == []
    thread.join(10)
    assert tried == [True]


def test_whoever_may_not_wait_is_told_to_come_back_at_once(db: None) -> None:
    with attempt(TWO), attempt(TWO), pytest.raises(LimitReached) as reached, attempt(TWO):
        pass
    assert reached.value.retry_after_seconds == 1


def test_limits_taken_in_any_order_do_not_block_each_other(committed: None) -> None:
    names = [[Limit("a", 100), Limit("b", 100)], [Limit("b", 100), Limit("a", 100)]]

    def many(which: list[Limit]) -> int:
        for _ in range(20):
            fail(which)
        return 0

    assert at_once([lambda which=which: many(which) for which in names * 2]) == {0: 4}
    assert Attempt.objects.count() == 160


def test_the_table_names_nobody(world: World) -> None:
    Client().post("/accounts/login/", {"login": "somebody@acme.example", "password": "x"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(notionscan_attempt::text, ' ') FROM notionscan_attempt")
        everything = cursor.fetchone()[0]
    assert "somebody" not in everything
    assert "127.0.0.1" not in everything


def test_old_attempts_are_forgotten_by_a_job(db: None) -> None:
    fail(TWO)
    age(601)
    fail(TWO)
    tasks.forget(timestamp=0)
    assert Attempt.objects.count() == 1


def connecting(world: World, token: str) -> Callable[[], int]:
    browser = world.client(world.admin)

    def call() -> int:
        return browser.post(
            "/api/orgs/acme/integrations/notion/internal-connect",
            data=json.dumps({"token": token}),
            content_type="application/json",
        ).status_code

    return call


def test_of_forty_refused_tokens_at_once_ten_are_verified(committed: None, sandbox: Sandbox) -> None:
    results = at_once([connecting(make_world(), "ntn_unknown")] * 40)
    assert results == {400: 10, 429: 30}
    assert sandbox.requests.count("GET /v1/users/me") == 10


def test_refused_tokens_on_the_page_are_a_429_in_the_dialog(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    answers = [
        browser.post(
            "/orgs/acme/integrations/notion/connect", {"token": "ntn_unknown"}, headers={"HX-Request": "true"}
        )
        for _ in range(11)
    ]
    assert Counter(answer.status_code for answer in answers) == {400: 10, 429: 1}
    assert int(answers[-1].headers["Retry-After"]) > 590
    assert "Try again in 10 minutes." in answers[-1].content.decode()
    assert 'id="notion-card"' in answers[-1].content.decode()


def test_a_token_update_has_the_same_limit(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    assert connecting(world, GOOD)() == 200
    answers = [
        browser.patch(
            "/api/orgs/acme/integrations/notion/token",
            data=json.dumps({"token": "ntn_unknown"}),
            content_type="application/json",
        )
        for _ in range(11)
    ]
    assert Counter(answer.status_code for answer in answers) == {400: 10, 429: 1}
    assert answers[-1].json()["code"] == "rate_limited"
    assert int(answers[-1].headers["Retry-After"]) > 590
    # What exists is said before any limit.
    assert connecting(world, GOOD)() == 409


def test_one_organization_s_failures_are_not_another_s(world: World, sandbox: Sandbox) -> None:
    call = connecting(world, "ntn_unknown")
    assert Counter(call() for _ in range(11)) == {400: 10, 429: 1}
    other = world.client(world.outsider).post(
        "/api/orgs/globex/integrations/notion/internal-connect",
        data=json.dumps({"token": demo_token("Globex Works")}),
        content_type="application/json",
    )
    assert other.status_code == 200


def test_one_source_has_fifty_failures_whatever_it_names(world: World, sandbox: Sandbox) -> None:
    for _ in range(50):
        fail([Limit("verification:source:127.0.0.1", 50)])
    assert connecting(world, GOOD)() == 429


def test_the_eleventh_made_up_answer_of_a_consent_is_not_looked_at(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    answers = [browser.get(CALLBACK, {"state": "made-up", "code": "x"}) for _ in range(11)]
    assert Counter(answer.status_code for answer in answers) == {403: 10, 429: 1}
    assert "Too many attempts" in answers[-1].content.decode()
    assert int(answers[-1].headers["Retry-After"]) > 590
    assert browser.get(CALLBACK, decide(ask(browser))).status_code == 429
    assert world.client(world.editor).get(CALLBACK, {"state": "made-up"}).status_code == 403


def test_a_consent_that_connects_counts_nothing(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    assert browser.get(CALLBACK, decide(ask(browser))).status_code == 302
    assert not Attempt.objects.exists()


def test_a_code_that_notion_refuses_counts(world: World, sandbox: Sandbox) -> None:
    browser = world.client(world.admin)
    browser.get(CALLBACK, decide(ask(browser)) | {"code": "made-up"})
    assert Attempt.objects.filter(is_open=False).count() == 2
