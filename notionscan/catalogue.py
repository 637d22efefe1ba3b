"""What PostgreSQL's own catalogue says of the fences: every hole that is known to be one, as a sentence.

``manage.py check --database default`` reports them, and ``migrate`` refuses to finish with one. Each was seen
to let rows through in a database that was otherwise fenced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from notionscan import grants, rls

# Older ones let rows be read through ON CONFLICT DO UPDATE despite row security (CVE-2026-120154).
SAFE_MINORS = {15: 20, 16: 16, 17: 12, 18: 7}

_OWN = "({column} = ( SELECT scope_organization() AS scope_organization))"
_SELF = "(user_id = ( SELECT scope_user() AS scope_user))"
_MEMBER = (
    "(id = ANY (ARRAY( SELECT tenants_membership.organization_id\n   FROM tenants_membership\n"
    "  WHERE (tenants_membership.user_id = ( SELECT scope_user() AS scope_user)))))"
)
# Policies beside `tenant` and `definer` on tables with customers' rows: (table, name) to (command, rows).
REVIEWED_POLICIES = {
    ("tenants_membership", "also_1"): ("r", _SELF),
    ("tenants_organization", "also_1"): ("r", _MEMBER),
    ("tenants_organizationuserpermission", "also_1"): ("r", _SELF),
    ("integrations_oauthstate", "also_1"): ("r", _SELF),
    ("integrations_oauthstate", "also_2"): ("d", _SELF),
}
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
    for (table,) in _rows(cursor, query, listed, grants.WORKER_TABLES_LIKE):
        yield (
            f"The table {table} is on no list: fence it with CreateScopedModel, or add it to "
            "grants.GLOBAL with what it holds and why that is safe."
        )


def _scoped_without_a_line(cursor: Any, role: str) -> Iterator[str]:
    for table in sorted(set(_scoped()) ^ set(grants.SCOPED)):
        yield f"The table {table} must be a Scoped model and stand in grants.SCOPED, both."


def _unfenced(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = ANY (%s)
        AND NOT (relrowsecurity AND relforcerowsecurity) ORDER BY relname
    """
    for (table,) in _rows(cursor, query, [*_scoped(), "tenants_user", "account_emailaddress"]):
        yield f"No row security on {table}, or it is not forced; create it with CreateScopedModel."


def _nullable(cursor: Any, role: str) -> Iterator[str]:
    query = "SELECT attnotnull FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s"
    for table, column in _scoped().items():
        if _rows(cursor, query, f"public.{table}", column) != [(True,)]:
            yield f"The column {column} of {table} must be NOT NULL: a row of nobody is everybody's."


def _policies(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT relname, polname, polcmd::text, pg_get_expr(polqual, polrelid),
               pg_get_expr(polwithcheck, polrelid), polroles = ARRAY[relowner]
        FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid
        WHERE relname = ANY (%s) AND polpermissive ORDER BY relname, polname
    """
    scoped = _scoped()
    fenced = set()
    for table, name, command, using, check, owner_only in _rows(cursor, query, list(scoped)):
        own = _OWN.format(column=scoped[table])
        if (name, command, using, check, owner_only) == ("tenant", "*", own, own, False):
            fenced.add(table)
        elif not owner_only and REVIEWED_POLICIES.get((table, name)) != (command, using):
            yield (
                f"The policy {name} of {table} lets rows through that nobody reviewed: drop it, or add it to "
                "catalogue.REVIEWED_POLICIES."
            )
    for table in sorted(set(scoped) - fenced):
        yield f"The table {table} lacks its policy; create it with CreateScopedModel."


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


def _unique(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT indexrelid::regclass::text, indrelid::regclass::text,
            ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = indrelid AND attnum = ANY (indkey)),
            indisprimary AND ARRAY(SELECT atttypid FROM pg_attribute
                WHERE attrelid = indrelid AND attnum = ANY (indkey)) = ARRAY['uuid'::regtype::oid]
        FROM pg_index WHERE indisunique AND indrelid::regclass::text = ANY (%s) ORDER BY 1
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
            EXISTS (SELECT FROM unnest(proconfig) AS setting WHERE setting LIKE 'search_path=pg_catalog%%'),
            has_function_privilege('public', oid, 'EXECUTE')
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef ORDER BY 1
    """
    for function, is_pinned, is_open in _rows(cursor, query):
        if not is_pinned:
            yield f"The definer function {function} needs SET search_path = pg_catalog, …, pg_temp."
        if is_open:
            yield f"The definer function {function} is open to PUBLIC; revoke that."


def _callable(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        AND proname NOT LIKE %s AND has_function_privilege(%s, oid, 'EXECUTE')
    """
    found = {name.replace(" ", "") for (name,) in _rows(cursor, query, grants.WORKER_TABLES_LIKE, role)}
    listed = {name.replace(" ", "") for name in grants.FUNCTIONS}
    for name in sorted(found - listed):
        yield f"{role} may call {name}, which is not in grants.FUNCTIONS; revoke that, or list it."
    for name in sorted(listed - found):
        yield f"{role} may not call {name}; run manage.py migrate."


# The role -----------------------------------------------------------------------------------------------


def _attributes(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,
            EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid),
            EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid),
            EXISTS (SELECT FROM pg_proc WHERE proowner = pg_roles.oid),
            has_schema_privilege(rolname, 'public', 'CREATE'),
            has_database_privilege(rolname, current_database(), 'CREATE'),
            has_database_privilege(rolname, current_database(), 'TEMPORARY')
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
    )
    for name in sorted({role, grants.role_of("worker")}):
        [attributes] = _rows(cursor, query, name)
        for has_it, word in zip(attributes, words, strict=True):
            if has_it:
                yield f"The role {name} {word}; take that from it."


def _rights(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT relname, right_name FROM pg_class, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE',
            'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS right_name
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
        AND has_table_privilege(%s, pg_class.oid, right_name)
    """
    listed = grants.SCOPED | {table: rights for table, (rights, _) in grants.GLOBAL.items()} | grants.VIEWS
    wanted = {
        (table, right)
        for table, rights in listed.items()
        # What is granted on columns alone is no right on the table.
        for right in grants.on_the_table(rights)
    }
    found = set(_rows(cursor, query, role))
    for table, right in sorted(found - wanted):
        yield f"{role} has {right} on {table}, which is not in notionscan/grants.py; run manage.py migrate."
    for table, right in sorted(wanted - found):
        yield f"{role} lacks {right} on {table}; run manage.py migrate."


def _defaults(cursor: Any, role: str) -> Iterator[str]:
    query = """
        SELECT defaclrole::regrole::text FROM pg_default_acl, aclexplode(defaclacl) AS item
        WHERE item.grantee = 0 OR item.grantee = (SELECT oid FROM pg_roles WHERE rolname = %s)
    """
    for (owner,) in set(_rows(cursor, query, role)):
        yield f"Default privileges of {owner} would open every new table to {role}; revoke them."


_CHECKS: tuple[Callable[[Any, str], Iterator[str]], ...] = (
    _unlisted_tables,
    _scoped_without_a_line,
    _unfenced,
    _nullable,
    _policies,
    _foreign_keys,
    _unique,
    _inheritance,
    _views,
    _rules,
    _functions,
    _callable,
    _attributes,
    _rights,
    _defaults,
)
