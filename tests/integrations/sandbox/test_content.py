"""Databases, data sources, rows, pages and blocks."""

from datetime import datetime
from typing import Any

import pytest

from integrations.sandbox import Kind, Sandbox, planted
from integrations.sandbox.blockinput import TYPES
from integrations.sandbox.ids import code_of
from integrations.sandbox.shapes import CONTAINER
from tests.integrations.sandbox.conftest import Api


def sources(api: Api) -> list[dict[str, Any]]:
    return api.every(filter={"property": "object", "value": "data_source"})


def biggest(api: Api) -> dict[str, Any]:
    return max(sources(api), key=lambda s: len(api.every(f"/v1/data_sources/{s['id']}/query")))


def test_a_database_lists_its_data_sources_and_has_no_properties(api: Api) -> None:
    source = sources(api)[0]
    database = api.get(f"/v1/databases/{source['parent']['database_id']}").json()
    assert source["id"] in [s["id"] for s in database["data_sources"]]
    assert "properties" not in database
    assert "created_by" not in database
    assert datetime.fromisoformat(database["created_time"]).utcoffset() is not None
    assert database["created_time"].endswith("+00:00")


def test_some_database_has_two_data_sources(person: Api) -> None:
    databases = [s["parent"]["database_id"] for s in sources(person)]
    assert len(set(databases)) < len(databases)


def test_a_data_source_is_the_same_alone_as_in_search(api: Api) -> None:
    source = sources(api)[0]
    alone = api.get(f"/v1/data_sources/{source['id']}").json()
    assert alone.pop("request_id")
    assert alone == source


def test_ids_of_databases_and_data_sources_are_not_interchangeable(api: Api) -> None:
    source = sources(api)[0]
    assert api.get(f"/v1/databases/{source['id']}").status_code == 404
    assert api.get(f"/v1/data_sources/{source['parent']['database_id']}").status_code == 404
    assert api.get(f"/v1/pages/{source['id']}").status_code == 404


def test_queries_return_every_live_row_of_the_data_source(api: Api) -> None:
    source = biggest(api)
    rows = api.every(f"/v1/data_sources/{source['id']}/query")
    by_search = [f for f in api.every() if f["parent"].get("data_source_id") == source["id"]]
    assert sorted(r["id"] for r in rows) == sorted(r["id"] for r in by_search)
    assert set(rows[0]["properties"]) == set(source["properties"])


def test_filter_properties_leaves_only_those(api: Api) -> None:
    source = biggest(api)
    path = f"/v1/data_sources/{source['id']}/query"
    lean = api.call("POST", path, params={"filter_properties": "title"}, json={}).json()["results"]
    assert {value["type"] for row in lean for value in row["properties"].values()} == {"title"}
    assert planted.VALUE not in str(lean)
    name, column = next((n, p) for n, p in source["properties"].items() if p["type"] != "title")
    by_id = api.call("POST", path, params={"filter_properties": column["id"]}, json={"page_size": 1}).json()
    assert set(by_id["results"][0]["properties"]) == {name}


def test_rows_can_be_windowed_by_created_time(api: Api) -> None:
    path = f"/v1/data_sources/{biggest(api)['id']}/query"
    sort = [{"timestamp": "created_time", "direction": "ascending"}]
    rows = api.every(path, sorts=sort)
    times = [row["created_time"] for row in rows]
    assert times == sorted(times)
    middle = times[len(times) // 2]
    late = api.every(
        path, sorts=sort, filter={"timestamp": "created_time", "created_time": {"on_or_after": middle}}
    )
    early = api.every(path, filter={"timestamp": "created_time", "created_time": {"before": middle}})
    assert [r["id"] for r in late] == [r["id"] for r in rows if r["created_time"] >= middle]
    assert len(early) + len(late) == len(rows)


def test_compound_and_title_filters_work(api: Api) -> None:
    source = biggest(api)
    path = f"/v1/data_sources/{source['id']}/query"
    rows = api.every(path)
    title = next(name for name, p in source["properties"].items() if p["type"] == "title")
    wanted = next(r for r in rows if r["properties"][title]["title"])
    text = "".join(run["plain_text"] for run in wanted["properties"][title]["title"])
    same = {"property": title, "title": {"equals": text}}
    never = {"timestamp": "created_time", "created_time": {"before": "1999-01-01"}}
    assert wanted["id"] in [r["id"] for r in api.every(path, filter=same)]
    assert api.every(path, filter={"and": [same, never]}) == []
    assert wanted["id"] in [r["id"] for r in api.every(path, filter={"or": [same, never]})]


@pytest.mark.parametrize(
    "body",
    [
        {"filter": {"property": "No such", "title": {"equals": "x"}}},
        {"filter": {"timestamp": "created_time", "created_time": {"on_or_after": "yesterday"}}},
        {"filter": {"timestamp": "created_time", "created_time": {"near": "2026-01-01"}}},
        {"filter": "all"},
        {"sorts": [{"property": "No such", "direction": "ascending"}]},
        {"sorts": [{"timestamp": "created_time", "direction": "up"}]},
    ],
)
def test_wrong_queries_are_refused(api: Api, body: dict[str, object]) -> None:
    reply = api.post(f"/v1/data_sources/{sources(api)[0]['id']}/query", **body)
    assert (reply.status_code, reply.json()["code"]) == (400, "validation_error")


def test_queries_end_at_the_cap_and_say_so_in_one_field(api: Api) -> None:
    api.sandbox.depths.query_cap = 5
    path = f"/v1/data_sources/{biggest(api)['id']}/query"
    first = api.post(path, page_size=3).json()
    assert first["request_status"] == {"type": "complete"}
    last = api.post(path, page_size=3, start_cursor=first["next_cursor"]).json()
    assert len(last["results"]) == 2
    assert not last["has_more"]
    assert last["request_status"] == {
        "type": "incomplete", "incomplete_reason": "query_result_limit_reached",
    }  # fmt: skip


def test_ten_thousand_rows_is_the_cap_by_default(api: Api) -> None:
    assert api.sandbox.depths.query_cap == 10_000


def test_trashed_rows_are_returned_only_when_asked_for(api: Api) -> None:
    source = biggest(api)
    path = f"/v1/data_sources/{source['id']}/query"
    row = api.every(path)[0]
    api.sandbox.workspace.trash(row["id"])
    assert row["id"] not in [r["id"] for r in api.every(path)]
    assert row["id"] in [r["id"] for r in api.every(path, in_trash=True)]


def test_every_parent_of_a_shared_page_can_be_climbed_to_the_workspace(api: Api) -> None:
    routes = {"page_id": "pages", "block_id": "blocks", "database_id": "databases"}
    for found in api.every()[::7]:
        parent = found.get("database_parent") or found["parent"]
        for _ in range(60):
            if parent["type"] == "workspace":
                break
            kind = "database_id" if "database_id" in parent else parent["type"]
            reply = api.get(f"/v1/{routes[kind]}/{parent[kind]}")
            assert reply.status_code == 200, reply.text
            parent = reply.json()["parent"]
        assert parent["type"] == "workspace"


def walk(api: Api, block: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/v1/blocks/{block}/children").json()["results"]
    nested = [child for b in found if b["has_children"] for child in walk(api, b["id"])]
    return found + nested


def test_walking_blocks_from_a_top_page_reaches_its_pages_and_databases(api: Api) -> None:
    top = next(f for f in api.every() if f["parent"]["type"] == "workspace")
    blocks = walk(api, top["id"])
    below = {b["id"] for b in blocks if b["type"] in ("child_page", "child_database")}
    live = {f["id"]: f for f in api.every()}
    assert below
    for found in live.values():
        if found["parent"].get("page_id") in below | {top["id"]} and found["object"] == "page":
            assert found["id"] in below
    assert any(planted.BODY in str(b) for b in blocks)
    assert all("archived" not in b for b in blocks)


def test_every_generated_text_is_marked_and_reads_like_a_page(api: Api) -> None:
    pages = api.sandbox.visible(api.token, Kind.PAGE)[:60]
    blocks = [b for page in pages for b in api.get(f"/v1/blocks/{page}/children").json()["results"]]
    said = {
        b["id"]: b[b["type"]]["rich_text"][0]["plain_text"] for b in blocks if "rich_text" in b[b["type"]]
    }
    assert all(planted.BODY in text for text in said.values())
    assert len(set(said.values())) == len(said)
    assert len({b["type"] for b in blocks}) > 10
    # A block can be sent back as it came: nothing in it is a field that the API refuses.
    for kind in {b["type"] for b in blocks} & set(TYPES):
        block = next(b for b in blocks if b["type"] == kind)
        reply = api.call("PATCH", f"/v1/blocks/{block['id']}", json={kind: block[kind]})
        assert reply.json()[kind] == block[kind]


def test_bodies_appear_in_blocks_and_nowhere_else(api: Api) -> None:
    assert planted.BODY not in str(api.every())


def test_a_page_is_also_a_block_of_its_own_id(api: Api) -> None:
    page = api.search(page_size=1, filter={"property": "object", "value": "page"})["results"][0]
    block = api.get(f"/v1/blocks/{page['id']}").json()
    assert (block["object"], block["type"]) == ("block", "child_page")


def test_blocks_that_a_page_does_not_have_are_404(api: Api) -> None:
    absent = api.sandbox.workspace.uuid(code_of(Kind.BLOCK, CONTAINER - 1))
    assert api.get(f"/v1/blocks/{absent}").status_code == 404


def test_relations_point_to_rows_and_say_whether_there_are_more(api: Api) -> None:
    rows = [f for f in api.every() if f["parent"]["type"] == "data_source_id"]
    relations = [
        v for row in rows for v in row["properties"].values() if v["type"] == "relation" and v["relation"]
    ]
    assert relations
    assert all(value["has_more"] is False for value in relations)
    target = relations[0]["relation"][0]["id"]
    assert api.get(f"/v1/pages/{target}").json()["object"] == "page"


def test_block_children_are_paged(api: Api) -> None:
    top = api.sandbox.visible(api.token, Kind.PAGE)[0]
    for number in range(4):
        api.sandbox.workspace.add_page(f"Child {number}", parent=top)
    first = api.get(f"/v1/blocks/{top}/children", page_size=2).json()
    assert len(first["results"]) == 2
    assert first["type"] == "block"
    second = api.get(f"/v1/blocks/{top}/children", page_size=2, start_cursor=first["next_cursor"]).json()
    assert {b["id"] for b in first["results"]}.isdisjoint(b["id"] for b in second["results"])


def test_two_workspaces_know_nothing_of_each_other(sandbox: Sandbox, api: Api) -> None:
    other = Api(sandbox, sandbox.tokens["globex-works/internal"])
    page = api.search(page_size=1)["results"][0]
    assert other.get(f"/v1/pages/{page['id']}").status_code == 404
    assert other.get("/v1/users/me").json()["bot"]["workspace_name"] == "Globex Works"
