"""What operators' commands need to know of all organizations: their ids, and which ring keys are in use."""

from django.db import migrations

FORWARDS = """
-- On the owner's own connection alone: in a definer function the session's user is another.
CREATE POLICY operator ON tenants_organization FOR SELECT TO CURRENT_USER
    USING ((SELECT current_user = session_user));

CREATE FUNCTION ring_keys_in_use() RETURNS TABLE (ring_key text, organizations bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT split_part(wrapped, '.', 2), count(*) FROM public.tenants_datakey GROUP BY 1 ORDER BY 1 $$;
REVOKE ALL ON FUNCTION ring_keys_in_use() FROM PUBLIC;
"""

BACKWARDS = """
DROP FUNCTION ring_keys_in_use();
DROP POLICY operator ON tenants_organization;
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0002_fence_people")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
