"""What is referred to and was not seen.

Objects say where they stand and who made them, databases what they are made of, relations where they lead.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection, transaction

from scans.models import Scan
from scans.storage import expect_many

# What a look-up asks for, and by which column objects refer to it.
PARENTS = {
    "database": "database_id",
    "data_source": "data_source_id",
    "page": "page_id",
    "block": "block_id",
}

# After it: what others stand in or relate to, and nobody has seen.
_MISSING = """
WITH now AS NOT MATERIALIZED (
    SELECT object_id, kind, state, parent_kind, parent_id, structure FROM scans_version
    WHERE organization_id = %(organization)s AND valid_from <= %(number)s
    AND (valid_until IS NULL OR valid_until > %(number)s) AND state <> 'vanished'
)
SELECT count(*) FROM (
    SELECT parent_id FROM now WHERE parent_kind = ANY(%(parent_kinds)s) AND parent_id IS NOT NULL
    UNION {targets}
) AS wanted (id) WHERE NOT EXISTS (SELECT FROM now WHERE now.object_id = wanted.id)
"""
# An object that this scan has met or asked for needs no look-up; one that an earlier scan met does not
# either, where this one goes on from there.
_IS_KNOWN = """
    EXISTS (SELECT FROM scans_seen s WHERE s.organization_id = %(organization)s AND s.scan_id = %(scan)s
            AND s.object_id = wanted.id)
    OR %(goes_on)s AND EXISTS (
        SELECT FROM scans_version k WHERE k.organization_id = %(organization)s AND k.object_id = wanted.id)
"""
# Of objects that this scan has met.
_NOW = """
    FROM scans_version v JOIN scans_seen met USING (organization_id, object_id)
    WHERE v.organization_id = %(organization)s AND v.valid_until IS NULL AND v.state <> 'vanished'
    AND met.scan_id = %(scan)s
"""
_PARENTS = f"SELECT v.parent_id {_NOW} AND v.parent_kind = %(parent_kind)s AND v.parent_id IS NOT NULL"
_PARTS = f"""
    SELECT part.id::uuid
    FROM (SELECT v.structure {_NOW} AND v.kind = 'database') AS d,
         jsonb_array_elements_text(d.structure) AS part (id)
"""
# Where the relations of data sources lead.
_TARGETS_OF = """
    SELECT (property.value->>'target')::uuid
    FROM ({sources}) AS s, jsonb_array_elements(s.structure) AS property
    WHERE property.value->>'target' ~ '^[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$'
"""
_SOURCES = f"SELECT v.structure {_NOW} AND v.kind = 'data_source' AND v.state = 'live'"
_TARGETS = _TARGETS_OF.format(sources=_SOURCES)
_AUTHORS = f"SELECT v.created_by {_NOW} UNION SELECT v.edited_by {_NOW}"


@transaction.atomic
def unseen(scan: Scan, kind: str, *, at_most: int) -> list[UUID]:
    """Return ids that objects refer to and that nobody has looked up, ordered; ``kind`` is what they are."""
    expect_many(scan)
    query = f"SELECT DISTINCT wanted.id {_wanted(kind)} ORDER BY 1 LIMIT %(at_most)s"
    with connection.cursor() as cursor:
        cursor.execute(query, _values(scan, kind) | {"at_most": at_most})
        return [row[0] for row in cursor.fetchall()]


@transaction.atomic
def count_unseen(scan: Scan, kind: str) -> int:
    """Return how many there are of what ``unseen`` returns."""
    expect_many(scan)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(DISTINCT wanted.id) {_wanted(kind)}", _values(scan, kind))
        return int(cursor.fetchone()[0])


@transaction.atomic
def count_missing(scan: Scan) -> int:
    """Count the documents that others stand in or relate to and that nobody has seen; so many are missing."""
    sources = "SELECT structure FROM now WHERE kind = 'data_source' AND state = 'live'"
    values: dict[str, Any] = {
        "organization": scan.organization_id,
        "number": scan.number,
        "parent_kinds": list(PARENTS.values()),
    }
    with connection.cursor() as cursor:
        cursor.execute(_MISSING.format(targets=_TARGETS_OF.format(sources=sources)), values)
        return int(cursor.fetchone()[0])


def _wanted(kind: str) -> str:
    wanted = _AUTHORS if kind == "user" else _PARENTS
    if kind == "data_source":
        wanted = f"{_PARENTS} UNION {_PARTS} UNION {_TARGETS}"
    return f"FROM ({wanted}) AS wanted (id) WHERE wanted.id IS NOT NULL AND NOT ({_IS_KNOWN})"


def _values(scan: Scan, kind: str) -> dict[str, Any]:
    return {
        "organization": scan.organization_id,
        "scan": scan.pk,
        "goes_on": not scan.is_full,
        "parent_kind": PARENTS.get(kind),
    }
