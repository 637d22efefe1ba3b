"""Reading of connections."""

from __future__ import annotations

from django.db.models import QuerySet

from integrations.models import Integration
from tenants.models import Organization


def integrations(organization: Organization) -> QuerySet[Integration]:
    return Integration.objects.filter(organization=organization)


def integration(organization: Organization, provider: str) -> Integration | None:
    """Return the organization's connection to a provider, if there is one."""
    return integrations(organization).filter(provider=provider).first()
