"""The functions through which every policy reads the scope of its transaction."""

from django.db import migrations

# After a transaction a local setting is '' and not NULL, hence NULLIF.
FORWARDS = """
CREATE FUNCTION scope_kind() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS $$ SELECT NULLIF(split_part(current_setting('notionscan.scope', true), ':', 1), '') $$;

CREATE FUNCTION scope_user() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS $$ SELECT CASE split_part(current_setting('notionscan.scope', true), ':', 1)
          WHEN 'user' THEN NULLIF(split_part(current_setting('notionscan.scope', true), ':', 2), '')::uuid
          END $$;

CREATE FUNCTION scope_organization() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS $$ SELECT CASE WHEN split_part(current_setting('notionscan.scope', true), ':', 1)
                           IN ('organization', 'job')
          THEN NULLIF(split_part(current_setting('notionscan.scope', true), ':', 3), '')::uuid
          END $$;
"""

BACKWARDS = """
DROP FUNCTION scope_organization();
DROP FUNCTION scope_user();
DROP FUNCTION scope_kind();
"""


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
