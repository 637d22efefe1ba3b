"""Reading of connections."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from integrations.models import Integration, OwnConnection
from tenants.models import Organization


def integrations(organization: Organization) -> QuerySet[Integration]:
    return Integration.objects.filter(organization=organization)


@transaction.atomic
def is_connected(organization: Organization, provider: str) -> bool:
    """Say whether there is a connection that works, as far as one knows."""
    working = integrations(organization).filter(provider=provider, status=Integration.Status.CONNECTED)
    return working.exists()


def integration(organization: Organization, provider: str) -> Integration | None:
    """Return the organization's connection to a provider, if there is one."""
    return integrations(organization).filter(provider=provider).first()


def own_connections() -> QuerySet[OwnConnection]:
    """The connections of the organizations of the person in scope, by organization; in a person's scope."""
    return OwnConnection.objects.order_by("organization", "provider")


def connected_organizations() -> list[UUID]:
    """Return which organizations have a connection with a token, without a scope; as the worker's role."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT connected_organizations()")
        return [row[0] for row in cursor.fetchall()]


def mirrors_behind() -> list[UUID]:
    """Return whose audit mirror has something to write, without a scope; as the worker's role.

    With a default database of the deployment, that is also who has Notion and chose nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT mirrors_behind(%s)", [settings.NOTION_AUDIT_DB_ID is not None])
        return [row[0] for row in cursor.fetchall()]
