"""The mirror of an organization's audit log in a Notion database of its own."""

import django.db.models.deletion
from django.db import migrations, models

from notionscan import rls

# For the worker's role alone, which has no scope before it knows whose job to queue. Ids, and nothing else.
BEHIND = """
CREATE FUNCTION mirrors_behind(with_default boolean) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT mirror.organization_id FROM public.integrations_mirror mirror
    JOIN public.audit_chainhead head ON head.organization_id = mirror.organization_id
    WHERE NOT mirror.is_stopped AND head.sequence > mirror.mirrored_sequence
    AND coalesce(mirror.next_at <= clock_timestamp(), true)
    UNION
    -- The deployment's default is for whoever chose nothing.
    SELECT connected.organization_id FROM public.integrations_integration connected
    WHERE with_default AND connected.provider = 'notion' AND connected.status = 'connected'
    AND NOT EXISTS (
        SELECT FROM public.integrations_mirror mirror
        WHERE mirror.organization_id = connected.organization_id
    )
    $$;
REVOKE ALL ON FUNCTION mirrors_behind(boolean) FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0004_connections_over_time"),
        ("audit", "0002_chain"),
        ("tenants", "0001_initial"),
    ]
    operations = [
        rls.CreateScopedModel(
            name="Mirror",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to="tenants.organization",
                    ),
                ),
                ("database_id", models.UUIDField()),
                ("data_source_id", models.UUIDField(null=True)),
                ("title", models.CharField(blank=True, max_length=254)),
                ("configured_by_label", models.CharField(max_length=254)),
                ("is_stopped", models.BooleanField(default=False)),
                ("started_after", models.BigIntegerField()),
                ("mirrored_sequence", models.BigIntegerField()),
                ("mirrored_at", models.DateTimeField(null=True)),
                ("last_page_id", models.UUIDField(null=True)),
                ("begun_sequence", models.BigIntegerField(default=0)),
                ("lease", models.UUIDField(null=True)),
                ("leased_until", models.DateTimeField(null=True)),
                ("next_at", models.DateTimeField(null=True)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("error_code", models.CharField(blank=True, max_length=64)),
                ("error_detail", models.CharField(blank=True, max_length=254)),
                ("error_since", models.DateTimeField(null=True)),
            ],
            bases=(rls.Scoped, models.Model),
        ),
        migrations.RunSQL(BEHIND, "DROP FUNCTION mirrors_behind(boolean)"),
    ]
