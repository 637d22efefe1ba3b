"""Scans, and their checkpoints."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone

from notionscan.rls import Scoped
from tenants.models import Organization

_KINDS = {
    "block": "Blocks that hold pages",
    "data_source": "Data sources",
    "database": "Databases",
    "page": "Pages, rows included",
    "user": "People and bots",
}

_REPORTED_WITHIN = timedelta(minutes=2)


class Scan(Scoped, models.Model):
    """One reading of a workspace. Its number orders an organization's scans, and versions objects."""

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        WAITING = "waiting", "Waiting"
        COMPLETE = "complete", "Complete"
        INCOMPLETE = "incomplete", "Incomplete"
        CANCELLED = "cancelled", "Cancelled"

    LIVE = (Status.QUEUED, Status.RUNNING, Status.WAITING)
    REPORTED = (Status.COMPLETE, Status.INCOMPLETE)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    number = models.PositiveIntegerField()
    # The connection it reads with; a plain id, because a scan outlives a disconnect.
    integration_id = models.UUIDField()
    status = models.CharField(max_length=16, choices=Status, default=Status.QUEUED)
    started_by_label = models.CharField(max_length=254)
    # Nobody watches it, so its failure is mailed.
    is_scheduled = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    # The scan that this one goes on from, and since when it reads edits; none if it reads everything.
    since_number = models.PositiveIntegerField(null=True)
    since = models.DateTimeField(null=True)
    # At its end: what was edited before this moment is known, and a later scan may go on from here.
    known_until = models.DateTimeField(null=True)
    # What is being read, in words.
    stage = models.CharField(max_length=64, blank=True)
    requests = models.PositiveIntegerField(default=0)
    # By endpoint: how often it was called, and how many bytes it answered.
    egress = models.JSONField(default=dict)
    # Whoever took the scan up last; what an earlier worker still writes touches nothing.
    lease = models.UUIDField(null=True)
    # A worker that says nothing until then is taken for dead.
    leased_until = models.DateTimeField(null=True)
    waiting_until = models.DateTimeField(null=True)
    # How often in a row Notion could not be reached.
    failures = models.PositiveIntegerField(default=0)
    coverage = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "number"], name="scan_number_once"),
            models.UniqueConstraint(fields=["organization", "id"], name="scan_in_organization"),
            models.UniqueConstraint(
                fields=["organization", "integration_id"],
                condition=models.Q(status__in=["queued", "running", "waiting"]),
                name="one_live_scan_per_integration",
            ),
        ]

    def __str__(self) -> str:
        return f"scan {self.number}"

    @property
    def is_live(self) -> bool:
        return self.status in self.LIVE

    @property
    def has_just_ended(self) -> bool:
        """Say whether its report may still be in the making."""
        return (
            self.status in self.REPORTED
            and self.finished_at is not None
            and timezone.now() - self.finished_at < _REPORTED_WITHIN
        )

    @property
    def as_of(self) -> datetime:
        """The moment that its report speaks of."""
        return self.started_at or self.created_at

    @property
    def size(self) -> int:
        """How many objects were there at its end, those in trash included."""
        counts: dict[str, int] = self.coverage.get("objects", {})
        return sum(counts.values()) + int(self.coverage.get("inTrash", 0))

    @property
    def kinds(self) -> list[tuple[str, int]]:
        """What was there at its end, in words."""
        counts = self.coverage.get("objects", {})
        return [(_KINDS.get(kind, kind), count) for kind, count in counts.items()]

    @property
    def is_full(self) -> bool:
        return self.since is None


class Schedule(Scoped, models.Model):
    """When an organization's workspace is scanned by itself; none where there is no row."""

    class Every(models.TextChoices):
        DAY = "daily", "Every day"
        WEEK = "weekly", "Every week"

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, primary_key=True)
    every = models.CharField(max_length=8, choices=Every)
    next_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.every


class Stream(Scoped, models.Model):
    """How far one list of a scan was read; a scan that goes on goes on from here."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # The scan's key has the organization in it; see the migration. A second one was checked for each row.
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, db_index=False, db_constraint=False
    )
    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, db_constraint=False, related_name="streams")
    name = models.CharField(max_length=80)
    cursor = models.TextField(blank=True)
    # Where rows go on when Notion cuts their list or forgets its cursor: the last one's creation time, as
    # Notion wrote it.
    created_from = models.CharField(max_length=40, blank=True)
    # The edit time of the last object of a search; two searches from both ends are done when these cross.
    reached = models.DateTimeField(null=True)
    # How often its cursor was refused.
    restarts = models.PositiveIntegerField(default=0)
    found = models.PositiveIntegerField(default=0)
    is_done = models.BooleanField(default=False)
    # Why it could not be read to its end.
    problem = models.CharField(max_length=64, blank=True)

    # What moves while it is read.
    CHECKPOINT = ("cursor", "created_from", "reached", "restarts", "found", "is_done", "problem")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "scan", "name"], name="stream_of_scan_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Seen(Scoped, models.Model):
    """That a scan under way has met an object, and how; forgotten at its end."""

    # Bits of ``found_by``.
    SEARCH, QUERY, LOOK_UP, NOT_THERE = 1, 2, 4, 8

    # The scan's key has the organization in it; see the migration. A second one was checked for each row.
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, db_index=False, db_constraint=False
    )
    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, db_constraint=False, related_name="+")
    object_id = models.UUIDField()
    found_by = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "scan", "object_id"], name="seen_once"),
        ]

    def __str__(self) -> str:
        return str(self.object_id)
