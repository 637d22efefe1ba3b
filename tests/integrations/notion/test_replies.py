"""What is kept of a reply, and what is not believed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.notion.errors import NotionUnavailable
from integrations.notion.replies import read_me, read_object, read_page, read_text, read_user
from tests.integrations.notion.doors import BOT_ID, ME, PATIENT, WORKSPACE_ID

PAGE_ID = "5b1f0b1c-0000-4000-8000-00000000aaaa"
PERSON = "5b1f0b1c-0000-4000-8000-00000000bbbb"
PLANTED = "planted-secret-content"
PAGE: dict[str, Any] = {
    "object": "page",
    "id": PAGE_ID,
    "created_time": "2026-10-01T09:30:00.000Z",
    "last_edited_time": "2026-10-02T09:30:00.000Z",
    "created_by": {"object": "user", "id": PERSON, "name": PLANTED},
    "last_edited_by": {"object": "user", "id": PERSON},
    "in_trash": False,
    "is_archived": False,
    "is_locked": True,
    "parent": {"type": "data_source_id", "data_source_id": PAGE_ID, "database_id": BOT_ID},
    "icon": {"type": "file", "file": {"url": PLANTED}},
    "cover": {"type": "external", "external": {"url": PLANTED}},
    "url": "https://app.notion.com/p/Plan",
    "public_url": None,
    "content": [PLANTED],
    "properties": {
        "Notes": {"id": "a", "type": "rich_text", "rich_text": [{"plain_text": PLANTED}]},
        "Name": {"id": "title", "type": "title", "title": [{"plain_text": "Plan "}, {"plain_text": "B"}]},
    },
}
LIST: dict[str, Any] = {"object": "list", "results": [PAGE], "has_more": False, "next_cursor": None}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def test_a_page_keeps_its_metadata_and_nothing_else() -> None:
    kept = read_object(PAGE)
    assert kept == {
        "object": "page",
        "id": PAGE_ID,
        "created_time": "2026-10-01T09:30:00.000Z",
        "last_edited_time": "2026-10-02T09:30:00.000Z",
        "in_trash": False,
        "is_archived": False,
        "is_locked": True,
        "url": "https://app.notion.com/p/Plan",
        "public_url": None,
        "parent": PAGE["parent"],
        "created_by": PERSON,
        "last_edited_by": PERSON,
        "icon": "file",
        "title": "Plan B",
    }


@pytest.mark.parametrize("place", [*PAGE, "description", "archived", "data_sources"])
def test_content_in_the_place_of_metadata_is_not_kept(place: str) -> None:
    """A structure where a text belongs is dropped, not carried along."""
    if place == "id":
        return
    kept = read_object(PAGE | {place: {"nested": [PLANTED], "deeper": {"rich_text": PLANTED}}})
    assert PLANTED not in json.dumps({k: v for k, v in kept.items() if k not in ("parent", "title")})
    assert all(not isinstance(value, list | dict) for value in kept["parent"].values())


def test_a_data_source_keeps_its_title_and_both_parents() -> None:
    found = {
        "object": "data_source",
        "id": PAGE_ID,
        "title": [{"plain_text": "Customers"}],
        "description": [{"plain_text": PLANTED}],
        "parent": {"type": "database_id", "database_id": BOT_ID},
        "database_parent": {"type": "workspace", "workspace": True},
        "properties": {"Status": {"type": "select", "select": {"options": [{"name": PLANTED}]}}},
        "is_inline": True,
    }
    kept = read_object(found)
    assert kept["title"] == "Customers"
    assert kept["database_parent"] == {"type": "workspace", "workspace": True}
    assert PLANTED not in json.dumps(kept)


def test_a_partial_or_unknown_object_keeps_what_it_has() -> None:
    kept = read_object({"object": "hologram", "id": PAGE_ID, "parent": {"type": "agent_id", "agent_id": "x"}})
    assert (kept["object"], kept["id"], kept["title"]) == ("hologram", PAGE_ID, "")
    assert kept["parent"] == {"type": "agent_id", "agent_id": "x"}


@pytest.mark.parametrize("text", ["a\x00b", "\ud800lone", "ok \u200f\u05d0", "😀" * 3, "x" * 1_000_000])
def test_a_poisoned_title_can_be_stored(text: str) -> None:
    title = {"Name": {"type": "title", "title": [{"plain_text": text}]}}
    kept = read_object(PAGE | {"properties": title, "url": text})
    for value in (kept["title"], kept["url"]):
        assert "\x00" not in value
        value.encode("utf-8")
    assert len(kept["title"]) >= len(text) - 1


@PATIENT
@given(found=st.dictionaries(st.sampled_from([*PAGE, "title"]), ANY_JSON))
def test_no_reply_breaks_the_reader(found: dict[str, Any]) -> None:
    kept = read_object(found | {"id": PAGE_ID})
    json.dumps(kept)
    assert isinstance(kept["title"], str)


def test_a_user_keeps_no_email_and_no_picture() -> None:
    person = {"object": "user", "id": PERSON, "type": "person", "name": "Ada", "avatar_url": "https://x/y"}
    kept = read_user(person | {"person": {"email": "ada@example.org"}})
    assert kept == {"object": "user", "id": PERSON, "type": "person", "name": "Ada"}


def test_text_is_none_where_there_is_no_text() -> None:
    assert read_text(None) is None
    assert read_text(["a"]) is None


@pytest.mark.parametrize("wrong", [None, "", "abc", 7, "../users", [], PAGE_ID + "0"])
def test_an_object_without_an_id_is_not_believed(wrong: object) -> None:
    with pytest.raises(NotionUnavailable):
        read_object(PAGE | {"id": wrong})
    with pytest.raises(NotionUnavailable):
        read_user({"object": "user", "id": wrong})


# --- lists


def test_a_list_is_read() -> None:
    page = read_page(LIST | {"has_more": True, "next_cursor": "c"}, read_object)
    assert [found["title"] for found in page.results] == ["Plan B"]
    assert (page.has_more, page.next_cursor, page.incomplete_reason) == (True, "c", None)


def test_a_cursor_behind_the_end_is_ignored() -> None:
    assert read_page(LIST | {"next_cursor": "c"}, read_object).next_cursor is None


@pytest.mark.parametrize(
    "change",
    [
        {"object": "page"},
        {"object": None},
        {"results": None},
        {"results": {}},
        {"results": "page"},
        {"results": [PAGE, "page"]},
        {"results": [PAGE, None]},
        {"results": [PAGE, {"object": "page"}]},
        {"has_more": None},
        {"has_more": "false"},
        {"has_more": 0},
        {"has_more": True, "next_cursor": None},
        {"has_more": True, "next_cursor": ""},
        {"has_more": True, "next_cursor": 7},
        {"has_more": True, "next_cursor": {}},
    ],
    ids=repr,
)
def test_a_list_that_is_none_is_not_believed(change: dict[str, Any]) -> None:
    with pytest.raises(NotionUnavailable):
        read_page(LIST | change, read_object)


@pytest.mark.parametrize("missing", ["object", "results", "has_more"])
def test_a_short_list_does_not_pass_for_an_empty_one(missing: str) -> None:
    with pytest.raises(NotionUnavailable):
        read_page({name: value for name, value in LIST.items() if name != missing}, read_object)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"type": "complete"}, None),
        (
            {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"},
            "query_result_limit_reached",
        ),
        ({"type": "incomplete"}, "unknown"),
        ("nonsense", None),
    ],
)
def test_a_list_that_was_cut_short_says_so(status: object, reason: str | None) -> None:
    assert read_page(LIST | {"request_status": status}, read_object).incomplete_reason == reason


# --- whose token


def test_a_persons_token_names_the_person() -> None:
    owner = {
        "type": "user",
        "user": {"object": "user", "id": PERSON, "name": "Ada", "person": {"email": "a@b"}},
    }
    me = read_me(ME | {"bot": {"owner": owner, "workspace_id": WORKSPACE_ID, "workspace_name": None}})
    assert (me.owner_type, me.owner_name, me.workspace_name) == ("user", "Ada", None)
    assert str(me.workspace_id) == WORKSPACE_ID
    assert "a@b" not in repr(me)


def test_a_person_of_whom_only_the_id_is_told_has_no_name() -> None:
    owner = {"type": "user", "user": {"object": "user", "id": PERSON}}
    assert read_me(ME | {"bot": {"owner": owner, "workspace_id": WORKSPACE_ID}}).owner_name is None


@PATIENT
@given(reply=st.dictionaries(st.sampled_from([*ME, "x"]), ANY_JSON), bot=ANY_JSON)
def test_no_reply_breaks_the_reader_of_a_bot(reply: dict[str, Any], bot: object) -> None:
    try:
        read_me(ME | reply | {"bot": bot})
    except NotionUnavailable:
        return
