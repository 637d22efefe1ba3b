"""Rotate the key ring: every organization's data key comes under the current ring key."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from django.db import transaction

from audit.actions import Action
from audit.record import record
from notionscan import keyring, rls
from tenants.models import DataKey


def ring_keys_in_use() -> dict[str, int]:
    """Return how many organizations' data keys are wrapped by each ring key, by its id; asks the owner."""
    with transaction.atomic(using="owner"):
        wrapped = DataKey.objects.using("owner").values_list("wrapped", flat=True)
        counts = Counter(map(keyring.wrapped_by, wrapped.iterator()))
    return dict(sorted(counts.items()))


def rewrap(organization_id: UUID) -> bool:
    """Wrap the organization's data key by the current ring key; False if it already is, or is gone.

    What it sealed stays as it is and opens all the time. Raises: DecryptFailed if the ring's key of that id
    does not open it.
    """
    with rls.scope(rls.organization_scope(organization_id)), transaction.atomic():
        data_key = DataKey.objects.select_for_update().filter(organization_id=organization_id).first()
        ring = keyring.ring()
        if data_key is None:
            return False
        before = keyring.wrapped_by(data_key.wrapped)
        # Opened even if it is to stay: other bytes under a known id would else be found too late.
        raw = ring.unwrap(data_key.wrapped, organization_id=organization_id)
        if before == ring.current.id:
            return False
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
