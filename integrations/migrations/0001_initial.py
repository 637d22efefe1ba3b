import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import notionscan.fields
from notionscan import rls

# Whether any organization's connection still uses a token. Says yes or no, and never whose.
HELD_TOKENS = """
CREATE FUNCTION token_is_held(token_hash text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT EXISTS (
        SELECT FROM public.integrations_integration WHERE access_token_hash = token_hash
    ) $$;
REVOKE ALL ON FUNCTION token_is_held(text) FROM PUBLIC;
"""

STAFF_DIRECTORY = """
CREATE FUNCTION staff_connections_rows()
    RETURNS TABLE (id uuid, organization text, provider text, connection_type text, status text,
                   error_code text, connected_at timestamptz, last_used_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT i.id, o.slug, i.provider, i.connection_type, i.status, i.error_code, i.connected_at,
           i.last_used_at
    FROM public.integrations_integration i
    JOIN public.tenants_organization o ON o.id = i.organization_id
    WHERE public.scope_kind() = 'staff'
    $$;
REVOKE ALL ON FUNCTION staff_connections_rows() FROM PUBLIC;
CREATE VIEW staff_connections WITH (security_invoker = true) AS
    SELECT * FROM staff_connections_rows();
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        rls.CreateScopedModel(
            name="Integration",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("provider", models.CharField(max_length=32)),
                (
                    "connection_type",
                    models.CharField(choices=[("public", "Public"), ("internal", "Internal")], max_length=16),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("connected", "Connected"), ("error", "Error")],
                        default="connected",
                        max_length=16,
                    ),
                ),
                ("access_token", notionscan.fields.EncryptedField(null=True)),
                ("refresh_token", notionscan.fields.EncryptedField(null=True)),
                ("access_token_hash", models.CharField(blank=True, db_index=True, max_length=64)),
                ("token_version", models.PositiveIntegerField(default=1)),
                ("refresh_lease_until", models.DateTimeField(null=True)),
                ("workspace_id", models.UUIDField()),
                ("workspace_name", models.CharField(blank=True, max_length=254)),
                ("account_id", models.UUIDField()),
                ("account_name", models.CharField(blank=True, max_length=254)),
                ("is_personal_token", models.BooleanField(default=False)),
                ("error_code", models.CharField(blank=True, max_length=64)),
                ("error_since", models.DateTimeField(null=True)),
                ("connected_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("connected_by_label", models.CharField(max_length=254)),
                ("last_used_at", models.DateTimeField(null=True)),
                ("shared_pages", models.PositiveIntegerField(null=True)),
                ("shared_databases", models.PositiveIntegerField(null=True)),
                ("shared_is_partial", models.BooleanField(default=False)),
                ("shared_counted_at", models.DateTimeField(null=True)),
                ("shared_error_code", models.CharField(blank=True, max_length=64)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="integrations",
                        to="tenants.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "id"), name="integration_in_organization"
                    ),
                ],
            },
            bases=(rls.Scoped, models.Model),
        ),
        rls.CreateScopedModel(
            name="OAuthState",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("provider", models.CharField(max_length=32)),
                ("state_hash", models.CharField(max_length=64)),
                ("session_hash", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "organization",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tenants.organization"),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            bases=(rls.Scoped, models.Model),
            # The provider's callback carries no organization: the person's own state says which.
            also=[
                ("SELECT", "user_id = (SELECT scope_user())"),
                ("DELETE", "user_id = (SELECT scope_user())"),
            ],
        ),
        rls.CreateScopedModel(
            name="PendingRevocation",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("provider", models.CharField(max_length=32)),
                ("token", notionscan.fields.EncryptedField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "organization",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tenants.organization"),
                ),
            ],
            bases=(rls.Scoped, models.Model),
        ),
        rls.CreateScopedModel(
            name="FailedVerification",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "organization",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tenants.organization"),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["organization", "created_at"], name="failed_verification_recent")
                ],
            },
            bases=(rls.Scoped, models.Model),
        ),
        rls.CreateScopedModel(
            name="RateBudget",
            fields=[
                (
                    "integration",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="budget",
                        serialize=False,
                        to="integrations.integration",
                    ),
                ),
                ("window_started_at", models.DateTimeField()),
                ("used", models.PositiveIntegerField(default=0)),
                ("limit", models.PositiveIntegerField()),
                ("blocked_until", models.DateTimeField(null=True)),
                ("limited_at", models.DateTimeField(null=True)),
                (
                    "organization",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tenants.organization"),
                ),
            ],
            bases=(rls.Scoped, models.Model),
            parents=[("integration_id", "integrations_integration")],
        ),
        migrations.AddConstraint(
            model_name="integration",
            constraint=models.UniqueConstraint(
                fields=("organization", "provider"), name="integration_one_per_provider"
            ),
        ),
        migrations.AddConstraint(
            model_name="integration",
            constraint=models.CheckConstraint(
                condition=models.Q(("status", "error"), ("access_token__isnull", False), _connector="OR"),
                name="integration_connected_has_token",
            ),
        ),
        migrations.AddIndex(
            model_name="oauthstate",
            index=models.Index(fields=["user", "state_hash"], name="oauth_state_of_user"),
        ),
        migrations.AddConstraint(
            model_name="oauthstate",
            constraint=models.UniqueConstraint(
                fields=("organization", "state_hash"), name="oauth_state_once"
            ),
        ),
        migrations.RunSQL(HELD_TOKENS, "DROP FUNCTION token_is_held(text)"),
        migrations.RunSQL(
            STAFF_DIRECTORY, "DROP VIEW staff_connections; DROP FUNCTION staff_connections_rows()"
        ),
        migrations.CreateModel(
            name="ConnectionStatus",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("organization", models.CharField(max_length=50)),
                ("provider", models.CharField(max_length=32)),
                ("connection_type", models.CharField(max_length=16)),
                ("status", models.CharField(max_length=16)),
                ("error_code", models.CharField(max_length=64)),
                ("connected_at", models.DateTimeField()),
                ("last_used_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "connection status",
                "db_table": "staff_connections",
                "managed": False,
            },
        ),
    ]
