"""Versions of objects: a batch is merged in two statements, and an unchanged object writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from scans.metadata import COLUMNS, Metadata, unresolved_person
from scans.models import Scan, Seen, Version

_TYPES = {
    "object_id": "uuid",
    "parent_id": "uuid",
    "created_by": "uuid",
    "edited_by": "uuid",
    "created_at": "timestamptz",
    "edited_at": "timestamptz",
    "is_archived": "boolean",
    "is_locked": "boolean",
    "is_public": "boolean",
    "digest": "uuid",
}
_INCOMING = (*COLUMNS, "digest")
_NAMES = ", ".join(_INCOMING)
_STORED = _NAMES.replace("structure", "structure::jsonb")
# One JSON text: psycopg writes arrays value by value, which takes longer than PostgreSQL needs for all of it.
_RECORDS = ", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in _INCOMING)
_READ = f"WITH incoming AS (SELECT * FROM jsonb_to_recordset(%(objects)s::jsonb) AS r ({_RECORDS}))"
# A version that began in this very scan is corrected in place: two lists of one scan saw two moments of it.
_CLOSE = f"""
{_READ},
corrected AS (
    DELETE FROM scans_version AS v USING incoming AS i
    WHERE v.organization_id = %(organization)s AND v.object_id = i.object_id AND v.valid_from = %(number)s
      AND v.valid_until IS NULL AND v.digest <> i.digest
)
UPDATE scans_version AS v SET valid_until = %(number)s FROM incoming AS i
WHERE v.organization_id = %(organization)s AND v.object_id = i.object_id AND v.valid_from < %(number)s
  AND v.valid_until IS NULL AND v.digest <> i.digest
"""
_INSERT = f"""
{_READ}
INSERT INTO scans_version (organization_id, valid_from, {_NAMES})
SELECT %(organization)s, %(number)s, {_STORED} FROM incoming AS i
WHERE (
    SELECT v.id FROM scans_version AS v WHERE v.organization_id = %(organization)s
      AND v.object_id = i.object_id AND v.valid_until IS NULL
) IS NULL
"""
# Each object is looked up by itself: joined, the table was read whole for each batch while it was small.
# Marks what was met, and tells which of it is stored, and whether as it is.
_SEE = """
WITH incoming AS (
    SELECT * FROM jsonb_to_recordset(%(seen)s::jsonb) AS r (object_id uuid, digest uuid)
), seen AS (
    INSERT INTO scans_seen AS s (organization_id, scan_id, object_id, found_by)
    SELECT %(organization)s, %(scan)s, i.object_id, %(found_by)s FROM incoming AS i
    ON CONFLICT (organization_id, scan_id, object_id) DO UPDATE SET found_by = s.found_by | EXCLUDED.found_by
    WHERE s.found_by | EXCLUDED.found_by <> s.found_by
)
SELECT i.object_id, v.digest IS NOT DISTINCT FROM i.digest FROM incoming AS i, LATERAL (
    SELECT v.digest FROM scans_version AS v
    WHERE v.organization_id = %(organization)s AND v.object_id = i.object_id AND v.valid_until IS NULL LIMIT 1
) AS v
"""


@transaction.atomic(savepoint=False)
def merge(scan: Scan, seen: Iterable[Metadata], *, found_by: int = Seen.LOOK_UP) -> int:
    """Store a batch of what a scan saw, and return how many versions that began.

    Of an object that is there twice, the later is stored. ``found_by`` are bits of ``Seen``.
    """
    batch = {each.object_id: each for each in seen}
    digests = {object_id: each.digest for object_id, each in batch.items()}
    known = _see(scan, digests, found_by)
    changed = [
        {**vars(each), "digest": digests[object_id]}
        for object_id, each in batch.items()
        if not known.get(object_id)
    ]
    if not changed:
        return 0
    values: dict[str, Any] = {
        "organization": scan.organization_id,
        "number": scan.number,
        "objects": _json(changed),
    }
    with connection.cursor() as cursor:
        # Of what is new, as in a first scan, nothing is to be closed.
        if any(each["object_id"] in known for each in changed):
            cursor.execute(_CLOSE, values)
        cursor.execute(_INSERT, values)
        return int(cursor.rowcount)


def _see(scan: Scan, digests: Mapping[UUID, UUID | None], found_by: int) -> dict[UUID, bool]:
    """Store that the scan has met these objects; return of those that are stored whether as they are."""
    records = [{"object_id": object_id, "digest": digest} for object_id, digest in digests.items()]
    values: dict[str, Any] = {
        "organization": scan.organization_id,
        "scan": scan.pk,
        "found_by": found_by,
        "seen": _json(records),
    }
    with connection.cursor() as cursor:
        cursor.execute(_SEE, values)
        return dict(cursor.fetchall())


def _json(records: list[dict[str, Any]]) -> str:
    return json.dumps(records, default=str)


def commit_soon() -> None:
    """Let the open transaction's commit wait for no disk, which takes longer than the commit itself.

    For what is done again when it is lost: a crash of PostgreSQL takes the last second's batches back, each
    with its checkpoint. Later commits that do wait, as the one that ends a scan, keep all before them.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")


def expect_many(scan: Scan) -> None:
    """Let the open transaction's queries be planned for all objects, where a scan has met all.

    Without statistics, as of tables that were empty a minute ago, PostgreSQL compared each with each: 40 s
    for 20,000 objects, against 0.1 s.
    """
    if scan.is_full:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_nestloop = off; SET LOCAL jit = off")


def objects_of(organization_id: UUID, number: int) -> QuerySet[Version]:
    """Return the objects as the scan of this number left them."""
    return Version.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=number),
        organization_id=organization_id,
        valid_from__lte=number,
    )


def not_seen(scan: Scan) -> QuerySet[Version]:
    """Return the objects of earlier scans that this one has not met, and that had not vanished then."""
    # NOT IN compares each with all, once they no longer fit into memory: hours for a million.
    seen = Seen.objects.filter(
        organization_id=scan.organization_id, scan=scan, object_id=OuterRef("object_id")
    )
    known = objects_of(scan.organization_id, scan.number).exclude(state=Version.State.VANISHED)
    return known.filter(~Exists(seen))


def ask_in_vain(scan: Scan, object_id: UUID) -> None:
    """Store that an object was asked for and not given, so that it is not asked for again."""
    _see(scan, {object_id: None}, Seen.NOT_THERE)


def miss(scan: Scan, kind: str, object_id: UUID) -> None:
    """Store that an object is not there; one that was known has vanished.

    Of people that nobody knows, that itself is stored: they made something, and are no members or guests.
    """
    ask_in_vain(scan, object_id)
    known = (
        objects_of(scan.organization_id, scan.number)
        .filter(object_id=object_id)
        .exclude(state=Version.State.VANISHED)
        .first()
    )
    if known is not None:
        _vanish(scan, known)
    elif kind == "user":
        merge(scan, [unresolved_person(object_id)], found_by=Seen.NOT_THERE)


def _vanish(scan: Scan, gone: Version) -> None:
    names = (field.name for field in fields(Metadata))
    values = {name: getattr(gone, name) for name in names} | {"state": Version.State.VANISHED.value}
    structure = values["structure"]
    values["structure"] = None if structure is None else json.dumps(structure, sort_keys=True)
    merge(scan, [Metadata(**values)], found_by=Seen.NOT_THERE)


def forget_seen(scan: Scan) -> None:
    Seen.objects.filter(organization_id=scan.organization_id, scan=scan).delete()
