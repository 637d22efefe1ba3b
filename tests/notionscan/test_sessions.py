"""A row of the session table is worth nothing to whoever reads it."""

from __future__ import annotations

import base64
import hashlib
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from notionscan import tasks
from notionscan.sessions import SessionStore
from tests.factories import World


def key_of(browser: Client) -> str:
    return browser.cookies["sessionid"].value


def stored(key: str) -> str:
    return base64.b85encode(hashlib.sha256(key.encode()).digest()).decode()


def with_cookie(key: str) -> Client:
    browser = Client()
    browser.cookies["sessionid"] = key
    return browser


def rows() -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_key, session_data FROM django_session")
        return list(cursor.fetchall())


def is_logged_in(browser: Client) -> bool:
    return browser.get("/orgs/acme/integrations/").status_code == 200


@pytest.fixture
def victim(world: World) -> Client:
    browser = world.client(world.admin)
    assert is_logged_in(browser)
    return browser


def test_what_the_table_holds_of_a_key_is_not_the_key(victim: Client) -> None:
    [(found, data)] = rows()
    key = key_of(victim)
    assert found == stored(key)
    assert key not in data
    assert not is_logged_in(with_cookie(found))
    assert is_logged_in(with_cookie(key))


def test_data_copied_under_another_key_is_an_empty_session(
    world: World, victim: Client, caplog: pytest.LogCaptureFixture
) -> None:
    attacker = world.client(world.outsider)
    data, own = dict(rows())[stored(key_of(victim))], stored(key_of(attacker))
    with connection.cursor() as cursor, caplog.at_level(logging.WARNING):
        cursor.execute("UPDATE django_session SET session_data = %s WHERE session_key = %s", [data, own])
        assert not is_logged_in(attacker)
    assert "Session data corrupted" in caplog.text


def test_a_row_of_django_s_own_engine_is_not_found(world: World) -> None:
    from django.contrib.sessions.backends.db import SessionStore as Plain

    plain = Plain()
    plain.update(dict(world.client(world.admin).session.items()))
    plain.save()
    assert plain.session_key
    assert not is_logged_in(with_cookie(plain.session_key))


def test_a_key_that_somebody_made_up_is_not_kept(world: World) -> None:
    planted = "planted0planted0planted0planted0"
    store = SessionStore(planted)
    assert store.load() == {}
    assert store.session_key is None


def test_logging_out_ends_the_row(victim: Client) -> None:
    key = key_of(victim)
    victim.post("/accounts/logout/")
    assert not SessionStore().exists(key)
    assert not is_logged_in(with_cookie(key))


def test_a_new_key_keeps_the_data_and_ends_the_old_one(db: None) -> None:
    store = SessionStore()
    store["colour"] = "green"
    store.save()
    old = store.session_key
    store.cycle_key()
    assert store.session_key
    assert store.session_key != old
    assert SessionStore(store.session_key)["colour"] == "green"
    assert not SessionStore().exists(old)
    assert len(rows()) == 1


def test_a_session_that_ended_meanwhile_is_not_brought_back(victim: Client) -> None:
    store = SessionStore(key_of(victim))
    store["colour"] = "green"
    SessionStore(key_of(victim)).delete()
    with pytest.raises(UpdateError):
        store.save()
    assert rows() == []


@pytest.mark.parametrize("how", ["command", "job"])
def test_expired_sessions_are_deleted(victim: Client, how: str) -> None:
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert not is_logged_in(victim)
    SessionStore().save()
    call_command("clearsessions") if how == "command" else tasks.forget(timestamp=0)
    assert len(rows()) == 1


def test_an_asynchronous_view_gets_the_same_session(db: None) -> None:
    from asgiref.sync import async_to_sync

    async def use() -> Any:
        store = SessionStore()
        await store.aset("colour", "green")
        await store.asave()
        again = SessionStore(store.session_key)
        found = await again.aget("colour")
        await again.adelete()
        return found, await again.aexists(store.session_key)

    assert async_to_sync(use)() == ("green", False)
