"""What the operators' commands share: entering the organization that a slug names."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.core.management import CommandError
from django.db import transaction

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
