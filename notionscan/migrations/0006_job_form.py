"""A job carries ids and nothing else, by the database as well.

Every worker reads every organization's jobs, and procrastinate reads the arguments before any code of ours: a
number of 5,000 digits ended each worker that met it, and a list stayed `doing` for good. SQL injected into the
app's connection can queue jobs of its own organization; like this it harms nobody else's.
"""

from django.db import migrations

FORWARDS = """
CREATE OR REPLACE FUNCTION defer_job(task text, ids jsonb, delay interval) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    AS $$
    DECLARE
        stamp uuid := public.scope_organization();
        job_ids bigint[];
    BEGIN
        IF stamp IS NULL THEN
            RAISE EXCEPTION 'a job needs the scope of an organization'
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF task !~ '^[a-z]{1,40}[.][a-z_]{1,40}$' OR octet_length(ids::text) > 1000
                OR jsonb_typeof(ids) IS DISTINCT FROM 'object' THEN
            RAISE EXCEPTION 'a job has a name and ids' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        IF EXISTS (
            SELECT FROM jsonb_each(ids) AS given (name, id) WHERE jsonb_typeof(id) <> 'string'
            OR id #>> '{}' !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        ) THEN
            RAISE EXCEPTION 'a job carries ids alone' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        job_ids := public.procrastinate_defer_jobs_v1(ARRAY[ROW(
            'default', task, 0, NULL, NULL,
            ids || jsonb_build_object('organization_id', stamp),
            CASE WHEN delay > interval '0' THEN now() + delay END
        )::public.procrastinate_job_to_defer_v1]);
        RETURN job_ids[1];
    END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("notionscan", "0005_share_scope")]
    # Backwards would let anything be queued again.
    operations = [migrations.RunSQL(FORWARDS, migrations.RunSQL.noop)]
