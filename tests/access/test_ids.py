"""Another organization's id is like none, byte for byte, wherever an id can be sent.

In the address: every row of the matrix. In a query, a form or a body: ``PLACES``. Whatever else a request can
say is one of ``WORDS``, which name nothing that anybody owns; a name that is on neither list fails here.
"""

from __future__ import annotations

import inspect
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.http import HttpResponse
from django.utils.module_loading import import_string

from integrations.sandbox import Sandbox, demo_token
from notionscan.api import api
from tenants.models import User
from tenants.roles import Role
from tenants.services.members import add_member
from tests.access.matrix import GATEWAY, ROWS, Row
from tests.access.test_matrix import ask, seen
from tests.access.whole import Whole, make_whole, state, until
from tests.factories import make_member, within

ROOT = Path(__file__).resolve().parents[2]
APPS = ("tenants", "integrations", "audit", "scans")


@dataclass(frozen=True)
class Place:
    """Where an id can be sent besides the address. ``of`` names what it is of, as in ``Whole.own``."""

    method: str
    path: str
    name: str
    of: str
    more: dict[str, str] = field(default_factory=dict)


_CALIBRATION = "/orgs/acme/calibration"
PLACES = (
    Place("GET", "/orgs/acme/audit/", "actor", "user"),
    Place("GET", "/orgs/acme/audit/", "cursor", "scan_id"),
    Place("GET", "/orgs/acme/members/", "remove", "membership_id"),
    Place("GET", "/orgs/acme/service-accounts/", "revoke", "account_id"),
    Place("GET", "/orgs/acme/scans/", "cursor", "scan_id"),
    Place("GET", "/orgs/acme/findings/", "cursor", "finding_id"),
    Place("GET", "/api/orgs/acme/scans", "cursor", "scan_id"),
    Place("GET", "/api/orgs/acme/scans/{scan_id}/findings", "cursor", "finding_id"),
    Place("POST", "/orgs/acme/findings/{finding_id}/assign", "owner", "user"),
    Place("POST", f"{_CALIBRATION}/pin", "object", "object", {"pin": "core"}),
    Place("POST", f"{_CALIBRATION}/person", "person", "person", {"is": "left"}),
    Place("POST", f"{_CALIBRATION}/mute", "scope", "object", {"rule": "V1", "reason": "x", "until": until()}),
    Place("POST", f"{_CALIBRATION}/unmute", "scope", "object", {"rule": "V1"}),
    Place("POST", f"{_CALIBRATION}/label", "key", "object", {"label": "accepted"}),
    Place("POST", "/orgs/acme/integrations/notion/connect", "workspace_id", "object", {"token": "x"}),
    Place("POST", "/orgs/acme/integrations/notion/mirror/set", "link", "object"),
    Place("POST", "/orgs/acme/integrations/notion/mirror/create", "link", "object"),
    Place("POST", "/orgs/acme/integrations/notion/mirror/set", "source", "object", {"link": "0" * 32}),
    # Where nothing is connected: test_a_foreign_workspace_in_a_body_is_like_none.
    Place("POST", "/api/orgs/acme/integrations/notion/internal-connect", "workspaceId", "object"),
)
# What else is sent: numbers within one's own organization, choices, texts, secrets.
WORDS = {
    *("action", "result", "format", "dialog", "status", "back"),
    *("role", "every", "full", "redaction", "redact", "days", "expiresAt", "recipient", "passcode", "token"),
    # The roots are Notion's ids, which are looked up with one's own token alone.
    *("maturity", "requests_per_minute", "last_day", "roots", "pageSize"),
    *("rule", "reason", "until", "note", "number", "based_on", "pin", "label", "due_on"),
    # Of a consent, bound to session and person: tests/integrations/test_oauth.py.
    *("state", "code", "error"),
    # Slugs of what everybody has; the organization's own is asked for in test_matrix.py.
    *("slug", "provider", "name"),
}


@pytest.fixture
def whole(committed: None, sandbox: Sandbox) -> Whole:
    return make_whole()


def id_names(route: str) -> list[str]:
    """Return what an address names by an id, and not by a word."""
    return [name for name in re.findall(r"<(?:\w+:)?(\w+)>", route) if name not in WORDS]


def address(route: str, ids: dict[str, str]) -> str:
    ids = ids | {"slug": "acme", "provider": "notion", "name": "structure"}
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda place: ids[place[1]], route)


WITH_IDS = [row for row in ROWS if id_names(row.route)]


def test_every_kind_of_id_in_an_address_is_tried(whole: Whole) -> None:
    named = {name for row in ROWS for name in id_names(row.route)}
    assert named <= whole.own.keys(), "Give both organizations one of these in tests/access/whole.py."
    assert whole.own.keys() == whole.foreign.keys()
    # But for a finding's key, which names a rule.
    assert all(whole.own[name] != whole.foreign[name] for name in whole.own.keys() - {"finding"})
    assert len(WITH_IDS) > 10


def test_a_foreign_id_in_an_address_is_like_none(whole: Whole) -> None:
    elsewhere = _viewer_who_is_an_admin_elsewhere(whole)
    before = state(whole.world.globex)
    differ = []
    for row in WITH_IDS:
        for person in (whole.world.admin, elsewhere):
            answers = [
                _asked(whole, person, row, {name: ids(name) for name in id_names(row.route)})
                for ids in (whole.foreign.__getitem__, lambda name: str(uuid.uuid4()))
            ]
            if answers[0] != answers[1] or (
                person == whole.world.admin and answers[0][0] not in _absent(row)
            ):
                differ.append((row.method, row.route, person.email, answers[0][0], answers[1][0]))
    assert differ == []
    assert state(whole.world.globex) == before


def test_ones_own_id_in_an_address_is_found(whole: Whole) -> None:
    """The control: the same requests with one's own ids are no 404."""
    # What reads comes first, because what writes ends what is asked for.
    for row in sorted(WITH_IDS, key=lambda row: (row.method != "GET", "remove" in row.route)):
        status = _asked(whole, whole.world.admin, row, whole.own)[0]
        assert status not in (404, 403), (row.method, row.route)


def _absent(row: Row) -> set[int]:
    """Return what an unknown id may be answered: of Notion's, what is wrong with the body is told first."""
    return {400, 404} if row.route.startswith(GATEWAY) and row.body else {404}


def _asked(whole: Whole, person: User, row: Row, ids: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
    client = whole.world.client(person)
    answer = ask(client, row.method, address(row.route, ids), row.body)
    return _without(seen(answer), list(ids.values()))


def _without(answer: tuple[int, bytes, dict[str, str]], ids: list[str]) -> tuple[int, bytes, dict[str, str]]:
    """Return the answer without the ids that were sent, which it may repeat, and without times in words."""
    status, content, headers = answer
    # How long ago something was, in words.
    content = re.sub(rb">[^<]*</time>", b"></time>", content)
    for sent in ids:
        content = content.replace(sent.encode(), b"ID").replace(sent.replace("-", "").encode(), b"ID")
        headers = {name: value.replace(sent, "ID") for name, value in headers.items()}
    return status, content, headers | {"Content-Length": ""}


def _viewer_who_is_an_admin_elsewhere(whole: Whole) -> User:
    person = make_member(whole.world.acme, Role.VIEWER, "elsewhere@both.example")
    with within(whole.world.globex):
        add_member(organization=whole.world.globex, user=person, role=Role.ADMIN, actor=None)
    return person


def test_a_foreign_id_that_is_sent_otherwise_is_like_none(whole: Whole) -> None:
    before = state(whole.world.globex)
    for place in PLACES:
        more = place.more | ({"token": demo_token("Acme Atlas")} if "connect" in place.path else {})
        answers = []
        for sent in (whole.foreign[place.of], str(uuid.uuid4())):
            # A new browser each time: an answer shows what the one before it left to be said.
            client = whole.world.client(whole.world.admin)
            path = place.path.format(**whole.own)
            given = {place.name: sent, **more}
            answer: Any = client.get(path, given) if place.method == "GET" else _posted(client, path, given)
            shown = answer.content.lower()
            assert b"globex" not in shown, place
            answers.append(_without(seen(answer), [sent]))
        assert answers[0] == answers[1], place
        # 502 is our sentence for what Notion answered.
        assert answers[0][0] in (200, 302, 400, 404, 409, 502), place
    assert state(whole.world.globex) == before


def _posted(client: Any, path: str, given: dict[str, str]) -> HttpResponse:
    return ask(client, "POST", path, given)


def test_whatever_a_request_can_say_is_a_place_or_a_word() -> None:
    places = {place.name for place in PLACES}
    assert set(names()) - places - WORDS == set(), "Add it to PLACES, or to WORDS if it names nothing."
    assert places <= set(names())


def names() -> Iterator[str]:
    """Yield the names of all that a view or the API reads: of forms, of queries, of schemas."""
    for app in APPS:
        for path in sorted((ROOT / app).glob("*.py")):
            yield from re.findall(r"request\.(?:GET|POST)\.get\(\s*\"(\w+)\"", path.read_text())
            if path.name.endswith("forms.py"):
                module = import_string(f"{app}.{path.stem}.forms")
                yield from _of_forms(app, path.stem, module)
    document = api.get_openapi_schema()
    for operation in (each for methods in document["paths"].values() for each in methods.values()):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] != "path":
                yield parameter["name"]
    for name, schema in document["components"]["schemas"].items():
        if name.endswith("In"):
            yield from schema["properties"]


def _of_forms(app: str, stem: str, module: Any) -> Iterator[str]:
    holder = import_string(f"{app}.{stem}.__dict__")
    for found in holder.values():
        if inspect.isclass(found) and issubclass(found, forms.BaseForm) and found.__module__.startswith(app):
            yield from found.base_fields  # type: ignore[attr-defined]
