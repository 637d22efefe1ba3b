"""Add, change and remove members; object permissions follow the membership in the same transaction."""

from __future__ import annotations

from django.contrib.auth.models import Permission as AuthPermission
from django.db import transaction

from audit.actions import Action
from audit.record import record
from tenants.models import Membership, Organization, OrganizationUserPermission, User
from tenants.roles import PERMISSIONS, Role
from tenants.services.service_accounts import suspend_accounts_of


class LastAdmin(Exception):
    """The change would leave the organization without an admin."""

    def __str__(self) -> str:
        return "This is the organization's last admin. Make someone else an admin first."


@transaction.atomic
def add_member(*, organization: Organization, user: User, role: Role, actor: User | None) -> Membership:
    """Make a user a member, or give a member another role.

    Raises: LastAdmin if it would take the role of the last admin.
    """
    _lock(organization)
    existing = Membership.objects.filter(organization=organization, user=user).first()
    if existing is not None:
        return change_role(membership=existing, role=role, actor=actor)
    membership = Membership.objects.create(organization=organization, user=user, role=role)
    _follow(membership)
    record(
        action=Action.MEMBER_ADDED, organization=organization.pk, actor=actor, target=user, role=role.value
    )
    return membership


@transaction.atomic
def change_role(*, membership: Membership, role: Role, actor: User | None) -> Membership:
    """Give a member another role; the same role again changes and records nothing.

    Raises: LastAdmin; Membership.DoesNotExist if it ended meanwhile.
    """
    _lock(membership.organization)
    membership = Membership.objects.select_related("user", "organization").get(pk=membership.pk)
    before = membership.role
    if before == role:
        return membership
    _keep_an_admin(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    _follow(membership)
    record(
        action=Action.MEMBER_ROLE_CHANGED,
        organization=membership.organization_id,
        actor=actor,
        target=membership.user,
        before=before,
        role=role.value,
    )
    return membership


@transaction.atomic
def remove_member(*, membership: Membership, actor: User | None) -> None:
    """End a membership. Every request asks for it anew, so open sessions lose access at once.

    Service accounts that the person answers for are suspended until an admin confirms them.
    Raises: LastAdmin; Membership.DoesNotExist if it ended meanwhile.
    """
    _lock(membership.organization)
    membership = Membership.objects.select_related("user").get(pk=membership.pk)
    _keep_an_admin(membership)
    user = membership.user
    membership.delete()
    _grants(membership).delete()
    suspend_accounts_of(user, membership.organization_id, actor=actor)
    record(
        action=Action.MEMBER_REMOVED,
        organization=membership.organization_id,
        actor=actor,
        target=user,
        role=membership.role,
    )


def _lock(organization: Organization) -> None:
    # Two admins who demote each other at once must not both succeed.
    Organization.objects.select_for_update().get(pk=organization.pk)


def _keep_an_admin(membership: Membership) -> None:
    others = Membership.objects.filter(organization_id=membership.organization_id, role=Role.ADMIN)
    if membership.role == Role.ADMIN and not others.exclude(pk=membership.pk).exists():
        raise LastAdmin


def _grants(membership: Membership):  # type: ignore[no-untyped-def]
    return OrganizationUserPermission.objects.filter(
        content_object_id=membership.organization_id, user_id=membership.user_id
    )


def _follow(membership: Membership) -> None:
    """Make the object permissions those of the membership's role."""
    _grants(membership).delete()
    codenames = [permission.value for permission in PERMISSIONS[Role(membership.role)]]
    permissions = AuthPermission.objects.filter(
        content_type__app_label="tenants", content_type__model="organization", codename__in=codenames
    )
    OrganizationUserPermission.objects.bulk_create(
        OrganizationUserPermission(
            user_id=membership.user_id, content_object_id=membership.organization_id, permission=permission
        )
        for permission in permissions
    )
