"""The only way for the web's role to queue a job."""

from django.db import migrations

FORWARDS = """
CREATE FUNCTION defer_job(task text, ids jsonb, delay interval) RETURNS bigint
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
        job_ids := public.procrastinate_defer_jobs_v1(ARRAY[ROW(
            'default', task, 0, NULL, NULL,
            ids || jsonb_build_object('organization_id', stamp),
            CASE WHEN delay > interval '0' THEN now() + delay END
        )::public.procrastinate_job_to_defer_v1]);
        RETURN job_ids[1];
    END $$;
REVOKE ALL ON FUNCTION defer_job(text, jsonb, interval) FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("notionscan", "0001_scope"),
        ("procrastinate", "0041_post_retry_failed_job"),
    ]
    operations = [
        migrations.RunSQL(FORWARDS, "DROP FUNCTION defer_job(text, jsonb, interval)"),
    ]
