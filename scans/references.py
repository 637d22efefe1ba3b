"""What is referred to and was not seen: where objects stand, who made them, what databases are made of."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection, transaction

from scans.models import Scan

# What a look-up asks for, and by which column objects refer to it.
PARENTS = {
    "database": "database_id",
    "data_source": "data_source_id",
    "page": "page_id",
    "block": "block_id",
}

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
_AUTHORS = f"SELECT v.created_by {_NOW} UNION SELECT v.edited_by {_NOW}"


@transaction.atomic
def unseen(scan: Scan, kind: str, *, at_most: int) -> list[UUID]:
    """Return ids that objects refer to and that nobody has looked up, ordered; ``kind`` is what they are."""
    wanted = _AUTHORS if kind == "user" else _PARENTS
    if kind == "data_source":
        wanted = f"{_PARENTS} UNION {_PARTS}"
    query = (
        f"SELECT DISTINCT wanted.id FROM ({wanted}) AS wanted (id) "
        f"WHERE wanted.id IS NOT NULL AND NOT ({_IS_KNOWN}) ORDER BY 1 LIMIT %(at_most)s"
    )
    values: dict[str, Any] = {
        "organization": scan.organization_id,
        "scan": scan.pk,
        "goes_on": not scan.is_full,
        "parent_kind": PARENTS.get(kind),
        "at_most": at_most,
    }
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return [row[0] for row in cursor.fetchall()]
