"""The door against the stand-in Notion: what a workspace really answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from integrations.http.retry import Retry
from integrations.notion.budget import Priority
from integrations.notion.client import NotionClient
from integrations.notion.errors import (
    NotionCapabilityMissing,
    NotionNotShared,
    NotionOAuthRefused,
    NotionUnauthorized,
    NotionUnavailable,
)
from integrations.notion.me import verify_token
from integrations.notion.oauth import OAuthApp
from integrations.notion.replies import Page
from integrations.sandbox import EVERYTHING, Capability, Kind, Sandbox
from notionscan.secret import Secret
from tests.integrations.notion.doors import VERSION, FakeTime, NoBudget

INTERNAL, PERSONAL = "acme-atlas/internal", "acme-atlas/personal"


@pytest.fixture(scope="module")
def served() -> Iterator[Sandbox]:
    with Sandbox(pages=250, databases=6, users=120, seed=11) as sandbox:
        yield sandbox


@pytest.fixture
def notion(served: Sandbox) -> Sandbox:
    served.reset()
    return served


def client(sandbox: Sandbox, token: str, *, retry: Retry | None = None) -> NotionClient:
    return NotionClient(
        Secret(token),
        base_url=sandbox.url,
        notion_version=VERSION,
        budget=NoBudget(),
        priority=Priority.SCANS,
        retry=retry or FakeTime().retry(),
    )


def verified(sandbox: Sandbox, token: str) -> str:
    return verify_token(Secret(token), base_url=sandbox.url, notion_version=VERSION).owner_type


def test_an_internal_token_belongs_to_a_workspace_and_a_personal_one_to_a_person(notion: Sandbox) -> None:
    assert verified(notion, notion.tokens[INTERNAL]) == "workspace"
    assert verified(notion, notion.tokens[PERSONAL]) == "user"


def test_both_ways_through_the_door_say_the_same(notion: Sandbox) -> None:
    token = notion.tokens[INTERNAL]
    with client(notion, token) as notion_client:
        assert notion_client.me() == verify_token(Secret(token), base_url=notion.url, notion_version=VERSION)


def test_an_unknown_token_is_dead(notion: Sandbox) -> None:
    with pytest.raises(NotionUnauthorized):
        verified(notion, "ntn_unknown")
    with client(notion, "ntn_unknown") as notion_client, pytest.raises(NotionUnauthorized):
        notion_client.me()


@pytest.mark.parametrize(("kind", "name"), [(Kind.PAGE, "page"), (Kind.DATA_SOURCE, "data_source")])
@pytest.mark.parametrize("in_trash", [False, True])
def test_search_finds_what_the_token_can_see(notion: Sandbox, kind: Kind, name: str, in_trash: bool) -> None:
    token = notion.tokens[INTERNAL]
    with client(notion, token) as notion_client:
        pages = list(notion_client.search_pages(kind=name, in_trash=in_trash))
    found = [item for page in pages for item in page.results]
    assert [item["id"] for item in found] == notion.visible(token, kind, in_trash=in_trash)
    assert {item["object"] for item in found} <= {name}
    assert all(item["in_trash"] is in_trash for item in found)
    assert not pages[-1].has_more


def test_search_in_several_pages_is_whole_through_passing_faults(notion: Sandbox) -> None:
    token = notion.tokens[INTERNAL]
    for at, fault in enumerate(["bad_gateway", "reset", "truncated"], start=1):
        notion.faults.add(fault, "POST /v1/search", at=at)
    with client(notion, token) as notion_client:
        pages = list(notion_client.search_pages(kind="page"))
    assert len(pages) > 1
    found = [item["id"] for page in pages for item in page.results]
    assert found == notion.visible(token, Kind.PAGE)
    assert notion.faults.waiting() == []


def test_users_are_listed_in_pages_without_emails(notion: Sandbox) -> None:
    with client(notion, notion.tokens[INTERNAL]) as notion_client:
        pages = list(notion_client.users())
    people = [user for page in pages for user in page.results]
    assert len(pages) == 2
    assert len({user["id"] for user in people}) == len(people) > 100
    assert "@" not in repr(people)


def test_one_user_is_looked_up_and_an_unknown_one_is_not_there(notion: Sandbox) -> None:
    with client(notion, notion.tokens[INTERNAL]) as notion_client:
        first = next(notion_client.users()).results[0]
        assert notion_client.user(first["id"]) == first
        with pytest.raises(NotionNotShared):
            notion_client.user("5b1f0b1c-0000-4000-8000-00000000aaaa")


def test_a_missing_capability_is_told(notion: Sandbox) -> None:
    token = notion.add_token(
        notion.workspace,
        secret="ntn_nousers",
        label="no users",
        capabilities=EVERYTHING - {c for c in Capability if "user" in c.value},
    )
    with client(notion, token.secret) as notion_client, pytest.raises(NotionCapabilityMissing):
        list(notion_client.users())


def test_a_token_that_is_revoked_in_between_is_dead(notion: Sandbox) -> None:
    with client(notion, notion.tokens[INTERNAL]) as notion_client:
        pages = notion_client.search_pages()
        next(pages)
        notion.revoke(INTERNAL)
        with pytest.raises(NotionUnauthorized):
            next(pages)


# --- OAuth


def app(sandbox: Sandbox, *, client_secret: str = "") -> OAuthApp:
    return OAuthApp(
        client_id=sandbox.client.client_id,
        client_secret=Secret(client_secret or sandbox.client.client_secret),
        redirect_uri=sandbox.client.redirect_uris[0],
        base_url=sandbox.url,
        notion_version=VERSION,
        retry=FakeTime().retry(),
    )


def consent(sandbox: Sandbox, application: OAuthApp) -> str:
    """Press Allow, and return the code that comes back."""
    asked = urlsplit(application.authorize_url("the-state"))
    form = {name: values[0] for name, values in parse_qs(asked.query).items()}
    reply = requests.post(
        f"{asked.scheme}://{asked.netloc}{asked.path}",
        data=form | {"workspace": "acme-atlas", "decision": "allow"},
        allow_redirects=False,
        timeout=5,
    )
    returned = parse_qs(urlsplit(reply.headers["Location"]).query)
    assert returned["state"] == ["the-state"]
    return returned["code"][0]


def test_consent_gives_tokens_that_work_are_refreshed_once_and_end_with_revocation(notion: Sandbox) -> None:
    application = app(notion)
    grant = application.exchange(consent(notion, application))
    assert verified(notion, grant.access_token.expose()) == "user"
    assert application.introspect(grant.access_token).active
    assert grant.refresh_token is not None

    fresh = application.refresh(grant.refresh_token)
    assert fresh.account is not None
    assert fresh.account == grant.account
    assert verified(notion, fresh.access_token.expose()) == "user"
    with pytest.raises(NotionOAuthRefused) as caught:
        application.refresh(grant.refresh_token)
    assert caught.value.error == "invalid_grant"

    application.revoke(fresh.access_token)
    application.revoke(fresh.access_token)
    assert not application.introspect(fresh.access_token).active
    with pytest.raises(NotionUnauthorized):
        verified(notion, fresh.access_token.expose())


def test_a_code_serves_once(notion: Sandbox) -> None:
    application = app(notion)
    code = consent(notion, application)
    application.exchange(code)
    with pytest.raises(NotionOAuthRefused):
        application.exchange(code)


def test_a_wrong_client_secret_leaves_the_code_and_the_tokens_alone(notion: Sandbox) -> None:
    right, wrong = app(notion), app(notion, client_secret="secret_wrong")
    code = consent(notion, right)
    with pytest.raises(NotionUnavailable):
        wrong.exchange(code)
    grant = right.exchange(code)
    assert grant.refresh_token is not None
    with pytest.raises(NotionUnavailable):
        wrong.refresh(grant.refresh_token)
    assert right.refresh(grant.refresh_token).account == grant.account


# What a scan asks for ---------------------------------------------------------------------------------


def found(pages: Iterator[Page]) -> list[dict[str, Any]]:
    return [each for page in pages for each in page.results]


def test_a_list_goes_on_from_the_cursor_of_an_earlier_page(notion: Sandbox) -> None:
    with client(notion, notion.tokens[INTERNAL]) as door:
        whole = found(door.search_pages(kind="page"))
        first = next(door.search_pages(kind="page"))
        rest = found(door.search_pages(kind="page", start_cursor=first.next_cursor))
        people = found(door.users())
        some = next(door.users())
        others = found(door.users(start_cursor=some.next_cursor))
    assert [each["id"] for each in first.results + rest] == [each["id"] for each in whole]
    assert some.results + others == people


def test_search_has_two_ends(notion: Sandbox) -> None:
    with client(notion, notion.tokens[INTERNAL]) as door:
        newest = found(door.search_pages(kind="page"))
        oldest = found(door.search_pages(kind="page", oldest_first=True))
    assert {each["id"] for each in newest} == {each["id"] for each in oldest}
    times = [each["last_edited_time"] for each in oldest]
    assert times == sorted(times)
    assert newest != oldest


def test_rows_come_with_titles_alone_and_oldest_first(notion: Sandbox) -> None:
    with client(notion, notion.tokens[INTERNAL]) as door:
        sources = found(door.search_pages(kind="data_source"))
        rows = [row for source in sources for row in found(door.rows(source["id"]))]
        assert len(rows) > 20
        assert {row["parent"]["data_source_id"] for row in rows} <= {source["id"] for source in sources}
        assert any(row["title"] for row in rows)
        assert all(set(row) <= KEPT for row in rows)
        some = found(door.rows(sources[0]["id"]))
        times = [row["created_time"] for row in some]
        assert times == sorted(times)
        middle = times[len(times) // 2]
        assert found(door.rows(sources[0]["id"], created_from=middle)) == [
            row for row in some if row["created_time"] >= middle
        ]


KEPT = {
    "object", "id", "created_time", "last_edited_time", "in_trash", "is_archived", "is_locked", "url",
    "public_url", "parent", "created_by", "last_edited_by", "icon", "title",
}  # fmt: skip


def test_a_schema_has_names_types_and_counts_and_no_content(notion: Sandbox) -> None:
    with client(notion, notion.tokens[INTERNAL]) as door:
        sources = found(door.search_pages(kind="data_source"))
        alone = [door.data_source(source["id"]) for source in sources]
    assert [each["schema"] for each in alone] == [source["schema"] for source in sources]
    properties = [each for source in sources for each in source["schema"]]
    assert {"title"} <= {each["type"] for each in properties}
    assert any(each.get("options", 0) > 1 for each in properties)
    assert all(
        set(each) <= {"id", "name", "type", "options", "target", "both_ways", "over"} for each in properties
    )
    assert [each["both_ways"] for each in properties if each["type"] == "relation"]


def test_a_database_says_where_it_stands_and_what_is_in_it(notion: Sandbox) -> None:
    with client(notion, notion.tokens[INTERNAL]) as door:
        source = found(door.search_pages(kind="data_source"))[0]
        database = door.database(source["parent"]["database_id"])
    assert source["id"] in database["data_sources"]
    assert database["parent"]["type"] in ("page_id", "workspace", "block_id")
    assert "schema" not in database


def test_a_page_and_a_block_say_where_they_stand_and_no_more(notion: Sandbox) -> None:
    with client(notion, notion.tokens[INTERNAL]) as door:
        pages = found(door.search_pages(kind="page"))
        inside = next(page for page in pages if page["parent"]["type"] == "block_id")
        block = door.block(inside["parent"]["block_id"])
        page = door.page(inside["id"])
    assert page == inside
    assert block["object"] == "block"
    assert block["parent"]["type"] in ("page_id", "block_id")
    assert set(block) <= KEPT - {"title", "url"}


@pytest.mark.parametrize("verb", ["page", "block", "database", "data_source"])
def test_what_is_not_shared_is_not_there(notion: Sandbox, verb: str) -> None:
    with client(notion, notion.tokens[INTERNAL]) as door:
        before = notion.requests.count("* /*")
        with pytest.raises(ValueError, match="UUID"):
            getattr(door, verb)("../users")
        assert notion.requests.count("* /*") == before
        with pytest.raises(NotionNotShared):
            getattr(door, verb)("231674b6-1f0a-4f1e-9d0b-2f6c1c2b6f3a")
