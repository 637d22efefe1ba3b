"""Texts that break databases, sent the way Notion would send them: escaped, in an otherwise good list."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.notion.errors import NotionUnavailable
from integrations.notion.replies import Page, read_me, read_object
from tests.integrations.notion.doors import BOT_ID, ME, PATIENT, WORKSPACE_ID, opened
from tests.integrations.notion.rawserver import RawServer, answer

PLANTED = "planted-poison-content"
POISON = {
    "NUL": "a\x00b",
    "lone surrogate": "a\ud83db",
    "a megabyte": "x" * 1_000_000,
    "right to left": "\u202eevil \u05d0\u05d1",
    "emoji": "👩‍👩‍👧‍👦",
    "control characters": "\x01\x1b[31m\r\n",
    "not a character": "\ufffe\uffff",
}


def page_with(text: str, **more: Any) -> dict[str, Any]:
    title = {"type": "title", "title": [{"plain_text": text}]}
    return {"object": "page", "id": BOT_ID, "url": text, "properties": {text: title}} | more


def search(*found: dict[str, Any]) -> list[Page]:
    # json.dumps escapes what is not ASCII, so a lone surrogate travels as \ud83d: legal JSON.
    reply = {"object": "list", "results": list(found), "has_more": False, "next_cursor": None}
    with RawServer(answer(200, json.dumps(reply).encode())) as server, opened(server.url) as client:
        return list(client.search_pages())


def assert_storable(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    text.encode("utf-8")
    assert "\\u0000" not in text


@pytest.mark.parametrize("kind", list(POISON))
def test_a_title_comes_out_storable(kind: str) -> None:
    text = POISON[kind]
    parent = {"type": text, text: text}
    (page,) = search(page_with(text, parent=parent, created_by={"id": text}, icon={"type": text}))
    (kept,) = page.results
    assert_storable(list(kept.values()))
    assert len(kept["title"]) >= len(text) - 1


@pytest.mark.parametrize("kind", ["NUL", "lone surrogate"])
def test_a_name_in_a_parent_comes_out_storable_too(kind: str) -> None:
    text = POISON[kind]
    (page,) = search(page_with("x", parent={"type": "new", text: "value"}))
    assert_storable(page.results)


def test_a_surrogate_pair_that_was_torn_apart_is_stored_as_something() -> None:
    torn = [{"plain_text": "\ud83d"}, {"plain_text": "\ude00"}]
    (page,) = search(page_with("x", title=torn))
    (kept,) = page.results
    assert_storable(kept)
    assert kept["title"]


@pytest.mark.parametrize("text", list(POISON.values()), ids=list(POISON))
def test_names_of_a_workspace_and_a_person_come_out_storable(text: str) -> None:
    owner = {"type": "user", "user": {"object": "user", "id": BOT_ID, "name": text}}
    bot = {"owner": owner, "workspace_id": WORKSPACE_ID, "workspace_name": text}
    with RawServer(answer(200, ME | {"name": text, "bot": bot})) as server, opened(server.url) as client:
        me = client.me()
    assert_storable([me.name, me.workspace_name, me.owner_name, me.owner_type])


def test_a_list_may_say_why_it_stopped_in_any_text() -> None:
    reply = {
        "object": "list",
        "results": [],
        "has_more": False,
        "next_cursor": None,
        "request_status": {"type": "incomplete", "incomplete_reason": "a\x00\ud800"},
    }
    with RawServer(answer(200, json.dumps(reply).encode())) as server, opened(server.url) as client:
        (page,) = client.search_pages()
    assert_storable(page.incomplete_reason)


@PATIENT
@given(st.text(st.characters(exclude_categories=()), max_size=50))
def test_any_text_comes_out_storable(text: str) -> None:
    found = page_with(text, parent={"type": text, text: text}, last_edited_by={"id": text})
    assert_storable(read_object(found))
    bot = {"workspace_id": WORKSPACE_ID, "workspace_name": text}
    assert_storable(read_me(ME | {"name": text, "bot": bot}).workspace_name)


@PATIENT
@given(st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), max_size=50))
def test_a_text_that_is_fine_is_not_touched(text: str) -> None:
    assert read_object(page_with(text))["title"] == text


# --- unknown kinds


@pytest.mark.parametrize("odd", ["canvas-1", "", "../x", "a\x00b"])
def test_an_unknown_kind_may_have_an_id_of_its_own_form(odd: str) -> None:
    (page,) = search({"object": "canvas", "id": odd, "content": PLANTED}, page_with("x"))
    assert [found["object"] for found in page.results] == ["canvas", "page"]
    assert_storable(page.results)
    assert PLANTED not in repr(page)


@pytest.mark.parametrize("kind", ["page", "data_source", "database", None, 7])
def test_a_known_kind_or_none_may_not(kind: object) -> None:
    with pytest.raises(NotionUnavailable):
        read_object({"object": kind, "id": "canvas-1"})
