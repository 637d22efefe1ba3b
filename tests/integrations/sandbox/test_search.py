"""POST /v1/search: everything shared, newest first, a hundred at a time."""

import logging
import re
from typing import Any

import pytest
from notion_client import Client
from notion_client.helpers import collect_paginated_api

from integrations.sandbox import Kind, Sandbox
from tests.integrations.sandbox.conftest import Api


def test_every_live_object_is_found_exactly_once(api: Api) -> None:
    ids = [found["id"] for found in api.every()]
    expected = api.sandbox.visible(api.token, Kind.PAGE) + api.sandbox.visible(api.token, Kind.DATA_SOURCE)
    assert len(ids) > 300
    assert sorted(ids) == sorted(expected)


def test_the_official_client_reads_it_all(sandbox: Sandbox) -> None:
    token = sandbox.tokens["acme-atlas/internal"]
    client = Client(
        auth=token,
        base_url=sandbox.url,
        notion_version="2026-03-11",
        retry=False,
        logger=logging.getLogger("test"),
    )
    pages = collect_paginated_api(client.search, filter={"property": "object", "value": "page"})
    assert {page["id"] for page in pages} == set(sandbox.visible(token, Kind.PAGE))
    me: Any = client.users.me()
    assert me["bot"]["workspace_name"] == "Acme Atlas"


def test_newest_edit_comes_first_and_ascending_is_the_mirror_image(api: Api) -> None:
    newest = api.every()
    oldest = api.every(sort={"timestamp": "last_edited_time", "direction": "ascending"})
    times = [found["last_edited_time"] for found in newest]
    assert times == sorted(times, reverse=True)
    assert [f["id"] for f in oldest] == [f["id"] for f in reversed(newest)]


@pytest.mark.parametrize("kind", ["page", "data_source"])
def test_the_filter_keeps_one_kind(api: Api, kind: str) -> None:
    assert {f["object"] for f in api.every(filter={"property": "object", "value": kind})} == {kind}


def test_rows_are_among_the_pages_and_databases_never(api: Api) -> None:
    found = api.every()
    assert {f["object"] for f in found} == {"page", "data_source"}
    assert any(f["parent"]["type"] == "data_source_id" for f in found)


def test_trash_is_found_only_when_asked_for(api: Api) -> None:
    assert not any(f["in_trash"] for f in api.every())
    trashed = api.every(filter={"in_trash": True})
    assert trashed
    assert all(f["in_trash"] for f in trashed)


def test_a_query_matches_titles_only(api: Api) -> None:
    assert api.every(query="runbook")
    assert api.every(query="planted") == []


def test_the_envelope_and_cursor_look_like_notions(api: Api) -> None:
    reply = api.post("/v1/search", page_size=3)
    body = reply.json()
    assert list(body) == [
        "object", "results", "next_cursor", "has_more", "type", "page_or_data_source",
        "request_status", "request_id",
    ]  # fmt: skip
    assert len(body["results"]) == 3
    assert re.fullmatch(r"s:[0-9a-f-]{36}:[0-9a-f-]{36}", body["next_cursor"])
    assert body["request_status"] == {"type": "complete"}
    assert reply.headers["x-notion-request-id"] == body["request_id"]


def test_pages_have_the_fields_of_the_newest_version(api: Api) -> None:
    page = api.search(page_size=1, filter={"property": "object", "value": "page"})["results"][0]
    assert set(page) == {
        "object", "id", "created_time", "last_edited_time", "created_by", "last_edited_by", "cover",
        "icon", "parent",
        "in_trash", "is_archived", "is_locked", "properties", "url", "public_url",
    }  # fmt: skip


def test_the_older_version_also_says_archived(sandbox: Sandbox) -> None:
    older = Api(sandbox, sandbox.tokens["acme-atlas/internal"], version="2025-09-03")
    assert older.search(page_size=1)["results"][0]["archived"] is False


@pytest.mark.parametrize(
    "body",
    [
        {"page_size": 101},
        {"page_size": 0},
        {"page_size": "many"},
        {"start_cursor": None},
        {"start_cursor": {}},
        {"filter": {"property": "object", "value": "database"}},
        {"filter": []},
        {"filter": {"in_trash": "yes"}},
        {"sort": {"timestamp": "created_time", "direction": "ascending"}},
        {"query": 7},
    ],
)
def test_what_notion_refuses_is_refused(api: Api, body: dict[str, object]) -> None:
    reply = api.post("/v1/search", **body)
    assert (reply.status_code, reply.json()["code"]) == (400, "validation_error")


@pytest.mark.parametrize("cursor", ["nonsense", "s:1:2", "12345678-0000-4000-8000-000000000000"])
def test_invented_cursors_are_refused_by_name(api: Api, cursor: str) -> None:
    reply = api.post("/v1/search", start_cursor=cursor)
    assert reply.status_code == 400
    assert reply.json()["message"] == f"The start_cursor provided is invalid: {cursor}"


def test_a_cursor_works_for_its_own_listing_only(api: Api, person: Api) -> None:
    cursor = api.search(page_size=5)["next_cursor"]
    assert api.post("/v1/search", start_cursor=cursor, query="plan").status_code == 400
    assert person.post("/v1/search", start_cursor=cursor).status_code == 400
    assert api.post("/v1/search", start_cursor=cursor).status_code == 200


def test_a_cursor_can_be_asked_again(api: Api) -> None:
    cursor = api.search(page_size=5)["next_cursor"]
    first, second = (api.search(start_cursor=cursor, page_size=5)["results"] for _ in range(2))
    assert first == second


def test_long_searches_can_lose_their_cursor(api: Api) -> None:
    api.sandbox.depths.search_dies_after = 200
    first = api.search()
    second = api.search(start_cursor=first["next_cursor"])
    assert second["has_more"]
    assert api.post("/v1/search", start_cursor=second["next_cursor"]).status_code == 400
