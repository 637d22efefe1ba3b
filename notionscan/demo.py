"""The two demo organizations of ``make run``, and what to tell the person who started it."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction

from integrations.sandbox import WORKSPACE_NAMES, demo_token
from notionscan import rls
from tenants import selectors
from tenants.models import Organization
from tenants.roles import Role
from tenants.services.members import add_member
from tenants.services.organizations import create_organization
from tenants.services.users import find_or_create_user, set_password

# For loopback only: these accounts exist nowhere but in a local demo.
PASSWORD = "look-around-42"  # noqa: S105


@dataclass(frozen=True)
class DemoOrganization:
    slug: str
    name: str
    people: tuple[tuple[str, Role], ...]


ORGANIZATIONS = (
    DemoOrganization(
        "acme",
        WORKSPACE_NAMES[0],
        (
            ("admin@acme.example", Role.ADMIN),
            ("editor@acme.example", Role.EDITOR),
            ("viewer@acme.example", Role.VIEWER),
        ),
    ),
    DemoOrganization("globex", WORKSPACE_NAMES[1], (("admin@globex.example", Role.ADMIN),)),
)


def ensure() -> tuple[DemoOrganization, ...]:
    """Create what is missing of the demo organizations; what people changed since stays."""
    for demo in ORGANIZATIONS:
        if selectors.organization_id(demo.slug) is None:
            _create(demo)
    return ORGANIZATIONS


def _create(demo: DemoOrganization) -> None:
    try:
        organization: Organization = create_organization(slug=demo.slug, name=demo.name, actor=None)
    except IntegrityError:
        return
    with rls.scope(rls.organization_scope(organization.pk)), transaction.atomic():
        for email, role in demo.people:
            user = find_or_create_user(email)
            set_password(user=user, password=PASSWORD)
            add_member(organization=organization, user=user, role=role, actor=None)


def greeting(organizations: tuple[DemoOrganization, ...]) -> str:
    """Return the address, the logins and the tokens, as ``make run`` prints them."""
    lines = ["", f"Notion Scan is at {settings.BASE_URL}", "", f"Log in with the password {PASSWORD}:"]
    for demo in organizations:
        lines += [f"  {email:<24} {role.value} of {demo.name}" for email, role in demo.people]
    lines += ["", "Connect with a token of the sandbox that stands in for Notion:"]
    lines += [f"  {demo.name:<24} {demo_token(demo.name)}" for demo in organizations]
    lines += ["", "Ctrl-C stops everything; the data stays in .local/.", ""]
    return "\n".join(lines)
