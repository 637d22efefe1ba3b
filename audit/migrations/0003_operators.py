"""Which chains there are is the operators' to know, and a chain without its head is one of them."""

from django.db import migrations

FORWARDS = """
CREATE POLICY operator ON audit_event FOR SELECT TO CURRENT_USER
    USING ((SELECT current_user = session_user));
CREATE POLICY operator ON audit_chainhead FOR SELECT TO CURRENT_USER
    USING ((SELECT current_user = session_user));

-- A head that was deleted must not take its chain off the list: whoever has events, or exists, or was
-- deleted by us has a chain as well. The recursion jumps from one organization's events to the next one's.
CREATE OR REPLACE FUNCTION audit_chains() RETURNS SETOF uuid
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    AS $$
    WITH RECURSIVE has_events (id) AS (
        (SELECT organization_id FROM public.audit_event ORDER BY organization_id LIMIT 1)
        UNION ALL
        SELECT (
            SELECT organization_id FROM public.audit_event WHERE organization_id > has_events.id
            ORDER BY organization_id LIMIT 1
        ) FROM has_events WHERE has_events.id IS NOT NULL
    )
    SELECT id FROM has_events WHERE id IS NOT NULL
    UNION SELECT organization_id FROM public.audit_chainhead
    UNION SELECT id FROM public.tenants_organization
    -- The deployment's own chain, which begins with the first organization, and names those it deleted.
    UNION SELECT '00000000-0000-0000-0000-000000000000'::uuid FROM public.tenants_organization
    UNION SELECT target_id::uuid FROM public.audit_event
        WHERE organization_id = '00000000-0000-0000-0000-000000000000' AND action = 'organization.deleted'
        AND target_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    ORDER BY 1
    $$;
"""

BACKWARDS = """
DROP FUNCTION audit_chains();
CREATE FUNCTION audit_chains() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT organization_id FROM public.audit_chainhead ORDER BY organization_id $$;
REVOKE ALL ON FUNCTION audit_chains() FROM PUBLIC;
DROP POLICY operator ON audit_chainhead;
DROP POLICY operator ON audit_event;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_chain"), ("tenants", "0003_operators")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
