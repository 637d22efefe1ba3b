"""Events: in the effect's transaction, append-only, and readable by the organization's admins."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from django.test import Client
from django.utils import timezone

from audit.actions import Action, Result
from audit.models import DEPLOYMENT, Event
from audit.record import record
from notionscan import rls
from tenants.roles import Role
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
    now = timezone.now()
    with within(world.acme):
        Event.objects.bulk_create(
            Event(
                organization_id=world.acme.pk,
                action=Action.INTEGRATION_TESTED,
                result=Result.ERROR if number % 2 else Result.SUCCESS,
                # Several at the very same moment: the cursor must not lose or repeat any.
                created_at=now + timedelta(seconds=number // 7),
                actor_id=world.viewer.pk,
                actor_label="viewer@acme.example",
                target_label=f"number-{number:03}",
            )
            for number in range(count)
        )


def test_the_page_walks_back_through_all_events(world: World) -> None:
    _fill(world, 120)
    browser = world.client(world.admin)
    seen: list[str] = []
    cursor: str | None = ""
    pages = 0
    while cursor is not None:
        context = browser.get(PAGE, {"cursor": cursor, "action": "integration.tested"}).context
        seen += [event.target_label for event in context["events"]]
        cursor = context["next_cursor"]
        pages += 1
    assert pages == 3
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
        ({"action": "no.such"}, 0),
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
    response = world.client(world.admin).get(PAGE, {"actor": str(world.viewer.pk)})
    assert len(response.context["events"]) == 4


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
