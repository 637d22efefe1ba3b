"""Rotate the key ring: every organization's data key comes under the current ring key."""

from __future__ import annotations

from uuid import UUID

from django.db import connection, transaction

from audit.actions import Action
from audit.record import record
from notionscan import keyring, rls
from tenants.models import DataKey


def ring_keys_in_use() -> dict[str, int]:
    """Return how many organizations' data keys are wrapped by each ring key, by its id."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ring_key, organizations FROM ring_keys_in_use()")
        return dict(cursor.fetchall())


def rewrap(organization_id: UUID) -> bool:
    """Wrap the organization's data key by the current ring key; False if it already is, or is gone.

    What it sealed stays as it is and opens all the time. Raises: DecryptFailed if the ring lacks the key it
    is wrapped by.
    """
    with rls.scope(rls.organization_scope(organization_id)), transaction.atomic():
        data_key = DataKey.objects.select_for_update().filter(organization_id=organization_id).first()
        ring = keyring.ring()
        if data_key is None or keyring.wrapped_by(data_key.wrapped) == ring.current.id:
            return False
        before = keyring.wrapped_by(data_key.wrapped)
        raw = ring.unwrap(data_key.wrapped, organization_id=organization_id)
        data_key.wrapped = ring.wrap(raw, organization_id=organization_id)
        data_key.save(update_fields=["wrapped"])
        record(
            action=Action.ENCRYPTION_ROTATED,
            organization=organization_id,
            actor=None,
            before=before,
            key=ring.current.id,
        )
    return True
