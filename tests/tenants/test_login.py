"""Guessing passwords ends soon, and shuts nobody out who may come in."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client

from notionscan.models import Attempt
from tenants.roles import Role
from tests.factories import PASSWORD, World, make_member, make_world
from tests.integrations.test_races import at_once

ADDRESS = "guessed@acme.example"


@pytest.fixture
def guessed(world: World) -> World:
    make_member(world.acme, Role.VIEWER, ADDRESS, password=True)
    return world


def log_in(browser: Client, address: str = ADDRESS, password: str = "wrong", **environment: Any) -> Any:
    return browser.post("/accounts/login/", {"login": address, "password": password}, **environment)


def close(address: str = ADDRESS) -> None:
    for number in range(10):
        assert log_in(Client(), address, REMOTE_ADDR=f"192.0.2.{number}").status_code == 200


def test_the_eleventh_wrong_password_is_a_429_that_says_how_long_to_wait(guessed: World) -> None:
    close()
    answer = log_in(Client())
    assert answer.status_code == 429
    assert 590 < int(answer.headers["Retry-After"]) <= 600
    assert "Try again in 10 minutes." in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]


def test_the_right_password_is_not_looked_at_either_from_an_unknown_browser(guessed: World) -> None:
    close()
    assert log_in(Client(), password=PASSWORD).status_code == 429


def test_after_ten_minutes_it_is_open_again(guessed: World) -> None:
    close()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notionscan_attempt SET started_at = started_at - interval '10 minutes', "
            "counts_until = counts_until - interval '10 minutes'"
        )
    assert log_in(Client(), password=PASSWORD).status_code == 302


@pytest.mark.parametrize(
    "spelling", ["GUESSED@acme.example", " guessed@acme.example ", "gueſſed@acme.example"]
)
def test_no_spelling_of_an_address_has_a_count_of_its_own(guessed: World, spelling: str) -> None:
    close()
    assert log_in(Client(), spelling).status_code == 429


def test_an_address_that_nobody_has_is_closed_in_the_same_way(guessed: World) -> None:
    close("nobody@acme.example")
    close()
    answers = [log_in(Client(), address) for address in ("nobody@acme.example", ADDRESS)]
    assert [answer.status_code for answer in answers] == [429, 429]
    assert answers[0].content == answers[1].content


def test_one_source_guesses_at_fifty_addresses_and_no_more(guessed: World) -> None:
    answers = Counter(log_in(Client(), f"{number}@acme.example").status_code for number in range(52))
    assert answers == {200: 50, 429: 2}
    assert log_in(Client(), password=PASSWORD, REMOTE_ADDR="192.0.2.1").status_code == 302


def test_a_source_is_what_our_own_proxy_says_and_nothing_before_it(guessed: World, settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    answers = Counter(
        log_in(
            Client(), f"{number}@acme.example", headers={"X-Forwarded-For": f"10.0.0.{number}, 192.0.2.9"}
        ).status_code
        for number in range(51)
    )
    assert answers == {200: 50, 429: 1}
    elsewhere = log_in(Client(), "x@acme.example", headers={"X-Forwarded-For": "192.0.2.9, 192.0.2.8"})
    assert elsewhere.status_code == 200


def test_logging_in_counts_nothing(guessed: World) -> None:
    for _ in range(12):
        assert log_in(Client(), password=PASSWORD).status_code == 302
    assert not Attempt.objects.exists()


def test_strangers_cannot_lock_a_person_out_of_a_browser_they_used_before(guessed: World) -> None:
    browser = Client()
    assert log_in(browser, password=PASSWORD).status_code == 302
    browser.post("/accounts/logout/")
    close()
    assert log_in(browser, password=PASSWORD).status_code == 302


def test_a_known_browser_has_ten_attempts_of_its_own(guessed: World) -> None:
    browser = Client()
    log_in(browser, password=PASSWORD)
    browser.post("/accounts/logout/")
    assert Counter(log_in(browser).status_code for _ in range(11)) == {200: 10, 429: 1}
    assert log_in(Client(), password=PASSWORD).status_code == 302


def test_a_browser_is_known_to_the_account_it_logged_in_to_and_no_other(guessed: World) -> None:
    make_member(guessed.acme, Role.VIEWER, "attacker@acme.example", password=True)
    browser = Client()
    log_in(browser, "attacker@acme.example", PASSWORD)
    browser.post("/accounts/logout/")
    close()
    assert log_in(browser, password=PASSWORD).status_code == 429


def test_a_made_up_browser_is_not_known(guessed: World) -> None:
    close()
    browser = Client()
    browser.cookies["browser"] = "made:up:signature"
    assert log_in(browser, password=PASSWORD).status_code == 429


def test_whoever_has_the_mailbox_gets_in_while_the_login_is_closed(guessed: World, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    close()
    browser = Client()
    browser.post("/accounts/password/reset/", {"email": ADDRESS})
    link = re.search(r"http://testserver(/\S+)", mail.outbox[0].body)
    assert link
    form = browser.get(link[1], follow=True).redirect_chain[-1][0]
    new = "another-long-passphrase"
    assert browser.post(form, {"password1": new, "password2": new}).url == "/"
    assert browser.get("/", follow=True).status_code == 200
    browser.post("/accounts/logout/")
    assert log_in(browser, password=new).status_code == 302


def test_asking_for_too_many_mails_is_a_429_too(guessed: World) -> None:
    answers = [Client().post("/accounts/password/reset/", {"email": ADDRESS}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [302] * 5 + [429]
    assert answers[-1].headers["Retry-After"] == "60"


def test_confirming_who_one_is_has_the_same_limit(guessed: World) -> None:
    browser = Client()
    log_in(browser, password=PASSWORD)
    statuses = [
        browser.post("/accounts/reauthenticate/", {"password": "wrong"}).status_code for _ in range(11)
    ]
    assert statuses == [200] * 10 + [429]


def test_of_forty_guesses_at_once_ten_are_checked(committed: None) -> None:
    make_member(make_world().acme, Role.VIEWER, ADDRESS, password=True)
    results = at_once([lambda: log_in(Client()).status_code for _ in range(40)])
    assert results == {200: 10, 429: 30}
