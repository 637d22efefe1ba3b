"""What the operators' commands share: entering the organization that a slug names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from uuid import UUID

from django.core.management import CommandError
from django.db import connections, transaction

from notionscan import rls
from tenants import selectors
from tenants.models import Organization


@contextlib.contextmanager
def organization(slug: str) -> Iterator[Organization]:
    """Run a block in an organization's scope, on the operator's behalf.

    Raises: CommandError if there is none with this slug.
    """
    organization_id = selectors.organization_id(slug)
    if organization_id is None:
        raise CommandError(f"There is no organization with the slug {slug}.")
    with rls.scope(rls.organization_scope(organization_id)):
        with transaction.atomic():
            found = Organization.objects.get(pk=organization_id)
        yield found


def require_owner() -> None:
    """Raises: CommandError if this process does not know the connection that sees all organizations."""
    if "owner" not in connections:
        raise CommandError("Looking at all organizations takes the owner role; set DATABASE_OWNER_URL.")


def all_organization_ids() -> list[UUID]:
    """Return every organization's id, by the owner's connection; the app's role cannot list them.

    Raises: CommandError if this process does not know that connection.
    """
    require_owner()
    with transaction.atomic(using="owner"):
        return list(Organization.objects.using("owner").order_by("slug").values_list("pk", flat=True))
