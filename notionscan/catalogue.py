"""What PostgreSQL's own catalogue says of the fences: every hole that is known to be one, as a sentence.

``manage.py check --database default`` reports them, and ``migrate`` refuses to finish with one. Each was seen
to let rows through in a database that was otherwise fenced.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import UniqueConstraint

from notionscan import grants, rls

# Older ones let rows be read through ON CONFLICT DO UPDATE despite row security (CVE-2026-120154).
SAFE_MINORS = {15: 20, 16: 16, 17: 12, 18: 7}

_OWN = "({column} = ( SELECT scope_organization() AS scope_organization))"
_SELF = "(user_id = ( SELECT scope_user() AS scope_user))"
_MEMBER = (
    "(id = ANY (ARRAY( SELECT tenants_membership.organization_id\n   FROM tenants_membership\n"
    "  WHERE (tenants_membership.user_id = ( SELECT scope_user() AS scope_user)))))"
)
_SHARE = "(id = ( SELECT scope_share() AS scope_share))"
_SHARED = (
    "(id IN ( SELECT scans_share.report_id\n   FROM scans_share\n"
    "  WHERE (scans_share.id = ( SELECT scope_share() AS scope_share))))"
)
_OPERATOR = "( SELECT (CURRENT_USER = SESSION_USER))"
_ME = "(id = ( SELECT scope_user() AS scope_user))"
_BORN = "((id = ( SELECT scope_user() AS scope_user)) AND (NOT is_staff) AND (NOT is_superuser))"


@dataclass(frozen=True)
class Policy:
    """What a permissive policy lets through: for which command, which rows, and for whom."""

    command: str
    rows: str | None
    new_rows: str | None = None
    owner_only: bool = False


_DEFINER = Policy("SELECT", "( SELECT (CURRENT_USER <> SESSION_USER))", owner_only=True)
_OPERATORS_EYES = Policy("SELECT", _OPERATOR, owner_only=True)
_OPERATORS_HAND = Policy("ALL", _OPERATOR, _OPERATOR, owner_only=True)
# All policies beside the `tenant` and `definer` that every table with customers' rows has.
REVIEWED_POLICIES = {
    ("tenants_membership", "also_1"): Policy("SELECT", _SELF),
    ("tenants_organization", "also_1"): Policy("SELECT", _MEMBER),
    ("tenants_organizationuserpermission", "also_1"): Policy("SELECT", _SELF),
    ("integrations_oauthstate", "also_1"): Policy("SELECT", _SELF),
    ("integrations_oauthstate", "also_2"): Policy("DELETE", _SELF),
    # Whoever holds a link: that link and its report.
    ("scans_share", "also_1"): Policy("SELECT", _SHARE),
    ("scans_report", "also_1"): Policy("SELECT", _SHARED),
    # Operators' commands that go through all organizations, on the owner's own connection.
    ("tenants_organization", "operator"): _OPERATORS_EYES,
    ("tenants_datakey", "operator"): _OPERATORS_EYES,
    ("audit_event", "operator"): _OPERATORS_EYES,
    ("audit_chainhead", "operator"): _OPERATORS_EYES,
    # People, whom their own scope alone changes.
    ("tenants_user", "anyone"): Policy("SELECT", "true"),
    ("tenants_user", "born"): Policy("INSERT", None, _BORN),
    ("tenants_user", "self"): Policy("UPDATE", _ME),
    ("tenants_user", "operator"): _OPERATORS_HAND,
    ("account_emailaddress", "anyone"): Policy("SELECT", "true"),
    ("account_emailaddress", "self"): Policy("ALL", _SELF),
    ("account_emailaddress", "operator"): _OPERATORS_HAND,
}
# Fenced by policies of their own, and not by an organization.
PEOPLE = ("tenants_user", "account_emailaddress")
# The MD5 of each function, as _reviewed_functions reads it: whoever changes one shows it to a reviewer here.
REVIEWED_FUNCTIONS = {
    "audit_append(text)": "3ca046ff346814a4a281933f53097d0b",
    "audit_chains()": "42723a0d47b3a0fe274202cecdb7acbd",
    "defer_job(text,jsonb,interval)": "0b4415e687c61a25cdd3a82304bf7b37",
    "service_account_of(text)": "ccfc1e896189b6069223e2b87b770306",
    "connected_organizations()": "fc7341f6ebc31d5c822fcbdb24195ab0",
    "mirrors_behind(boolean)": "4d682be2b747bba852ed18fdbc4d7c9e",
    "organization_id_of(text)": "2b417544404d19be72cb8fc8705717ae",
    "own_connections_rows()": "86056d5bc6c99cb44e9fad18854e58d8",
    "scope_bind(text,bytea)": "e1b50bf2fc8120beaebb2a8f4864511f",
    "scope_kind()": "61932d7964344c9098f8522146d8441d",
    "scope_organization()": "aeab0fd0138ad50ed88822eb223b366f",
    "scope_user()": "4ff23436b4b901f437463f5ebc9fe567",
    "scope_share()": "07ed7a9468e503753ac137d9ec6d71be",
    "share_alive(text)": "086e1a846d05de1a39519717a3e21c0e",
    "staff_connections_rows()": "2751d3c7f6386c2b8fe396ec3f06780f",
    "staff_organizations_rows()": "e8495401b2583b42357a881cf4efdbb3",
    "token_is_held(text)": "29eed8b480c51bd568e847f835800b02",
}
# The SHA-256 of what procrastinate's migrations make, as _queue reads it.
REVIEWED_QUEUE = "533e4cf3db7592494732245bb8c57e15ca4140002572c2d2c6b88c0673f26422"
# Unique without the organization, each with the reason why it tells nobody anything.
REVIEWED_UNIQUE = {
    "tenants_organization_slug_key": "a slug is an address of the site: one for all",
    "tenants_organizationuserpermission_pkey": "a number that the database gives",
    "integrations_ratebudget_pkey": "the id of an integration, a random UUID",
    "scans_version_pkey": "a number that the database gives",
    "scans_seen_pkey": "a number that the database gives",
}


@dataclass(frozen=True)
class Fault:
    """A hole, with a number that stays the same."""

    number: int
    sentence: str


def faults(cursor: Any, *, role: str) -> list[Fault]:
    """Return what is wrong with the database for the app's role of this name. Any role may ask."""
    return [
        Fault(number, sentence)
        for number, check in enumerate(_CHECKS, start=1)
        for sentence in check(cursor, role)
    ]


def server_version(cursor: Any) -> int:
    """Return PostgreSQL's version as a number, such as 180004 for 18.4."""
    [(version,)] = _rows(cursor, "SELECT current_setting('server_version_num')::int")
    return int(version)


def _rows(cursor: Any, query: str, *values: object) -> list[tuple[Any, ...]]:
    cursor.execute(query, values)
    return list(cursor.fetchall())


def _scoped() -> dict[str, str]:
    return {model._meta.db_table: _column(model) for model in rls.scoped_models()}


def _column(model: Any) -> str:
    return str(model._meta.get_field(model.scope_column).column)


# Tables -------------------------------------------------------------------------------------------------


def _unlisted_tables(cursor: Any, role: str) -> Iterator[str]:
    listed = [*grants.SCOPED, *grants.GLOBAL, *grants.CLOSED, *_scoped()]
    query = """
        SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'f')
        AND relname <> ALL (%s) AND relname NOT LIKE %s ORDER BY relname
    """
    for (table,) in _rows(cursor, query, listed, grants.OF_THE_QUEUE):
        yield (
            f"The table {table} is on no list: fence it with CreateScopedModel, or add it to "
            "grants.GLOBAL with what it holds and why that is safe."
        )


def _scoped_without_a_line(cursor: Any, role: str) -> Iterator[str]:
    for table in sorted(set(_scoped()) ^ set(grants.SCOPED)):
        yield f"The table {table} must be a Scoped model and stand in grants.SCOPED, both."


def _global_with_customers(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
        WHERE relnamespace = 'public'::regnamespace AND relname = ANY (%(listed)s)
        AND attname = 'organization_id' AND NOT attisdropped
        UNION SELECT relname FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
        WHERE contype = 'f' AND relname = ANY (%(listed)s) AND confrelid::regclass::text = ANY (%(scoped)s)
        ORDER BY relname
    """
    cursor.execute(query, {"listed": [*grants.GLOBAL, *grants.CLOSED], "scoped": list(_scoped())})
    for (table,) in cursor.fetchall():
        yield (
            f"The table {table} is listed as nobody's, but names organizations; fence it with "
            "CreateScopedModel."
        )


def _unfenced(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = ANY (%s)
        AND NOT (relrowsecurity AND relforcerowsecurity) ORDER BY relname
    """
    for (table,) in _rows(cursor, query, [*_scoped(), *PEOPLE]):
        yield f"No row security on {table}, or it is not forced; create it with CreateScopedModel."


def _nullable(cursor: Any, role: str) -> Iterator[str]:
    query = "SELECT attnotnull FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s"
    for table, column in _scoped().items():
        if _rows(cursor, query, f"public.{table}", column) != [(True,)]:
            yield f"The column {column} of {table} must be NOT NULL: a row of nobody is everybody's."


def _policies(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT tablename, policyname, cmd, qual, with_check, roles = ARRAY[tableowner] AS owner_only,
               roles = ARRAY['public'::name] AS for_all
        FROM pg_policies JOIN pg_tables USING (schemaname, tablename)
        WHERE schemaname = 'public' AND permissive = 'PERMISSIVE' ORDER BY tablename, policyname
    """
    expected = dict(REVIEWED_POLICIES)
    for table, column in _scoped().items():
        own = _OWN.format(column=column)
        expected |= {(table, "tenant"): Policy("ALL", own, own), (table, "definer"): _DEFINER}
    found = {}
    for table, name, command, rows, new_rows, owner_only, for_all in _rows(cursor, query):
        found[table, name] = Policy(command, rows, new_rows, owner_only)
        if found[table, name] != expected.get((table, name)) or not (owner_only or for_all):
            yield (
                f"The policy {name} of {table} lets rows through that nobody reviewed: drop it, or add it to "
                "catalogue.REVIEWED_POLICIES."
            )
    for table, name in sorted(expected.keys() - found.keys()):
        yield f"The table {table} lacks its policy {name}; create it with CreateScopedModel."


def _foreign_keys(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT conname, conrelid::regclass::text, confrelid::regclass::text,
            ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey))
        FROM pg_constraint WHERE contype = 'f' AND conrelid::regclass::text = ANY (%s)
        AND confrelid::regclass::text = ANY (%s) ORDER BY conname
    """
    scoped = _scoped()
    for name, table, target, columns in _rows(cursor, query, list(scoped), list(scoped)):
        if scoped[table] not in columns:
            yield (
                f"The foreign key {name} of {table} lets a row point into another organization's {target}; "
                "use db_constraint=False and name it in CreateScopedModel's parents."
            )


def _parents(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT conrelid::regclass::text, confrelid::regclass::text,
            ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)
                ORDER BY attname)
        FROM pg_constraint WHERE contype = 'f' AND convalidated
        AND coalesce((to_jsonb(pg_constraint) ->> 'conenforced')::boolean, true)
        AND conrelid::regclass::text = ANY (%s)
    """
    scoped = _scoped()
    found = {(table, target, tuple(columns)) for table, target, columns in _rows(cursor, query, list(scoped))}
    for model in rls.scoped_models():
        table = model._meta.db_table
        for field in model._meta.concrete_fields:
            target = field.related_model._meta.db_table if field.related_model else None
            if target not in scoped or field.column == scoped[table]:
                continue
            columns = sorted([str(field.column), scoped[table]])
            if (table, target, tuple(columns)) not in found:
                yield (
                    f"The column {field.column} of {table} may point into another organization's {target}; "
                    "name it in CreateScopedModel's parents, so that a composite foreign key holds it."
                )


def _primary_missing(cursor: Any, role: str) -> Iterator[str]:
    query = "SELECT indrelid::regclass::text FROM pg_index WHERE indisprimary AND indisvalid"
    found = {table for (table,) in _rows(cursor, query)}
    for table in sorted(_scoped().keys() - found):
        yield f"The table {table} lacks its primary key: of one thing there could be two rows."


def _unique_missing(cursor: Any, role: str) -> Iterator[str]:
    query = "SELECT indexrelid::regclass::text FROM pg_index WHERE indisunique AND indisvalid"
    found = {name for (name,) in _rows(cursor, query)}
    for model in rls.scoped_models():
        for constraint in model._meta.constraints:
            if isinstance(constraint, UniqueConstraint) and constraint.name not in found:
                table = model._meta.db_table
                yield f"The table {table} lacks its unique index {constraint.name}; run its migrations anew."


def _unique(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT indexrelid::regclass::text, indrelid::regclass::text,
            ARRAY(SELECT attname FROM pg_attribute
                WHERE attrelid = indrelid AND attnum = ANY (keys) AND NOT indisexclusion),
            indisprimary AND ARRAY(SELECT atttypid FROM pg_attribute
                WHERE attrelid = indrelid AND attnum = ANY (keys)) = ARRAY['uuid'::regtype::oid]
        FROM pg_index, LATERAL (SELECT (indkey::int2[])[0:indnkeyatts - 1]) AS of_index (keys)
        WHERE (indisunique OR indisexclusion) AND indrelid::regclass::text = ANY (%s) ORDER BY 1
    """
    scoped = _scoped()
    for name, table, columns, is_random in _rows(cursor, query, list(scoped)):
        # A primary key that is a random UUID collides with nothing that anybody could guess.
        if not is_random and scoped[table] not in columns and name not in REVIEWED_UNIQUE:
            yield (
                f"The unique index {name} of {table} tells that another organization has a value; add the "
                "organization to it."
            )


def _inheritance(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT inhrelid::regclass::text, inhparent::regclass::text FROM pg_inherits
        JOIN pg_class ON pg_class.oid = inhrelid
        WHERE relkind IN ('r', 'p', 'f') AND relnamespace = 'public'::regnamespace
    """
    for child, parent in _rows(cursor, query):
        yield f"The table {child} inherits from {parent}, but not its row security; make it a plain one."


def _triggers(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT tgname, tgrelid::regclass::text FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
        WHERE NOT tgisinternal AND relname NOT LIKE %s ORDER BY 1
    """
    for trigger, table in _rows(cursor, query, grants.OF_THE_QUEUE):
        yield f"The trigger {trigger} on {table} is none of ours; drop it."


def _schemas(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT nspname FROM pg_namespace
        WHERE nspname NOT IN ('public', 'information_schema', 'pg_catalog', 'pg_toast')
        AND nspname !~ '^pg_(toast_)?temp_' ORDER BY 1
    """
    for (schema,) in _rows(cursor, query):
        yield f"The schema {schema} is none of ours, and nothing here looks into it; drop it."


# Views, functions and rules -----------------------------------------------------------------------------


def _views(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT relname, relkind = 'm' FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND (relkind = 'm'
             OR relkind = 'v' AND NOT 'security_invoker=true' = ANY (coalesce(reloptions, '{}')))
        ORDER BY relname
    """
    for view, materialized in _rows(cursor, query):
        if materialized:
            yield f"The materialized view {view} keeps rows outside of row security; drop it."
        else:
            yield f"The view {view} reads with its owner's eyes; create it WITH (security_invoker = true)."


def _rules(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT rulename, ev_class::regclass::text FROM pg_rewrite JOIN pg_class ON pg_class.oid = ev_class
        WHERE relnamespace = 'public'::regnamespace AND rulename <> '_RETURN'
    """
    for rule, table in _rows(cursor, query):
        yield f"The rule {rule} on {table} runs as the table's owner; drop it."


def _functions(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT oid::regprocedure::text,
            EXISTS (SELECT FROM unnest(proconfig) AS setting
                WHERE setting ~ '^search_path=pg_catalog(, public)?, pg_temp$'),
            has_function_privilege('public', oid, 'EXECUTE')
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef ORDER BY 1
    """
    for function, is_pinned, is_open in _rows(cursor, query):
        if not is_pinned:
            yield f"The definer function {function} needs SET search_path = pg_catalog, …, pg_temp."
        if is_open:
            yield f"The definer function {function} is open to PUBLIC; revoke that."


def _reviewed_functions(cursor: Any, role: str) -> Iterator[str]:
    """Hold the functions against those that were reviewed: the body, and all that decides what it may do."""
    query = """
        SELECT pg_proc.oid::regprocedure::text, md5(concat_ws('|', prosrc, lanname, prosecdef, provolatile,
            proparallel, proleakproof, proconfig, proowner = relowner))
        FROM pg_proc JOIN pg_language ON pg_language.oid = prolang
        JOIN pg_class ON pg_class.oid = 'public.tenants_user'::regclass
        WHERE pronamespace = 'public'::regnamespace AND proname NOT LIKE %s ORDER BY 1
    """
    found = {name.replace(" ", ""): value for name, value in _rows(cursor, query, grants.OF_THE_QUEUE)}
    for name, fingerprint in sorted(REVIEWED_FUNCTIONS.items()):
        if name in found and found[name] != fingerprint:
            yield f"The function {name} is not the one that was reviewed in catalogue.REVIEWED_FUNCTIONS."
    for name in sorted(found.keys() - REVIEWED_FUNCTIONS.keys()):
        yield f"The function {name} is on no list; drop it, or add it to catalogue.REVIEWED_FUNCTIONS."


def _queue(cursor: Any, role: str) -> Iterator[str]:
    """A library made the tables, functions and triggers of the job queue; a change of them is read first."""
    query = """
        SELECT relname || relkind::text FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relname LIKE %(name)s
        AND relkind IN ('r', 'v', 'm', 'p', 'f')
        UNION ALL
        SELECT oid::regprocedure || md5(concat_ws('|', prosrc, prosecdef, proleakproof, proconfig))
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname LIKE %(name)s
        UNION ALL
        SELECT pg_get_triggerdef(pg_trigger.oid) || tgenabled::text
        FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
        WHERE NOT tgisinternal AND relname LIKE %(name)s
    """
    cursor.execute(query, {"name": grants.OF_THE_QUEUE})
    parts = "\n".join(sorted(part for (part,) in cursor.fetchall()))
    if hashlib.sha256(parts.encode()).hexdigest() != REVIEWED_QUEUE:
        yield "The job queue's tables, functions and triggers are not those of catalogue.REVIEWED_QUEUE."


def _database(cursor: Any, role: str) -> Iterator[str]:
    for (publication,) in _rows(cursor, "SELECT pubname FROM pg_publication ORDER BY 1"):
        yield f"The publication {publication} sends rows to another server, past row security; drop it."
    query = """
        SELECT split_part(setting, '=', 1) FROM pg_db_role_setting CROSS JOIN unnest(setconfig) AS setting
        LEFT JOIN pg_database ON pg_database.oid = setdatabase
        WHERE setrole = 0 AND coalesce(datname, current_database()) = current_database()
        AND setting ~ '^(search_path|row_security|session_replication_role|role|notionscan\\..*)='
    """
    for (setting,) in _rows(cursor, query):
        yield f"The database starts every session with its own {setting}; ALTER DATABASE … RESET ends that."


def _callable(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        AND proname NOT LIKE %s AND has_function_privilege(%s, oid, 'EXECUTE')
    """
    for_all = {function.replace(" ", "") for function in grants.FUNCTIONS}
    of_the_worker = {function.replace(" ", "") for function in grants.WORKER_FUNCTIONS}
    for name in _both(role):
        is_worker = name == grants.role_of("worker")
        # Where one role is both, the worker's are granted if this process knows of a worker at all.
        needed = for_all | (of_the_worker if is_worker and name != role else set())
        rows = _rows(cursor, query, grants.OF_THE_QUEUE, name)
        found = {function.replace(" ", "") for (function,) in rows}
        for function in sorted(found - needed - (of_the_worker if is_worker else set())):
            yield f"{name} may call {function}, which is not in grants.FUNCTIONS; revoke that, or list it."
        for function in sorted(needed - found):
            yield f"{name} may not call {function}; run manage.py migrate."


# The roles ----------------------------------------------------------------------------------------------


def _both(role: str) -> list[str]:
    return sorted({role, grants.role_of("worker")})


def _attributes(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,
            EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid),
            EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid),
            EXISTS (SELECT FROM pg_proc WHERE proowner = pg_roles.oid),
            has_schema_privilege(rolname, 'public', 'CREATE'),
            has_database_privilege(rolname, current_database(), 'CREATE'),
            has_database_privilege(rolname, current_database(), 'TEMPORARY'),
            EXISTS (SELECT FROM pg_db_role_setting WHERE setrole = pg_roles.oid)
        FROM pg_roles WHERE rolname = %s
    """
    words = (
        "is a superuser",
        "bypasses row security",
        "creates roles",
        "creates databases",
        "replicates",
        "is a member of another role",
        "owns a table, whose row security it could end",
        "owns a function",
        "creates objects in the schema public",
        "creates schemas",
        "creates temporary tables, which could stand before ours",
        "starts with settings of its own (ALTER ROLE … RESET ALL ends them)",
    )
    for name in _both(role):
        [attributes] = _rows(cursor, query, name)
        for has_it, word in zip(attributes, words, strict=True):
            if has_it:
                yield f"The role {name} {word}; take that from it."


def _rights(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT relname, right_name FROM pg_class, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE',
            'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS right_name
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
        AND NOT (%s AND relname LIKE %s) AND has_table_privilege(%s, pg_class.oid, right_name)
    """
    # What is granted on columns alone is no right on the table.
    wanted = {(table, right) for table, rights in _listed().items() for right in grants.on_the_table(rights)}
    for name in _both(role):
        is_worker = name == grants.role_of("worker")
        found = set(_rows(cursor, query, is_worker, grants.OF_THE_QUEUE, name))
        for table, right in sorted(found - wanted):
            yield (
                f"{name} has {right} on {table}, which is not in notionscan/grants.py; run manage.py migrate."
            )
        for table, right in sorted(wanted - found):
            yield f"{name} lacks {right} on {table}; run manage.py migrate."


def _other_rights(cursor: Any, role: str) -> Iterator[str]:
    """Rights that grants.py never gives: to maintain or lock a table, and to read or set a sequence."""
    query = """
        SELECT relname, item.privilege_type FROM pg_class, aclexplode(relacl) AS item
        WHERE relnamespace = 'public'::regnamespace AND NOT (%s AND relname LIKE %s)
        AND item.grantee IN (0, (SELECT oid FROM pg_roles WHERE rolname = %s))
        AND (relkind = 'S' OR item.privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE',
            'TRUNCATE', 'REFERENCES', 'TRIGGER')) ORDER BY 1, 2
    """
    for name in _both(role):
        is_worker = name == grants.role_of("worker")
        for relation, right in _rows(cursor, query, is_worker, grants.OF_THE_QUEUE, name):
            yield f"{name} has {right} on {relation}, which grants.py gives nobody; run manage.py migrate."


def _column_rights(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT relname, attname, item.privilege_type FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid, aclexplode(attacl) AS item
        WHERE relnamespace = 'public'::regnamespace
        AND item.grantee IN (0, (SELECT oid FROM pg_roles WHERE rolname = %s))
    """
    wanted = {
        (table, column, right)
        for table, rights in _listed().items()
        for column, right in grants.on_columns(rights)
    }
    for name in _both(role):
        found = set(_rows(cursor, query, name))
        for table, column, right in sorted(found - wanted):
            yield (
                f"{name} has {right} on the column {column} of {table}, which is not in "
                "notionscan/grants.py; run manage.py migrate."
            )
        for table, column, right in sorted(wanted - found):
            yield f"{name} lacks {right} on the column {column} of {table}; run manage.py migrate."


def _listed() -> dict[str, str]:
    return grants.SCOPED | {table: rights for table, (rights, _) in grants.GLOBAL.items()} | grants.VIEWS


def _grantable(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT relname FROM pg_class, aclexplode(relacl) AS item WHERE item.is_grantable
        AND item.grantee = (SELECT oid FROM pg_roles WHERE rolname = %(role)s) AND relowner <> item.grantee
        UNION SELECT proname FROM pg_proc, aclexplode(proacl) AS item WHERE item.is_grantable
        AND item.grantee = (SELECT oid FROM pg_roles WHERE rolname = %(role)s) AND proowner <> item.grantee
    """
    for name in _both(role):
        cursor.execute(query, {"role": name})
        for (what,) in cursor.fetchall():
            yield f"{name} may hand on its rights on {what}; revoke the GRANT OPTION."


def _defaults(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT defaclrole::regrole::text FROM pg_default_acl, aclexplode(defaclacl) AS item
        WHERE item.grantee = 0 OR item.grantee = (SELECT oid FROM pg_roles WHERE rolname = %s)
    """
    for name in _both(role):
        for (owner,) in set(_rows(cursor, query, name)):
            yield f"Default privileges of {owner} would open every new table to {name}; revoke them."


_CHECKS: tuple[Callable[[Any, str], Iterator[str]], ...] = (
    _unlisted_tables,
    _scoped_without_a_line,
    _unfenced,
    _nullable,
    _policies,
    _foreign_keys,
    _parents,
    _unique_missing,
    _unique,
    _inheritance,
    _triggers,
    _schemas,
    _views,
    _rules,
    _functions,
    _reviewed_functions,
    _queue,
    _database,
    _callable,
    _attributes,
    _rights,
    _column_rights,
    _grantable,
    _defaults,
    # Numbers stay the same: new ones come last.
    _global_with_customers,
    _primary_missing,
    _other_rights,
)
