import uuid

import django.utils.timezone
from django.db import migrations, models

from notionscan import rls


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("notionscan", "0001_scope"),
    ]

    operations = [
        rls.CreateScopedModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("organization_id", models.UUIDField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("action", models.CharField(max_length=64)),
                ("result", models.CharField(max_length=16)),
                ("actor_id", models.UUIDField(null=True)),
                ("actor_label", models.CharField(max_length=254)),
                ("target_type", models.CharField(blank=True, max_length=64)),
                ("target_id", models.CharField(blank=True, max_length=64)),
                ("target_label", models.CharField(blank=True, max_length=254)),
                ("request_id", models.CharField(blank=True, max_length=64)),
                ("correlation_id", models.UUIDField(null=True)),
                ("metadata", models.JSONField(default=dict)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["organization_id", "-created_at", "-id"], name="event_newest"),
                    models.Index(fields=["organization_id", "action", "-created_at"], name="event_action"),
                    models.Index(fields=["organization_id", "actor_id", "-created_at"], name="event_actor"),
                ],
            },
            bases=(rls.Scoped, models.Model),
        ),
    ]
