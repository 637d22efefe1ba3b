"""Writing pages and blocks: what was written is answered, found, queried and read back."""

import json
from typing import Any

import pytest

from integrations.sandbox import Capability, Kind, Sandbox
from tests.integrations.sandbox.conftest import Api
from tests.integrations.sandbox.test_access import assert_error, with_capabilities

NOWHERE = "00000000-0000-4000-8000-000000000000"


def words(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": {"content": text}}]


def paragraph(text: str, *children: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {"rich_text": words(text)}
    return {
        "object": "block",
        "type": "paragraph",
        "paragraph": content | ({"children": children} if children else {}),
    }


def patch(api: Api, path: str, **body: Any) -> Any:
    return api.call("PATCH", path, json=body)


def texts(api: Api, block: str) -> list[str]:
    blocks = api.get(f"/v1/blocks/{block}/children").json()["results"]
    return ["".join(r["plain_text"] for r in b[b["type"]].get("rich_text", [])) for b in blocks]


@pytest.fixture
def top(api: Api) -> str:
    """A shared page with a generated body, whose last edit is a while ago."""
    pages = (
        api.get(f"/v1/pages/{uuid}").json() for uuid in reversed(api.sandbox.visible(api.token, Kind.PAGE))
    )
    return next(
        str(p["id"])
        for p in pages
        if p["parent"]["type"] == "page_id"
        and len(texts(api, p["id"])) > 2
        and p["last_edited_time"] < "2026-09"
    )


@pytest.fixture
def page(api: Api, top: str) -> str:
    """A page made by the API, with two paragraphs."""
    made = api.post(
        "/v1/pages",
        parent={"page_id": top},
        properties={"title": {"title": words("Plan for spring")}},
        children=[paragraph("first"), paragraph("last")],
    )
    assert made.status_code == 200, made.text
    return str(made.json()["id"])


def test_a_new_page_is_answered_searched_and_listed_below_its_parent(api: Api, top: str, page: str) -> None:
    found = api.get(f"/v1/pages/{page}").json()
    bot = api.get("/v1/users/me").json()["id"]
    assert found["parent"] == {"type": "page_id", "page_id": top}
    assert found["created_by"] == found["last_edited_by"] == {"object": "user", "id": bot}
    assert found["created_time"] == found["last_edited_time"] == "2026-10-01T09:30:00.000Z"
    assert found["properties"]["title"]["title"][0]["plain_text"] == "Plan for spring"
    assert [f["id"] for f in api.search(query="plan for spring")["results"]] == [page]
    children = api.get(f"/v1/blocks/{top}/children").json()["results"]
    assert (children[-1]["id"], children[-1]["child_page"]) == (page, {"title": "Plan for spring"})
    assert texts(api, page) == ["first", "last"]
    assert api.get("/v1/comments", block_id=page).json()["results"] == []


def test_nested_blocks_are_read_back_level_by_level(api: Api, page: str) -> None:
    reply = patch(
        api,
        f"/v1/blocks/{page}/children",
        children=[paragraph("outer", paragraph("inner", paragraph("core")))],
    )
    body = reply.json()
    assert (reply.status_code, body["object"], body["type"], body["has_more"]) == (
        200,
        "list",
        "block",
        False,
    )
    outer = body["results"][0]
    assert outer["has_children"]
    assert outer["parent"] == {"type": "page_id", "page_id": page}
    inner = api.get(f"/v1/blocks/{outer['id']}/children").json()["results"][0]
    assert inner["parent"] == {"type": "block_id", "block_id": outer["id"]}
    assert texts(api, inner["id"]) == ["core"]
    assert api.get(f"/v1/blocks/{inner['id']}").json()["paragraph"]["rich_text"][0]["plain_text"] == "inner"


@pytest.mark.parametrize(
    ("position", "order"),
    [
        ({"type": "start"}, ["new", "newer", "first", "last"]),
        ({"type": "end"}, ["first", "last", "new", "newer"]),
        (None, ["first", "last", "new", "newer"]),
        ("after_block", ["first", "new", "newer", "last"]),
    ],
)
def test_blocks_go_where_they_are_told(api: Api, page: str, position: Any, order: list[str]) -> None:
    first = api.get(f"/v1/blocks/{page}/children").json()["results"][0]["id"]
    if position == "after_block":
        position = {"type": "after_block", "after_block": {"id": first}}
    place = {"position": position} if position else {}
    reply = patch(
        api, f"/v1/blocks/{page}/children", children=[paragraph("new"), paragraph("newer")], **place
    )
    assert reply.status_code == 200, reply.text
    assert texts(api, page) == order


def test_the_older_version_says_after(sandbox: Sandbox, api: Api, page: str) -> None:
    older = Api(sandbox, api.token, version="2025-09-03")
    first = api.get(f"/v1/blocks/{page}/children").json()["results"][0]["id"]
    reply = patch(older, f"/v1/blocks/{page}/children", children=[paragraph("new")], after=first)
    assert reply.json()["results"][0]["archived"] is False
    assert texts(api, page) == ["first", "new", "last"]
    assert_error(
        patch(api, f"/v1/blocks/{page}/children", children=[paragraph("x")], after=first),
        400,
        "validation_error",
    )


def test_a_generated_body_stays_around_what_is_written(api: Api, top: str) -> None:
    before = [b["id"] for b in api.get(f"/v1/blocks/{top}/children").json()["results"]]
    added = patch(
        api,
        f"/v1/blocks/{top}/children",
        children=[paragraph("between")],
        position={"type": "after_block", "after_block": {"id": before[0]}},
    ).json()["results"][0]["id"]
    after = [b["id"] for b in api.get(f"/v1/blocks/{top}/children").json()["results"]]
    assert after == [before[0], added, *before[1:]]


def test_a_write_gives_the_page_a_new_time_and_the_bot_as_editor(api: Api, top: str) -> None:
    before = api.get(f"/v1/pages/{top}").json()
    patch(api, f"/v1/blocks/{top}/children", children=[paragraph("new")])
    after = api.get(f"/v1/pages/{top}").json()
    assert before["last_edited_time"] < after["last_edited_time"] == "2026-10-01T09:30:00.000Z"
    assert after["last_edited_by"]["id"] == api.get("/v1/users/me").json()["id"]
    assert after["created_by"] == before["created_by"]
    api.sandbox.workspace.advance(minutes=2)
    renamed = patch(api, f"/v1/pages/{top}", properties={"title": words("Renamed")}).json()
    assert renamed["last_edited_time"] == "2026-10-01T09:32:00.000Z"
    assert renamed["properties"]["title"]["title"][0]["plain_text"] == "Renamed"
    assert api.search(page_size=1)["results"][0]["id"] == top


def test_icon_cover_and_lock_can_be_set_and_taken_away(api: Api, page: str) -> None:
    cover = {"type": "external", "external": {"url": "https://images.example/1.png"}}
    changed = patch(
        api, f"/v1/pages/{page}", icon={"type": "emoji", "emoji": "🌱"}, cover=cover, is_locked=True
    )
    body = changed.json()
    assert (body["icon"], body["cover"], body["is_locked"]) == ({"type": "emoji", "emoji": "🌱"}, cover, True)
    body = patch(api, f"/v1/pages/{page}", icon=None, cover=None, is_locked=False).json()
    assert (body["icon"], body["cover"], body["is_locked"]) == (None, None, False)


def test_trash_takes_the_page_out_of_search_and_back(api: Api, top: str, page: str) -> None:
    assert patch(api, f"/v1/pages/{page}", in_trash=True).json()["in_trash"] is True
    assert page not in {f["id"] for f in api.every()}
    assert page not in {b["id"] for b in api.get(f"/v1/blocks/{top}/children").json()["results"]}
    assert api.get(f"/v1/pages/{page}").json()["in_trash"] is True
    assert patch(api, f"/v1/pages/{page}", in_trash=False).json()["in_trash"] is False
    assert page in {f["id"] for f in api.every()}


def test_the_older_version_archives(sandbox: Sandbox, api: Api, page: str) -> None:
    older = Api(sandbox, api.token, version="2025-09-03")
    body = patch(older, f"/v1/pages/{page}", archived=True).json()
    assert (body["archived"], body["in_trash"]) == (True, True)
    reply = patch(api, f"/v1/pages/{page}", archived=False)
    assert "body.archived should be not present" in assert_error(reply, 400, "validation_error")["message"]


def test_what_is_in_the_trash_takes_no_writes(api: Api, page: str) -> None:
    below = api.post("/v1/pages", parent={"page_id": page}, properties={}).json()["id"]
    patch(api, f"/v1/pages/{page}", in_trash=True)
    for reply in (
        api.post("/v1/pages", parent={"page_id": page}, properties={}),
        patch(api, f"/v1/blocks/{page}/children", children=[paragraph("x")]),
        patch(api, f"/v1/pages/{page}", icon=None),
    ):
        assert "Can't edit block that is archived" in assert_error(reply, 400, "validation_error")["message"]
    for reply in (
        patch(api, f"/v1/pages/{below}", icon=None),
        patch(api, f"/v1/pages/{below}", in_trash=False),
    ):
        assert "archived ancestor" in assert_error(reply, 400, "validation_error")["message"]


@pytest.mark.parametrize("missing", [Capability.INSERT_CONTENT, Capability.UPDATE_CONTENT])
def test_without_the_capability_it_is_403(sandbox: Sandbox, api: Api, page: str, missing: Capability) -> None:
    limited = with_capabilities(sandbox, *({*Capability} - {missing}))
    inserts = [
        limited.post("/v1/pages", parent={"page_id": page}, properties={}),
        patch(limited, f"/v1/blocks/{page}/children", children=[paragraph("x")]),
    ]
    updates = [patch(limited, f"/v1/pages/{page}", icon=None)]
    refused, allowed = (inserts, updates) if missing is Capability.INSERT_CONTENT else (updates, inserts)
    for reply in refused:
        assert_error(reply, 403, "restricted_resource")
    assert [reply.status_code for reply in allowed] == [200] * len(allowed)


def test_an_insert_only_connection_learns_the_id_alone(sandbox: Sandbox, page: str) -> None:
    limited = with_capabilities(sandbox, Capability.INSERT_CONTENT)
    made = limited.post("/v1/pages", parent={"page_id": page}, properties={}).json()
    assert set(made) == {"object", "id", "request_id"}
    added = patch(limited, f"/v1/blocks/{page}/children", children=[paragraph("x")]).json()["results"]
    assert [set(block) for block in added] == [{"object", "id"}]


def test_what_is_not_shared_or_of_another_kind_is_404(api: Api, person: Api, page: str) -> None:
    shared = {f["id"] for f in api.every()}
    unseen = next(f["id"] for f in person.every() if f["id"] not in shared and f["object"] == "page")
    source = api.sandbox.visible(api.token, Kind.DATA_SOURCE)[0]
    for uuid in (unseen, NOWHERE, source):
        assert_error(api.post("/v1/pages", parent={"page_id": uuid}, properties={}), 404, "object_not_found")
        assert_error(patch(api, f"/v1/pages/{uuid}", icon=None), 404, "object_not_found")
        added = patch(api, f"/v1/blocks/{uuid}/children", children=[paragraph("x")])
        assert_error(added, 404, "object_not_found")
    reply = api.post("/v1/pages", parent={"data_source_id": page}, properties={})
    assert_error(reply, 404, "object_not_found")


@pytest.mark.parametrize("wrong", ["12345678-1234-1234-1234-123456789abc", "abc"])
def test_ids_must_be_uuids_in_paths_and_bodies(api: Api, page: str, wrong: str) -> None:
    after = {"type": "after_block", "after_block": {"id": wrong}}
    for reply in (
        patch(api, f"/v1/pages/{wrong}", icon=None),
        patch(api, f"/v1/blocks/{wrong}/children", children=[]),
        api.post("/v1/pages", parent={"page_id": wrong}, properties={}),
        patch(api, f"/v1/blocks/{page}/children", children=[paragraph("x")], position=after),
    ):
        assert "should be a valid uuid" in assert_error(reply, 400, "validation_error")["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"colour": "red"}, "body.colour should be not present"),
        ({"parent": {"workspace": True}}, "creating workspace-level private pages is not supported"),
        ({"parent": None}, "body.parent should be an object"),
        ({"parent": {}}, "body.parent.page_id should be defined"),
        ({"parent": {"database_id": NOWHERE}}, "body.parent.data_source_id should be defined"),
        ({"properties": {"Status": {"checkbox": True}}}, "Status is not a property that exists."),
        ({"properties": {"title": {"rich_text": []}}}, "title is expected to be title."),
        (
            {"properties": {"title": words("x" * 2001)}},
            "text.content.length should be ≤ `2000`, instead was `2001`",
        ),
        ({"children": [paragraph("x")] * 101}, "body.children.length should be ≤ `100`, instead was `101`"),
        ({"children": [paragraph("x", *[paragraph("y")] * 100)] * 10}, "≤ `1000` blocks"),
        (
            {"children": [paragraph("1", paragraph("2", paragraph("3", paragraph("4"))))]},
            "paragraph.children[0].paragraph.children[0].paragraph.children should be not present",
        ),
        ({"children": [{"type": "unheard_of", "unheard_of": {}}]}, "body.children[0].type should be"),
        ({"children": [{"type": "paragraph"}]}, "body.children[0].paragraph should be defined"),
        (
            {"children": [paragraph("x") | {"archived": False}]},
            "body.children[0].archived should be not present",
        ),
        ({"icon": {"emoji": 7}}, "body.icon.emoji should be a string"),
        ({"children": [paragraph("x" * 2000, *[paragraph("y" * 2000)] * 100)] * 3}, "body.length should be"),
    ],
)
def test_what_is_wrong_in_a_new_page_is_named(api: Api, top: str, body: dict[str, Any], message: str) -> None:
    given = {"parent": {"page_id": top}, "properties": {}} | body
    before = len(api.every())
    assert message in assert_error(api.post("/v1/pages", **given), 400, "validation_error")["message"]
    assert len(api.every()) == before


def test_reset_forgets_what_was_written(sandbox: Sandbox, api: Api, top: str, page: str) -> None:
    patch(api, f"/v1/pages/{top}", properties={"title": words("Renamed")})
    sandbox.reset()
    assert api.get(f"/v1/pages/{page}").status_code == 404
    assert api.search(query="Renamed")["results"] == []
    assert page not in json.dumps(api.get(f"/v1/blocks/{top}/children").json())
