"""Service accounts: keys that are shown once, and what ends them ends them at once."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenants import access
from tenants.models import Membership, ServiceAccount
from tenants.policy import Forbidden
from tenants.roles import Maturity, Permission, Role
from tenants.services import service_accounts
from tenants.services.members import remove_member
from tenants.services.service_accounts import (
    AccountRefused,
    NoSuchAccount,
    change_maturity,
    confirm_service_account,
    create_service_account,
    hash_of,
    revoke_service_account,
)
from tests import database
from tests.factories import World, bearer, events, make_account, make_member, make_world, within
from tests.integrations.test_races import at_once

SCANS = "/api/orgs/acme/scans"
UNKNOWN = {"error": "This key is unknown, revoked or expired.", "code": "not_authenticated"}


def changed(world: World, **values: Any) -> None:
    with within(world.acme):
        ServiceAccount.objects.filter(organization=world.acme).update(**values)


def test_a_key_opens_its_organization_and_no_other(world: World) -> None:
    script = bearer(make_account(world.acme, world.admin).key)
    assert script.get(SCANS).status_code == 200
    foreign, unknown = script.get("/api/orgs/globex/scans"), script.get("/api/orgs/nowhere/scans")
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.content == unknown.content


def test_a_key_is_stored_nowhere(world: World) -> None:
    key = make_account(world.acme, world.admin).key
    with within(world.acme):
        account = ServiceAccount.objects.get()
    assert key.startswith(account.key_prefix)
    assert len(key) == len("nscan_") + 43
    assert key[len(account.key_prefix) :] not in str(account.__dict__)


@pytest.mark.parametrize("key", ["nscan_" + "x" * 43, "x", "nscan_", "ntn_abc"])
def test_an_unknown_key_is_401(world: World, key: str) -> None:
    # Also with a session beside it: whoever sends a key means it.
    response = world.client(world.admin).get(SCANS, headers={"Authorization": f"Bearer {key}"})
    assert response.status_code == 401
    assert response.json() == UNKNOWN
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_key_in_the_address_is_401_even_beside_a_good_one(world: World) -> None:
    key = make_account(world.acme, world.admin).key
    for address in (f"{SCANS}?key={key}", f"{SCANS}?{key}=1", f"{SCANS}?cursor=x{key}"):
        response = bearer(key).get(address)
        assert response.status_code == 401
        assert "Authorization header" in response.json()["error"]
        assert bearer("").get(address).status_code == 401


def test_no_key_and_no_login_is_401(world: World) -> None:
    response = world.client(None).get(SCANS)
    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")


def test_a_key_needs_no_csrf_token(world: World) -> None:
    script = bearer(make_account(world.acme, world.admin, maturity=Maturity.SUPERVISED).key)
    response = script.post(SCANS, {}, content_type="application/json")
    assert response.json()["code"] == "integration_not_found"


@pytest.mark.parametrize(
    ("maturity", "reads", "writes"),
    [("student", 403, 403), ("intern", 200, 403), ("supervised", 200, 404), ("autonomous", 200, 404)],
)
def test_a_maturity_says_what_a_key_may_do(world: World, maturity: str, reads: int, writes: int) -> None:
    script = bearer(make_account(world.acme, world.admin, maturity=Maturity(maturity)).key)
    assert script.get(SCANS).status_code == reads
    assert script.post(SCANS, {}, content_type="application/json").status_code == writes


def test_no_maturity_manages(world: World) -> None:
    script = bearer(make_account(world.acme, world.admin, maturity=Maturity.AUTONOMOUS).key)
    response = script.delete("/api/orgs/acme/integrations/notion")
    assert response.status_code == 403
    assert "maturity (autonomous)" in response.json()["error"]
    assert events(world.acme)[-1] == ("access.denied", "denied")


def test_a_key_opens_no_page(world: World) -> None:
    script = bearer(make_account(world.acme, world.admin, maturity=Maturity.AUTONOMOUS).key)
    response = script.get("/orgs/acme/")
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/accounts/login/")


def test_a_revoked_key_is_refused_on_the_next_request(world: World) -> None:
    made = make_account(world.acme, world.admin)
    script = bearer(made.key)
    assert script.get(SCANS).status_code == 200
    with within(world.acme):
        revoke_service_account(organization=world.acme, actor=world.admin, account_id=made.account.pk)
    response = script.get(SCANS)
    assert (response.status_code, response.json()) == (401, UNKNOWN)
    assert events(world.acme)[-2:] == [("service_account.revoked", "success"), ("access.denied", "denied")]


def test_an_expired_key_is_refused(world: World) -> None:
    script = bearer(make_account(world.acme, world.admin).key)
    changed(world, expires_at=timezone.now() - timedelta(seconds=1))
    assert script.get(SCANS).json() == UNKNOWN


def test_a_dead_key_is_refused_for_ever_and_recorded_ten_times(world: World) -> None:
    script = bearer(make_account(world.acme, world.admin).key)
    changed(world, revoked_at=timezone.now())
    assert {script.get(SCANS).status_code for _ in range(15)} == {401}
    assert events(world.acme).count(("access.denied", "denied")) == 10


def test_a_demoted_key_loses_its_rights_on_the_next_request(world: World) -> None:
    made = make_account(world.acme, world.admin)
    with within(world.acme):
        change_maturity(
            organization=world.acme, actor=world.admin, account_id=made.account.pk, maturity=Maturity.STUDENT
        )
    assert bearer(made.key).get(SCANS).status_code == 403
    assert ("service_account.changed", "success") in events(world.acme)


def test_an_account_whose_sponsor_left_waits_for_an_admin(world: World) -> None:
    second = make_member(world.acme, Role.ADMIN, "second@acme.example")
    made = make_account(world.acme, second)
    kept = make_account(world.acme, world.admin)
    with within(world.acme):
        remove_member(membership=Membership.objects.get(user=second), actor=world.admin)
    response = bearer(made.key).get(SCANS)
    assert response.status_code == 403
    assert "suspended" in response.json()["error"]
    assert bearer(kept.key).get(SCANS).status_code == 200
    with within(world.acme):
        confirm_service_account(organization=world.acme, actor=world.admin, account_id=made.account.pk)
    assert bearer(made.key).get(SCANS).status_code == 200
    # The admin who confirmed it answers for it now.
    with within(world.acme):
        assert ServiceAccount.objects.get(pk=made.account.pk).sponsor_id == world.admin.pk
    found = events(world.acme)
    assert ("service_account.suspended", "success") in found
    assert ("service_account.confirmed", "success") in found


def test_who_left_answers_for_no_account(world: World) -> None:
    second = make_member(world.acme, Role.ADMIN, "second@acme.example")
    made = make_account(world.acme, second)
    with within(world.acme):
        remove_member(membership=Membership.objects.get(user=second), actor=world.admin)
        with pytest.raises(AccountRefused):
            create_service_account(
                organization=world.acme, actor=second, name="Late", maturity=Maturity.AUTONOMOUS
            )
        with pytest.raises(AccountRefused):
            confirm_service_account(organization=world.acme, actor=second, account_id=made.account.pk)
        assert ServiceAccount.objects.get().state == "suspended"


def test_an_account_made_while_its_maker_is_removed_is_suspended(
    committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    second = make_member(world.acme, Role.ADMIN, "second@acme.example")
    made, removed = threading.Event(), threading.Event()
    real = service_accounts.record

    def slow(**event: Any) -> Any:
        if event["action"] == "service_account.created":
            made.set()
            # Not for long, if a lock parts the two.
            removed.wait(1)
        return real(**event)

    def remove() -> int:
        made.wait(5)
        with within(world.acme):
            remove_member(membership=Membership.objects.get(user=second), actor=world.admin)
        removed.set()
        return 0

    monkeypatch.setattr(service_accounts, "record", slow)
    at_once([lambda: len(make_account(world.acme, second).key), remove])
    with within(world.acme):
        assert ServiceAccount.objects.get().state == "suspended"


def test_an_account_with_roots_gets_nothing_of_the_whole_workspace(world: World) -> None:
    script = bearer(make_account(world.acme, world.admin, roots=[world.acme.pk]).key)
    for address in (SCANS, "/api/orgs/acme/integrations"):
        response = script.get(address)
        assert response.status_code == 403
        assert "limited to some parts" in response.json()["error"]


def test_a_budget_is_per_minute_and_says_when_to_come_back(world: World) -> None:
    script = bearer(make_account(world.acme, world.admin, requests_per_minute=3).key)
    assert [script.get(SCANS).status_code for _ in range(4)] == [200, 200, 200, 429]
    response = script.get(SCANS)
    assert response.json()["code"] == "budget_spent"
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    changed(world, window_started_at=timezone.now() - timedelta(seconds=61))
    assert script.get(SCANS).status_code == 200


def test_a_request_with_a_key_costs_three_queries_before_its_own(world: World) -> None:
    script = bearer(make_account(world.acme, world.admin).key)
    with CaptureQueriesContext(connection) as captured:
        script.get(SCANS)
    ours = [q["sql"] for q in captured if "tenants_" in q["sql"] or "service_account_of" in q["sql"]]
    assert len(ours) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"name": "x" * 101},
        {"name": "two\nlines"},
        {"requests_per_minute": 0},
        {"requests_per_minute": 601},
        {"expires_at": timezone.now() - timedelta(days=1)},
        {"expires_at": timezone.now() + timedelta(days=400)},
    ],
)
def test_what_cannot_be_is_refused(world: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(AccountRefused):
        make_account(world.acme, world.admin, **wrong)


def test_another_organizations_account_is_none(world: World) -> None:
    made = make_account(world.globex, world.outsider)
    with within(world.acme), pytest.raises(NoSuchAccount):
        revoke_service_account(organization=world.acme, actor=world.admin, account_id=made.account.pk)


def test_a_hash_finds_an_account_without_a_scope_and_tells_ids_alone(committed: None) -> None:
    world = make_world()
    made = make_account(world.acme, world.admin)
    with psycopg.connect(database.url("default")) as app:
        found = app.execute("SELECT * FROM service_account_of(%s)", [hash_of(made.key)]).fetchall()
    assert found == [(made.account.pk, world.acme.pk)]


def test_what_is_for_people_alone_refuses_a_key_that_could_read(world: World, rf: RequestFactory) -> None:
    request = rf.get("/")
    request.auth = make_account(world.acme, world.admin).account  # type: ignore[attr-defined]
    with within(world.acme), pytest.raises(Forbidden):
        access.member(request, "acme", Permission.READ)
