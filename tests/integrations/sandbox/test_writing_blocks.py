"""Blocks of every type that can be written, changing them, and deleting them."""

from typing import Any

import pytest

from integrations.sandbox import Capability, Kind, Sandbox, planted
from tests.integrations.sandbox.conftest import Api
from tests.integrations.sandbox.test_access import assert_error, with_capabilities
from tests.integrations.sandbox.test_writing import NOWHERE, paragraph, patch, texts, words

TEXT = {"rich_text": words("text")}


@pytest.fixture
def page(api: Api) -> str:
    top = api.sandbox.visible(api.token, Kind.PAGE)[0]
    return str(api.post("/v1/pages", parent={"page_id": top}, properties={}).json()["id"])


def append(api: Api, parent: str, *blocks: dict[str, Any]) -> list[dict[str, Any]]:
    reply = patch(api, f"/v1/blocks/{parent}/children", children=list(blocks))
    assert reply.status_code == 200, reply.text
    results: list[dict[str, Any]] = reply.json()["results"]
    return results


def table(*rows: tuple[str, ...]) -> dict[str, Any]:
    children = [{"table_row": {"cells": [words(cell) for cell in row]}} for row in rows]
    return {"table": {"table_width": 2, "has_column_header": True, "children": children}}


@pytest.mark.parametrize(
    ("kind", "sent", "extra"),
    [
        ("paragraph", TEXT, {}),
        ("heading_1", TEXT, {"is_toggleable": False}),
        ("heading_2", TEXT | {"is_toggleable": True}, {"is_toggleable": True}),
        ("heading_3", TEXT | {"color": "red"}, {"color": "red"}),
        ("bulleted_list_item", TEXT, {}),
        ("numbered_list_item", TEXT, {}),
        ("to_do", TEXT | {"checked": True}, {"checked": True}),
        ("quote", TEXT, {}),
        ("callout", TEXT | {"icon": {"emoji": "🔥"}}, {"icon": {"type": "emoji", "emoji": "🔥"}}),
        ("toggle", TEXT, {}),
        ("code", TEXT | {"language": "python"}, {"language": "python", "caption": []}),
    ],
)
def test_text_blocks_come_back_complete(
    api: Api, page: str, kind: str, sent: dict[str, Any], extra: dict[str, Any]
) -> None:
    (block,) = append(api, page, {"type": kind, kind: sent})
    assert block == {
        k: v for k, v in api.get(f"/v1/blocks/{block['id']}").json().items() if k != "request_id"
    }
    assert block["type"] == kind
    assert block[kind]["rich_text"][0]["plain_text"] == "text"
    assert block[kind]["rich_text"][0]["annotations"]["color"] == "default"
    assert {name: block[kind][name] for name in extra} == extra
    assert (block["has_children"], block["in_trash"]) == (False, False)


def test_a_divider_and_a_table_with_its_rows(api: Api, page: str) -> None:
    divider, made = append(api, page, {"divider": {}}, table(("Name", "Age"), ("Ada", "36")))
    assert divider["divider"] == {}
    assert made["table"] == {"table_width": 2, "has_column_header": True, "has_row_header": False}
    rows = api.get(f"/v1/blocks/{made['id']}/children").json()["results"]
    cells = [
        ["".join(run["plain_text"] for run in cell) for cell in row["table_row"]["cells"]] for row in rows
    ]
    assert cells == [["Name", "Age"], ["Ada", "36"]]
    append(api, made["id"], {"table_row": {"cells": [words("Bob"), words("41")]}})
    assert len(api.get(f"/v1/blocks/{made['id']}/children").json()["results"]) == 3


def test_links_mentions_and_equations_are_rich_text(api: Api, page: str) -> None:
    runs = [
        {"text": {"content": "see", "link": {"url": "https://example.com"}}, "annotations": {"bold": True}},
        {"mention": {"page": {"id": page}}},
        {"equation": {"expression": "e=mc^2"}},
    ]
    (block,) = append(api, page, {"paragraph": {"rich_text": runs}})
    link, mention, equation = block["paragraph"]["rich_text"]
    assert (link["href"], link["annotations"]["bold"]) == ("https://example.com", True)
    assert mention["mention"] == {"type": "page", "page": {"id": page}}
    assert equation["plain_text"] == "e=mc^2"


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"table": {"table_width": 2}}, "body.children[0].table.children should be defined"),
        (table(("one",)), "Number of cells in table row must match"),
        ({"table_row": {"cells": []}}, "body.children[0] should be a `table_row` exactly where"),
        ({"divider": {"children": []}}, "body.children[0].divider.children should be not present"),
        (
            {"heading_1": TEXT | {"children": [paragraph("x")]}},
            "body.children[0].heading_1.children should be not",
        ),
        ({"to_do": TEXT | {"checked": "yes"}}, "body.children[0].to_do.checked should be a boolean"),
        (
            {"paragraph": TEXT | {"color": "mauve"}},
            "body.children[0].paragraph.color should be a known color",
        ),
        ({"paragraph": {}}, "body.children[0].paragraph.rich_text should be defined"),
        ({"paragraph": {"rich_text": [{"text": {}}]}}, "rich_text[0].text.content should be defined"),
        ({"paragraph": {"rich_text": [{}]}}, "rich_text[0].text should be defined"),
        ({"paragraph": TEXT, "quote": TEXT}, "body.children[0].quote should be not present"),
        ({"type": "child_page", "child_page": {"title": "x"}}, "body.children[0].type should be"),
        ("text", "body.children[0] should be an object"),
    ],
)
def test_what_is_wrong_in_a_block_is_named(api: Api, page: str, block: Any, message: str) -> None:
    reply = patch(api, f"/v1/blocks/{page}/children", children=[block])
    assert message in assert_error(reply, 400, "validation_error")["message"]
    assert texts(api, page) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "body.children should be defined"),
        ({"children": [], "position": {"type": "middle"}}, "body.position.type should be"),
        (
            {"children": [], "position": {"type": "after_block"}},
            "body.position.after_block should be defined",
        ),
        ({"children": [], "before": "x"}, "body.before should be not present"),
    ],
)
def test_what_is_wrong_around_blocks_is_named(
    api: Api, page: str, body: dict[str, Any], message: str
) -> None:
    reply = patch(api, f"/v1/blocks/{page}/children", **body)
    assert message in assert_error(reply, 400, "validation_error")["message"]


def test_blocks_go_after_a_child_of_the_same_parent_only(api: Api, page: str) -> None:
    outer, _ = append(api, page, paragraph("outer", paragraph("inner")), paragraph("next"))
    inner = api.get(f"/v1/blocks/{outer['id']}/children").json()["results"][0]["id"]
    for uuid, status, code in ((inner, 400, "validation_error"), (NOWHERE, 404, "object_not_found")):
        place = {"type": "after_block", "after_block": {"id": uuid}}
        reply = patch(api, f"/v1/blocks/{page}/children", children=[paragraph("x")], position=place)
        assert_error(reply, status, code)


def test_a_childless_type_takes_no_children_later_either(api: Api, page: str) -> None:
    code, toggle = append(api, page, {"code": TEXT | {"language": "c"}}, {"toggle": TEXT})
    reply = patch(api, f"/v1/blocks/{code['id']}/children", children=[paragraph("x")])
    assert_error(reply, 400, "validation_error")
    append(api, toggle["id"], paragraph("inside"))
    assert api.get(f"/v1/blocks/{toggle['id']}").json()["has_children"] is True
    assert texts(api, toggle["id"]) == ["inside"]


def test_a_block_is_changed_in_what_is_sent_alone(api: Api, page: str) -> None:
    (made,) = append(api, page, {"to_do": TEXT | {"color": "red"}})
    api.sandbox.workspace.advance(minutes=3)
    changed = patch(api, f"/v1/blocks/{made['id']}", to_do={"checked": True}).json()
    assert changed["to_do"] == made["to_do"] | {"checked": True}
    assert changed["last_edited_time"] == "2026-10-01T09:33:00.000Z"
    assert api.get(f"/v1/pages/{page}").json()["last_edited_time"] == "2026-10-01T09:33:00.000Z"
    assert_error(patch(api, f"/v1/blocks/{made['id']}", quote=TEXT), 400, "validation_error")
    assert_error(patch(api, f"/v1/blocks/{NOWHERE}", quote=TEXT), 404, "object_not_found")


def test_a_generated_block_can_be_changed_too(api: Api) -> None:
    pages = api.sandbox.visible(api.token, Kind.PAGE)
    block = next(
        b
        for uuid in pages
        for b in api.get(f"/v1/blocks/{uuid}/children").json()["results"]
        if b["type"] == "paragraph"
    )
    changed = patch(api, f"/v1/blocks/{block['id']}", paragraph={"rich_text": words("Mine now")}).json()
    assert planted.BODY in str(block)
    assert changed["paragraph"]["rich_text"][0]["plain_text"] == "Mine now"
    siblings = api.get(f"/v1/blocks/{block['parent']['page_id']}/children").json()["results"]
    assert next(b for b in siblings if b["id"] == block["id"])["paragraph"] == changed["paragraph"]
    assert changed["created_time"] == block["created_time"]


def test_a_deleted_block_is_gone_from_its_page_with_what_it_holds(api: Api, page: str) -> None:
    outer, _ = append(api, page, paragraph("outer", paragraph("inner")), paragraph("next"))
    inner = api.get(f"/v1/blocks/{outer['id']}/children").json()["results"][0]["id"]
    assert api.call("DELETE", f"/v1/blocks/{outer['id']}").json()["in_trash"] is True
    assert texts(api, page) == ["next"]
    assert api.get(f"/v1/blocks/{outer['id']}").json()["in_trash"] is True
    for reply in (
        patch(api, f"/v1/blocks/{inner}/children", children=[paragraph("x")]),
        patch(api, f"/v1/blocks/{outer['id']}", paragraph=TEXT),
        api.call("DELETE", f"/v1/blocks/{outer['id']}"),
    ):
        assert "Can't edit block that is archived" in assert_error(reply, 400, "validation_error")["message"]
    assert patch(api, f"/v1/blocks/{outer['id']}", in_trash=False).json()["in_trash"] is False
    assert texts(api, page) == ["outer", "next"]


def test_deleting_a_page_as_a_block_trashes_it(api: Api, page: str) -> None:
    assert api.call("DELETE", f"/v1/blocks/{page}").json()["in_trash"] is True
    assert api.get(f"/v1/pages/{page}").json()["in_trash"] is True


def test_deleting_a_database_as_a_block_trashes_its_rows(api: Api, page: str) -> None:
    made = api.post("/v1/databases", parent={"page_id": page}).json()
    source = made["data_sources"][0]["id"]
    row = api.post("/v1/pages", parent={"data_source_id": source}, properties={}).json()["id"]
    assert api.call("DELETE", f"/v1/blocks/{made['id']}").json()["type"] == "child_database"
    assert api.get(f"/v1/databases/{made['id']}").json()["in_trash"] is True
    assert api.get(f"/v1/pages/{row}").json()["in_trash"] is True
    assert_error(
        api.post("/v1/pages", parent={"data_source_id": source}, properties={}), 400, "validation_error"
    )


def test_changing_blocks_needs_the_capability(sandbox: Sandbox, api: Api, page: str) -> None:
    (made,) = append(api, page, paragraph("x"))
    limited = with_capabilities(sandbox, Capability.READ_CONTENT, Capability.INSERT_CONTENT)
    assert_error(patch(limited, f"/v1/blocks/{made['id']}", paragraph=TEXT), 403, "restricted_resource")
    assert_error(limited.call("DELETE", f"/v1/blocks/{made['id']}"), 403, "restricted_resource")
