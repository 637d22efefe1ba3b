"""Two organizations that have one of everything: a connection, a scan, its report, findings, a link."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone
from psycopg import sql

from integrations.sandbox import demo_token
from integrations.services.connect import connect_internal
from notionscan import rls
from notionscan.secret import Secret
from scans.models import Finding, Report, Share, Version
from scans.services.report import make_report
from scans.services.share import create_share
from scans.services.start import start_scan
from tenants.models import Membership, Organization, ServiceAccount, User
from tests.factories import World, make_account, make_world, run_jobs, within
from tests.scans.conftest import finish

# What calls to Notion count, and what the log adds: no effect of an action.
_APART = {"integrations_ratebudget", "audit_event", "audit_chainhead"}


@dataclass(frozen=True)
class Whole:
    """The world, and by name the ids of what each of its organizations has."""

    world: World
    own: dict[str, str]
    foreign: dict[str, str]


def make_whole() -> Whole:
    world = make_world()
    for organization, user in ((world.acme, world.admin), (world.globex, world.outsider)):
        _fill(organization, user)
    # Whose sponsor can be removed, which suspends the account.
    make_account(world.acme, world.viewer)
    make_account(world.globex, world.outsider)
    return Whole(world, _ids(world.acme, world.viewer), _ids(world.globex, world.outsider))


def state(organization: Organization) -> dict[str, list[Any]]:
    """Return all rows of the organization but those that no action is about."""
    with within(organization), connection.cursor() as cursor:
        found = {}
        for model in rls.scoped_models():
            table = model._meta.db_table
            if table not in _APART:
                query = sql.SQL("SELECT to_jsonb(t)::text FROM {} AS t ORDER BY 1")
                cursor.execute(query.format(sql.Identifier(table)).as_string(None))
                found[table] = cursor.fetchall()
    return found


def until() -> str:
    return (timezone.now() + timedelta(days=30)).date().isoformat()


def _fill(organization: Organization, user: User) -> None:
    with within(organization):
        token = Secret(demo_token(organization.name))
        connect_internal(organization=organization, actor=user, token=token)
    run_jobs()
    with within(organization):
        scan = start_scan(organization=organization, actor=user, full=True)
    finish(scan)
    with within(organization):
        make_report(organization_id=organization.pk, scan_id=scan.pk)
        create_share(
            organization=organization,
            actor=user,
            report=Report.objects.get(),
            recipient="The board",
            expires_at=timezone.now() + timedelta(days=3),
        )
    run_jobs()


def _ids(organization: Organization, user: User) -> dict[str, str]:
    with within(organization):
        finding = Finding.objects.order_by("key")[0]
        found = {
            "membership_id": Membership.objects.get(user=user).pk,
            "scan_id": Report.objects.get().scan_id,
            "finding_id": finding.pk,
            "share_id": Share.objects.get().pk,
            "account_id": ServiceAccount.objects.get().pk,
            # What the gateway asks Notion for with the organization's own token.
            "page_id": Version.objects.filter(kind="page").order_by("pk")[0].object_id,
            "database_id": Version.objects.filter(kind="data_source").order_by("pk")[0].object_id,
            "user": user.pk,
            "object": Version.objects.filter(kind="page").order_by("pk")[0].object_id,
            "person": Version.objects.filter(kind="user").order_by("pk")[0].object_id,
            "finding": finding.key,
        }
    return {name: str(value) for name, value in found.items()}
