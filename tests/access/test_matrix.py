"""The access matrix holds: both ways against the routes, and cell by cell against the site."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, path

from integrations.sandbox import Sandbox, demo_token
from notionscan.api import api
from notionscan.postgresql.base import _scoped_tables
from tenants.models import Membership, User
from tenants.roles import Maturity, Role
from tenants.services.members import add_member
from tenants.services.users import find_or_create_user
from tests import database
from tests.access.matrix import CALLERS, KEYS, PUBLIC, ROWS, SIGNED_IN, STAFF_BELOW, TOOLS, Row
from tests.factories import (
    World,
    bearer,
    events,
    make_account,
    make_member,
    make_staff,
    make_world,
    the_integration,
    within,
)
from tests.scans.test_storage import make_scan

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


# Both ways ----------------------------------------------------------------------------------------------


def routes(patterns: Iterable[Any], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


def operations() -> set[tuple[str, str]]:
    """Return the API's operations as its own document names them."""
    return {
        (method.upper(), place.lstrip("/").replace("{", "<").replace("}", ">"))
        for place, methods in api.get_openapi_schema()["paths"].items()
        for method in methods
    }


def unknown(found: set[str], document: set[tuple[str, str]]) -> list[str]:
    """Return what the matrix lacks, and what it has that is nowhere else."""
    listed = {row.route for row in ROWS} | PUBLIC | SIGNED_IN
    ours = {route for route in found if not route.startswith(STAFF_BELOW)}
    api_routes = ("api/orgs/", "api/workspaces")
    # The API's document names a place, and not what stands there.
    of_the_api = {
        (row.method, row.route.replace("<path:", "<")) for row in ROWS if row.route.startswith(api_routes)
    }
    return sorted(
        [f"no row for {route}" for route in ours - listed]
        + [f"no route for {route}" for route in listed - ours]
        + [f"no row for {method} {route}" for method, route in document - of_the_api]
        + [f"no operation for {method} {route}" for method, route in of_the_api - document]
    )


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert unknown(set(routes(get_resolver().url_patterns)), operations()) == []


def test_a_new_route_without_a_row_is_reported() -> None:
    patterns = [
        *get_resolver().url_patterns,
        path("orgs/<slug:slug>/secrets/", lambda request: HttpResponse()),
    ]
    assert unknown(set(routes(patterns)), operations()) == ["no row for orgs/<slug:slug>/secrets/"]


def test_a_new_operation_without_a_row_is_reported() -> None:
    more = operations() | {("GET", "api/orgs/<slug>/secrets")}
    found = set(routes(get_resolver().url_patterns))
    assert unknown(found, more) == ["no row for GET api/orgs/<slug>/secrets"]


def test_a_row_without_a_route_is_reported() -> None:
    found = set(routes(get_resolver().url_patterns)) - {"trust"}
    fewer = operations() - {("GET", "api/orgs/<slug>/integrations")}
    assert unknown(found, fewer) == [
        "no operation for GET api/orgs/<slug>/integrations",
        "no route for trust",
    ]


# Cell by cell -------------------------------------------------------------------------------------------


class Callers:
    """A world with one person of each kind, and a membership that can be changed and removed."""

    def __init__(self) -> None:
        self.world = make_world()
        lost, staff = find_or_create_user("lost@example.com"), find_or_create_user("staff@example.com")
        make_staff(staff)
        staff.refresh_from_db()
        elsewhere = make_member(self.world.acme, Role.VIEWER, "elsewhere@both.example")
        with within(self.world.globex):
            add_member(organization=self.world.globex, user=elsewhere, role=Role.ADMIN, actor=None)
        world = self.world
        self.users: dict[str, User | None] = {
            "anonymous": None,
            "outsider": world.outsider,
            "lost": lost,
            "viewer": world.viewer,
            "editor": world.editor,
            "admin": world.admin,
            "elsewhere": elsewhere,
            "staff": staff,
        }
        assert tuple(self.users) == CALLERS
        self.keys = {
            **{
                maturity: make_account(world.acme, world.admin, maturity=Maturity(maturity)).key
                for maturity in Maturity.values
            },
            "foreign": make_account(world.globex, world.outsider, maturity=Maturity.AUTONOMOUS).key,
        }
        assert tuple(self.keys) == KEYS
        self.scan_id = str(make_scan(world.acme, 1).pk)

    def membership(self, world: World, user: User) -> str:
        organization = world.globex if user == world.outsider else world.acme
        with within(organization):
            return str(Membership.objects.get(organization=organization, user=user).pk)

    def address(self, route: str, **changes: str) -> str:
        values = {
            "slug": "acme",
            "provider": "notion",
            "membership_id": self.membership(self.world, self.world.viewer),
            "scan_id": self.scan_id,
            "finding_id": str(UUID(int=1)),
            "share_id": str(UUID(int=1)),
            "account_id": str(UUID(int=1)),
            "database_id": str(UUID(int=1)),
            "page_id": str(UUID(int=1)),
            "token": "x" * 43,
            "name": "structure",
            "object_id": str(self.world.admin.pk),
            "content_type_id": "1",
            "app_label": "tenants",
            "url": "x",
            "key": "x",
            "uidb36": "1",
        } | changes
        filled = re.sub(r"<(?:\w+:)?(\w+)>", lambda place: values[place[1]], route)
        filled = re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda place: values[place[1]], filled)
        return "/" + re.sub(r"[\^$?\\]|\\Z", "", filled)


@pytest.fixture
def callers(committed: None, sandbox: Sandbox) -> Callers:
    return Callers()


def ask(client: Client, method: str, address: str, body: dict[str, Any] | None = None) -> HttpResponse:
    if address.startswith(("/api/", "/mcp")) or method not in ("GET", "POST"):
        content = json.dumps(body or {}) if method not in ("GET", "DELETE") else b""
        return client.generic(method, address, content, content_type="application/json")  # type: ignore[return-value]
    return client.generic("GET", address) if method == "GET" else client.post(address, body or {})  # type: ignore[return-value]


def verdict(answer: HttpResponse) -> str:
    if answer.status_code == 401 or answer.headers.get("Location", "").startswith("/accounts/login/"):
        return "login"
    return str(answer.status_code)


# Refused callers come first, because the last one may change what is there.
ORDER = sorted(CALLERS, key=lambda caller: caller == "admin")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.route}")
def test_every_caller_gets_the_answer_of_the_row(callers: Callers, row: Row) -> None:
    address = callers.address(row.route)
    for caller in ORDER:
        before = untouched(callers.world)
        answer = ask(callers.world.client(callers.users[caller]), row.method, address, row.body)
        assert verdict(answer) == row.verdicts[caller], (
            f"{caller}: {answer.status_code} {answer.content[:200]!r}"
        )
        if row.verdicts[caller] in ("login", "403", "404") and caller != "admin":
            assert untouched(callers.world) == before, f"{caller} changed something"


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if "slug>" in row.route or row.route in ("api/workspaces", "mcp")],
    ids=lambda row: f"{row.method} {row.route}",
)
def test_every_key_gets_the_answer_of_the_row(callers: Callers, row: Row) -> None:
    address, world = callers.address(row.route), callers.world
    before = untouched(world)
    for kind in KEYS:
        key = callers.keys[kind]
        answer = ask(bearer(key), row.method, address, row.body)
        # A page does not know keys, and refuses a form without a CSRF token before it asks for a login.
        expected = ("login", "403") if row.route.startswith("orgs/") else (row.verdicts_of_keys[kind],)
        assert verdict(answer) in expected, f"{kind}: {answer.status_code} {answer.content[:200]!r}"
        if kind == "foreign" and "slug>" in row.route:
            absent = ask(bearer(key), row.method, callers.address(row.route, slug="nope"), row.body)
            assert answer.content == absent.content
    assert untouched(world) == before


def called(client: Client, tool: str, arguments: dict[str, Any]) -> HttpResponse:
    params = {"name": tool, "arguments": arguments}
    return ask(client, "POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})


def test_every_tool_has_a_row_and_every_row_a_tool(callers: Callers) -> None:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    listed = ask(bearer(callers.keys["student"]), "POST", "/mcp", asked).json()["result"]["tools"]
    assert {tool["name"] for tool in listed} == set(TOOLS)


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_every_key_gets_the_answer_of_the_tools_row(callers: Callers, tool: str) -> None:
    answers, arguments = TOOLS[tool]
    world = callers.world
    before = untouched(world)
    for kind, code in zip(KEYS, answers.split(), strict=True):
        organization = world.globex if kind == "foreign" else world.acme
        recorded = len(events(organization))
        result = called(bearer(callers.keys[kind]), tool, arguments).json()["result"]
        assert result["isError"] is True
        assert result["structuredContent"]["code"] == code, kind
        denied = [("access.denied", "denied")] if code == "forbidden" else []
        assert events(organization)[recorded:] == denied, kind
    assert untouched(world) == before


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_without_a_key_there_is_no_tool(callers: Callers, tool: str) -> None:
    for caller in CALLERS:
        answer = called(callers.world.client(callers.users[caller]), tool, TOOLS[tool][1])
        assert answer.status_code == 401, caller


@pytest.mark.parametrize("route", sorted({row.route for row in ROWS}))
def test_a_method_without_a_row_is_405(callers: Callers, route: str) -> None:
    known = {row.method for row in ROWS if row.route == route}
    for method in set(METHODS) - known:
        answer = ask(callers.world.client(callers.world.admin), method, callers.address(route))
        # Two operations of the API share an address when one place is named and the other is a word.
        assert answer.status_code == 405 or (method, answer.status_code) == ("DELETE", 404), method


@pytest.mark.parametrize("route", sorted(SIGNED_IN | {"admin/"}))
def test_ones_own_account_needs_a_login(callers: Callers, route: str) -> None:
    for method in METHODS:
        answer = ask(callers.world.client(None), method, callers.address(route))
        assert verdict(answer) == "login", method


@pytest.mark.parametrize("route", sorted(PUBLIC))
def test_public_routes_tell_nothing_of_an_organization(callers: Callers, route: str) -> None:
    answer = ask(callers.world.client(None), "GET", callers.address(route))
    assert answer.status_code < 500
    assert b"Acme Atlas" not in answer.content
    assert b"acme.example" not in answer.content


def test_only_staff_get_into_the_staffs_site_and_they_change_nothing(callers: Callers) -> None:
    staff_routes = [route for route in routes(get_resolver().url_patterns) if route.startswith(STAFF_BELOW)]
    assert len(staff_routes) > 20
    clients = {caller: callers.world.client(user) for caller, user in callers.users.items()}
    before = untouched(callers.world)
    for route in staff_routes:
        if "logout" in route:
            continue
        address = callers.address(route)
        for caller in set(CALLERS) - {"staff"}:
            answer = ask(clients[caller], "GET", address)
            refused = answer.status_code in (403, 404) or "/login/" in answer.headers.get("Location", "")
            assert refused, (caller, address, answer.status_code)
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            ask(clients["staff"], method, address, {"post": "yes", "_selected_action": "1"})
    assert untouched(callers.world) == before


def untouched(world: World) -> dict[str, object]:
    """Return what a refused request must leave as it is: everything but the record of the refusal."""
    with database.superuser() as owner:
        people = owner.execute("SELECT id, email, is_staff, name FROM tenants_user ORDER BY id").fetchall()
    found: dict[str, object] = {"people": people}
    for organization in (world.acme, world.globex):
        with within(organization):
            found[organization.slug] = (
                sorted(Membership.objects.values_list("user__email", "role")),
                [event for event in events(organization) if event[0] != "access.denied"],
            )
    return found


# Foreign equals absent ----------------------------------------------------------------------------------


def seen(answer: HttpResponse) -> tuple[int, bytes, dict[str, str]]:
    """Return all that the browser sees, but for the request's own id and the masks of CSRF tokens."""
    headers = dict(answer.headers) | {"X-Request-Id": ""}
    content = re.sub(rb'name="csrfmiddlewaretoken" value="\w+"', b"", answer.content)
    return answer.status_code, content, headers


@pytest.mark.parametrize(
    "row", [row for row in ROWS if "slug>" in row.route], ids=lambda r: f"{r.method} {r.route}"
)
def test_a_foreign_organization_is_like_none(callers: Callers, row: Row) -> None:
    client = callers.world.client(callers.world.outsider)
    foreign = ask(client, row.method, callers.address(row.route), row.body)
    absent = ask(client, row.method, callers.address(row.route, slug="nope"), row.body)
    assert seen(foreign) == seen(absent)
    assert foreign.status_code == 404


@pytest.mark.parametrize("place", ["role", "remove"])
@pytest.mark.parametrize("htmx", [False, True])
def test_a_foreign_membership_is_like_none(callers: Callers, place: str, htmx: bool) -> None:
    client = callers.world.client(callers.world.admin)
    headers = {"HX-Request": "true"} if htmx else {}
    foreign = callers.membership(callers.world, callers.world.outsider)
    answers = [
        client.post(f"/orgs/acme/members/{membership}/{place}", {"role": "viewer"}, headers=headers)
        for membership in (foreign, uuid.uuid4())
    ]
    assert seen(answers[0]) == seen(answers[1])  # type: ignore[arg-type]
    assert answers[0].status_code == 404


def test_a_foreign_id_in_a_query_is_like_none(callers: Callers) -> None:
    client = callers.world.client(callers.world.admin)
    answers = [
        client.get("/orgs/acme/audit/", {"actor": str(person), "cursor": "1"}).content.replace(
            str(person).encode(), b""
        )
        for person in (callers.world.outsider.pk, uuid.uuid4())
    ]
    mask = re.compile(rb'name="csrfmiddlewaretoken" value="\w+"')
    assert mask.sub(b"", answers[0]) == mask.sub(b"", answers[1])
    assert b"globex" not in answers[0].lower()


def test_a_foreign_workspace_in_a_body_is_like_none(callers: Callers, sandbox: Sandbox) -> None:
    client = callers.world.client(callers.world.admin)
    connect = "/api/orgs/acme/integrations/notion/internal-connect"
    theirs = callers.world.client(callers.world.outsider)
    ask(theirs, "POST", connect.replace("acme", "globex"), {"token": demo_token("Globex Works")})
    integration = the_integration(callers.world.globex)
    assert integration is not None
    body = {"token": demo_token("Acme Atlas")}
    answers = [
        ask(client, "POST", connect, body | {"workspaceId": str(workspace)})
        for workspace in (integration.workspace_id, uuid.uuid4())
    ]
    assert seen(answers[0]) == seen(answers[1])
    assert answers[0].status_code == 400


# Memberships and grants of the person who asks; nothing else of an organization is asked for then.
ASKED_OF_AN_OUTSIDER = {"tenants_membership", "tenants_organization", "tenants_organizationuserpermission"}


@pytest.mark.parametrize(
    "row", [row for row in ROWS if "slug>" in row.route], ids=lambda r: f"{r.method} {r.route}"
)
def test_an_outsider_is_refused_before_anything_of_the_organization_is_asked_for(
    callers: Callers, row: Row
) -> None:
    client = callers.world.client(callers.world.outsider)
    with CaptureQueriesContext(connection) as queries:
        ask(client, row.method, callers.address(row.route), row.body)
    asked = {found for query in queries for found in _scoped_tables().findall(query["sql"])}
    assert asked <= ASKED_OF_AN_OUTSIDER
    assert "tenants_membership" in asked or row.verdicts["outsider"] != "404"


# Denials and CSRF ---------------------------------------------------------------------------------------

REFUSING = [row for row in ROWS if row.verdicts["viewer"] == "403" and "callback" not in row.route]


@pytest.mark.parametrize("row", REFUSING, ids=lambda row: f"{row.method} {row.route}")
def test_a_members_attempt_is_recorded_there_and_an_outsiders_elsewhere(callers: Callers, row: Row) -> None:
    world = callers.world
    ask(world.client(world.viewer), row.method, callers.address(row.route), row.body)
    assert events(world.acme)[-1] == ("access.denied", "denied")
    before = events(world.acme)
    ask(world.client(world.outsider), row.method, callers.address(row.route), row.body)
    assert events(None)[-1] == ("access.denied", "denied")
    assert events(world.acme) == before


# No session opens /mcp, so that there is none for another site's page to abuse.
FORMS = [row for row in ROWS if row.method != "GET" and row.route != "mcp"]


@pytest.mark.parametrize("row", FORMS, ids=lambda row: f"{row.method} {row.route}")
def test_nothing_changes_without_a_csrf_token(callers: Callers, row: Row) -> None:
    strict = callers.world.client(callers.world.admin, enforce_csrf_checks=True)
    before = untouched(callers.world)
    assert ask(strict, row.method, callers.address(row.route), row.body).status_code == 403
    assert untouched(callers.world) == before
