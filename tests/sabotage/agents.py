"""What keeps agents in their place: the guards of the MCP server. Listed in guards.py."""

from __future__ import annotations

from tests.sabotage.guard import Guard

_MCP = ("tests/integrations/gateway/test_mcp.py",)
_VIEWS = "integrations/gateway/mcp/views.py"
_TOOLS = "integrations/gateway/mcp/tools.py"

AGENTS = [
    Guard(
        "another site's page cannot use the MCP server",
        _VIEWS,
        "    if not _is_from_here(request):",
        "    if False:",
        _MCP,
    ),
    Guard(
        "the MCP server asks for a key",
        _VIEWS,
        "        if account is None:\n",
        "        if account is None:\n            from tenants.models import ServiceAccount\n\n"
        "            account = ServiceAccount()\n        if False:\n",
        _MCP,
    ),
    Guard(
        "a version that is not spoken is refused",
        _VIEWS,
        "    if version not in methods.VERSIONS:",
        "    if False:",
        _MCP,
    ),
    Guard(
        "a tool that is denied is recorded",
        _TOOLS,
        '        record_denial(refusal, path=f"{path} {operation.name}", method="MCP")\n',
        "",
        _MCP,
    ),
    Guard("a tool's answer is bounded", _TOOLS, "    if size > MOST_BYTES:", "    if False:", _MCP),
    Guard(
        "a write with a large answer is no failure",
        _TOOLS,
        "        if _reads(operation):\n            return _too_large",
        "        if True:\n            return _too_large",
        _MCP,
    ),
    Guard(
        "what comes from Notion is called data",
        _TOOLS,
        "    content = [TextContent(text=NOTICE), TextContent(text=text)]",
        "    content = [TextContent(text=text)]",
        _MCP,
    ),
    Guard(
        "what a refusal quotes of Notion is called data",
        _TOOLS,
        "    quoted = {KEY: theirs} if theirs else {}\n    return _refused(problem.own_sentence,",
        "    quoted = {KEY: theirs} if theirs else {}\n    return _refused(problem.sentence,",
        _MCP,
    ),
    Guard(
        "a request with an unusable id is no notification",
        "integrations/gateway/mcp/messages.py",
        'return JSONRPCRequest if "id" in body else JSONRPCNotification',
        'return JSONRPCRequest if isinstance(body.get("id"), int | str) else JSONRPCNotification',
        _MCP,
    ),
]
