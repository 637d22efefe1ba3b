"""No body, however odd, does more than be refused: the sandbox answers each, and saves none in part."""

import copy
import json
import random
from typing import Any

import pytest

from integrations.sandbox import Kind
from tests.integrations.sandbox.conftest import Api
from tests.integrations.sandbox.test_writing import paragraph, words
from tests.integrations.sandbox.test_writing_blocks import TEXT, table
from tests.integrations.sandbox.test_writing_tables import COLUMNS, VALUES

ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1e400, float("nan"), 10**30, "", "x", "\ud800", "\x00", "x" * 3000, [], [[]], [None],
    {}, {"": {}}, {"type": []}, {"id": {}}, "00000000-0000-4000-8000-000000000000", words("fine"),
)  # fmt: skip


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) inside a body."""
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
    found: list[tuple[Any, Any]] = []
    for key in keys:
        found.append((value, key))
        if isinstance(value[key], dict | list):
            found += places(value[key])
    return found


def spoilt(body: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Return a copy with one or two places filled with something odd, emptied, or renamed."""
    body = copy.deepcopy(body)
    for _ in range(dice.randint(1, 2)):
        container, key = dice.choice(places(body))
        if isinstance(container, dict) and dice.random() < 0.2:
            container[dice.choice(("oddity", "type", "id", "children"))] = container.pop(key)
        elif dice.random() < 0.15:
            del container[key]
        else:
            container[key] = dice.choice(ODD)
        if not body:
            break
    return body


@pytest.mark.parametrize("seed", range(6))
def test_odd_bodies_are_answered(api: Api, seed: int) -> None:
    dice, workspace = random.Random(seed), api.sandbox.workspace
    top = api.sandbox.visible(api.token, Kind.PAGE)[0]
    columns = COLUMNS | {
        "Cause": {"relation": {"data_source_id": api.sandbox.visible(api.token, Kind.DATA_SOURCE)[0]}}
    }
    database = {
        "parent": {"page_id": top},
        "title": words("T"),
        "initial_data_source": {"properties": columns},
    }
    source = api.post("/v1/databases", **database).json()["data_sources"][0]["id"]
    row = {"parent": {"data_source_id": source}, "properties": VALUES, "icon": {"emoji": "🌱"}}
    made = api.post("/v1/pages", **row).json()["id"]
    children = [
        paragraph("one", paragraph("two")), table(("a", "b")), {"to_do": TEXT | {"checked": True}},
        {"callout": TEXT | {"icon": {"emoji": "🔥"}}}, {"code": TEXT | {"language": "c"}}, {"divider": {}},
    ]  # fmt: skip
    block = api.call("PATCH", f"/v1/blocks/{made}/children", json={"children": children}).json()["results"][
        0
    ]["id"]
    after = {"type": "after_block", "after_block": {"id": block}}
    both = {
        "and": [
            {"property": "Cost", "number": {"greater_than": 1}},
            {"property": "When", "date": {"after": "2026-01-01"}},
        ]
    }
    sorts = [{"property": "Cost", "direction": "ascending"}, {"property": "Tags", "direction": "ascending"}]
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/v1/databases", database),
        ("POST", "/v1/pages", row | {"children": children}),
        (
            "PATCH",
            f"/v1/pages/{made}",
            {"properties": VALUES, "cover": {"external": {"url": "https://a.example"}}},
        ),
        ("PATCH", f"/v1/blocks/{made}/children", {"children": children, "position": after}),
        ("PATCH", f"/v1/blocks/{block}", {"paragraph": TEXT}),
        (
            "PATCH",
            f"/v1/data_sources/{source}",
            {"properties": {"Cost": {"name": "Price"}, "New": {"select": {"options": []}}}},
        ),
        ("POST", f"/v1/data_sources/{source}/query", {"filter": both, "sorts": sorts[:1]}),
        ("POST", f"/v1/data_sources/{source}/query", {"filter": both["and"][0], "sorts": sorts}),
    ]
    for _ in range(250):
        method, path, body = dice.choice(calls)
        before = (workspace.version, len(workspace.pages), workspace.overlay.written)
        reply = api.call(method, path, data=json.dumps(spoilt(body, dice)))
        assert reply.status_code in (200, 400, 404), reply.text
        if reply.status_code != 200:
            assert (workspace.version, len(workspace.pages), workspace.overlay.written) == before
    assert api.get(f"/v1/pages/{made}").status_code == 200


def test_nan_is_no_number(api: Api) -> None:
    top = api.sandbox.visible(api.token, Kind.PAGE)[0]
    columns: dict[str, Any] = {"Name": {"title": {}}, "Cost": {"number": {}}}
    made = api.post("/v1/databases", parent={"page_id": top}, initial_data_source={"properties": columns})
    parent = {"data_source_id": made.json()["data_sources"][0]["id"]}
    body = json.dumps({"parent": parent, "properties": {"Cost": {"number": float("nan")}}})
    assert "should be a number" in api.call("POST", "/v1/pages", data=body).json()["message"]
