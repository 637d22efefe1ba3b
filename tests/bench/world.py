"""The organizations and people that pages are measured with, made by the product's own services."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.utils import timezone

from audit.actions import Action
from audit.record import record
from integrations.models import Integration
from integrations.providers import NOTION
from notionscan.secret import Secret
from tenants.models import Organization, User
from tenants.roles import Role
from tests.factories import make_member, make_organization, within

ORGANIZATIONS = 1_000


@dataclass(frozen=True)
class Place:
    """An organization with an admin and a viewer of its own."""

    organization: Organization
    admin: User
    viewer: User


def make_place(slug: str) -> Place:
    organization = make_organization(slug, slug.title())
    return Place(organization, make_member(organization, Role.ADMIN), make_member(organization, Role.VIEWER))


def connect(organization: Organization) -> None:
    """Give an organization a connection, as if Notion had confirmed its token."""
    integration = Integration(
        organization=organization,
        provider=NOTION,
        connection_type=Integration.ConnectionType.INTERNAL,
        workspace_id=uuid.uuid4(),
        workspace_name="Acme Atlas",
        account_id=uuid.uuid4(),
        account_name="Notion Scan (internal)",
        connected_by_label="admin@acme.example",
        last_used_at=timezone.now(),
        shared_pages=421,
        shared_databases=17,
        shared_counted_at=timezone.now(),
    )
    integration.access_token = Secret("ntn_" + "b" * 46)
    integration.refresh_token = Secret("nrt_" + "b" * 46)
    with within(organization):
        integration.save(force_insert=True)


def make_others(count: int) -> list[Organization]:
    return [make_organization(f"other-{number}", f"Other {number}") for number in range(count)]


def fill(place: Place, *, members: int, events: int) -> None:
    """Let an organization have this many members, and at least this many events by as many people."""
    organization = place.organization
    people = [
        make_member(organization, Role.VIEWER, f"person-{number}@{organization.slug}.example")
        for number in range(members - 2)
    ]
    with within(organization):
        for number in range(events):
            actor = people[number % len(people)]
            record(action=Action.INTEGRATION_TESTED, organization=organization.pk, actor=actor, target=actor)


def make_person_in(organizations: list[Organization]) -> User:
    """Make one person a viewer of several organizations."""
    email = f"member-of-{len(organizations)}@people.example"
    return [make_member(organization, Role.VIEWER, email) for organization in organizations][-1]
