import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from notionscan import rls


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0003_operators"),
    ]

    operations = [
        rls.CreateScopedModel(
            name="Scan",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("number", models.PositiveIntegerField()),
                ("integration_id", models.UUIDField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("waiting", "Waiting"),
                            ("complete", "Complete"),
                            ("incomplete", "Incomplete"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("started_by_label", models.CharField(max_length=254)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(null=True)),
                ("requests", models.PositiveIntegerField(default=0)),
                ("coverage", models.JSONField(default=dict)),
                (
                    "organization",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tenants.organization"),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("organization", "number"), name="scan_number_once"),
                    models.UniqueConstraint(fields=("organization", "id"), name="scan_in_organization"),
                    models.UniqueConstraint(
                        condition=models.Q(("status__in", ["queued", "running", "waiting"])),
                        fields=("organization", "integration_id"),
                        name="one_live_scan_per_integration",
                    ),
                ],
            },
            bases=(rls.Scoped, models.Model),
        ),
        rls.CreateScopedModel(
            name="Version",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("object_id", models.UUIDField()),
                ("valid_from", models.PositiveIntegerField()),
                ("valid_until", models.PositiveIntegerField(null=True)),
                ("digest", models.UUIDField()),
                ("kind", models.CharField(max_length=16)),
                (
                    "state",
                    models.CharField(
                        choices=[("live", "Live"), ("trashed", "In trash"), ("vanished", "Vanished")],
                        max_length=16,
                    ),
                ),
                ("title", models.TextField(blank=True)),
                ("parent_kind", models.CharField(blank=True, max_length=32)),
                ("parent_id", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField(null=True)),
                ("edited_at", models.DateTimeField(null=True)),
                ("created_by", models.UUIDField(null=True)),
                ("edited_by", models.UUIDField(null=True)),
                ("is_archived", models.BooleanField(default=False)),
                ("is_locked", models.BooleanField(default=False)),
                ("is_public", models.BooleanField(default=False)),
                ("icon", models.CharField(blank=True, max_length=32)),
                ("structure", models.JSONField(null=True)),
                (
                    "organization",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tenants.organization"),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "object_id", "valid_from"), name="version_of_object_once"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("valid_until__isnull", True)),
                        fields=("organization", "object_id"),
                        name="one_open_version_per_object",
                    ),
                ],
            },
            bases=(rls.Scoped, models.Model),
        ),
    ]
