"""Events: in the effect's transaction, append-only, and readable by the organization's admins."""

from __future__ import annotations

import html
import json
import logging
import re
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from django.test import Client

from audit.actions import Action, Result
from audit.models import DEPLOYMENT, Event
from audit.record import record
from notionscan import rls
from notionscan.logs import JsonFormatter
from tenants.models import User
from tenants.roles import Role
from tests import database
from tests.factories import PASSWORD, World, events, make_member, make_organization, make_world, within

PAGE = "/orgs/acme/audit/"


def test_an_event_shares_the_fate_of_its_effect(committed: None, caplog: pytest.LogCaptureFixture) -> None:
    acme = make_organization("acme", "Acme")
    caplog.clear()
    with caplog.at_level(logging.INFO, "notionscan.audit"):
        with pytest.raises(ValueError, match="undone"), within(acme):
            record(action=Action.MEMBER_ADDED, organization=acme.pk, actor=None)
            raise ValueError("undone")
        assert events(acme) == [("organization.created", "success")]
        assert caplog.records == []
        with within(acme):
            record(action=Action.MEMBER_ADDED, organization=acme.pk, actor=None, role="viewer")
    assert events(acme)[-1] == ("member.added", "success")
    assert [entry.getMessage() for entry in caplog.records] == ["member.added"]
    assert caplog.records[0].fields["role"] == "viewer"  # type: ignore[attr-defined]


def test_an_event_is_one_json_line_with_all_that_identifies_it(
    committed: None, caplog: pytest.LogCaptureFixture
) -> None:
    acme = make_organization("acme", "Acme \u2028 Atlas")
    admin = make_member(acme, Role.ADMIN)
    caplog.clear()
    with caplog.at_level(logging.INFO, "notionscan.audit"), within(acme):
        event = record(action=Action.MEMBER_ADDED, organization=acme.pk, actor=admin, target=acme, note="é\n")
    [line] = [JsonFormatter().format(entry) for entry in caplog.records]
    assert "\n" not in line
    fields = json.loads(line)
    assert fields | {"at": ""} == {
        "at": "",
        "level": "info",
        "logger": "notionscan.audit",
        "message": "member.added",
        "event": str(event.pk),
        "organization": str(acme.pk),
        "actor": "admin@acme.example",
        "action": "member.added",
        "result": "success",
        "target": str(acme.pk),
        "request": "",
        "sequence": event.sequence,
        "hash": event.hash,
        "note": "é\n",
    }


def test_an_event_without_an_organization_is_the_deployments(world: World) -> None:
    before = events(world.acme)
    with within(world.acme):
        event = record(action=Action.LOGIN_FAILED, organization=None, actor=None, result=Result.DENIED)
    assert event.organization_id == DEPLOYMENT
    assert event.actor_label == "Notion Scan"
    assert events(world.acme) == before
    assert events(None)[-1] == ("auth.login_failed", "denied")


def test_an_event_outside_a_transaction_is_refused(committed: None) -> None:
    acme = make_organization("acme", "Acme")
    with rls.scope(rls.organization_scope(acme.pk)), pytest.raises(rls.ScopeMissing):
        record(action=Action.MEMBER_ADDED, organization=acme.pk, actor=None)


def test_an_effect_whose_event_cannot_be_written_does_not_happen(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tenants.models import Membership
    from tenants.services import members

    def fail(**kwargs: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(members, "record", fail)
    with within(world.acme):
        membership = Membership.objects.select_related("organization").get(user=world.viewer)
        with pytest.raises(OSError, match="disk"):
            members.remove_member(membership=membership, actor=world.admin)
        assert Membership.objects.filter(user=world.viewer).exists()


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_event SET result = 'success'", "DELETE FROM audit_event", "TRUNCATE audit_event"],
)
def test_the_app_cannot_change_or_delete_events(world: World, statement: str) -> None:
    with (
        within(world.acme),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.parametrize("alias", ["default", "worker"])
@pytest.mark.parametrize("statement", ["UPDATE audit_event SET result = ''", "DELETE FROM audit_event"])
def test_neither_role_changes_committed_events(committed: None, alias: str, statement: str) -> None:
    acme = make_organization("acme", "Acme")
    with psycopg.connect(database.url(alias)) as db:
        db.execute("SELECT scope_bind(%s, %s)", rls.organization_scope(acme.pk).signed())
        assert db.execute("SELECT count(*) FROM audit_event").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
            db.execute(statement)
    assert events(acme) == [("organization.created", "success")]


def test_metadata_is_for_facts(world: World) -> None:
    with within(world.acme), pytest.raises(ValueError, match="not for content"):
        record(action=Action.MEMBER_ADDED, organization=world.acme.pk, actor=None, note="x" * 5000)


def test_labels_are_cut_and_cleaned(world: World) -> None:
    world.viewer.email = "a\x00b\u202e" + "c" * 300
    with within(world.acme):
        event = record(action=Action.MEMBER_ADDED, organization=world.acme.pk, actor=world.viewer)
    assert event.actor_label.startswith("abc")
    assert len(event.actor_label) == 254


def log_in(email: str, password: str) -> Any:
    return Client().post("/accounts/login/", {"login": email, "password": password})


def test_logging_in_and_out_and_failing_to_are_events(db: None) -> None:
    acme = make_organization("acme", "Acme")
    make_member(acme, Role.ADMIN, password=True)
    browser = Client()
    browser.post("/accounts/login/", {"login": "admin@acme.example", "password": PASSWORD})
    browser.post("/accounts/logout/")
    log_in("admin@acme.example", "not-the-password-1")
    log_in("nobody@acme.example", "not-the-password-2")
    assert events(None) == [
        ("organization.created", "success"),
        ("auth.password_changed", "success"),
        ("auth.login", "success"),
        ("auth.logout", "success"),
        ("auth.login_failed", "denied"),
        ("auth.login_failed", "denied"),
    ]
    with rls.scope(rls.organization_scope(DEPLOYMENT)):
        stored = str([vars(event) for event in Event.objects.all()])
    assert "not-the-password" not in stored
    assert "nobody@" not in stored


def _fill(world: World, count: int) -> None:
    with within(world.acme):
        for number in range(count):
            record(
                action=Action.INTEGRATION_TESTED,
                organization=world.acme.pk,
                actor=world.viewer,
                target=User(email=f"number-{number:03}"),
                result=Result.ERROR if number % 2 else Result.SUCCESS,
            )


def test_the_page_walks_back_through_all_events(world: World) -> None:
    _fill(world, 120)
    browser = world.client(world.admin)
    seen: list[str] = []
    cursor: str | None = ""
    sizes: list[int] = []
    while cursor is not None:
        context = browser.get(PAGE, {"cursor": cursor, "action": "integration.tested"}).context
        seen += [event.target_label for event in context["events"]]
        cursor = context["next_cursor"]
        sizes.append(len(context["events"]))
    assert sizes == [50, 50, 20]
    assert sorted(seen) == [f"number-{number:03}" for number in range(120)]
    # Newest first; within one moment, any stable order will do.
    assert [int(label[-3:]) // 7 for label in seen] == sorted((n // 7 for n in range(120)), reverse=True)


@pytest.mark.parametrize("cursor", ["junk", "====", "bm90IGEgY3Vyc29y", "\x00", "é" * 50])
def test_an_unreadable_cursor_is_the_first_page(world: World, cursor: str) -> None:
    response = world.client(world.admin).get(PAGE, {"cursor": cursor})
    assert response.status_code == 200
    assert response.context["events"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"action": "integration.tested"}, 4),
        ({"result": "error"}, 2),
        ({"action": "integration.tested", "result": "success"}, 2),
        ({"action": "organization.created"}, 1),
        ({"action": "organization.created", "result": "error"}, 0),
        ({"action": "", "result": "", "actor": ""}, 8),
        ({"action": "no.such"}, 0),
        ({"result": "\x00"}, 0),
        ({"actor": "junk"}, 0),
        ({"result": "' OR 1=1"}, 0),
    ],
)
def test_the_page_filters(world: World, filters: dict[str, str], expected: int) -> None:
    _fill(world, 4)
    response = world.client(world.admin).get(PAGE, filters)
    assert len(response.context["events"]) == expected


def test_the_page_filters_by_person(world: World) -> None:
    _fill(world, 4)
    browser = world.client(world.admin)
    person = {"actor": str(world.viewer.pk)}
    assert len(browser.get(PAGE, person).context["events"]) == 4
    combined = person | {"action": "integration.tested", "result": "error"}
    found = browser.get(PAGE, combined).context["events"]
    assert sorted(event.target_label for event in found) == ["number-001", "number-003"]
    assert browser.get(PAGE, {"actor": str(world.outsider.pk)}).context["events"] == []


def test_the_next_page_keeps_the_filters(world: World) -> None:
    _fill(world, 120)
    browser = world.client(world.admin)
    page = browser.get(PAGE, {"result": "error"}).content.decode()
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older is not None
    following = browser.get(html.unescape(older[1]))
    assert len(following.context["events"]) == 10
    assert {event.result for event in following.context["events"]} == {"error"}


@pytest.mark.parametrize("person", ["viewer", "editor", "outsider"])
def test_only_admins_of_the_organization_read_its_events(world: World, person: str) -> None:
    browser = world.client(getattr(world, person))
    for headers in ({}, {"HX-Request": "true"}):
        answer = browser.get(PAGE, headers=headers)
        assert answer.status_code == (404 if person == "outsider" else 403)
        assert b"Organization created" not in answer.content


def test_what_others_wrote_is_text(world: World) -> None:
    world.viewer.email = "<script>alert(1)</script>"
    with within(world.acme):
        record(action=Action.MEMBER_ADDED, organization=world.acme.pk, actor=world.viewer, role="<b>bold</b>")
    page = world.client(world.admin).get(PAGE).content.decode()
    assert "<script>alert" not in page
    assert "<b>bold" not in page
    assert "&lt;script&gt;alert" in page


def test_a_fragment_is_the_page_without_its_frame(world: World) -> None:
    browser = world.client(world.admin)
    page = browser.get(PAGE).content.decode()
    fragment = browser.get(PAGE, headers={"HX-Request": "true"}).content.decode()
    assert 'id="events"' in page
    assert 'id="events"' in fragment
    assert "<html" in page
    assert "<html" not in fragment


def test_other_organizations_events_are_never_shown(committed: None) -> None:
    world = make_world()
    page = world.client(world.admin).get(PAGE).content.decode()
    assert "Acme Atlas" in page
    assert "globex" not in page.lower()
