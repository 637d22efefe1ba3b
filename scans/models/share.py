"""Links that show one report to whoever holds them, until they expire or are revoked."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from notionscan.rls import Scoped
from scans.models.report import Report
from tenants.models import Organization


class Share(Scoped, models.Model):
    """A link for one recipient. Its token is stored nowhere, and only its hash is known."""

    class Redaction(models.TextChoices):
        INITIALS = "initials", "Titles hidden, people by their initials"
        NOTHING = "nothing", "As it is"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    # With the organization in the key; see the migration.
    report = models.ForeignKey(Report, on_delete=models.CASCADE, db_constraint=False, related_name="shares")
    recipient = models.CharField(max_length=254)
    token_hash = models.CharField(max_length=64)
    # Of the passcode, as of a password; empty where none is asked.
    passcode = models.CharField(max_length=128, blank=True)
    redaction = models.CharField(max_length=16, choices=Redaction, default=Redaction.INITIALS)
    created_by_label = models.CharField(max_length=254)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    views = models.PositiveIntegerField(default=0)
    last_viewed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "id"], name="share_in_organization"),
            models.UniqueConstraint(fields=["organization", "token_hash"], name="share_token_once"),
        ]

    def __str__(self) -> str:
        return f"share for {self.recipient}"

    @property
    def is_alive(self) -> bool:
        return self.revoked_at is None and self.expires_at > timezone.now()


class ShareView(Scoped, models.Model):
    """That somebody opened a link: when, and from what, as far as it says so."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    share = models.ForeignKey(Share, on_delete=models.CASCADE, db_constraint=False, related_name="log")
    viewed_at = models.DateTimeField(default=timezone.now)
    # Tells one address from another, and which it is to nobody.
    source = models.CharField(max_length=16)
    browser = models.CharField(max_length=32, blank=True)

    def __str__(self) -> str:
        return f"view at {self.viewed_at:%Y-%m-%d}"
