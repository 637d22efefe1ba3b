"""The invented workspace: the same every time, like a real one, and cheap."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.sandbox import Kind, Workspace, WorkspacePlan, planted
from integrations.sandbox.ids import IdCodec, code_of
from integrations.sandbox.shapes import render
from integrations.sandbox.store import minute_text

AS_OF = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)


def everything(workspace: Workspace) -> list[dict[str, Any]]:
    return [json.loads(render(workspace, code, version="2026-03-11")) for code in workspace.ordered()]


def plain_title(found: dict[str, Any]) -> str:
    if found["object"] == "data_source":
        return "".join(run["plain_text"] for run in found["title"])
    title = next(value for value in found["properties"].values() if value["type"] == "title")
    return "".join(run["plain_text"] for run in title["title"])


def make(**sizes: Any) -> Workspace:
    return Workspace(WorkspacePlan(**{"name": "Acme Atlas", "as_of": AS_OF, **sizes}))


def test_equal_plans_make_equal_workspaces() -> None:
    assert everything(make(pages=200)) == everything(make(pages=200))


@pytest.mark.parametrize("other", [{"seed": 2}, {"name": "Globex Works"}])
def test_another_seed_or_name_shares_no_id(other: dict[str, Any]) -> None:
    ids = {found["id"] for found in everything(make(pages=100))}
    assert ids.isdisjoint(found["id"] for found in everything(make(pages=100, **other)))


def test_counts_are_what_was_asked_for() -> None:
    found = everything(make(pages=500, databases=9, rows=120, users=11))
    pages = [f for f in found if f["object"] == "page"]
    assert len(pages) == 500
    assert sum(page["parent"]["type"] == "data_source_id" for page in pages) == 120
    assert (
        len({source["parent"]["database_id"] for source in found if source["object"] == "data_source"}) == 9
    )


@pytest.mark.parametrize("pages", [1, 2, 4, 5, 6, 13, 50])
def test_tiny_workspaces_work(pages: int) -> None:
    assert sum(found["object"] == "page" for found in everything(make(pages=pages))) == pages


@pytest.mark.parametrize("wrong", [{"pages": 0}, {"rows": 300, "pages": 300}, {"databases": 0, "rows": 5}])
def test_impossible_plans_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        make(**wrong)


def test_titles_include_the_awkward_ones() -> None:
    titles = [plain_title(found) for found in everything(make(pages=3000))]
    assert "" in titles
    assert any("<script>" in title for title in titles)
    assert "=1+1" in titles
    assert any("\u0600" <= char <= "\u06ff" for title in titles for char in title)
    assert any("🚀" in title for title in titles)
    assert len(set(titles)) < len(titles)


def test_a_workspace_has_trash_public_pages_locks_icons_and_block_parents() -> None:
    found = everything(make(pages=3000))
    pages = [f for f in found if f["object"] == "page"]
    trashed_parents = {page["parent"]["type"] for page in pages if page["in_trash"]}
    assert {"page_id", "data_source_id"} <= trashed_parents
    assert any(f["in_trash"] for f in found if f["object"] == "data_source")
    assert any(page["public_url"] for page in pages)
    assert any(page["is_locked"] for page in pages)
    assert {page["icon"] is None for page in pages} == {True, False}
    kinds = {page["parent"]["type"] for page in pages}
    assert kinds == {"workspace", "page_id", "block_id", "data_source_id"}


def test_no_live_page_lies_under_trash() -> None:
    workspace = make(pages=3000)
    for code in workspace.ordered():
        parent = workspace.parent(code)
        if parent and not workspace.is_trashed(code):
            assert not workspace.is_trashed(parent)


def test_nothing_is_newer_than_as_of_or_edited_before_it_was_made() -> None:
    for found in everything(make(pages=1000)):
        assert found["created_time"] <= found["last_edited_time"] <= "2026-10-01T09:30:00.000Z"


def test_children_are_not_older_than_their_parents() -> None:
    workspace = make(pages=1000)
    for code in workspace.ordered():
        if parent := workspace.parent(code):
            child, above = workspace.at(code), workspace.at(parent)
            assert child[0].created[child[1]] >= above[0].created[above[1]]


def test_values_bodies_options_and_formulas_carry_planted_text() -> None:
    text = json.dumps(everything(make(pages=1000)))
    for marker in (planted.VALUE, planted.OPTION, planted.FORMULA):
        assert marker in text


def test_authors_are_members_guests_bots_and_people_who_left() -> None:
    workspace = make(pages=1000, users=20)
    authors = [workspace.find(f["created_by"]["id"], Kind.USER) for f in everything(workspace)]
    standings = {workspace.people[code & 0xFFFF].standing for code in authors if code is not None}
    assert standings == {"member", "guest", "left"}
    assert None in authors  # bots


def test_a_million_objects_take_little_memory_each() -> None:
    workspace = make(pages=20_000)
    columns = workspace.pages
    stored = sum(column.itemsize for column in (columns.parent, columns.created, columns.edited)) + 2
    assert stored <= 32
    assert not workspace.rendered


@given(st.integers(0, 8), st.integers(0, 2**40), st.text(max_size=20))
def test_ids_are_uuids_and_lead_back(kind: int, index: int, secret: str) -> None:
    codec, code = IdCodec(secret), code_of(Kind(kind), index)
    made = codec.encode(code)
    assert uuid.UUID(made).version == 4
    assert uuid.UUID(made).variant == uuid.RFC_4122
    assert codec.decode(made) == code
    assert codec.decode(made.replace("-", "").upper()) == code


@given(st.uuids(version=4))
def test_foreign_ids_lead_nowhere(foreign: uuid.UUID) -> None:
    assert IdCodec("1/Acme Atlas").decode(str(foreign)) is None


@given(st.integers(0, 40_000_000))
def test_times_are_written_as_notion_writes_them(minute: int) -> None:
    expected = datetime.fromtimestamp(minute * 60, UTC)
    assert datetime.fromisoformat(minute_text(minute)) == expected
    assert minute_text(minute).endswith(":00.000Z")
