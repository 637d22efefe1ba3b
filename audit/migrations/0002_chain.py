"""Events become the links of a chain for each organization, and only a function appends them."""

from typing import Any

from django.db import migrations, models

from audit import chain
from notionscan import rls

_BATCH = 2_000
_TABLES = ("audit_event", "audit_chainhead")

# The caller's rights end here: it may append to the chain of its own signed scope, and to no other.
# One UPDATE locks the head, so that of two writers the second continues what the first committed.
APPEND = """
CREATE FUNCTION audit_append(content text, OUT new_sequence bigint, OUT new_hash text)
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
    DECLARE
        told jsonb := content::jsonb;
        chain uuid := (told ->> 'organization_id')::uuid;
    BEGIN
        IF chain IS DISTINCT FROM public.scope_organization() THEN
            RAISE EXCEPTION 'an event needs the scope of its organization'
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        LOOP
            UPDATE public.audit_chainhead AS head
                SET sequence = head.sequence + 1,
                    hash = encode(sha256(convert_to(
                        head.hash || E'\\n' || (head.sequence + 1) || E'\\n' || content, 'UTF8')), 'hex')
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
REVOKE ALL ON FUNCTION audit_append(text) FROM PUBLIC;

-- Chains outlive their organizations, so verifying asks the chains which there are.
CREATE FUNCTION audit_chains() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$ SELECT organization_id FROM public.audit_chainhead ORDER BY organization_id $$;
REVOKE ALL ON FUNCTION audit_chains() FROM PUBLIC;
"""


def chain_existing(apps: Any, schema_editor: Any) -> None:
    """Number and hash the events of an older version, in the order in which they were recorded."""
    event, head = apps.get_model("audit", "Event"), apps.get_model("audit", "ChainHead")
    alias = schema_editor.connection.alias
    # FORCE binds the owner too, which would find no rows and say nothing.
    for table in _TABLES:
        schema_editor.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    events = event.objects.using(alias)
    for organization_id in events.values_list("organization_id", flat=True).distinct():
        last = chain.START
        unchained = events.filter(organization_id=organization_id, sequence=None).order_by("created_at", "id")
        while batch := list(unchained[:_BATCH]):
            for each in batch:
                content = chain.plain(tuple(getattr(each, name) for name in chain.CONTENT))
                each.sequence = last.sequence + 1
                each.hash = chain.link_hash(last.hash, each.sequence, chain.canonical(content))
                last = chain.Link(each.sequence, each.hash)
            events.bulk_update(batch, ["sequence", "hash"])
        head.objects.using(alias).create(
            organization_id=organization_id, sequence=last.sequence, hash=last.hash
        )
    for table in _TABLES:
        schema_editor.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial"), ("notionscan", "0003_signed_scope")]

    operations = [
        rls.CreateScopedModel(
            name="ChainHead",
            fields=[
                ("organization_id", models.UUIDField(primary_key=True, serialize=False)),
                ("sequence", models.BigIntegerField()),
                ("hash", models.CharField(max_length=64)),
            ],
            bases=(rls.Scoped, models.Model),
        ),
        migrations.AddField("event", "sequence", models.BigIntegerField(null=True)),
        migrations.AddField(
            "event", "hash", models.CharField(max_length=64, default=""), preserve_default=False
        ),
        migrations.RunPython(chain_existing, migrations.RunPython.noop),
        migrations.AlterField("event", "sequence", models.BigIntegerField()),
        migrations.RemoveIndex("event", "event_newest"),
        migrations.RemoveIndex("event", "event_action"),
        migrations.RemoveIndex("event", "event_actor"),
        migrations.AddIndex(
            "event", models.Index(fields=["organization_id", "action", "-sequence"], name="event_by_action")
        ),
        migrations.AddIndex(
            "event", models.Index(fields=["organization_id", "actor_id", "-sequence"], name="event_by_actor")
        ),
        migrations.AddConstraint(
            "event",
            models.UniqueConstraint(fields=["organization_id", "sequence"], name="event_sequence_once"),
        ),
        migrations.RunSQL(APPEND, "DROP FUNCTION audit_chains(); DROP FUNCTION audit_append(text)"),
    ]
