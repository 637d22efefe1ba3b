"""The official client writes to the sandbox and reads back what it wrote."""

import logging
from typing import Any

import pytest
from notion_client import APIResponseError, Client

from integrations.sandbox import Kind, Sandbox
from tests.integrations.sandbox.test_writing import paragraph, words


def test_the_official_client_writes_and_reads_back(sandbox: Sandbox) -> None:
    token = sandbox.tokens["acme-atlas/internal"]
    client: Any = Client(
        auth=token,
        base_url=sandbox.url,
        notion_version="2026-03-11",
        retry=False,
        logger=logging.getLogger("test"),
    )
    parent = {"type": "page_id", "page_id": sandbox.visible(token, Kind.PAGE)[0]}
    page = client.pages.create(
        parent=parent, properties={"title": words("Plan")}, children=[paragraph("first")]
    )
    renamed = client.pages.update(
        page["id"], properties={"title": {"title": words("Better plan")}}, in_trash=False
    )
    assert renamed["properties"]["title"]["title"][0]["plain_text"] == "Better plan"

    appended = client.blocks.children.append(
        page["id"], children=[paragraph("zeroth")], position={"type": "start"}
    )
    listed = client.blocks.children.list(page["id"])["results"]
    assert [b["paragraph"]["rich_text"][0]["plain_text"] for b in listed] == ["zeroth", "first"]
    client.blocks.update(listed[1]["id"], paragraph={"rich_text": words("second")})
    client.blocks.delete(appended["results"][0]["id"])
    (left,) = client.blocks.children.list(page["id"])["results"]
    assert left["paragraph"]["rich_text"][0]["plain_text"] == "second"

    columns = {"Action": {"title": {}}, "Result": {"select": {"options": [{"name": "success"}]}}}
    database = client.databases.create(
        parent={"type": "page_id", "page_id": page["id"]},
        title=words("Mirror"),
        initial_data_source={"properties": columns},
    )
    source = database["data_sources"][0]["id"]
    client.data_sources.update(source, properties={"User": {"rich_text": {}}})
    values = {"Action": {"title": words("Signed in")}, "Result": {"select": {"name": "success"}}}
    row = client.pages.create(parent={"type": "data_source_id", "data_source_id": source}, properties=values)
    wanted = {"property": "Result", "select": {"equals": "success"}}
    found = client.data_sources.query(source, filter=wanted, filter_properties=["title"])["results"]
    assert [r["id"] for r in found] == [row["id"]]
    assert set(found[0]["properties"]) == {"Action"}
    assert set(client.pages.retrieve(row["id"])["properties"]) == {"Action", "Result", "User"}

    with pytest.raises(APIResponseError, match="Result is expected to be select") as refused:
        client.pages.update(row["id"], properties={"Result": {"number": 1}})
    assert refused.value.code == "validation_error"
