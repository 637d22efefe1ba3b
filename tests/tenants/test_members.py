"""Members: roles, the grants that follow them, and the last admin."""

from __future__ import annotations

import pytest
from django.urls import reverse
from guardian.shortcuts import get_user_perms

from tenants.models import Membership, OrganizationUserPermission
from tenants.roles import PERMISSIONS, Role
from tenants.services.members import LastAdmin, add_member, change_role, remove_member
from tests.factories import World, events, make_member, within


def _membership(world: World, role: Role) -> Membership:
    return Membership.objects.select_related("organization", "user").get(organization=world.acme, role=role)


@pytest.mark.parametrize("role", list(Role))
def test_the_grants_are_those_of_the_role(world: World, role: Role) -> None:
    with within(world.acme):
        user = _membership(world, role).user
        assert set(get_user_perms(user, world.acme)) == {p.value for p in PERMISSIONS[role]}


def test_a_changed_role_changes_the_grants(world: World) -> None:
    with within(world.acme):
        change_role(membership=_membership(world, Role.VIEWER), role=Role.EDITOR, actor=world.admin)
        assert set(get_user_perms(world.viewer, world.acme)) == {p.value for p in PERMISSIONS[Role.EDITOR]}
    assert ("member.role_changed", "success") in events(world.acme)


def test_the_same_role_again_records_nothing(world: World) -> None:
    before = events(world.acme)
    with within(world.acme):
        add_member(organization=world.acme, user=world.viewer, role=Role.VIEWER, actor=None)
    assert events(world.acme) == before


def test_removal_takes_the_grants_along(world: World) -> None:
    with within(world.acme):
        remove_member(membership=_membership(world, Role.EDITOR), actor=world.admin)
        assert not OrganizationUserPermission.objects.filter(user=world.editor).exists()
    assert events(world.acme)[-1] == ("member.removed", "success")


@pytest.mark.parametrize("change", ["demote", "remove"])
def test_the_last_admin_stays(world: World, change: str) -> None:
    with within(world.acme), pytest.raises(LastAdmin):
        membership = _membership(world, Role.ADMIN)
        if change == "demote":
            change_role(membership=membership, role=Role.VIEWER, actor=None)
        else:
            remove_member(membership=membership, actor=None)


def test_an_admin_can_go_when_another_stays(world: World) -> None:
    make_member(world.acme, Role.ADMIN, "second@acme.example")
    with within(world.acme):
        remove_member(membership=Membership.objects.get(user=world.admin), actor=None)
        assert not Membership.objects.filter(user=world.admin).exists()


def test_a_removed_member_loses_the_open_session_at_once(world: World) -> None:
    browser = world.client(world.viewer)
    page = reverse("tenants:members", args=["acme"])
    assert browser.get(page).status_code == 200
    with within(world.acme):
        remove_member(membership=_membership(world, Role.VIEWER), actor=world.admin)
    assert browser.get(page).status_code == 404


def test_the_page_changes_a_role(world: World) -> None:
    with within(world.acme):
        membership = _membership(world, Role.VIEWER)
    address = reverse("tenants:member_role", args=["acme", membership.pk])
    response = world.client(world.admin).post(address, {"role": "editor"}, headers={"HX-Request": "true"})
    assert response.status_code == 200
    assert b"viewer@acme.example is now editor." in response.content
    with within(world.acme):
        membership.refresh_from_db()
    assert membership.role == "editor"


@pytest.mark.parametrize("data", [{}, {"role": "owner"}, {"role": ""}])
def test_an_unknown_role_is_refused(world: World, data: dict[str, str]) -> None:
    with within(world.acme):
        membership = _membership(world, Role.VIEWER)
    address = reverse("tenants:member_role", args=["acme", membership.pk])
    response = world.client(world.admin).post(address, data)
    assert response.status_code == 400
    with within(world.acme):
        membership.refresh_from_db()
    assert membership.role == "viewer"


def test_a_member_of_another_organization_cannot_be_removed(world: World) -> None:
    with within(world.globex):
        foreign = Membership.objects.get()
    address = reverse("tenants:member_remove", args=["acme", foreign.pk])
    assert world.client(world.admin).post(address).status_code == 404
    with within(world.globex):
        assert Membership.objects.count() == 1


def test_the_page_refuses_to_remove_the_last_admin(world: World) -> None:
    with within(world.acme):
        membership = _membership(world, Role.ADMIN)
    address = reverse("tenants:member_remove", args=["acme", membership.pk])
    response = world.client(world.admin).post(address)
    assert response.status_code == 409
    assert b"last admin" in response.content
