"""Reading of organizations and memberships."""

from __future__ import annotations

from uuid import UUID

from allauth.account.models import EmailAddress
from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import OuterRef, Q, QuerySet
from django.db.models.functions import Now

from tenants.models import Membership, Organization, OrganizationUserPermission, ServiceAccount, User
from tenants.roles import Role


def memberships_of(user: User) -> QuerySet[Membership]:
    """A person's memberships with their organizations, by name."""
    return Membership.objects.filter(user=user).select_related("organization").order_by("organization__name")


def membership_with_grants(user: User, slug: str) -> Membership | None:
    """Return a person's membership of the organization, with ``codenames``: what they were granted there."""
    grants = OrganizationUserPermission.objects.filter(
        user=user, content_object=OuterRef("organization_id")
    ).values("permission__codename")
    return (
        Membership.objects.filter(user=user, organization__slug=slug)
        .select_related("organization")
        .annotate(codenames=ArraySubquery(grants))
        .first()
    )


def members(organization: Organization) -> QuerySet[Membership]:
    """The organization's members with their users, admins first."""
    return (
        Membership.objects.filter(organization=organization)
        .select_related("user")
        .order_by("role", "user__email")
    )


def admins(organization: Organization) -> QuerySet[Membership]:
    return members(organization).filter(role=Role.ADMIN)


def admin_addresses(organization_id: UUID) -> list[str]:
    """Return one verified address of each of the organization's admins; who has none is not written to."""
    found = (
        EmailAddress.objects.filter(
            user__memberships__organization_id=organization_id,
            user__memberships__role=Role.ADMIN,
            user__is_active=True,
            verified=True,
        )
        .order_by("user_id", "-primary", "email")
        .distinct("user_id")
    )
    return [address.email for address in found]


def live_service_accounts(organization: Organization) -> QuerySet[ServiceAccount]:
    """Service accounts whose keys work, or will once an admin confirms them; by name."""
    return ServiceAccount.objects.filter(
        organization=organization, revoked_at=None, expires_at__gt=Now()
    ).order_by("name", "created_at")


def ended_service_accounts(organization: Organization) -> QuerySet[ServiceAccount]:
    """Service accounts that were revoked or have expired, newest first."""
    ended = Q(revoked_at__isnull=False) | Q(expires_at__lte=Now())
    return ServiceAccount.objects.filter(ended, organization=organization).order_by("-created_at")


def organization_id(slug: str) -> UUID | None:
    """Return an organization's id without a scope, as an operator's command needs before it has one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id_of(%s)", [slug])
        found: UUID | None = cursor.fetchone()[0]
    return found
