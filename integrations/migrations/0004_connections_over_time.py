"""What looks after connections: which organizations have one, and a person's own across organizations."""

from django.db import migrations, models

# For the worker's role alone, which has no scope before it knows whose job to queue. Ids, and nothing else.
CONNECTED = """
CREATE FUNCTION connected_organizations() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT DISTINCT organization_id FROM public.integrations_integration WHERE access_token IS NOT NULL
    $$;
REVOKE ALL ON FUNCTION connected_organizations() FROM PUBLIC;
"""

# A person's scope opens nothing inside organizations; it gets these columns, and no token among them.
OWN = """
CREATE FUNCTION own_connections_rows()
    RETURNS TABLE (id uuid, organization text, provider text, connection_type text, workspace_name text,
                   account_id text, connected_at timestamptz, last_used_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
    SELECT i.id, o.slug, i.provider, i.connection_type, i.workspace_name, i.account_id, i.connected_at,
           i.last_used_at
    FROM public.tenants_membership m
    JOIN public.tenants_organization o ON o.id = m.organization_id
    JOIN public.integrations_integration i ON i.organization_id = m.organization_id
    WHERE m.user_id = public.scope_user()
    $$;
REVOKE ALL ON FUNCTION own_connections_rows() FROM PUBLIC;
CREATE VIEW own_connections WITH (security_invoker = true) AS SELECT * FROM own_connections_rows();
"""


class Migration(migrations.Migration):
    dependencies = [("integrations", "0003_providers"), ("notionscan", "0003_signed_scope")]
    operations = [
        migrations.AddField("integration", "error_mailed_at", models.DateTimeField(null=True)),
        migrations.RunSQL(CONNECTED, "DROP FUNCTION connected_organizations()"),
        migrations.RunSQL(OWN, "DROP VIEW own_connections; DROP FUNCTION own_connections_rows()"),
        migrations.CreateModel(
            name="OwnConnection",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("organization", models.CharField(max_length=50)),
                ("provider", models.CharField(max_length=32)),
                ("connection_type", models.CharField(max_length=16)),
                ("workspace_name", models.CharField(max_length=254)),
                ("account_id", models.CharField(max_length=64)),
                ("connected_at", models.DateTimeField()),
                ("last_used_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "own_connections", "managed": False},
        ),
    ]
