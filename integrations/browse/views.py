"""Browse: what is shared with the connection, found by title and read as text.

Every read goes through the gateway, which asks the policy and leaves the record. What it returns lives in
memory for the request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from integrations.browse import shown
from integrations.errors import ConnectionInError, IntegrationError, NotConnected
from integrations.gateway.perform import perform, whole_deadline
from integrations.gateway.registry import OPERATIONS
from integrations.http.errors import LocalOnly, ProviderError, RateLimited
from integrations.http.wire import Deadline
from integrations.notion.errors import NotionNotShared
from integrations.problems import retry_after_of, status_of
from notionscan.errors import Invalid
from notionscan.http import Request
from notionscan.limits import waiting
from tenants import access
from tenants.policy import Member
from tenants.roles import Permission

_RESULTS = 25
_ROWS = 50
_REFUSALS = (IntegrationError, ProviderError, Invalid)
_Refusal = IntegrationError | ProviderError | Invalid


@dataclass(frozen=True)
class Problem:
    """Why nothing is shown. ``remedy`` is where the page leads: integrations, again, start or nowhere."""

    sentence: str
    remedy: str
    status: int
    retry_after_seconds: int | None = None


@require_safe
def search(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.READ)
    query = request.GET.get("q", "").strip()
    try:
        found = _ask(
            member, "search", whole_deadline(), query=query, cursor=_cursor(request), pageSize=_RESULTS
        )
    except NotConnected:
        return _search(request, member, query=query, is_unconnected=True)
    except _REFUSALS as refusal:
        return _search(request, member, query=query, problem=_problem(refusal))
    return _search(
        request,
        member,
        query=query,
        hits=[shown.hit_of(each) for each in found["results"]],
        next_cursor=found["nextCursor"],
    )


@require_safe
def page(request: Request, slug: str, page_id: UUID) -> HttpResponse:
    member = access.member(request, slug, Permission.READ)
    until = whole_deadline()
    try:
        found = _ask(member, "get_page", until, id=str(page_id))
        content = _ask(member, "get_page_content", until, id=str(page_id), cursor=_cursor(request))
    except _REFUSALS as refusal:
        return _refused(request, member, refusal)
    context = {
        "page": shown.page_of(found),
        "text": content["text"],
        "below": shown.below(content["results"]),
        "is_cut": content["truncated"],
        "next_cursor": content["nextCursor"],
    }
    return _render(request, member, "integrations/browse_page.html", context)


@require_safe
def database(request: Request, slug: str, database_id: UUID) -> HttpResponse:
    member = access.member(request, slug, Permission.READ)
    until = whole_deadline()
    try:
        found = _ask(member, "get_database", until, id=str(database_id))
        source = _source(found, request.GET.get("source", ""))
        rows = _rows(request, member, until, found, source) if source else None
    except _REFUSALS as refusal:
        return _refused(request, member, refusal)
    context = {
        "database_id": database_id,
        "title": (source or found).get("name") or found["title"],
        "in_notion": shown.address_of(found),
        "sources": found["dataSources"],
        "table": shown.table_of(source["properties"], rows["results"]) if source and rows else None,
        "next_cursor": rows["nextCursor"] if rows else None,
        "is_cut": bool(rows and rows["truncatedByNotion"]),
    }
    return _render(request, member, "integrations/browse_database.html", context)


def _ask(member: Member, operation: str, until: Deadline, **given: Any) -> dict[str, Any]:
    """Ask the gateway for a member.

    Raises: _REFUSALS.
    """
    return perform(caller=member, operation=OPERATIONS[operation], given=given, until=until)


def _source(found: dict[str, Any], wanted: str) -> dict[str, Any] | None:
    """Return the data source that is meant: the only one, or the one that is named."""
    sources: list[dict[str, Any]] = found["dataSources"]
    if len(sources) == 1:
        return sources[0]
    return next((each for each in sources if each["id"] == wanted), None)


def _rows(
    request: Request, member: Member, until: Deadline, found: dict[str, Any], source: dict[str, Any]
) -> dict[str, Any]:
    return _ask(
        member,
        "query_database",
        until,
        id=str(found["id"]),
        dataSourceId=source["id"],
        cursor=_cursor(request),
        pageSize=_ROWS,
    )


def _cursor(request: Request) -> str | None:
    return request.GET.get("cursor") or None


def _problem(refusal: _Refusal) -> Problem:
    if isinstance(refusal, Invalid):
        return Problem(refusal.sentence, "start", 400)
    status, seconds = status_of(refusal), retry_after_of(refusal)
    if isinstance(refusal, RateLimited) and seconds is not None:
        sentence = f"Notion's request limit is used up for the moment. Try again {waiting(seconds)}."
        return Problem(sentence, "again", status, seconds)
    if isinstance(refusal, NotConnected | ConnectionInError):
        return Problem(refusal.sentence, "integrations", status)
    if isinstance(refusal, LocalOnly | NotionNotShared):
        return Problem(refusal.sentence, "", status)
    return Problem(refusal.sentence, "again", status, seconds)


def _search(request: Request, member: Member, *, problem: Problem | None = None, **more: Any) -> HttpResponse:
    template = "integrations/_browse.html" if request.htmx else "integrations/browse.html"
    return _render(request, member, template, {"problem": problem, **more}, problem)


def _refused(request: Request, member: Member, refusal: _Refusal) -> HttpResponse:
    problem = _problem(refusal)
    return _render(request, member, "integrations/browse_refused.html", {"problem": problem}, problem)


def _render(
    request: Request, member: Member, template: str, context: dict[str, Any], problem: Problem | None = None
) -> HttpResponse:
    context |= {"organization": member.organization, "member": member}
    response = render(request, template, context, status=problem.status if problem else 200)
    if problem and problem.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(problem.retry_after_seconds)
    return response
