"""The one way through asks by itself, whoever calls it, and ends in time, however many requests it takes."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from integrations.gateway import perform as gate
from integrations.gateway.perform import perform
from integrations.gateway.registry import OPERATIONS
from integrations.http.wire import Deadline
from integrations.notion.errors import NotionOutcomeUnknown, NotionUnavailable
from tenants.policy import Agent, Forbidden
from tenants.roles import Maturity
from tests.factories import make_account, within
from tests.integrations.gateway.conftest import Gateway
from tests.integrations.notion.doors import FakeTime


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_call_is_done_for_who_may_not(gateway: Callable[..., Gateway], name: str) -> None:
    viewer = gateway("viewer")
    student = Agent(make_account(viewer.world.acme, viewer.world.admin, maturity=Maturity.STUDENT).account)
    with within(viewer.world.acme), pytest.raises(Forbidden):
        perform(caller=student, operation=OPERATIONS[name], given={"id": viewer.page()})
    assert viewer.calls == []


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    return time_that_is_told(monkeypatch)


def time_that_is_told(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    """Return the time of a whole call, which passes as a test says."""
    time = FakeTime()

    class Whole(Deadline):
        @classmethod
        def after(cls, seconds: float, clock: object = None) -> Deadline:
            return Deadline.after(seconds, time.clock)

    monkeypatch.setattr(gate, "Deadline", Whole)
    return time


def test_a_search_below_roots_ends_in_time_however_many_parents_it_looks_up(
    gateway: Callable[..., Gateway], time: FakeTime
) -> None:
    intern = gateway("intern", roots=[UUID(int=1)])
    intern.sandbox.faults.add("act", "GET /v1/*", times=None, action=lambda: time.sleep(3))
    reply = intern.post("/search")
    assert (reply.status_code, reply.json()["code"]) == (503, "took_too_long")
    assert "Nothing was changed" in reply.json()["error"]
    # Twenty seconds at three for each.
    assert sum(call.startswith("GET") for call in intern.calls) == 7
    assert intern.events()[-1].metadata["reason"] == "took_too_long"


def test_a_write_begins_only_with_time_for_its_answer(
    gateway: Callable[..., Gateway], time: FakeTime
) -> None:
    editor = gateway("editor")
    address, seen = (
        f"/pages/{editor.page()}",
        editor.get(f"/pages/{editor.page()}").json()["last_edited_time"],
    )
    editor.sandbox.faults.add("act", "GET /v1/pages/*", action=lambda: time.sleep(11))
    reply = editor.patch(address, icon=None, ifLastEditedTime=seen)
    assert (reply.status_code, reply.json()["code"]) == (503, "took_too_long")
    assert not [call for call in editor.calls if call.startswith("PATCH")]
    assert editor.patch(address, icon=None, ifLastEditedTime=seen).status_code == 200


def test_a_write_that_was_sent_is_not_called_late(time: FakeTime) -> None:
    over = Deadline.after(0, time.clock)
    unknown = NotionOutcomeUnknown()
    assert gate._answer_to(unknown, over) is unknown
    assert gate._answer_to(NotionUnavailable(), over).code == "took_too_long"
    assert gate._answer_to(NotionUnavailable(), Deadline.after(1, time.clock)).code == "notion_unavailable"
