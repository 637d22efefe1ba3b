"""Reading of connections."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from integrations.models import Integration
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
