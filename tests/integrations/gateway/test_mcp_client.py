"""The protocol's official client against the served product: it lists and calls each tool."""

from __future__ import annotations

import json
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from integrations.gateway.mcp.tools import KEY, NOTICE
from integrations.gateway.registry import OPERATIONS
from integrations.sandbox import Kind
from tests.integrations.gateway.conftest import TOKEN, Served
from tests.integrations.gateway.test_calls import paragraph, words


class Agent:
    """What an agent does with the tools, each of them once, and what it saw."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.called: set[str] = set()

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        self.called.add(name)
        result = await self._client.call_tool(name, arguments)
        assert isinstance(result, CallToolResult)
        assert not result.is_error, result
        notice, text = [part.text for part in result.content]  # type: ignore[union-attr]
        assert notice == NOTICE
        found: dict[str, Any] = result.structured_content[KEY]
        assert json.loads(text) == found
        return found


async def _visit(url: str, key: str, visit: Any) -> None:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        await visit(client)


def test_the_official_client_lists_and_calls_each_tool(served: Served) -> None:
    sandbox = served.site.sandbox
    pages = set(sandbox.visible(TOKEN, Kind.PAGE))
    sources = set(sandbox.visible(TOKEN, Kind.DATA_SOURCE))

    async def visit(client: Client) -> None:
        assert client.server_info.name == "notion-scan"
        listed = await client.list_tools()
        assert {tool.name for tool in listed.tools} == set(OPERATIONS)
        agent = Agent(client)
        found = (await agent.call("search"))["results"]
        assert {each["id"] for each in found} <= pages | sources
        database = (await agent.call("list_databases"))["results"][0]
        assert {each["id"] for each in database["dataSources"]} <= sources
        schema = (await agent.call("get_database", id=database["id"]))["dataSources"][0]
        title = next(name for name, each in schema["properties"].items() if each["type"] == "title")
        rows = (await agent.call("query_database", id=database["id"], pageSize=3))["results"]
        assert {row["id"] for row in rows} <= pages
        assert (await agent.call("get_page", id=rows[0]["id"]))["id"] == rows[0]["id"]
        made = await agent.call(
            "create_page",
            parent={"database_id": database["id"]},
            properties={title: {"title": words("By an agent")}},
        )
        assert made["id"] in sandbox.visible(TOKEN, Kind.PAGE)
        await agent.call("append_blocks", id=made["id"], children=[paragraph("Hello")])
        assert (await agent.call("get_page_content", id=made["id"]))["text"] == "Hello"
        renamed = {title: {"title": words("Renamed")}}
        changed = await agent.call("update_page", id=made["id"], properties=renamed)
        assert changed["properties"][title]["title"][0]["plain_text"] == "Renamed"
        assert (await agent.call("trash_page", id=made["id"]))["in_trash"] is True
        assert made["id"] not in sandbox.visible(TOKEN, Kind.PAGE)
        assert agent.called == set(OPERATIONS)

    anyio.run(_visit, served.site.url, served.key("autonomous"), visit)


def test_the_official_client_is_told_why_it_is_refused(served: Served) -> None:
    page = served.site.sandbox.visible(TOKEN, Kind.PAGE)[0]

    async def visit(client: Client) -> None:
        denied = await client.call_tool("trash_page", {"id": page})
        assert isinstance(denied, CallToolResult)
        assert denied.is_error
        assert denied.structured_content["code"] == "forbidden"
        with pytest.raises(MCPError, match="no tool of this name"):
            await client.call_tool("format_disk", {})

    anyio.run(_visit, served.site.url, served.key("intern"), visit)
    with pytest.raises(ExceptionGroup) as refused:
        anyio.run(_visit, served.site.url, "nscan_" + "x" * 43, visit)
    assert "unknown, revoked or expired" in _sentences(refused.value)


def _sentences(problem: BaseException) -> str:
    inner = problem.exceptions if isinstance(problem, BaseExceptionGroup) else ()
    return " ".join([str(problem), *map(_sentences, inner)])
