"""What a scan has read and not stored yet; it is stored in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from integrations.notion.door import Calls
from scans import storage
from scans.metadata import Metadata
from scans.models import Scan


class ScanEnded(Exception):
    """The scan was cancelled, or taken over, while this process read for it."""


class Batch:
    """Objects by their id, the later word on each; and what was asked for in vain."""

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        # Requests that the budget granted since the last batch.
        self.requests = 0
        self._clear()

    def _clear(self) -> None:
        self._objects: dict[str, Metadata] = {}
        self._found_by: dict[str, int] = {}
        self._asked_in_vain: set[UUID] = set()
        self._missing: dict[UUID, str] = {}
        self._counted = False

    def __len__(self) -> int:
        return len(self._objects) + len(self._asked_in_vain) + len(self._missing)

    @property
    def is_empty(self) -> bool:
        return not self._counted

    def add(self, objects: Iterable[Metadata], found_by: int) -> None:
        """Add what a list or a look-up showed; ``found_by`` is a bit of ``Seen``."""
        for each in objects:
            self._objects[each.object_id] = each
            self._found_by[each.object_id] = self._found_by.get(each.object_id, 0) | found_by
            if self._missing:
                self._missing.pop(UUID(each.object_id), None)

    def ask_in_vain(self, object_id: UUID) -> None:
        self._asked_in_vain.add(object_id)

    def miss(self, kind: str, object_id: UUID) -> None:
        """Note that an object is not there."""
        self._missing[object_id] = kind

    def count(self, egress: Mapping[str, Calls]) -> None:
        """Add calls to the scan's ledger: how many of each endpoint, and the bytes that they answered."""
        self._counted = True
        for endpoint, calls in egress.items():
            before = self._scan.egress.get(endpoint, asdict(Calls()))
            self._scan.egress[endpoint] = {name: before[name] + more for name, more in asdict(calls).items()}

    def store(self, save_checkpoints: Callable[[], None]) -> None:
        """Store everything, with the checkpoints behind it, and begin anew.

        Raises: ScanEnded.
        """
        with transaction.atomic():
            storage.commit_soon()
            self._require_live()
            storage.merge(self._scan, self._objects.values(), found_by=self._found_by)
            if self._asked_in_vain:
                storage.ask_in_vain(self._scan, self._asked_in_vain)
            if self._missing:
                storage.miss(self._scan, self._missing)
            save_checkpoints()
        self._clear()

    def _require_live(self) -> None:
        """Lock the scan's row, count, and say that we live, unless it was cancelled or taken over."""
        live = Scan.objects.filter(
            organization_id=self._scan.organization_id,
            pk=self._scan.pk,
            status=Scan.Status.RUNNING,
            lease=self._scan.lease,
        ).update(
            requests=F("requests") + self.requests,
            stage=self._scan.stage,
            failures=self._scan.failures,
            egress=self._scan.egress,
            leased_until=Now() + timedelta(seconds=settings.SCAN_LEASE_SECONDS),
        )
        if not live:
            raise ScanEnded
