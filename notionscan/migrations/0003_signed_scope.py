"""The scope becomes signed: SQL that runs as the app's role cannot choose another one.

`scope_bind` takes a claim ("kind:user:organization:expiry") that our processes signed with
SCOPE_SIGNING_KEY, and keeps it for the open transaction under a seal of the database's own, made for this
backend and this transaction. The three readers, which every policy calls, believe the seal alone. Both keys
are in a table that only the owner reads; `manage.py migrate` fills it (notionscan/scope_key.py).

The signature does not name the backend, because pgbouncer hides it from the client; the seal does. What is
left in the setting is worthless in another transaction, and the signature itself is never kept.
"""

from django.db import migrations

# HMAC-SHA256 by its definition, with the two padded keys kept ready: sha256() is all that every
# PostgreSQL has without an extension.
KEYS = """
CREATE TABLE notionscan_scopekey (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    claim_inner bytea NOT NULL, claim_outer bytea NOT NULL,
    seal_inner bytea NOT NULL, seal_outer bytea NOT NULL
);
REVOKE ALL ON notionscan_scopekey FROM PUBLIC;
"""

_SEAL = """encode(sha256(keys.seal_outer || sha256(keys.seal_inner
            || int4send(pg_backend_pid()) || timestamptz_send(now()) || convert_to(claim, 'UTF8'))), 'hex')"""

BIND = f"""
CREATE FUNCTION scope_bind(claim text, signature bytea) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
    DECLARE
        keys public.notionscan_scopekey;
    BEGIN
        SELECT * INTO keys FROM public.notionscan_scopekey;
        IF signature = sha256(keys.claim_outer || sha256(keys.claim_inner || convert_to(claim, 'UTF8'))) THEN
            -- Only what we signed is parsed.
            IF split_part(claim, ':', 4)::bigint > extract(epoch FROM clock_timestamp()) THEN
                PERFORM set_config('notionscan.scope', claim || ':' || {_SEAL}, true);
                RETURN true;
            END IF;
        END IF;
        PERFORM set_config('notionscan.scope', '', true);
        RETURN false;
    END $$;
REVOKE ALL ON FUNCTION scope_bind(text, bytea) FROM PUBLIC;
"""

# The seal is 64 hexadecimal digits after a colon. After a transaction a local setting is '' and not NULL.
_READER = """
CREATE OR REPLACE FUNCTION {name}() RETURNS {type}
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
    DECLARE
        held text := current_setting('notionscan.scope', true);
        claim text := left(held, -65);
        keys public.notionscan_scopekey;
    BEGIN
        IF claim IS NULL OR claim = '' THEN
            RETURN NULL;
        END IF;
        SELECT * INTO keys FROM public.notionscan_scopekey;
        IF right(held, 64) = {seal} THEN
            RETURN {value};
        END IF;
        RETURN NULL;
    END $$;
REVOKE ALL ON FUNCTION {name}() FROM PUBLIC;
"""

_VALUES = {
    "scope_kind": ("text", "split_part(claim, ':', 1)"),
    "scope_user": (
        "uuid",
        "CASE WHEN split_part(claim, ':', 1) = 'user' THEN split_part(claim, ':', 2)::uuid END",
    ),
    "scope_organization": (
        "uuid",
        "CASE WHEN split_part(claim, ':', 1) IN ('organization', 'job') THEN split_part(claim, ':', 3)::uuid END",
    ),
}
READERS = "".join(
    _READER.format(name=name, type=type_, value=value, seal=_SEAL) for name, (type_, value) in _VALUES.items()
)


class Migration(migrations.Migration):
    dependencies = [("notionscan", "0002_defer_job")]
    operations = [
        migrations.RunSQL(KEYS, "DROP TABLE notionscan_scopekey"),
        migrations.RunSQL(BIND, "DROP FUNCTION scope_bind(text, bytea)"),
        # Backwards would mean that anything is believed again.
        migrations.RunSQL(READERS),
    ]
