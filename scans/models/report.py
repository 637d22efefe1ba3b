"""Reports of scans, the calibrations they are made under, and findings across them."""

from __future__ import annotations

import json
import uuid
from functools import cached_property
from typing import Any

from django.db import models
from django.utils import timezone

from notionscan.rls import Scoped
from scans.models.scan import Scan
from tenants.models import Organization


class CalibrationVersion(Scoped, models.Model):
    """An organization's calibration from one change to the next. The newest is in force."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    number = models.PositiveIntegerField()
    content = models.JSONField()
    # What was changed, in words.
    note = models.CharField(max_length=254)
    author_label = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "number"], name="calibration_number_once"),
        ]

    def __str__(self) -> str:
        return f"calibration {self.number}"


class Report(Scoped, models.Model):
    """A scan as one engine reads it under one calibration, sealed: its bytes, their hash and a signature."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    # With the organization in the key; see the migration.
    scan = models.ForeignKey(Scan, on_delete=models.CASCADE, db_constraint=False, related_name="reports")
    # 0 is the default, before anything was changed.
    calibration_number = models.PositiveIntegerField()
    engine_version = models.CharField(max_length=16)
    created_at = models.DateTimeField(default=timezone.now)
    overall = models.FloatField(null=True)
    # By dimension, for the trend.
    scores = models.JSONField()
    # Each finding's key, rule, severity, title and mute, and the rules that the scan could not tell of.
    findings = models.JSONField(default=list)
    unknown = models.JSONField(default=list)
    # Canonical JSON, as it was signed.
    content = models.TextField()
    sha256 = models.CharField(max_length=64)
    signature = models.CharField(max_length=128)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "id"], name="report_in_organization"),
            models.UniqueConstraint(
                fields=["organization", "scan", "calibration_number", "engine_version"],
                name="report_of_scan_once",
            ),
        ]

    def __str__(self) -> str:
        return f"report on {self.scan}"

    @cached_property
    def analysis(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.content)["analysis"]
        return found


class Finding(Scoped, models.Model):
    """A finding across scans: since when it is there, whose it is, and whether it came back."""

    class Status(models.TextChoices):
        NEW = "new", "New"
        OPEN = "open", "Open"
        MUTED = "muted", "Muted"
        RESOLVED = "resolved", "Resolved"
        REOPENED = "reopened", "Reopened"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, db_index=False)
    # Names the rule and what it is about, so that the next scan recognizes it.
    key = models.CharField(max_length=200)
    rule = models.CharField(max_length=8)
    severity = models.CharField(max_length=8)
    title = models.CharField(max_length=500)
    status = models.CharField(max_length=8, choices=Status)
    first_number = models.PositiveIntegerField()
    last_number = models.PositiveIntegerField()
    resolved_number = models.PositiveIntegerField(null=True)
    owner_id = models.UUIDField(null=True)
    owner_label = models.CharField(max_length=254, blank=True)
    due_on = models.DateField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "key"], name="finding_once"),
        ]

    def __str__(self) -> str:
        return self.key
