"""Tokens, capabilities, sharing, users: who may see what, and how refusals read."""

import json
import secrets
from typing import Any

import pytest

from integrations.sandbox import Capability, Kind, Sandbox, Standing, TokenKind, demo_token, planted
from tests.integrations.sandbox.conftest import Api


def with_capabilities(sandbox: Sandbox, *capabilities: Capability) -> Api:
    token = sandbox.add_token(
        sandbox.workspace,
        secret=f"ntn_{secrets.token_hex(20)}",
        label="limited",
        capabilities=frozenset(capabilities),
    )
    return Api(sandbox, token.secret)


def assert_error(reply: Any, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = reply.json()
    assert (reply.status_code, body["object"], body["status"], body["code"]) == (
        status,
        "error",
        status,
        code,
    )
    assert body["message"]
    assert reply.headers["x-notion-request-id"] == body["request_id"]
    return body


def test_demo_tokens_are_the_same_in_every_sandbox(sandbox: Sandbox) -> None:
    assert sandbox.tokens["acme-atlas/internal"] == demo_token("Acme Atlas")
    assert sandbox.tokens["globex-works/personal"] == demo_token("Globex Works", TokenKind.PERSONAL)
    assert all(t.startswith("ntn_") and t[4:].isalnum() and len(t) == 50 for t in sandbox.tokens.values())


@pytest.mark.parametrize("token", ["", "ntn_unknown", "x" * 5000, "secret_0"])
def test_unknown_tokens_get_401(sandbox: Sandbox, token: str) -> None:
    assert_error(Api(sandbox, token).get("/v1/users/me"), 401, "unauthorized")


def test_a_missing_version_is_named(sandbox: Sandbox) -> None:
    nameless = Api(sandbox, sandbox.tokens["acme-atlas/internal"], version=None)
    assert_error(nameless.get("/v1/users/me"), 400, "missing_version")


def test_an_unknown_version_is_refused(sandbox: Sandbox) -> None:
    future = Api(sandbox, sandbox.tokens["acme-atlas/internal"], version="2031-01-01")
    assert_error(future.get("/v1/users/me"), 400, "validation_error")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/nothing"), ("DELETE", "/v1/users/me"), ("GET", "/v1/search"), ("GET", "/")],
)
def test_unknown_routes_are_refused(api: Api, method: str, path: str) -> None:
    assert_error(api.call(method, path), 400, "invalid_request_url")


@pytest.mark.parametrize("wrong", ["12345678-1234-1234-1234-123456789abc", "abc", "%3F", "x" * 32])
@pytest.mark.parametrize("noun", ["pages", "databases", "data_sources", "blocks", "users"])
def test_ids_must_be_uuids(api: Api, noun: str, wrong: str) -> None:
    body = assert_error(api.get(f"/v1/{noun}/{wrong}"), 400, "validation_error")
    assert "should be a valid uuid" in body["message"]


def test_ids_work_without_dashes_too(api: Api) -> None:
    page = api.search(page_size=1, filter={"property": "object", "value": "page"})["results"][0]
    assert api.get(f"/v1/pages/{page['id'].replace('-', '')}").json()["id"] == page["id"]


def test_broken_json_is_refused(api: Api) -> None:
    reply = api.call("POST", "/v1/search", data="{")
    assert_error(reply, 400, "invalid_json")


def test_an_internal_token_belongs_to_the_workspace(api: Api) -> None:
    me = api.get("/v1/users/me").json()
    assert (me["object"], me["type"]) == ("user", "bot")
    assert me["bot"]["owner"] == {"type": "workspace", "workspace": True}
    assert me["bot"]["workspace_name"] == "Acme Atlas"
    assert me["bot"]["workspace_id"] == api.sandbox.workspace.id


def test_a_personal_token_belongs_to_a_person(person: Api) -> None:
    owner = person.get("/v1/users/me").json()["bot"]["owner"]
    assert owner["type"] == "user"
    assert "@acme-atlas.example" in owner["user"]["person"]["email"]


def test_the_restricted_page_is_for_the_person_only(api: Api, person: Api) -> None:
    hidden = {f["id"] for f in person.every()} - {f["id"] for f in api.every()}
    assert hidden
    for unseen in list(hidden)[:5]:
        kind = "pages" if person.get(f"/v1/pages/{unseen}").status_code == 200 else "data_sources"
        body = assert_error(api.get(f"/v1/{kind}/{unseen}"), 404, "object_not_found")
        assert body["additional_data"] == {"integration_id": api.get("/v1/users/me").json()["id"]}


def test_absent_and_unshared_cannot_be_told_apart(api: Api, person: Api) -> None:
    shared = {f["id"] for f in api.every()}
    unseen = next(f["id"] for f in person.every() if f["id"] not in shared and f["object"] == "page")
    absent = "00000000-0000-4000-8000-000000000000"
    replies = [api.get(f"/v1/pages/{uuid}").json()["message"].replace(uuid, "") for uuid in (unseen, absent)]
    assert replies[0] == replies[1]


def test_unsharing_a_page_takes_everything_below_away_and_sharing_gives_it_back(api: Api) -> None:
    workspace = api.sandbox.workspace
    top = workspace.add_page("Project", parent=api.sandbox.visible(api.token, Kind.PAGE)[0])
    inner = workspace.add_page("Inner", parent=workspace.add_page("Middle", parent=top))
    assert api.get(f"/v1/pages/{inner}").status_code == 200
    api.sandbox.unshare(api.token, top)
    assert api.get(f"/v1/pages/{inner}").status_code == 404
    assert inner not in {f["id"] for f in api.every()}
    api.sandbox.share(api.token, top)
    assert inner in {f["id"] for f in api.every()}


def test_a_token_can_be_given_a_few_pages(sandbox: Sandbox) -> None:
    workspace = sandbox.workspace
    page = workspace.add_page("Shared alone")
    below = workspace.add_page("Below", parent=page)
    token = sandbox.add_token(workspace, secret="ntn_few", label="few", share=[page])
    assert {f["id"] for f in Api(sandbox, token.secret).every()} == {page, below}


def test_a_revoked_token_is_dead_at_once(api: Api) -> None:
    api.sandbox.revoke("acme-atlas/internal")
    assert_error(api.post("/v1/search"), 401, "unauthorized")


@pytest.mark.parametrize("path", ["/v1/users", "/v1/users/00000000-0000-4000-8000-000000000000"])
def test_without_user_capability_users_are_403_but_me_works(sandbox: Sandbox, path: str) -> None:
    limited = with_capabilities(sandbox, Capability.READ_CONTENT)
    assert_error(limited.get(path), 403, "restricted_resource")
    assert limited.get("/v1/users/me").status_code == 200
    assert limited.post("/v1/search").status_code == 200


def test_emails_need_their_own_capability(sandbox: Sandbox, api: Api) -> None:
    limited = with_capabilities(sandbox, Capability.READ_CONTENT, Capability.READ_USERS)
    people = [u for u in limited.get("/v1/users").json()["results"] if u["type"] == "person"]
    assert people
    assert all(u["person"] == {} for u in people)
    assert "@" in json.dumps(api.get("/v1/users").json())


def test_without_read_content_objects_are_partial_or_403(sandbox: Sandbox, api: Api) -> None:
    limited = with_capabilities(sandbox, Capability.INSERT_CONTENT)
    assert all(set(f) == {"object", "id"} for f in limited.search()["results"])
    page = api.search(page_size=1)["results"][0]
    assert_error(limited.get(f"/v1/pages/{page['id']}"), 403, "restricted_resource")


def test_comments_need_their_capability_and_carry_planted_text(sandbox: Sandbox, api: Api) -> None:
    pages = [f["id"] for f in api.every() if f["object"] == "page"][:40]
    found = [c for page in pages for c in api.get("/v1/comments", block_id=page).json()["results"]]
    assert found
    assert all(c["object"] == "comment" and planted.COMMENT in str(c["rich_text"]) for c in found)
    limited = with_capabilities(sandbox, Capability.READ_CONTENT)
    assert_error(limited.get("/v1/comments", block_id=pages[0]), 403, "restricted_resource")
    assert_error(api.get("/v1/comments"), 400, "validation_error")


def test_the_user_list_has_members_and_bots_but_no_guests(api: Api) -> None:
    users = api.get("/v1/users").json()["results"]
    people = [u for u in users if u["type"] == "person"]
    bots = [u for u in users if u["type"] == "bot"]
    assert len(people) == 20
    assert [b["bot"] == {} for b in bots[:-1]] == [True] * (len(bots) - 1)
    assert bots[-1]["id"] == api.get("/v1/users/me").json()["id"]
    assert all(u["person"]["email"].endswith("@acme-atlas.example") for u in people)


def test_guests_can_be_looked_up_and_people_who_left_cannot(api: Api) -> None:
    workspace = api.sandbox.workspace
    guest = workspace.add_user("Guest", "guest@partner.example", standing=Standing.GUEST)
    listed = {u["id"] for u in api.get("/v1/users").json()["results"]}
    assert guest not in listed
    assert api.get(f"/v1/users/{guest}").json()["name"] == "Guest"
    workspace.set_standing(guest, Standing.LEFT)
    assert_error(api.get(f"/v1/users/{guest}"), 404, "object_not_found")


def test_authors_who_left_are_404(api: Api) -> None:
    statuses = {
        api.get(f"/v1/users/{uuid}").status_code for uuid in {f["created_by"]["id"] for f in api.every()}
    }
    assert statuses == {200, 404}


def test_the_user_list_is_paged(api: Api) -> None:
    first = api.get("/v1/users", page_size=15).json()
    second = api.get("/v1/users", page_size=15, start_cursor=first["next_cursor"]).json()
    assert first["type"] == "user"
    assert len({u["id"] for u in first["results"] + second["results"]}) == 25
    assert not second["has_more"]
