"""What scans saw of a workspace's objects."""

from __future__ import annotations

from django.db import models

from notionscan.rls import Scoped
from tenants.models import Organization


class Version(Scoped, models.Model):
    """An object of the workspace as it was from one scan until another; open while ``valid_until`` is null.

    A scan writes a version only where something changed, so the objects of scan *n* are the versions with
    ``valid_from`` <= n and no end at or before n.
    """

    class State(models.TextChoices):
        LIVE = "live", "Live"
        TRASHED = "trashed", "In trash"
        VANISHED = "vanished", "Vanished"

    # No index of its own: every constraint below begins with it, and a planner that took it for an object's
    # look-up read all of an organization for each.
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, db_index=False)
    object_id = models.UUIDField()
    valid_from = models.PositiveIntegerField()
    valid_until = models.PositiveIntegerField(null=True)
    # Over everything below: whether an object changed is one comparison.
    digest = models.UUIDField()
    kind = models.CharField(max_length=16)
    state = models.CharField(max_length=16, choices=State)
    title = models.TextField(blank=True)
    parent_kind = models.CharField(max_length=32, blank=True)
    parent_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(null=True)
    edited_at = models.DateTimeField(null=True)
    created_by = models.UUIDField(null=True)
    edited_by = models.UUIDField(null=True)
    is_archived = models.BooleanField(default=False)
    is_locked = models.BooleanField(default=False)
    is_public = models.BooleanField(default=False)
    icon = models.CharField(max_length=32, blank=True)
    # Of a data source: its properties' names, types and counts. Of a database: the ids of its data sources.
    structure = models.JSONField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "object_id", "valid_from"], name="version_of_object_once"
            ),
            models.UniqueConstraint(
                fields=["organization", "object_id"],
                condition=models.Q(valid_until__isnull=True),
                name="one_open_version_per_object",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id} from {self.valid_from}"
