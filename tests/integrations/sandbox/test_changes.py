"""Changing the workspace while it is served: the next request sees it."""

from datetime import timedelta

import pytest

from integrations.sandbox import Kind, Workspace
from tests.integrations.sandbox.conftest import AS_OF, Api


@pytest.fixture
def workspace(api: Api) -> Workspace:
    return api.sandbox.workspace


@pytest.fixture
def page(api: Api, workspace: Workspace) -> str:
    """A page under a shared one."""
    return workspace.add_page("Fresh", parent=api.sandbox.visible(api.token, Kind.PAGE)[-1])


def title(api: Api, uuid: str) -> str:
    properties = api.get(f"/v1/pages/{uuid}").json()["properties"]
    value = next(p for p in properties.values() if p["type"] == "title")
    return "".join(run["plain_text"] for run in value["title"])


def test_an_added_page_is_found_and_newest(api: Api, page: str) -> None:
    assert api.search(page_size=1)["results"][0]["id"] == page
    assert title(api, page) == "Fresh"


def test_an_edit_moves_the_page_to_the_front(api: Api, workspace: Workspace) -> None:
    oldest = api.sandbox.visible(api.token, Kind.PAGE)[-1]
    workspace.edit(oldest, title="New words", edited=AS_OF + timedelta(minutes=5))
    first = api.search(page_size=1)["results"][0]
    assert (first["id"], first["last_edited_time"]) == (oldest, "2026-10-01T09:35:00.000Z")
    assert title(api, oldest) == "New words"


def test_an_edit_replaces_a_title_that_came_by_the_api(api: Api, workspace: Workspace, page: str) -> None:
    written = {"title": [{"text": {"content": "By the API"}}]}
    api.call("PATCH", f"/v1/pages/{page}", json={"properties": written})
    assert title(api, page) == "By the API"
    workspace.edit(page, title="By the workspace")
    assert title(api, page) == "By the workspace"


def test_trash_takes_children_along_and_restore_brings_them_back(
    api: Api, workspace: Workspace, page: str
) -> None:
    child = workspace.add_page("Child", parent=page)
    workspace.trash(page)
    live = {f["id"] for f in api.every()}
    assert live.isdisjoint({page, child})
    assert {page, child} <= {f["id"] for f in api.every(filter={"in_trash": True})}
    assert api.get(f"/v1/pages/{child}").json()["in_trash"] is True
    workspace.restore(page)
    assert {page, child} <= {f["id"] for f in api.every()}


def test_deleted_is_gone_everywhere(api: Api, workspace: Workspace, page: str) -> None:
    workspace.delete(page)
    assert api.get(f"/v1/pages/{page}").status_code == 404
    assert page not in {f["id"] for f in api.every() + api.every(filter={"in_trash": True})}


def test_moving_changes_the_parent_and_never_makes_a_circle(
    api: Api, workspace: Workspace, page: str
) -> None:
    child = workspace.add_page("Child", parent=page)
    with pytest.raises(ValueError, match="own subtree"):
        workspace.move(page, parent=child)
    target = api.sandbox.visible(api.token, Kind.PAGE)[-1]
    assert child in {b["id"] for b in api.get(f"/v1/blocks/{page}/children").json()["results"]}
    workspace.move(child, parent=target)
    assert child not in {b["id"] for b in api.get(f"/v1/blocks/{page}/children").json()["results"]}
    assert api.get(f"/v1/pages/{child}").json()["parent"] == {"type": "page_id", "page_id": target}


def test_a_hidden_page_is_missing_from_search_only(api: Api, workspace: Workspace, page: str) -> None:
    workspace.hide_from_search(page)
    assert page not in {f["id"] for f in api.every()}
    assert api.get(f"/v1/pages/{page}").status_code == 200


def test_a_hidden_row_still_comes_by_query(api: Api, workspace: Workspace) -> None:
    row = next(f for f in api.every() if f["parent"]["type"] == "data_source_id")
    workspace.hide_from_search(row["id"])
    rows = api.every(f"/v1/data_sources/{row['parent']['data_source_id']}/query")
    assert row["id"] not in {f["id"] for f in api.every()}
    assert row["id"] in {r["id"] for r in rows}


def test_an_added_database_can_take_rows(api: Api, workspace: Workspace, page: str) -> None:
    database, source = workspace.add_database("Kept by hand", parent=page, schema=3)
    row = workspace.add_page("Row", parent=source)
    assert api.get(f"/v1/databases/{database}").json()["data_sources"] == [
        {"id": source, "name": "Kept by hand"}
    ]
    assert [r["id"] for r in api.every(f"/v1/data_sources/{source}/query")] == [row]


@pytest.mark.parametrize(
    "poison", ["nul \x00 inside", "lone \ud800 surrogate", "x" * 1_000_000, "\u202e rtl", ""]
)
def test_any_title_survives_the_way_to_the_client(
    api: Api, workspace: Workspace, page: str, poison: str
) -> None:
    workspace.edit(page, title=poison)
    assert title(api, page) == poison


def test_a_parent_of_an_unknown_kind_can_be_shown(api: Api, workspace: Workspace, page: str) -> None:
    workspace.set_parent_json(page, {"type": "agent_id", "agent_id": page})
    assert api.get(f"/v1/pages/{page}").json()["parent"]["type"] == "agent_id"


def test_publishing_sets_the_public_address(api: Api, workspace: Workspace, page: str) -> None:
    workspace.publish(page)
    assert api.get(f"/v1/pages/{page}").json()["public_url"].startswith("https://acme-atlas.notion.site/")
    workspace.publish(page, public=False)
    assert api.get(f"/v1/pages/{page}").json()["public_url"] is None


def test_a_listing_under_way_keeps_its_order_but_drops_what_is_gone(api: Api, workspace: Workspace) -> None:
    expected = [f["id"] for f in api.every()]
    first = api.search()
    workspace.edit(expected[-1], edited=AS_OF + timedelta(minutes=1))
    workspace.trash(expected[150])
    workspace.hide_from_search(expected[160])
    gone = {expected[150], expected[160]} | {f["id"] for f in api.every(filter={"in_trash": True})}
    second = api.search(start_cursor=first["next_cursor"])
    assert [r["id"] for r in second["results"]] == [uuid for uuid in expected[100:200] if uuid not in gone]


def test_unknown_ids_are_named(workspace: Workspace) -> None:
    with pytest.raises(KeyError, match="is not a page"):
        workspace.trash("00000000-0000-4000-8000-000000000000")
