"""A connection to a provider, what surrounds its life, and the budget of calls it has."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from integrations.http.oauth import TokenHint
from notionscan.fields import EncryptedField
from notionscan.rls import Scoped
from tenants.models import Organization


class Integration(Scoped, models.Model):
    """One connection of an organization to a provider. Without an access token it is in ``error``."""

    class ConnectionType(models.TextChoices):
        PUBLIC = "public", "Public"
        INTERNAL = "internal", "Internal"

    class Status(models.TextChoices):
        CONNECTED = "connected", "Connected"
        ERROR = "error", "Error"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="integrations")
    provider = models.CharField(max_length=32)
    connection_type = models.CharField(max_length=16, choices=ConnectionType)
    status = models.CharField(max_length=16, choices=Status, default=Status.CONNECTED)

    access_token = EncryptedField(null=True)
    refresh_token = EncryptedField(null=True)
    # Where the provider names a lifetime; a token past it is refreshed before anyone is asked.
    access_token_expires_at = models.DateTimeField(null=True)
    # SHA-256 of the access token: Notion gives older apps one token for several authorizations, and what
    # another connection still uses must not be revoked.
    access_token_hash = models.CharField(max_length=64, blank=True, db_index=True)
    # Counts every change of token, so that a refresh that comes late cannot overwrite a newer token.
    token_version = models.PositiveIntegerField(default=1)
    # A refresh in progress: nobody else starts one until then.
    refresh_lease_until = models.DateTimeField(null=True)

    # None at a provider without workspaces: such a connection is tied to its account.
    workspace_id = models.UUIDField(null=True)
    workspace_name = models.CharField(max_length=254, blank=True)
    account_id = models.CharField(max_length=64)
    account_name = models.CharField(max_length=254, blank=True)
    # users/me says the owner is a person: the token reaches all that this person can see.
    is_personal_token = models.BooleanField(default=False)

    error_code = models.CharField(max_length=64, blank=True)
    error_since = models.DateTimeField(null=True)
    # When the admins were told of this error.
    error_mailed_at = models.DateTimeField(null=True)
    connected_at = models.DateTimeField(default=timezone.now)
    connected_by_label = models.CharField(max_length=254)
    last_used_at = models.DateTimeField(null=True)

    # What is shared with the connection, counted by a job.
    shared_pages = models.PositiveIntegerField(null=True)
    shared_databases = models.PositiveIntegerField(null=True)
    shared_is_partial = models.BooleanField(default=False)
    shared_counted_at = models.DateTimeField(null=True)
    shared_error_code = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "provider"], name="integration_one_per_provider"),
            # What the foreign keys of other scoped tables point at.
            models.UniqueConstraint(fields=["organization", "id"], name="integration_in_organization"),
            models.CheckConstraint(
                condition=models.Q(status="error") | models.Q(access_token__isnull=False),
                name="integration_connected_has_token",
            ),
        ]

    def __str__(self) -> str:
        return self.workspace_name or str(self.workspace_id or self.account_name or self.account_id)


class OAuthState(Scoped, models.Model):
    """A consent that was asked for: who asked, in which session. Consumed by the first answer."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    user = models.ForeignKey("tenants.User", on_delete=models.CASCADE)
    provider = models.CharField(max_length=32)
    # SHA-256 of the state and of the session's key: a reader of this table can use neither.
    state_hash = models.CharField(max_length=64)
    session_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "state_hash"], name="oauth_state_once"),
        ]
        indexes = [models.Index(fields=["user", "state_hash"], name="oauth_state_of_user")]

    def __str__(self) -> str:
        return f"{self.provider} for {self.organization_id}"


class PendingRevocation(Scoped, models.Model):
    """A token that is no longer ours to use and that its provider still has to be told about."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    provider = models.CharField(max_length=32)
    token = EncryptedField()
    # What kind of token it is, in the words of RFC 7009.
    token_hint = models.CharField(max_length=16, default=TokenHint.ACCESS.value)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.provider} revocation of {self.organization_id}"


class RateBudget(Scoped, models.Model):
    """The calls of one connection in the current window, shared by all processes."""

    integration = models.OneToOneField(
        Integration, on_delete=models.CASCADE, primary_key=True, db_constraint=False, related_name="budget"
    )
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE)
    window_started_at = models.DateTimeField()
    used = models.PositiveIntegerField(default=0)
    limit = models.PositiveIntegerField()
    # Nobody calls before this: Notion said so in Retry-After.
    blocked_until = models.DateTimeField(null=True)
    # When Notion last refused a request for this connection's own limit.
    limited_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.used}/{self.limit}"


class ConnectionStatus(models.Model):
    """The staff's view of all connections: status and times, no content; empty in any other scope."""

    id = models.UUIDField(primary_key=True)
    organization = models.CharField(max_length=50)
    provider = models.CharField(max_length=32)
    connection_type = models.CharField(max_length=16)
    status = models.CharField(max_length=16)
    error_code = models.CharField(max_length=64)
    connected_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "staff_connections"
        verbose_name_plural = "connection status"

    def __str__(self) -> str:
        return f"{self.organization} {self.provider}"


class OwnConnection(models.Model):
    """The connections of a person's organizations, without their tokens; empty outside their own scope."""

    id = models.UUIDField(primary_key=True)
    organization = models.CharField(max_length=50)
    provider = models.CharField(max_length=32)
    connection_type = models.CharField(max_length=16)
    workspace_name = models.CharField(max_length=254)
    account_id = models.CharField(max_length=64)
    connected_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "own_connections"

    def __str__(self) -> str:
        return f"{self.organization} {self.provider}"


class Mirror(Scoped, models.Model):
    """The Notion database that an organization's events are written to, and how far they are."""

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, primary_key=True)
    database_id = models.UUIDField()
    # None until the job has looked which one the database has.
    data_source_id = models.UUIDField(null=True)
    title = models.CharField(max_length=254, blank=True)
    configured_by_label = models.CharField(max_length=254)
    is_stopped = models.BooleanField(default=False)
    # Events after this one are mirrored; those up to ``mirrored_sequence`` are.
    started_after = models.BigIntegerField()
    mirrored_sequence = models.BigIntegerField()
    mirrored_at = models.DateTimeField(null=True)
    last_page_id = models.UUIDField(null=True)
    # The event whose row was asked for last. Where it is not mirrored, Notion may have it all the same.
    begun_sequence = models.BigIntegerField(default=0)
    # One job at a time writes, and its claim ends by itself.
    lease = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    # Nobody tries again before this.
    next_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=64, blank=True)
    # What the sentence of the error names: columns, or data sources to choose from.
    error_detail = models.CharField(max_length=254, blank=True)
    error_since = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.title or str(self.database_id)
