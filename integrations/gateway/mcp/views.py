"""The MCP server's one address: who asks, from where, in which version; then one message and its answer."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from mcp_types import INVALID_REQUEST, PARSE_ERROR, UNSUPPORTED_PROTOCOL_VERSION, JSONRPCRequest

from integrations.gateway.bodies import json_of
from integrations.gateway.mcp import messages, methods
from integrations.gateway.mcp.messages import Malformed
from notionscan.errors import Invalid
from tenants.keys import BudgetSpent, KeyRefused, account_of
from tenants.policy import Agent

Json = dict[str, Any]


# A key in a header is no cookie: no other site's page can make a browser send it.
@csrf_exempt
@login_not_required
@require_POST
def mcp(request: HttpRequest) -> HttpResponse:
    """Answer one message of an agent; there is no session and no stream, so other methods are refused."""
    if not _is_from_here(request):
        return _refusal(
            403, INVALID_REQUEST, "Pages of other sites may not use this address.", "foreign_origin"
        )
    try:
        account = account_of(request)
        if account is None:
            raise KeyRefused("Send a service account's key as a bearer token.")
    except KeyRefused as problem:
        return _refusal(
            401, INVALID_REQUEST, problem.sentence, "not_authenticated", {"WWW-Authenticate": "Bearer"}
        )
    except BudgetSpent as problem:
        seconds = problem.retry_after_seconds
        return _refusal(
            429,
            INVALID_REQUEST,
            str(problem),
            "budget_spent",
            {"Retry-After": str(seconds)},
            retryAfter=seconds,
        )
    return _answer(request, Agent(account))


def _answer(request: HttpRequest, agent: Agent) -> HttpResponse:
    version = request.headers.get("MCP-Protocol-Version", methods.ASSUMED_VERSION)
    if version not in methods.VERSIONS:
        sentence = f"This server speaks the protocol's versions {', '.join(methods.VERSIONS)}."
        return _refusal(
            400,
            UNSUPPORTED_PROTOCOL_VERSION,
            sentence,
            "unsupported_protocol_version",
            supported=list(methods.VERSIONS),
            requested=version[:40],
        )
    try:
        message = messages.message_of(json_of(request))
    except Invalid as problem:
        return _refusal(400, PARSE_ERROR, problem.sentence, "invalid_request")
    except Malformed as problem:
        return JsonResponse(messages.error(problem.message_id, problem.code, problem.sentence), status=400)
    if not isinstance(message, JSONRPCRequest):
        # A notification, or an answer to what we never ask: taken, and nothing to be done.
        return HttpResponse(status=202)
    try:
        result = methods.answer(message, version=version, agent=agent, path=request.path)
    except Malformed as problem:
        return JsonResponse(messages.error(message.id, problem.code, problem.sentence))
    return JsonResponse(messages.answer(message.id, result))


def _is_from_here(request: HttpRequest) -> bool:
    """Return whether no other site's page sent this, such as one whose name was pointed at this machine.

    Source: modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning
    """
    origin = request.headers.get("Origin")
    return origin is None or origin == _own_origin()


def _own_origin() -> str:
    # As a browser writes it: in lower case, without the port that the scheme means anyway.
    base = urlsplit(settings.BASE_URL)
    port = "" if base.port in (None, {"http": 80, "https": 443}[base.scheme]) else f":{base.port}"
    host = f"[{base.hostname}]" if ":" in (base.hostname or "") else base.hostname
    return f"{base.scheme}://{host}{port}"


def _refusal(
    status: int, code: int, sentence: str, name: str, headers: dict[str, str] | None = None, **data: Any
) -> HttpResponse:
    """Return a refusal before any message was read, so that it has no id."""
    body = messages.error(None, code, sentence, {"code": name, **data})
    return JsonResponse(body, status=status, headers=headers)
