"""What somebody may try at the gateway: two credentials at once, odd ids, races, and a token that dies."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from integrations.models import Integration
from integrations.sandbox import Sandbox
from tenants.models import ServiceAccount
from tenants.roles import Maturity
from tests.factories import World, bearer, log_in, make_account, make_world, the_integration, within
from tests.integrations.gateway.conftest import AT, Gateway
from tests.integrations.gateway.test_calls import NOWHERE, paragraph
from tests.integrations.gateway.test_mcp import refusal, request
from tests.integrations.test_oauth import access_token, connect

Callers = Callable[..., Gateway]


# A session and a key in one request -----------------------------------------------------------------------


def with_both(world: World, key: str, *, csrf: bool = True) -> Client:
    """Return an admin's browser that also sends something as a key."""
    client = Client(headers={"Authorization": key}, enforce_csrf_checks=csrf)
    log_in(client, world.admin)
    return client


def test_a_request_with_a_session_and_a_key_is_the_keys(connected: World, sandbox: Sandbox) -> None:
    key = make_account(connected.acme, connected.admin, maturity=Maturity.INTERN).key
    both = Gateway(with_both(connected, f"Bearer {key}"), connected, sandbox)
    page = both.page()
    assert both.get(f"/pages/{page}").status_code == 200
    assert "Librarian" in both.events()[-1].actor_label
    # What the admin may do is worth nothing beside it.
    refused = both.delete(f"/pages/{page}")
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "maturity (intern)" in refused.json()["error"]
    foreign = make_account(connected.globex, connected.outsider, maturity=Maturity.AUTONOMOUS).key
    other = with_both(connected, f"Bearer {foreign}")
    assert other.get(f"{AT}/pages/{page}").status_code == 404
    workspaces = other.get("/api/workspaces").json()
    assert workspaces == bearer(foreign).get("/api/workspaces").json()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        *(
            (word, "not_authenticated")
            for word in (
                "Bearer nscan_" + "x" * 43,
                "Bearer x",
                "bearer   nscan_",
                "Bearer",
                "Bearer ",
                "Bearer a b",
                "Bearer \u00fc",
                f"Bearer nscan_{'x' * 43}, Bearer nscan_{'y' * 43}",
            )
        ),
        ("Basic YTpi", "csrf_failed"),
        ("nscan_" + "x" * 43, "csrf_failed"),
        ("", "csrf_failed"),
    ],
)
def test_no_key_that_is_none_saves_a_session_its_csrf_token(
    connected: World, sandbox: Sandbox, sent: str, code: str
) -> None:
    both = Gateway(with_both(connected, sent), connected, sandbox)
    page = both.page()
    for reply in (
        both.patch(f"/pages/{page}", icon=None),
        both.delete(f"/pages/{page}"),
        both.client.delete("/api/orgs/acme/integrations/notion"),
        both.client.post("/api/orgs/acme/scans", {}, content_type="application/json"),
    ):
        assert (reply.status_code, reply.json()["code"]) == (401 if "not" in code else 403, code)
    assert both.calls == []
    assert the_integration(connected.acme) is not None
    # Nor is it passed over for the session where there is nothing to forge.
    read = both.client.get("/api/orgs/acme/scans")
    assert read.status_code == (401 if "not" in code else 200)


@pytest.mark.parametrize("path", ["/orgs/acme/integrations/notion/disconnect", "/orgs/acme/scans/start"])
def test_a_key_saves_a_page_no_csrf_token_either(connected: World, path: str) -> None:
    key = make_account(connected.acme, connected.admin, maturity=Maturity.AUTONOMOUS).key
    assert with_both(connected, f"Bearer {key}").post(path).status_code == 403
    assert the_integration(connected.acme) is not None


@pytest.mark.parametrize(
    "query", ["key={}", "{}=", "a=1&token=x{}y", "access_token={}", "q=%6escan_{tail}", "cursor={}"]
)
def test_a_key_in_an_address_is_401_on_every_way_in(gateway: Callers, query: str) -> None:
    intern = gateway("intern")
    key = "nscan_" + "q" * 43
    address = query.format(key, tail="q" * 43)
    for reply in (
        intern.client.get(f"{AT}/databases?{address}"),
        intern.client.post(f"{AT}/search?{address}", {}, content_type="application/json"),
        intern.client.delete(f"{AT}/pages/{NOWHERE}?{address}"),
        intern.client.get(f"/api/workspaces?{address}"),
        intern.client.post(f"/mcp?{address}", request("ping"), content_type="application/json"),
    ):
        assert reply.status_code == 401
        assert key not in reply.content.decode()
    assert intern.calls == []


# Ids and fields ---------------------------------------------------------------------------------------------


BAD = [
    "../users",
    "..",
    "x?y=z",
    "a#b",
    "a/b",
    "%2e%2e",
    NOWHERE + "/../users",
    NOWHERE + "?x",
    " " + NOWHERE,
]
BAD += [
    NOWHERE + "\n",
    "{" + NOWHERE + "}",
    f"urn:uuid:{NOWHERE}",
    "\u0661" * 32,
    "\ud800",
    "\x00",
    "",
    "0" * 33,
]


@pytest.mark.parametrize("bad", BAD)
def test_no_id_leaves_that_is_none_wherever_it_stands(gateway: Callers, bad: str) -> None:
    caller = gateway("autonomous")
    asked: list[tuple[str, dict[str, Any]]] = [
        ("get_database", {"id": bad}),
        ("query_database", {"id": bad}),
        ("query_database", {"id": NOWHERE, "dataSourceId": bad}),
        ("get_page", {"id": bad}),
        ("get_page_content", {"id": bad}),
        ("create_page", {"parent": {"page_id": bad}, "properties": {}}),
        ("create_page", {"parent": {"database_id": bad}, "properties": {}}),
        ("create_page", {"parent": {"data_source_id": bad}, "properties": {}}),
        ("update_page", {"id": bad, "icon": None}),
        ("append_blocks", {"id": bad, "children": [paragraph("x")]}),
        ("trash_page", {"id": bad}),
    ]
    for name, arguments in asked:
        assert refusal(caller, name, **arguments)["code"] == "invalid_request", name
    body = {"parent": {"page_id": bad}, "properties": {}}
    assert caller.post("/pages", **body).status_code == 400
    assert caller.post(f"/databases/{NOWHERE}/query", dataSourceId=bad).status_code == 400
    assert caller.calls == []


@pytest.mark.parametrize("size", [True, "5", 5.5, 0, 101, -1, None, [5], "five"])
def test_a_size_is_a_number(gateway: Callers, size: Any) -> None:
    intern = gateway("intern")
    assert intern.post("/search", pageSize=size).status_code == 400
    assert refusal(intern, "list_databases", pageSize=size)["code"] == "invalid_request"
    assert intern.calls == []


@pytest.mark.parametrize("cursor", ["", " ", "a b", "a\nb", "\x00", "\u00e9", "x" * 5_000, 5, ["x"], {}])
def test_no_cursor_leaves_that_is_none(gateway: Callers, cursor: Any) -> None:
    intern = gateway("intern")
    assert intern.post("/search", cursor=cursor).status_code == 400
    assert refusal(intern, "get_page_content", id=NOWHERE, cursor=cursor)["code"] == "invalid_request"
    assert intern.calls == []


def test_a_cursor_cannot_ask_for_more_than_it_says(gateway: Callers, sandbox: Sandbox) -> None:
    intern = gateway("intern")
    intern.get(f"/pages/{intern.page()}/blocks", cursor="x&page_size=1&a=../b?c#d")
    [entry] = sandbox.requests.entries()
    assert entry.path.endswith("/children")
    assert (entry.path.count("?"), entry.path.count("/")) == (0, 4)


# A budget, from all sides at once ---------------------------------------------------------------------------


def test_a_budget_holds_for_rest_and_mcp_together_however_many_ask_at_once(
    committed: None, sandbox: Sandbox
) -> None:
    world = make_world()
    key = make_account(world.acme, world.admin, requests_per_minute=10).key
    statuses: Counter[int] = Counter()
    begin = threading.Barrier(24)

    def ask(number: int) -> None:
        client = bearer(key)
        try:
            begin.wait()
            for _ in range(2):
                reply = (
                    client.get(f"{AT}/databases")
                    if number % 2
                    else client.post("/mcp", request("ping"), content_type="application/json")
                )
                statuses[reply.status_code] += 1
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Nothing is connected: 404 is an answer that was counted, like 200.
    assert statuses[200] + statuses[404] == 10
    assert statuses[429] == 38
    with within(world.acme):
        assert ServiceAccount.objects.get().window_used == 10


# A token that dies in the middle of a write ---------------------------------------------------------------


@pytest.fixture
def public(world: World, sandbox: Sandbox) -> Gateway:
    """An editor's calls, over a connection that was made by consent and whose token can be refreshed."""
    assert connect(world.client(world.admin)).status_code == 302
    return Gateway(world.client(world.editor), world, sandbox)


def writes(gateway: Gateway) -> list[tuple[str, int]]:
    """What reached Notion as a write, with what it answered."""
    return [
        (entry.method, entry.status)
        for entry in gateway.sandbox.requests.entries()
        if entry.path.startswith(("/v1/pages", "/v1/blocks")) and entry.method != "GET"
    ]


@pytest.mark.parametrize("way", ["expired", "refused"])
def test_a_write_that_meets_a_dead_token_happens_once_after_one_refresh(public: Gateway, way: str) -> None:
    page = public.post("/search").json()["results"][0]["id"]
    public.sandbox.requests.clear()
    if way == "expired":
        public.sandbox.expire(access_token(public.world))
    else:
        public.sandbox.faults.add("unauthorized", "PATCH /v1/blocks/*")
    reply = public.post(f"/pages/{page}/blocks", children=[paragraph("exactly once")])
    assert reply.status_code == 200, reply.content
    assert writes(public) == [("PATCH", 401), ("PATCH", 200)]
    assert public.get(f"/pages/{page}/blocks").json()["text"].count("exactly once") == 1
    steps = [(event.metadata["step"], event.result) for event in public.events("notion.write")]
    assert steps == [("intent", "success"), ("outcome", "success")]


@pytest.mark.parametrize("fault", ["service_unavailable", "reset", "truncated"])
def test_a_write_that_is_lost_after_a_refresh_is_sent_no_third_time(public: Gateway, fault: str) -> None:
    page = public.post("/search").json()["results"][0]["id"]
    public.sandbox.requests.clear()
    public.sandbox.expire(access_token(public.world))
    public.sandbox.faults.add(fault, "PATCH /v1/blocks/*", at=2, times=None)
    reply = public.post(f"/pages/{page}/blocks", children=[paragraph("once or never")])
    assert (reply.status_code, reply.json()["code"]) == (502, "notion_outcome_unknown")
    assert len(writes(public)) == 2
    assert writes(public)[0] == ("PATCH", 401)
    steps = [(event.metadata["step"], event.result) for event in public.events("notion.write")]
    assert steps == [("intent", "success"), ("outcome", "error")]


def test_a_write_that_is_refused_twice_ends_the_connection_and_is_sent_no_third_time(public: Gateway) -> None:
    page = public.post("/search").json()["results"][0]["id"]
    public.sandbox.requests.clear()
    public.sandbox.faults.add("unauthorized", "PATCH /v1/blocks/*", times=None)
    reply = public.post(f"/pages/{page}/blocks", children=[paragraph("never")])
    assert (reply.status_code, reply.json()["code"]) == (409, "notion_unauthorized")
    assert writes(public) == [("PATCH", 401), ("PATCH", 401)]
    integration = the_integration(public.world.acme)
    assert integration is not None
    assert integration.status == Integration.Status.ERROR


def test_a_write_of_an_internal_connection_is_not_tried_again_with_a_dead_token(
    gateway: Callers, sandbox: Sandbox
) -> None:
    editor = gateway("editor")
    sandbox.faults.add("unauthorized", "PATCH /v1/pages/*", times=None)
    reply = editor.patch(f"/pages/{editor.page()}", icon=None)
    assert (reply.status_code, reply.json()["code"]) == (409, "notion_unauthorized")
    assert len(writes(editor)) == 1
