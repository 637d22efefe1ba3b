"""An event has the form of those that we write, by the database as well.

SQL injected into the app's connection can append to its own organization's chain. An infinite date, a list
for metadata, or a number of 5,000 digits could not be read again: the organization's audit page failed for
good, and `verify_audit` ended before it came to the other chains.
"""

from django.db import migrations

# After what it was: the bounds are those of audit/record.py, with room for what escaping adds.
FORWARDS = r"""
CREATE OR REPLACE FUNCTION audit_append(content text, OUT new_sequence bigint, OUT new_hash text)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
    DECLARE
        told jsonb;
        chain uuid;
    BEGIN
        IF octet_length(content) > 32000 THEN
            RAISE EXCEPTION 'an event is for facts' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        told := content::jsonb;
        chain := (told ->> 'organization_id')::uuid;
        IF chain IS DISTINCT FROM public.scope_organization() THEN
            RAISE EXCEPTION 'an event needs the scope of its organization'
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        -- What Python could not read back: dates that it does not have, more than it nests, huge numbers.
        IF jsonb_typeof(told -> 'metadata') IS DISTINCT FROM 'object'
            OR (told ->> 'created_at')::timestamptz NOT BETWEEN now() - interval '1 day' AND now() + interval '1 day'
            OR jsonb_path_exists(told, '$.**{20}')
            OR jsonb_path_exists(told, '$.** ? (@.type() == "number" && (@ > 1e18 || @ < -1e18))')
        THEN
            RAISE EXCEPTION 'an event has the form of ours' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        LOOP
            UPDATE public.audit_chainhead AS head
                SET sequence = head.sequence + 1,
                    hash = encode(sha256(convert_to(
                        head.hash || E'\n' || (head.sequence + 1) || E'\n' || content, 'UTF8')), 'hex')
                WHERE head.organization_id = chain
                RETURNING head.sequence, head.hash INTO new_sequence, new_hash;
            EXIT WHEN FOUND;
            INSERT INTO public.audit_chainhead (organization_id, sequence, hash)
                VALUES (chain, 0, repeat('0', 64)) ON CONFLICT DO NOTHING;
        END LOOP;
        INSERT INTO public.audit_event (
            id, organization_id, created_at, action, result, actor_id, actor_label, target_type, target_id,
            target_label, request_id, correlation_id, metadata, sequence, hash
        ) VALUES (
            (told ->> 'id')::uuid, chain, (told ->> 'created_at')::timestamptz, told ->> 'action',
            told ->> 'result', (told ->> 'actor_id')::uuid, told ->> 'actor_label', told ->> 'target_type',
            told ->> 'target_id', told ->> 'target_label', told ->> 'request_id',
            (told ->> 'correlation_id')::uuid, told -> 'metadata', new_sequence, new_hash
        );
    END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_operators")]
    # Backwards would let anything be appended again.
    operations = [migrations.RunSQL(FORWARDS, migrations.RunSQL.noop)]
