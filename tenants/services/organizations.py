"""Create an organization with its data key."""

from __future__ import annotations

from django.db import transaction

from audit.actions import Action
from audit.record import record
from notionscan import keyring, rls
from tenants.models import DataKey, Organization, User


def create_organization(*, slug: str, name: str, actor: User | None) -> Organization:
    """Create an organization.

    Raises: ValidationError if the slug is taken or either name is not usable.
    """
    organization = Organization(slug=slug, name=name)
    # The scope is entered before the row exists: INSERT … RETURNING must be able to see it.
    with rls.scope(rls.organization_scope(organization.pk)), transaction.atomic():
        organization.full_clean(validate_unique=False, validate_constraints=False)
        organization.save(force_insert=True)
        DataKey.objects.create(organization=organization, wrapped=keyring.new_data_key(organization.pk))
        record(
            action=Action.ORGANIZATION_CREATED, organization=organization.pk, actor=actor, target=organization
        )
        # The deployment's chain knows which organizations there were; it is locked after theirs.
        record(action=Action.ORGANIZATION_CREATED, organization=None, actor=actor, target=organization)
    return organization
