"""Reading of organizations and memberships."""

from __future__ import annotations

from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from tenants.models import Membership, Organization, User
from tenants.roles import Role


def memberships_of(user: User) -> QuerySet[Membership]:
    """A person's memberships with their organizations, by name."""
    return Membership.objects.filter(user=user).select_related("organization").order_by("organization__name")


def members(organization: Organization) -> QuerySet[Membership]:
    """The organization's members with their users, admins first."""
    return (
        Membership.objects.filter(organization=organization)
        .select_related("user")
        .order_by("role", "user__email")
    )


def admins(organization: Organization) -> QuerySet[Membership]:
    return members(organization).filter(role=Role.ADMIN)


def organization_id(slug: str) -> UUID | None:
    """Return an organization's id without a scope, as an operator's command needs before it has one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id_of(%s)", [slug])
        found: UUID | None = cursor.fetchone()[0]
    return found
