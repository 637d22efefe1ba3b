import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from notionscan import rls

# Before there is a scope: from the hash of a key to the account it belongs to, whether that still works or not.
ACCOUNT = """
CREATE FUNCTION service_account_of(hash text) RETURNS TABLE (account uuid, organization uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT id, organization_id FROM public.tenants_serviceaccount WHERE key_hash = hash $$;
REVOKE ALL ON FUNCTION service_account_of(text) FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0004_operators_count_keys"),
    ]

    operations = [
        rls.CreateScopedModel(
            name="ServiceAccount",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=100)),
                (
                    "maturity",
                    models.CharField(
                        choices=[
                            ("student", "Student"),
                            ("intern", "Intern"),
                            ("supervised", "Supervised"),
                            ("autonomous", "Autonomous"),
                        ],
                        max_length=16,
                    ),
                ),
                ("key_prefix", models.CharField(max_length=16)),
                ("key_hash", models.CharField(db_index=True, max_length=64)),
                (
                    "roots",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), default=list, size=None
                    ),
                ),
                ("requests_per_minute", models.PositiveIntegerField(default=60)),
                ("expires_at", models.DateTimeField()),
                ("sponsor_id", models.UUIDField()),
                ("sponsor_label", models.CharField(max_length=254)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("suspended_at", models.DateTimeField(null=True)),
                ("last_used_at", models.DateTimeField(null=True)),
                ("window_started_at", models.DateTimeField(null=True)),
                ("window_used", models.PositiveIntegerField(default=0)),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="service_accounts",
                        to="tenants.organization",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("maturity__in", ["student", "intern", "supervised", "autonomous"])
                        ),
                        name="service_account_maturity_known",
                    )
                ],
            },
            bases=(rls.Scoped, models.Model),
        ),
        migrations.RunSQL(ACCOUNT, "DROP FUNCTION service_account_of(text)"),
    ]
