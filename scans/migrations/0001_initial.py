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
                ("lease", models.UUIDField(null=True)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("coverage", models.JSONField(default=dict)),
                (
                    "organization",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tenants.organization"),
                ),
            ],
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
            bases=(rls.Scoped, models.Model),
        ),
        migrations.AddConstraint(
            model_name="scan",
            constraint=models.UniqueConstraint(fields=("organization", "number"), name="scan_number_once"),
        ),
        migrations.AddConstraint(
            model_name="scan",
            constraint=models.UniqueConstraint(fields=("organization", "id"), name="scan_in_organization"),
        ),
        migrations.AddConstraint(
            model_name="scan",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["queued", "running", "waiting"])),
                fields=("organization", "integration_id"),
                name="one_live_scan_per_integration",
            ),
        ),
        migrations.AddConstraint(
            model_name="version",
            constraint=models.UniqueConstraint(
                fields=("organization", "object_id", "valid_from"), name="version_of_object_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="version",
            constraint=models.UniqueConstraint(
                condition=models.Q(("valid_until__isnull", True)),
                fields=("organization", "object_id"),
                name="one_open_version_per_object",
            ),
        ),
        # After the key that it points to.
        rls.CreateScopedModel(
            name="Stream",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=80)),
                ("cursor", models.TextField(blank=True)),
                ("created_from", models.CharField(blank=True, max_length=40)),
                ("found", models.PositiveIntegerField(default=0)),
                ("is_done", models.BooleanField(default=False)),
                ("problem", models.CharField(blank=True, max_length=64)),
                (
                    "organization",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tenants.organization"),
                ),
                (
                    "scan",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="streams",
                        to="scans.scan",
                    ),
                ),
            ],
            bases=(rls.Scoped, models.Model),
            parents=[("scan_id", "scans_scan")],
        ),
        migrations.AddConstraint(
            model_name="stream",
            constraint=models.UniqueConstraint(
                fields=("organization", "scan", "name"), name="stream_of_scan_once"
            ),
        ),
        rls.CreateScopedModel(
            name="Seen",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("object_id", models.UUIDField()),
                (
                    "organization",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="tenants.organization"),
                ),
                (
                    "scan",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="scans.scan",
                    ),
                ),
            ],
            bases=(rls.Scoped, models.Model),
            parents=[("scan_id", "scans_scan")],
        ),
        migrations.AddConstraint(
            model_name="seen",
            constraint=models.UniqueConstraint(
                fields=("organization", "scan", "object_id"), name="seen_once"
            ),
        ),
    ]
