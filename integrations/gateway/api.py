"""The ten calls as JSON over HTTP; each is allowed, checked and recorded by ``perform``.

Bodies are read here and not by the router, so that a stranger learns nothing from what is wrong with one, and
that REST and MCP are refused in the same words.
"""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router

from integrations.gateway.arguments import check_query
from integrations.gateway.bodies import json_of
from integrations.gateway.perform import perform
from integrations.gateway.registry import OPERATIONS
from integrations.notion.content import PAGE_SIZE
from notionscan.errors import Invalid, Problem
from tenants import access

router = Router(tags=["notion"])
Json = dict[str, Any]
_AT = "/orgs/{slug}/notion"
_ANSWERS: dict[int, Any] = {200: Json, **dict.fromkeys((400, 401, 403, 404, 409, 429, 502, 503), Problem)}
# What a person would not send and a program might leave empty: the bounds are those of ``arguments``.
Cursor = Annotated[str | None, Query(None)]
PageSize = Annotated[int, Query(PAGE_SIZE, alias="pageSize")]


def _takes(name: str) -> Json:
    """Describe an operation's body for the API's document; the id is in the path, and not in it."""
    schema = OPERATIONS[name].takes.model_json_schema(by_alias=True)
    schema.get("properties", {}).pop("id", None)
    required = [each for each in schema.pop("required", []) if each != "id"]
    kinds = schema.pop("$defs", {})
    plain = _inlined(schema, kinds) | ({"required": required} if required else {})
    content = {"application/json": {"schema": plain}}
    return {"requestBody": {"required": bool(required), "content": content}}


def _inlined(schema: Any, kinds: Json) -> Any:
    if isinstance(schema, list):
        return [_inlined(each, kinds) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(kinds[schema["$ref"].rpartition("/")[2]], kinds)
    return {name: _inlined(each, kinds) for name, each in schema.items()}


@router.post(f"{_AT}/search", response=_ANSWERS, openapi_extra=_takes("search"), summary="Search by title")
def search(request: HttpRequest, slug: str) -> Json:
    return _answer(request, slug, "search")


@router.get(f"{_AT}/databases", response=_ANSWERS, summary="List databases with their data sources")
def list_databases(
    request: HttpRequest, slug: str, cursor: Cursor = None, page_size: PageSize = PAGE_SIZE
) -> Json:
    return _answer(request, slug, "list_databases", cursor=cursor, pageSize=page_size)


@router.post(
    f"{_AT}/databases/{{path:database_id}}/query",
    response=_ANSWERS,
    openapi_extra=_takes("query_database"),
    summary="Query a database's rows",
)
def query_database(request: HttpRequest, slug: str, database_id: str) -> Json:
    return _answer(request, slug, "query_database", id=database_id)


@router.get(
    f"{_AT}/databases/{{path:database_id}}", response=_ANSWERS, summary="A database's schema, by data source"
)
def get_database(request: HttpRequest, slug: str, database_id: str) -> Json:
    return _answer(request, slug, "get_database", id=database_id)


@router.post(
    f"{_AT}/pages", response=_ANSWERS, openapi_extra=_takes("create_page"), summary="Create a page or row"
)
def create_page(request: HttpRequest, slug: str) -> Json:
    return _answer(request, slug, "create_page")


@router.get(
    f"{_AT}/pages/{{path:page_id}}/blocks", response=_ANSWERS, summary="A page's content, as text and blocks"
)
def get_page_content(
    request: HttpRequest,
    slug: str,
    page_id: str,
    cursor: Cursor = None,
    page_size: PageSize = PAGE_SIZE,
) -> Json:
    return _answer(request, slug, "get_page_content", id=page_id, cursor=cursor, pageSize=page_size)


@router.post(
    f"{_AT}/pages/{{path:page_id}}/blocks",
    response=_ANSWERS,
    openapi_extra=_takes("append_blocks"),
    summary="Append blocks to a page",
)
def append_blocks(request: HttpRequest, slug: str, page_id: str) -> Json:
    return _answer(request, slug, "append_blocks", id=page_id)


@router.get(f"{_AT}/pages/{{path:page_id}}", response=_ANSWERS, summary="A page with its properties")
def get_page(request: HttpRequest, slug: str, page_id: str) -> Json:
    return _answer(request, slug, "get_page", id=page_id)


@router.patch(
    f"{_AT}/pages/{{path:page_id}}",
    response=_ANSWERS,
    openapi_extra=_takes("update_page"),
    summary="Update a page's properties, icon or cover",
)
def update_page(request: HttpRequest, slug: str, page_id: str) -> Json:
    return _answer(request, slug, "update_page", id=page_id)


@router.delete(f"{_AT}/pages/{{path:page_id}}", response=_ANSWERS, summary="Move a page to Notion's trash")
def trash_page(request: HttpRequest, slug: str, page_id: str) -> Json:
    return _answer(request, slug, "trash_page", id=page_id)


def _answer(request: HttpRequest, slug: str, name: str, **given: Any) -> Json:
    operation = OPERATIONS[name]
    caller = access.caller(request, slug, operation.permission, everywhere=False)
    body = _body(request) if request.method in ("POST", "PATCH") else {}
    check_query(request.GET, given.keys() - {"id"})
    if "id" in body and "id" in given:
        raise Invalid("Unknown fields: id. Leave them out.")
    return perform(caller=caller, operation=operation, given=body | given)


def _body(request: HttpRequest) -> Json:
    """Return a request's JSON object; nothing at all is an empty one.

    Raises: Invalid.
    """
    body = json_of(request)
    if not isinstance(body, dict):
        raise Invalid("The request's body is not a JSON object.")
    return body
