"""Many at once: the database decides, and exactly one wins."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.urls import reverse

from integrations.sandbox import Sandbox, demo_token
from integrations.services import tokens
from tenants import views
from tenants.models import Membership, User
from tenants.roles import Role
from tenants.services import members
from tenants.services.members import remove_member
from tests.factories import World, events, make_member, make_world, the_integration, within
from tests.integrations.test_oauth import CALLBACK, ask, current, decide, me
from tests.integrations.test_oauth import connect as consent


def at_once(calls: list[Callable[[], int]]) -> Counter[int]:
    """Run the calls in threads that start together, and count what they return."""
    together = threading.Barrier(len(calls))
    results: list[int] = []

    def run(call: Callable[[], int]) -> None:
        together.wait()
        try:
            results.append(call())
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(results)


def meet(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
    """Let two calls wait for each other at the end of a function; not for long, if a lock parts them."""
    real, together = getattr(owner, name), threading.Barrier(2)

    def met(*arguments: Any, **more: Any) -> Any:
        result = real(*arguments, **more)
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait(0.5)
        return result

    monkeypatch.setattr(owner, name, met)


def connecting(world: World) -> Callable[[], int]:
    browser = world.client(world.admin)
    body = json.dumps({"token": demo_token("Acme Atlas")})

    def call() -> int:
        return browser.post(
            "/api/orgs/acme/integrations/notion/internal-connect",
            data=body,
            content_type="application/json",
        ).status_code

    return call


def test_of_fifty_simultaneous_connects_exactly_one_succeeds(committed: None, sandbox: Sandbox) -> None:
    world = make_world()
    # So slow that all of them have looked, and found nothing, before the first one stores its token.
    sandbox.latency_ms = 300
    try:
        results = at_once([connecting(world) for _ in range(50)])
    finally:
        sandbox.latency_ms = 0
    assert results == {200: 1, 409: 49}
    assert events(world.acme).count(("integration.connected", "success")) == 1
    assert sandbox.requests.count("GET /v1/users/me") > 1


def test_of_two_disconnects_one_finds_nothing(committed: None, sandbox: Sandbox) -> None:
    world = make_world()
    assert connecting(world)() == 200
    browsers = [world.client(world.admin) for _ in range(2)]
    results = at_once(
        [lambda b=browser: b.delete("/api/orgs/acme/integrations/notion").status_code for browser in browsers]
    )
    assert results == {200: 1, 404: 1}
    assert events(world.acme).count(("integration.disconnected", "success")) == 1


def test_of_two_answers_with_one_state_one_connects(
    committed: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    browser = world.client(world.admin)
    answer = decide(ask(browser))
    # Both have found the state before either of them deletes it.
    meet(monkeypatch, QuerySet, "first")
    results = at_once([lambda: browser.get(CALLBACK, answer).status_code for _ in range(2)])
    assert results == {302: 1, 403: 1}
    assert the_integration(world.acme) is not None
    assert sandbox.requests.count("POST /v1/oauth/token") == 1


def test_of_two_callers_with_a_dead_token_one_refreshes(
    committed: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    consent(world.client(world.admin))
    integration_id = current(world).pk
    sandbox.expire("acme-atlas/oauth")
    # Both have read that nobody is refreshing before either of them says that it does.
    meet(monkeypatch, tokens, "_locked")
    results = at_once([lambda: len(str(me(world, integration_id).bot_id)) for _ in range(2)])
    assert results == {36: 2}
    assert sandbox.requests.count("POST /v1/oauth/token") == 2


def test_two_admins_who_remove_each_other_leave_one(committed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world()
    # Between the look at who else is an admin, and the removal.
    meet(monkeypatch, members, "_keep_an_admin")
    second = make_member(world.acme, Role.ADMIN, "second@acme.example")
    with within(world.acme):
        ids = dict(Membership.objects.filter(role=Role.ADMIN).values_list("user_id", "pk"))

    def removal(who: User, whom: User) -> Callable[[], int]:
        browser, address = world.client(who), reverse("tenants:member_remove", args=["acme", ids[whom.pk]])
        return lambda: browser.post(address).status_code

    results = at_once([removal(world.admin, second), removal(second, world.admin)])
    with within(world.acme):
        assert Membership.objects.filter(role=Role.ADMIN).count() == 1
    # The slower one is told that this is the last admin, or is no member any more.
    assert results[302] == 1
    assert results[409] + results[404] == 1


@pytest.mark.parametrize("action", ["remove", "role"])
def test_a_member_who_left_meanwhile_is_404(
    world: World, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    with within(world.acme):
        membership = Membership.objects.select_related("organization").get(user=world.viewer)
    service = {"remove": "remove_member", "role": "change_role"}[action]
    real = getattr(views, service)

    def after_another_admin(**arguments: Any) -> Any:
        remove_member(membership=membership, actor=None)
        return real(**arguments)

    monkeypatch.setattr(views, service, after_another_admin)
    address = reverse(f"tenants:member_{action}", args=["acme", membership.pk])
    assert world.client(world.admin).post(address, {"role": "editor"}).status_code == 404
    assert events(world.acme).count(("member.removed", "success")) == 1


def test_two_consents_leave_one_connection_whose_token_works(committed: None, sandbox: Sandbox) -> None:
    world = make_world()
    browser = world.client(world.admin)
    answers = [decide(ask(browser)) for _ in range(2)]
    results = at_once([lambda a=answer: browser.get(CALLBACK, a).status_code for answer in answers])
    assert results == {302: 1, 409: 1}
    # What the other one gave back to Notion was not the token that is in use.
    tested = browser.post("/orgs/acme/integrations/notion/test")
    assert "Notion accepts this connection" in tested.content.decode()
