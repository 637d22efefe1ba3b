"""Versions of objects: a batch is merged in two statements, and an unchanged object writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from scans.metadata import COLUMNS, Metadata, unresolved_person, vanished
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
_ARRAYS = ", ".join(f"%({name})s::{_TYPES.get(name, 'text')}[]" for name in _INCOMING)
_READ = f"WITH incoming AS (SELECT * FROM unnest({_ARRAYS}) AS r ({_NAMES}))"
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
SELECT %(organization)s, %(number)s, {_STORED} FROM incoming
"""
# Marks what was met, and tells which of it is stored, and whether as it is. Each object is looked up by
# itself: joined, the table was read whole for each batch while it was small.
_SEE = """
WITH incoming AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(digests)s::uuid[], %(found_by)s::smallint[])
        AS r (object_id, digest, found_by)
), seen AS (
    INSERT INTO scans_seen AS s (organization_id, scan_id, object_id, found_by)
    SELECT %(organization)s, %(scan)s, i.object_id, i.found_by FROM incoming AS i
    ON CONFLICT (organization_id, scan_id, object_id) DO UPDATE SET found_by = s.found_by | EXCLUDED.found_by
    WHERE s.found_by | EXCLUDED.found_by <> s.found_by
)
SELECT i.object_id::text, v.digest IS NOT DISTINCT FROM i.digest FROM incoming AS i, LATERAL (
    SELECT v.digest FROM scans_version AS v
    WHERE v.organization_id = %(organization)s AND v.object_id = i.object_id AND v.valid_until IS NULL LIMIT 1
) AS v
"""
_BY_LOOK_UP: Mapping[str, int] = {}


@transaction.atomic(savepoint=False)
def merge(scan: Scan, seen: Iterable[Metadata], *, found_by: Mapping[str, int] = _BY_LOOK_UP) -> int:
    """Store a batch of what a scan saw, and return how many versions that began.

    Of an object that is there twice, the later is stored. ``found_by`` are bits of ``Seen`` by the object's
    id; one that is not in it was looked up.
    """
    batch = {each.object_id: each for each in seen}
    if not batch:
        return 0
    digests = {object_id: each.digest for object_id, each in batch.items()}
    known = _see(scan, digests, [found_by.get(object_id, Seen.LOOK_UP) for object_id in batch])
    changed = [(*each, digests[object_id]) for object_id, each in batch.items() if not known.get(object_id)]
    if not changed:
        return 0
    values: dict[str, Any] = {"organization": scan.organization_id, "number": scan.number}
    values |= zip(_INCOMING, map(_array, zip(*changed, strict=True)), strict=True)
    with connection.cursor() as cursor:
        # Of what is new, as in a first scan, nothing is to be closed.
        if any(object_id in known for object_id, *_ in changed):
            cursor.execute(_CLOSE, values)
        cursor.execute(_INSERT, values)
        return int(cursor.rowcount)


def _see(scan: Scan, digests: Mapping[str, str | None], found_by: Iterable[int]) -> dict[str, bool]:
    """Store that the scan has met these objects; return of those that are stored whether as they are."""
    values: dict[str, Any] = {
        "organization": scan.organization_id,
        "scan": scan.pk,
        "ids": _array(digests),
        "digests": _array(digests.values()),
        "found_by": _array(found_by),
    }
    with connection.cursor() as cursor:
        cursor.execute(_SEE, values)
        return dict(cursor.fetchall())


def _array(values: Iterable[str | int | None]) -> str:
    """Return values as PostgreSQL writes an array of them.

    By ourselves, as psycopg writes one value by value, and JSON takes PostgreSQL longer to read.
    """
    return f"{{{','.join(map(_element, values))}}}"


def _element(value: str | int | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)


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


def ask_in_vain(scan: Scan, object_ids: Iterable[UUID]) -> None:
    """Store that objects were asked for and not given, so that they are not asked for again."""
    ids = [str(object_id) for object_id in object_ids]
    _see(scan, dict.fromkeys(ids), [Seen.NOT_THERE] * len(ids))


def miss(scan: Scan, kinds: Mapping[UUID, str]) -> None:
    """Store that objects are not there; those that were known have vanished.

    Of people that nobody knows, that itself is stored: they made something, and are no members or guests.
    """
    ask_in_vain(scan, kinds)
    known = (
        objects_of(scan.organization_id, scan.number)
        .filter(object_id__in=kinds)
        .exclude(state=Version.State.VANISHED)
    )
    gone = {version.object_id: vanished(version) for version in known}
    for object_id, kind in kinds.items():
        if kind == "user" and object_id not in gone:
            gone[object_id] = unresolved_person(object_id)
    merge(scan, gone.values(), found_by={each.object_id: Seen.NOT_THERE for each in gone.values()})


def forget_seen(scan: Scan) -> None:
    Seen.objects.filter(organization_id=scan.organization_id, scan=scan).delete()
