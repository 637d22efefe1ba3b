"""People and organizations for tests, made by the product's own services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from django.db import transaction
from django.test import Client
from procrastinate.contrib.django import app as jobs

from integrations.models import Integration
from notionscan import rls
from tenants.models import Organization, User
from tenants.own_scope import own_scope
from tenants.roles import Maturity, Role
from tenants.services.members import add_member
from tenants.services.organizations import create_organization
from tenants.services.service_accounts import NewAccount, create_service_account
from tenants.services.users import find_or_create_user, set_password
from tests import database

PASSWORD = "correct-horse-battery"


@dataclass(frozen=True)
class World:
    acme: Organization
    globex: Organization
    admin: User
    editor: User
    viewer: User
    outsider: User

    def client(self, user: User | None, *, enforce_csrf_checks: bool = False) -> Client:
        """Return a browser in which this person is logged in."""
        client = Client(enforce_csrf_checks=enforce_csrf_checks)
        if user is not None:
            log_in(client, user)
        return client


def log_in(client: Client, user: User) -> None:
    """Log a person in without a password; Django writes last_login, as only their own scope may."""
    with own_scope(user):
        client.force_login(user)


def make_world() -> World:
    acme, globex = make_organization("acme", "Acme Atlas"), make_organization("globex", "Globex Works")
    return World(
        acme=acme,
        globex=globex,
        admin=make_member(acme, Role.ADMIN),
        editor=make_member(acme, Role.EDITOR),
        viewer=make_member(acme, Role.VIEWER),
        outsider=make_member(globex, Role.ADMIN),
    )


def make_organization(slug: str, name: str) -> Organization:
    return create_organization(slug=slug, name=name, actor=None)


def make_member(organization: Organization, role: Role, email: str = "", *, password: bool = False) -> User:
    with within(organization):
        user = find_or_create_user(email or f"{role.value}@{organization.slug}.example")
        if password:
            set_password(user=user, password=PASSWORD)
        add_member(organization=organization, user=user, role=role, actor=None)
    return user


def verify_address(user: User) -> None:
    """Let a person's address be verified, as it is when an operator sets a password."""
    set_password(user=user, password=PASSWORD)


def make_account(organization: Organization, sponsor: User, **more: Any) -> NewAccount:
    """Make a service account, an intern unless told otherwise."""
    with within(organization):
        return create_service_account(
            organization=organization,
            actor=sponsor,
            **{"name": "Librarian", "maturity": Maturity.INTERN} | more,
        )


def bearer(key: str) -> Client:
    """Return a script that sends a key."""
    return Client(headers={"Authorization": f"Bearer {key}"}, enforce_csrf_checks=True)


def make_staff(user: User) -> None:
    """Make a committed person staff and superuser, as only the owner can."""
    with database.superuser() as owner:
        owner.execute("UPDATE tenants_user SET is_staff = true, is_superuser = true WHERE id = %s", [user.pk])


@contextmanager
def within(organization: Organization) -> Iterator[None]:
    """Run a block in an organization's scope and a transaction."""
    with rls.scope(rls.organization_scope(organization.pk)), transaction.atomic():
        yield


def the_integration(organization: Organization) -> Integration | None:
    with within(organization):
        return Integration.objects.filter(organization=organization).first()


def events(organization: Organization | None) -> list[tuple[str, str]]:
    """Return an organization's (or the deployment's) events as (action, result), oldest first."""
    from audit.models import DEPLOYMENT, Event

    organization_id = organization.pk if organization else DEPLOYMENT
    with rls.scope(rls.organization_scope(organization_id)), transaction.atomic():
        found = Event.objects.filter(organization_id=organization_id).order_by("created_at")
        return [(event.action, event.result) for event in found]


def queued() -> list[tuple[str, dict[str, str]]]:
    """Return the queued jobs as (task, arguments); only the owner may look."""
    with database.superuser() as cursor:
        cursor.execute(
            "SELECT task_name, args FROM procrastinate_jobs "
            "WHERE status = 'todo' AND task_name ~ '^(integrations|scans)[.]' ORDER BY id"
        )
        return [(task, args if isinstance(args, dict) else json.loads(args)) for task, args in cursor]


def run_jobs() -> int:
    """Run every queued job here and now, as the worker would; returns how many."""
    done = queued()
    with database.superuser() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    for task, arguments in done:
        registered = jobs.tasks[task]
        context = [SimpleNamespace(should_abort=lambda: False)] if registered.pass_context else []
        registered.func(*context, **arguments)
    return len(done)
