"""Who may do which of the ten calls, where, how often; and what the log has of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Event
from integrations.gateway.registry import OPERATIONS
from integrations.sandbox import Sandbox
from tenants.models import Membership
from tenants.roles import Permission
from tenants.services.members import remove_member
from tests.factories import World, events, within
from tests.integrations.gateway.conftest import Gateway
from tests.integrations.gateway.test_calls import new_page, paragraph, words

Callers = Callable[..., Gateway]
WHO = ("viewer", "editor", "admin", "student", "intern", "supervised", "autonomous")
ALLOWED = {
    Permission.READ: {"viewer", "editor", "admin", "intern", "supervised", "autonomous"},
    Permission.WRITE: {"editor", "admin", "supervised", "autonomous"},
    Permission.DELETE: {"admin", "autonomous"},
}


def each_call(gateway: Gateway) -> dict[str, Callable[[], Any]]:
    page, source = gateway.page(), gateway.source()
    return {
        "search": lambda: gateway.post("/search"),
        "list_databases": lambda: gateway.get("/databases"),
        "get_database": lambda: gateway.get(f"/databases/{source}"),
        "query_database": lambda: gateway.post(f"/databases/{source}/query"),
        "get_page": lambda: gateway.get(f"/pages/{page}"),
        "get_page_content": lambda: gateway.get(f"/pages/{page}/blocks"),
        "create_page": lambda: gateway.post(
            "/pages", parent={"page_id": page}, properties={"title": {"title": words("x")}}
        ),
        "update_page": lambda: gateway.patch(f"/pages/{page}", icon=None),
        "append_blocks": lambda: gateway.post(f"/pages/{page}/blocks", children=[paragraph("x")]),
        "trash_page": lambda: gateway.delete(f"/pages/{page}"),
    }


@pytest.mark.parametrize("who", WHO)
def test_each_call_asks_for_its_permission(gateway: Callers, who: str) -> None:
    calls = each_call(gateway(who))
    assert set(calls) == set(OPERATIONS)
    for name, call in calls.items():
        expected = 200 if who in ALLOWED[OPERATIONS[name].permission] else 403
        assert call().status_code == expected, name


@pytest.mark.parametrize("who", ["viewer", "student"])
def test_what_is_denied_reaches_nobody_and_is_recorded_with_its_reason(gateway: Callers, who: str) -> None:
    denied = gateway(who)
    before = len(denied.events("access."))
    assert denied.delete(f"/pages/{denied.page()}").status_code == 403
    assert denied.calls == []
    event = denied.events("access.")[before]
    assert (event.action, event.result) == ("access.denied", "denied")
    assert event.metadata["reason"] == ("role" if who == "viewer" else "maturity")


def test_a_key_in_the_address_is_not_kept_in_the_log(gateway: Callers) -> None:
    student = gateway("student")
    key = "nscan_" + "k" * 43
    assert student.get(f"/pages/{key}").status_code == 403
    assert "/pages/sha256-" in student.events("access.")[-1].metadata["path"]
    assert key not in str([event.__dict__ for event in student.events("access.")])


def test_strangers_learn_nothing_from_what_is_wrong_with_a_body(connected: World) -> None:
    outsider = connected.client(connected.outsider)
    for slug in ("acme", "nowhere"):
        reply = outsider.post(f"/api/orgs/{slug}/notion/search", {"x": 1}, content_type="application/json")
        assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


# Roots --------------------------------------------------------------------------------------------------


def test_an_agent_stays_below_its_roots(gateway: Callers) -> None:
    editor = gateway("editor")
    root = new_page(editor, "Root")
    child = editor.post(
        "/pages", parent={"page_id": root["id"]}, properties={"title": {"title": words("Child")}}
    ).json()
    block = editor.post(f"/pages/{child['id']}/blocks", children=[paragraph("inside")]).json()["results"][0]
    agent = gateway("autonomous", roots=[UUID(root["id"])])
    for inside in (root["id"], child["id"]):
        assert agent.get(f"/pages/{inside}").status_code == 200
        assert agent.get(f"/pages/{inside}/blocks").status_code == 200
        assert agent.patch(f"/pages/{inside}", icon=None).status_code == 200
    assert agent.post(f"/pages/{block['id']}/blocks", children=[paragraph("more")]).status_code == 200
    outside = editor.page(3)
    writes = [call for call in agent.calls if not call.startswith("GET")]
    refused = [
        agent.get(f"/pages/{outside}"),
        agent.get(f"/pages/{outside}/blocks"),
        agent.patch(f"/pages/{outside}", icon=None),
        agent.post(f"/pages/{outside}/blocks", children=[paragraph("x")]),
        agent.post("/pages", parent={"page_id": outside}, properties={}),
        agent.delete(f"/pages/{outside}"),
        agent.get(f"/databases/{agent.source()}"),
        agent.post(f"/databases/{agent.source()}/query"),
    ]
    assert {reply.status_code for reply in refused} == {403}
    assert {reply.json()["code"] for reply in refused} == {"forbidden"}
    assert [call for call in agent.calls if not call.startswith("GET")] == writes
    assert agent.events("access.")[-1].metadata["reason"] == "roots"
    assert agent.delete(f"/pages/{child['id']}").status_code == 200


@pytest.mark.parametrize("way", ["synced", "linked", "mention", "database", "related", "nested"])
def test_an_agent_names_nothing_outside_its_roots_in_what_it_writes(gateway: Callers, way: str) -> None:
    editor = gateway("editor")
    root = new_page(editor, "Root")["id"]
    inside = editor.post(f"/pages/{root}/blocks", children=[paragraph("inside")]).json()["results"][0]["id"]
    agent = gateway("supervised", roots=[UUID(root)])

    def named(page: str, block: str, source: str) -> dict[str, Any]:
        mention: dict[str, Any] = {"type": "page", "page": {"id": page}}
        if way == "database":
            mention = {"type": "data_source", "data_source": {"id": source}}
        said = {"paragraph": {"rich_text": [{"type": "mention", "mention": mention}]}}
        return {
            "synced": {"synced_block": {"synced_from": {"type": "block_id", "block_id": block.upper()}}},
            "linked": {"link_to_page": {"type": "page_id", "page_id": page.replace("-", "")}},
            "nested": {"toggle": {"rich_text": [], "children": [said]}},
        }.get(way, said)

    outside = named(editor.page(3), editor.page(3), editor.source())
    writes = [call for call in agent.calls if not call.startswith("GET")]
    at = f"/pages/{root}"
    related = {"Tasks": {"relation": [{"id": root}, {"id": editor.page(3)}]}}
    refused = (
        [
            agent.patch(at, properties=related),
            agent.post("/pages", parent={"page_id": root}, properties=related),
        ]
        if way == "related"
        else [
            agent.post(f"{at}/blocks", children=[outside]),
            agent.post("/pages", parent={"page_id": root}, properties={}, children=[outside]),
        ]
    )
    assert [reply.status_code for reply in refused] == [403, 403]
    assert [call for call in agent.calls if not call.startswith("GET")] == writes
    # What stands below them may be named.
    if way == "mention":
        assert agent.post(f"{at}/blocks", children=[named(root, inside, "")]).status_code == 200


@pytest.mark.parametrize(
    "many", [["x"], [str(UUID(int=number)) for number in range(51)]], ids=["bad", "many"]
)
def test_what_an_agent_with_roots_names_is_checked_before_it_is_looked_up(
    gateway: Callers, many: list[str]
) -> None:
    root = gateway("editor").page()
    agent = gateway("supervised", roots=[UUID(root)])
    related = {"Tasks": {"relation": [{"id": each} for each in many]}}
    assert agent.patch(f"/pages/{root}", properties=related).status_code == 400
    assert agent.calls == [f"GET /v1/pages/{root}"]


def test_lists_hold_what_is_below_the_roots_alone(gateway: Callers) -> None:
    editor = gateway("editor")
    root = new_page(editor, "Root of the search")
    agent = gateway("intern", roots=[UUID(root["id"])])
    assert [each["id"] for each in agent.post("/search").json()["results"]] == [root["id"]]
    assert agent.get("/databases").json()["results"] == []


def test_a_database_as_root_gives_its_rows(gateway: Callers) -> None:
    viewer = gateway("viewer")
    database = viewer.get("/databases").json()["results"][0]
    source = database["dataSources"][0]["id"]
    row = viewer.post(f"/databases/{database['id']}/query").json()["results"][0]["id"]
    for root in (database["id"], source):
        agent = gateway("intern", roots=[UUID(root)])
        assert agent.post(f"/databases/{source}/query").status_code == 200
        assert agent.get(f"/pages/{row}").status_code == 200
        assert [each["id"] for each in agent.get("/databases").json()["results"]] == [database["id"]]
        assert agent.get(f"/pages/{viewer.page()}").status_code == 403


def test_an_agent_beyond_its_budget_waits(gateway: Callers) -> None:
    agent = gateway("intern", requests_per_minute=2)
    page = agent.page()
    replies = [agent.get(f"/pages/{page}") for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert replies[2].json()["code"] == "budget_spent"
    assert 1 <= int(replies[2].headers["Retry-After"]) <= 60
    assert len(agent.calls) == 2


# The record ---------------------------------------------------------------------------------------------


def test_a_read_is_one_event_with_ids_and_sizes_and_no_value(gateway: Callers) -> None:
    agent = gateway("intern")
    page = agent.page()
    agent.post("/search", query="quarterly salary secret")
    agent.get(f"/pages/{page}")
    search, read = agent.events()
    assert (search.action, search.result) == (read.action, read.result) == ("notion.read", "success")
    assert "Librarian (nscan_" in read.actor_label
    assert read.metadata["call"] == "get_page"
    assert read.metadata["objects"] == [page]
    assert read.metadata["bytes"] > 100
    assert len(read.metadata["parameters"]) == 32
    assert "salary" not in str(search.__dict__)


def test_the_same_request_has_the_same_fingerprint_in_one_organization(gateway: Callers) -> None:
    viewer = gateway("viewer")
    for query in ("one", "one", "two"):
        viewer.post("/search", query=query)
    first, again, other = (event.metadata["parameters"] for event in viewer.events())
    assert first == again != other


def test_a_write_is_an_intent_and_an_outcome_under_one_id(gateway: Callers) -> None:
    editor = gateway("editor")
    page = new_page(editor, "Secret plans")
    intent, outcome = editor.events()
    assert intent.action == outcome.action == "notion.write"
    assert (intent.metadata["step"], outcome.metadata["step"]) == ("intent", "outcome")
    assert intent.correlation_id == outcome.correlation_id is not None
    assert page["id"] in outcome.metadata["objects"]
    assert "Secret plans" not in str(intent.__dict__) + str(outcome.__dict__)


def test_without_its_intent_on_record_nothing_is_written(
    gateway: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = gateway("editor")
    page = editor.page()

    def fails(**event: Any) -> Event:
        raise RuntimeError("the log is full")

    monkeypatch.setattr("integrations.gateway.perform.record", fails)
    with pytest.raises(RuntimeError):
        editor.patch(f"/pages/{page}", icon=None)
    assert not [call for call in editor.calls if call.startswith("PATCH")]
    # Nor is anything read that is not on record.
    with pytest.raises(RuntimeError):
        editor.get(f"/pages/{page}")


def test_a_refusal_of_notions_is_recorded(gateway: Callers, sandbox: Sandbox) -> None:
    viewer = gateway("viewer")
    sandbox.faults.add("restricted_resource", "GET /v1/pages/*")
    viewer.get(f"/pages/{viewer.page()}")
    event = viewer.events()[-1]
    assert (event.result, event.metadata["reason"]) == ("error", "notion_capability_missing")


@pytest.mark.parametrize("who", ["viewer", "intern"])
def test_a_read_costs_at_most_eight_queries(gateway: Callers, who: str) -> None:
    caller = gateway(who)
    page = caller.page()
    caller.get(f"/pages/{page}")
    with CaptureQueriesContext(connection) as captured:
        caller.get(f"/pages/{page}")
    ours = [each["sql"] for each in captured if not each["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(ours) <= 8, "\n".join(ours)


def test_a_member_who_was_removed_reads_nothing_more(gateway: Callers) -> None:
    viewer = gateway("viewer")
    page = viewer.page()
    with within(viewer.world.acme):
        remove_member(membership=Membership.objects.get(user=viewer.world.viewer), actor=viewer.world.admin)
    assert viewer.get(f"/pages/{page}").status_code == 404
    assert events(None)[-1] == ("access.denied", "denied")
