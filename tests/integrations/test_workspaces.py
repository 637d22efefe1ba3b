"""A person's connections across organizations: their own, and no more than what is listed."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from integrations.models import OwnConnection
from notionscan import rls
from tenants.roles import Maturity, Role
from tenants.services.members import add_member
from tests.factories import World, bearer, make_account, make_organization, within
from tests.integrations.test_budget import make_budget

URL = "/api/workspaces"


def test_the_connections_of_ones_own_organizations_are_listed(world: World) -> None:
    make_budget(world.acme)
    make_budget(world.globex)
    for user in (world.admin, world.viewer):
        [found] = world.client(user).get(URL).json()
        assert found.pop("authorizedAt") is not None
        assert found == {
            "organization": "acme",
            "provider": "notion",
            "connectionType": "internal",
            "workspaceName": None,
            "accountId": str(world.acme.pk),
            "lastUsedAt": None,
        }
    with within(world.globex):
        add_member(organization=world.globex, user=world.viewer, role=Role.VIEWER, actor=None)
    listed = [found["organization"] for found in world.client(world.viewer).get(URL).json()]
    assert listed == ["acme", "globex"]


def test_a_key_lists_its_own_organization_alone(world: World) -> None:
    make_budget(world.acme)
    make_budget(world.globex)
    # Also where the person who made it has more of them.
    with within(world.globex):
        add_member(organization=world.globex, user=world.admin, role=Role.ADMIN, actor=None)
    found = bearer(make_account(world.acme, world.admin).key).get(URL).json()
    assert [each["organization"] for each in found] == ["acme"]
    student = make_account(world.acme, world.admin, maturity=Maturity.STUDENT)
    assert bearer(student.key).get(URL).status_code == 403


def test_an_organization_without_a_connection_is_not_listed(world: World) -> None:
    assert world.client(world.admin).get(URL).json() == []


def test_many_organizations_cost_no_more_queries_than_one(world: World) -> None:
    make_budget(world.acme)
    browser = world.client(world.viewer)
    with CaptureQueriesContext(connection) as one:
        assert len(browser.get(URL).json()) == 1
    for number in range(20):
        organization = make_organization(f"org-{number}", f"Organization {number}")
        make_budget(organization)
        with within(organization):
            add_member(organization=organization, user=world.viewer, role=Role.VIEWER, actor=None)
    with CaptureQueriesContext(connection) as many:
        assert len(browser.get(URL).json()) == 21
    assert len(many) == len(one)


@pytest.mark.parametrize("kind", ["none", "organization", "job", "staff", "another person"])
def test_another_scope_lists_nothing(world: World, kind: str) -> None:
    make_budget(world.acme)
    scope = {
        "none": None,
        "organization": rls.organization_scope(world.acme.pk, user_id=world.admin.pk),
        "job": rls.job_scope(world.acme.pk),
        "staff": rls.staff_scope(world.admin.pk),
        "another person": rls.user_scope(world.outsider.pk),
    }[kind]
    with rls.scope(scope), transaction.atomic():
        assert list(OwnConnection.objects.all()) == []
    with rls.scope(rls.user_scope(world.admin.pk)), transaction.atomic():
        assert OwnConnection.objects.count() == 1
