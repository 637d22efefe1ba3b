"""Which ring keys are in use is the operators' to know: by the owner's connection, not by the app's role."""

from django.db import migrations

FORWARDS = """
DROP FUNCTION ring_keys_in_use();
CREATE POLICY operator ON tenants_datakey FOR SELECT TO CURRENT_USER
    USING ((SELECT current_user = session_user));
"""

BACKWARDS = """
DROP POLICY operator ON tenants_datakey;
CREATE FUNCTION ring_keys_in_use() RETURNS TABLE (ring_key text, organizations bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT split_part(wrapped, '.', 2), count(*) FROM public.tenants_datakey GROUP BY 1 ORDER BY 1 $$;
REVOKE ALL ON FUNCTION ring_keys_in_use() FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0003_operators")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
