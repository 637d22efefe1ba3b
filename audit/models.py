"""One event. Plain ids and labels and no foreign keys: an event outlives what it speaks of."""

from __future__ import annotations

import uuid
from uuid import UUID

from django.db import models
from django.utils import timezone

from audit.actions import Action
from notionscan.rls import Scoped

# Events of no organization (a failed login, an outsider's attempt) belong to the deployment.
DEPLOYMENT = UUID(int=0)


class Event(Scoped, models.Model):
    """A link of its organization's chain; the database appends it (``audit_append``), nobody changes it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization_id = models.UUIDField()
    created_at = models.DateTimeField(default=timezone.now)
    action = models.CharField(max_length=64)
    result = models.CharField(max_length=16)
    actor_id = models.UUIDField(null=True)
    actor_label = models.CharField(max_length=254)
    target_type = models.CharField(max_length=64, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    target_label = models.CharField(max_length=254, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    # One correlation id joins the intent and the outcome of an effect outside our database.
    correlation_id = models.UUIDField(null=True)
    metadata = models.JSONField(default=dict)
    # From 1 without gaps in each organization; the hash covers this event and all before it (chain.py).
    sequence = models.BigIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization_id", "sequence"], name="event_sequence_once"),
        ]
        indexes = [
            models.Index(fields=["organization_id", "action", "-sequence"], name="event_by_action"),
            models.Index(fields=["organization_id", "actor_id", "-sequence"], name="event_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.result}"

    @property
    def action_label(self) -> str:
        # SQL in the app's connection can append any text.
        return Action(self.action).label if self.action in Action.values else self.action

    @property
    def detail(self) -> str:
        """What the metadata adds, as one short line."""
        return ", ".join(
            f"{name.replace('_', ' ')}: {value}" for name, value in self.metadata.items() if value
        )


class ChainHead(Scoped, models.Model):
    """The last link of an organization's chain; its row's lock lets one event follow another."""

    organization_id = models.UUIDField(primary_key=True)
    sequence = models.BigIntegerField()
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.organization_id} at {self.sequence}"
