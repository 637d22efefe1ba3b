"""The ten calls against the stand-in Notion: what they answer, and in which words they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from integrations.models import Integration
from integrations.notion.transport import CheckedResponse
from integrations.sandbox import Kind, Sandbox, demo_token
from tests.factories import World, within
from tests.integrations.gateway.conftest import TOKEN, Gateway

Callers = Callable[..., Gateway]
NOWHERE = "00000000-0000-4000-8000-000000000000"


def words(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": {"content": text}}]


def paragraph(text: str) -> dict[str, Any]:
    return {"object": "block", "type": "paragraph", "paragraph": {"rich_text": words(text)}}


def new_page(gateway: Gateway, title: str = "Minutes", **more: Any) -> dict[str, Any]:
    reply = gateway.post(
        "/pages", parent={"page_id": gateway.page()}, properties={"title": {"title": words(title)}}, **more
    )
    assert reply.status_code == 200, reply.content
    return dict(reply.json())


# Reading ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["viewer", "intern"])
def test_search_finds_by_title_and_goes_on(gateway: Callers, who: str) -> None:
    found = gateway(who)
    first = found.post("/search", pageSize=5).json()
    assert len(first["results"]) == 5
    assert first["hasMore"] is True
    assert set(first["results"][0]) == {"object", "id", "title", "url", "lastEditedTime", "parent"}
    second = found.post("/search", pageSize=5, cursor=first["nextCursor"]).json()
    assert not {each["id"] for each in first["results"]} & {each["id"] for each in second["results"]}
    sources = found.post("/search", filter={"property": "object", "value": "data_source"}).json()
    assert {each["object"] for each in sources["results"]} == {"data_source"}
    # Who asks for databases by the older word gets them.
    assert found.post("/search", filter={"value": "database"}).json() == sources


def test_databases_are_listed_with_their_data_sources_and_described(gateway: Callers) -> None:
    viewer = gateway("viewer")
    listed = viewer.get("/databases").json()
    database = listed["results"][0]
    assert database["dataSources"][0]["id"] != database["id"]
    described = viewer.get(f"/databases/{database['id']}").json()
    properties = described["dataSources"][0]["properties"]
    assert "title" in {each["type"] for each in properties.values()}
    # The data source's id says the same.
    by_source = viewer.get(f"/databases/{database['dataSources'][0]['id']}").json()
    assert by_source["dataSources"] == described["dataSources"]


def test_rows_are_queried_by_the_id_of_the_database_or_its_data_source(gateway: Callers) -> None:
    viewer = gateway("viewer")
    database = viewer.get("/databases").json()["results"][0]
    rows = viewer.post(f"/databases/{database['id']}/query", pageSize=3).json()
    assert rows["results"][0]["object"] == "page"
    assert rows["dataSourceId"] == database["dataSources"][0]["id"]
    by_source = viewer.post(f"/databases/{rows['dataSourceId']}/query", pageSize=3).json()
    assert [each["id"] for each in by_source["results"]] == [each["id"] for each in rows["results"]]


def test_a_filter_and_sorts_are_notions_own(gateway: Callers) -> None:
    viewer = gateway("viewer")
    sorts = [{"timestamp": "created_time", "direction": "ascending"}]
    since = {"timestamp": "created_time", "created_time": {"on_or_after": "2100-01-01"}}
    address = f"/databases/{viewer.source()}/query"
    assert viewer.post(address, filter=since, sorts=sorts).json()["results"] == []
    times = [each["created_time"] for each in viewer.post(address, sorts=sorts).json()["results"]]
    assert times == sorted(times)
    assert times


def test_a_database_with_several_data_sources_asks_which(gateway: Callers, sandbox: Sandbox) -> None:
    viewer = gateway("viewer")
    database = viewer.get("/databases").json()["results"][0]
    one = database["dataSources"][0]
    sandbox.faults.add("second_data_source", "GET /v1/databases/*", times=None, id=NOWHERE)
    reply = viewer.post(f"/databases/{database['id']}/query")
    assert reply.status_code == 409
    assert reply.json()["code"] == "several_data_sources"
    assert [each["id"] for each in reply.json()["dataSources"]] == [one["id"], NOWHERE]
    named = viewer.post(f"/databases/{database['id']}/query", dataSourceId=one["id"])
    assert named.status_code == 200
    foreign = viewer.post(f"/databases/{database['id']}/query", dataSourceId=viewer.page())
    assert (foreign.status_code, foreign.json()["code"]) == (404, "unknown_data_source")


def test_a_page_is_passed_on_with_its_properties(gateway: Callers) -> None:
    viewer = gateway("viewer")
    page_id = viewer.page()
    page = viewer.get(f"/pages/{page_id}").json()
    assert (page["object"], page["id"]) == ("page", page_id)
    assert "title" in {each["type"] for each in page["properties"].values()}


def test_content_is_text_and_blocks_with_what_stands_in_them(gateway: Callers) -> None:
    editor = gateway("editor")
    nested = paragraph("outer")
    nested["paragraph"]["children"] = [paragraph("inner")]
    todo = {"type": "to_do", "to_do": {"rich_text": words("call Ada"), "checked": True}}
    heading = {"type": "heading_2", "heading_2": {"rich_text": words("Agenda")}}
    page = new_page(editor, children=[heading, nested, todo])
    content = editor.get(f"/pages/{page['id']}/blocks").json()
    assert content["text"] == "## Agenda\nouter\n  inner\n[x] call Ada"
    assert [each["type"] for each in content["results"]] == ["heading_2", "paragraph", "paragraph", "to_do"]
    assert content["truncated"] is False


def test_content_beyond_the_bound_is_said_to_be_missing(gateway: Callers) -> None:
    editor = gateway("editor")
    deep = [paragraph(f"p{number}") for number in range(12)]
    for block in deep:
        block["paragraph"]["children"] = [paragraph("below")]
    page = new_page(editor, children=deep)
    content = editor.get(f"/pages/{page['id']}/blocks").json()
    assert content["truncated"] is True
    assert content["text"].count("below") == 10


# Writing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["editor", "supervised"])
def test_pages_are_created_changed_and_grow(gateway: Callers, who: str) -> None:
    writer = gateway(who)
    page = new_page(writer)
    changed = writer.patch(f"/pages/{page['id']}", properties={"title": {"title": words("Minutes, final")}})
    assert changed.json()["properties"]["title"]["title"][0]["plain_text"] == "Minutes, final"
    added = writer.post(f"/pages/{page['id']}/blocks", children=[paragraph("one"), paragraph("two")])
    assert [each["type"] for each in added.json()["results"]] == ["paragraph", "paragraph"]
    assert writer.get(f"/pages/{page['id']}/blocks").json()["text"] == "one\ntwo"


def test_a_row_is_created_by_the_id_of_the_database(gateway: Callers) -> None:
    editor = gateway("editor")
    database = editor.get("/databases").json()["results"][0]
    schema = editor.get(f"/databases/{database['id']}").json()["dataSources"][0]["properties"]
    title = next(name for name, each in schema.items() if each["type"] == "title")
    row = editor.post(
        "/pages", parent={"database_id": database["id"]}, properties={title: {"title": words("A row")}}
    )
    assert row.status_code == 200, row.content
    assert row.json()["parent"]["data_source_id"] == database["dataSources"][0]["id"]


@pytest.mark.parametrize("who", ["admin", "autonomous"])
def test_a_page_is_moved_to_the_trash(gateway: Callers, who: str) -> None:
    caller = gateway(who)
    page = new_page(caller)
    assert caller.delete(f"/pages/{page['id']}").json()["in_trash"] is True
    assert caller.events()[-1].action == "notion.delete"


def test_a_stale_write_is_refused_and_a_fresh_one_is_not(gateway: Callers) -> None:
    editor = gateway("editor")
    page = new_page(editor)
    renamed = {"title": {"title": words("Renamed")}}
    stale = editor.patch(
        f"/pages/{page['id']}", properties=renamed, ifLastEditedTime="2020-01-01T00:00:00.000Z"
    )
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_write")
    assert stale.json()["lastEditedTime"] == page["last_edited_time"]
    fresh = editor.patch(
        f"/pages/{page['id']}", properties=renamed, ifLastEditedTime=page["last_edited_time"]
    )
    assert fresh.status_code == 200
    # Another form of the same moment is the same moment.
    same = page["last_edited_time"].replace(".000Z", "+00:00")
    assert editor.patch(f"/pages/{page['id']}", icon=None, ifLastEditedTime=same).status_code == 200


def test_a_write_that_notion_saved_and_answered_by_503_is_not_repeated(
    gateway: Callers, sandbox: Sandbox
) -> None:
    editor = gateway("editor")
    parent = editor.page()
    sandbox.faults.add("service_unavailable_saved", "POST /v1/pages")
    saved = editor.post("/pages", parent={"page_id": parent}, properties={"title": {"title": words("Once")}})
    assert saved.status_code == 200
    assert editor.get(f"/pages/{saved.json()['id']}").status_code == 200
    assert editor.calls.count("POST /v1/pages") == 1
    sandbox.faults.add("service_unavailable_saved", "PATCH /v1/blocks/*")
    added = editor.post(f"/pages/{saved.json()['id']}/blocks", children=[paragraph("once")])
    assert added.status_code == 200
    assert editor.get(f"/pages/{saved.json()['id']}/blocks").json()["text"] == "once"
    assert [event.result for event in editor.events() if event.action == "notion.write"] == ["success"] * 4


@pytest.mark.parametrize("fault", ["service_unavailable", "reset", "hang", "truncated"])
def test_a_write_whose_end_nobody_knows_is_sent_once_and_says_so(
    gateway: Callers, sandbox: Sandbox, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.services.calls._CALL_SECONDS", 1)
    editor = gateway("editor")
    sandbox.faults.add(fault, "PATCH /v1/pages/*", times=None)
    reply = editor.patch(f"/pages/{editor.page()}", icon=None)
    assert (reply.status_code, reply.json()["code"]) == (502, "notion_outcome_unknown")
    assert "Read the page before you repeat it" in reply.json()["error"]
    assert sum(call.startswith("PATCH") for call in editor.calls) == 1
    intent, outcome = editor.events()[-2:]
    assert (intent.metadata["step"], outcome.metadata["step"], outcome.result) == (
        "intent",
        "outcome",
        "error",
    )


def test_a_write_that_was_limited_is_tried_again(gateway: Callers, sandbox: Sandbox) -> None:
    editor = gateway("editor")
    sandbox.faults.add("rate_limited", "PATCH /v1/pages/*", retry_after="1")
    assert editor.patch(f"/pages/{editor.page()}", icon=None).status_code == 200


# Refusals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["..%2Fusers", "x%3Fy", "a%23b", "not-a-uuid", "%00", "..%2F..%2F", "%7B%7D"])
@pytest.mark.parametrize("ending", ["", "/blocks"])
def test_what_is_no_id_is_400_before_any_call(gateway: Callers, bad: str, ending: str) -> None:
    viewer = gateway("viewer")
    for address in (f"/pages/{bad}{ending}", f"/databases/{bad}"):
        reply = viewer.get(address)
        assert reply.status_code == 400, address
        assert "A Notion id is a UUID" in reply.json()["error"]
    assert viewer.calls == []


def test_an_unknown_id_is_404_and_says_what_that_means(gateway: Callers) -> None:
    viewer = gateway("viewer")
    replies = [viewer.get(f"/{kind}/{NOWHERE}") for kind in ("pages", "databases")]
    replies.append(viewer.get(f"/pages/{NOWHERE}/blocks"))
    replies.append(viewer.post(f"/databases/{NOWHERE}/query"))
    for reply in replies:
        assert (reply.status_code, reply.json()["code"]) == (404, "notion_not_shared")
        assert "••• → Connections" in reply.json()["error"]


def test_unknown_fields_are_named(gateway: Callers) -> None:
    editor = gateway("editor")
    reply = editor.post("/search", qurey="x", token="ntn_secret")
    assert reply.status_code == 400
    assert reply.json()["error"] == "Unknown fields: qurey, token. Leave them out."
    assert editor.patch(f"/pages/{editor.page()}", id=NOWHERE, icon=None).status_code == 400
    assert editor.post("/pages", parent={"page": NOWHERE}, properties={}).status_code == 400
    assert editor.calls == []


def test_a_name_that_no_schema_shows_is_unknown(gateway: Callers) -> None:
    editor = gateway("editor")
    page, source = editor.page(), editor.source()
    for reply, name in (
        (editor.post("/search", page_size=5), "page_size"),
        (editor.post(f"/databases/{source}/query", data_source_id=source), "data_source_id"),
        (editor.patch(f"/pages/{page}", icon=None, if_last_edited_time=None), "if_last_edited_time"),
        (editor.get("/databases", page_size=5), "page_size"),
        (editor.get(f"/pages/{page}/blocks", curser="x", size=1), "curser, size"),
        (editor.get(f"/pages/{page}", cursor="x"), "cursor"),
        (editor.post("/search?pageSize=5"), "pageSize"),
        (editor.get("/databases", **{"ntn_" + "x" * 46: ""}), "ntn_" + "x" * 20),
    ):
        assert reply.status_code == 400
        assert reply.json()["error"].startswith(f"Unknown fields: {name}")
        assert "x" * 21 not in reply.json()["error"]
    assert editor.calls == []
    assert editor.get("/databases", pageSize=5).status_code == 200


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"children": [paragraph("x")] * 101}, "children"),
        ({"children": []}, "children"),
        ({"children": [paragraph("x" * 600_000)]}, "500 kB"),
        ({"children": [paragraph("\ud800")]}, "cannot be sent"),
        ({"children": "x"}, "children"),
    ],
)
def test_bodies_are_bounded_before_anything_is_sent(gateway: Callers, body: Any, says: str) -> None:
    editor = gateway("editor")
    reply = editor.post(f"/pages/{editor.page()}/blocks", **body)
    assert reply.status_code == 400
    assert says in reply.json()["error"]
    assert editor.calls == []


def test_blocks_are_counted_at_every_depth(gateway: Callers) -> None:
    editor = gateway("editor")
    block = paragraph("x")
    block["paragraph"]["children"] = [paragraph("y")] * 100
    reply = editor.post(f"/pages/{editor.page()}/blocks", children=[block] * 10)
    assert "at most 1,000 blocks" in reply.json()["error"]
    block["paragraph"]["children"] = [paragraph("y")] * 101
    assert (
        "at most 100 blocks"
        in editor.post(f"/pages/{editor.page()}/blocks", children=[block]).json()["error"]
    )
    assert editor.calls == []


@pytest.mark.parametrize(
    "raw", [b"{", b"[]", b"NaN", b'{"query": NaN}', b"[" * 100_000, b'{"a":' * 50_000, b"\xff", b'"x"']
)
def test_what_is_no_json_object_is_400(gateway: Callers, raw: bytes) -> None:
    viewer = gateway("viewer")
    reply = viewer.client.post("/api/orgs/acme/notion/search", raw, content_type="application/json")
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_request")
    assert viewer.calls == []


def test_deep_nesting_is_400(gateway: Callers) -> None:
    editor = gateway("editor")
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"x": deep}
    reply = editor.post(f"/databases/{editor.source()}/query", filter=deep)
    assert "nested deeper" in reply.json()["error"]
    assert editor.calls == []


@pytest.mark.parametrize(
    "parent",
    [
        {},
        {"page_id": NOWHERE, "database_id": NOWHERE},
        {"type": "page_id", "database_id": NOWHERE},
        None,
        "x",
    ],
)
def test_a_parent_is_exactly_one(gateway: Callers, parent: Any) -> None:
    editor = gateway("editor")
    assert editor.post("/pages", parent=parent, properties={}).status_code == 400
    assert editor.calls == []


def test_an_update_changes_something(gateway: Callers) -> None:
    editor = gateway("editor")
    for body in ({}, {"properties": None}, {"ifLastEditedTime": "2026-01-01T00:00:00Z"}):
        assert editor.patch(f"/pages/{editor.page()}", **body).status_code == 400
    assert editor.patch(f"/pages/{editor.page()}", icon=None, ifLastEditedTime="soon").status_code == 400


def test_what_notion_calls_wrong_is_400_in_its_words(gateway: Callers) -> None:
    editor = gateway("editor")
    reply = editor.post(f"/databases/{editor.source()}/query", filter={"property": "No such", "x": {}})
    assert (reply.status_code, reply.json()["code"]) == (400, "notion_refused")
    assert reply.json()["error"].startswith("Notion refused this request, and did nothing. It says: ")


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("restricted_resource", 403, "notion_capability_missing"),
        ("unauthorized", 409, "notion_unauthorized"),
        ("service_unavailable", 502, "notion_unavailable"),
    ],
)
def test_notions_refusals_are_mapped(
    gateway: Callers, sandbox: Sandbox, fault: str, status: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.services.calls._CALL_SECONDS", 0.5)
    viewer = gateway("viewer")
    page_id = viewer.page()
    sandbox.faults.add(fault, "GET /v1/pages/*", times=None)
    reply = viewer.get(f"/pages/{page_id}")
    assert (reply.status_code, reply.json()["code"]) == (status, code)


def test_a_limit_is_429_with_the_seconds_to_wait(gateway: Callers, sandbox: Sandbox) -> None:
    viewer = gateway("viewer")
    page_id = viewer.page()
    sandbox.faults.add("rate_limited", "GET /v1/pages/*", retry_after="90")
    reply = viewer.get(f"/pages/{page_id}")
    assert (reply.status_code, reply.json()["code"]) == (429, "notion_rate_limited")
    assert 85 <= int(reply.headers["Retry-After"]) <= 91
    # Nobody calls before that is over.
    before = len(viewer.calls)
    assert viewer.get(f"/pages/{page_id}").status_code == 429
    assert len(viewer.calls) == before


def test_without_a_connection_there_is_nothing_to_ask(world: World, sandbox: Sandbox) -> None:
    reply = world.client(world.viewer).get(f"/api/orgs/acme/notion/pages/{NOWHERE}")
    assert (reply.status_code, reply.json()["code"]) == (404, "integration_not_found")


def test_a_connection_in_error_is_409(gateway: Callers) -> None:
    viewer = gateway("viewer")
    with within(viewer.world.acme):
        Integration.objects.update(status="error", error_code="notion_unauthorized")
    reply = viewer.get(f"/pages/{viewer.page()}")
    assert (reply.status_code, reply.json()["code"]) == (409, "notion_unauthorized")


def test_another_workspaces_page_is_like_none(gateway: Callers, sandbox: Sandbox) -> None:
    viewer = gateway("viewer")
    foreign = sandbox.visible(demo_token("Globex Works"), Kind.PAGE)[0]
    replies = [viewer.get(f"/pages/{page_id}") for page_id in (foreign, NOWHERE)]
    assert {reply.status_code for reply in replies} == {404}
    assert replies[0].content == replies[1].content


def test_the_token_is_in_no_answer(gateway: Callers) -> None:
    viewer = gateway("viewer")
    answers = [viewer.get(f"/pages/{viewer.page()}"), viewer.post("/search"), viewer.get("/databases")]
    assert all(TOKEN.encode() not in answer.content for answer in answers)


# What is no answer of Notion's ----------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["page", "database", "query", "databases", "blocks"])
@pytest.mark.parametrize(
    "odd",
    [
        {"parent": "x"},
        {"parent": {"type": "page_id", "page_id": "../users"}},
        {"parent": {"type": "database_id", "database_id": ["x"]}},
        {"data_sources": [{}]},
        {"data_sources": [{"id": "{231674b6-1f0a-4f1e-9d0b-2f6c1c2b6f3a}"}]},
        {"data_sources": ["x"]},
        {"request_status": "incomplete"},
    ],
    ids=str,
)
def test_an_odd_answer_is_no_error_of_ours(
    gateway: Callers, monkeypatch: pytest.MonkeyPatch, way: str, odd: dict[str, Any]
) -> None:
    plain = gateway("viewer")
    page, source = plain.page(), plain.source()
    database = plain.get("/databases").json()["results"][0]["id"]
    rooted = gateway("intern", roots=[UUID(page)])

    def answered(response: CheckedResponse, **how: Any) -> dict[str, Any]:
        reply = response._reply
        return reply | odd | {"results": [each | odd for each in reply.get("results", [])]}

    monkeypatch.setattr(CheckedResponse, "json", answered)
    monkeypatch.setattr("integrations.services.calls._CALL_SECONDS", 0.1)
    for caller in (plain, rooted):
        reply = {
            "page": lambda who: who.get(f"/pages/{page}"),
            "database": lambda who: who.get(f"/databases/{database}"),
            "query": lambda who: who.post(f"/databases/{source}/query"),
            "databases": lambda who: who.get("/databases"),
            "blocks": lambda who: who.get(f"/pages/{page}/blocks"),
        }[way](caller)
        assert reply.status_code in (200, 403, 502), reply.content
