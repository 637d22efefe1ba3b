"""What a scan saw, and what it knows that it did not see."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet

from scans import references, storage
from scans.listings import (
    CUTS,
    NO_CAPABILITY,
    NO_CONTENT,
    NOT_SHARED,
    QUERY_CUT,
    REFUSED,
    REFUSED_ALONE,
    ROWS,
    SEARCH_CUT,
    UNTOLD,
)
from scans.models import Scan, Seen, Stream, Version

_SENTENCES = {
    NO_CAPABILITY: "Notion did not list people: the connection may not read users.",
    NO_CONTENT: "Notion did not show documents: the connection may not read content.",
    QUERY_CUT: "A data source has more rows than Notion gives out: too many of one minute.",
    SEARCH_CUT: "Notion's search ended early: too much is shared for it to list, from either end.",
    NOT_SHARED: "A data source was no longer shared when its rows were read.",
    REFUSED: "Notion refused to list the rows of a data source.",
    REFUSED_ALONE: "Notion refused to show something that others refer to.",
    UNTOLD: "Notion named documents and told nothing of them: the connection may not read their content.",
}
_CAVEAT = "Notion does not promise that its search lists everything that is shared."


def coverage(scan: Scan) -> dict[str, Any]:
    """Return the counts by kind, how rows were found, what is known to be missing, and the reasons.

    No reasons: every list ended, and every reference is resolved. ``percent`` is of the documents that are
    known to exist, rounded down.
    """
    storage.expect_many(scan)
    all_known = storage.objects_of(scan.organization_id, scan.number)
    now = all_known.exclude(state=Version.State.VANISHED)
    documents = now.exclude(kind="user").count()
    unseen = references.count_missing(scan)
    absent = storage.not_seen(scan).count() if scan.is_full else 0
    missing = unseen + absent
    return {
        "objects": _by_kind(now.filter(state=Version.State.LIVE)),
        "vanished": all_known.filter(state=Version.State.VANISHED).exclude(kind="user").count(),
        "inTrash": now.filter(state=Version.State.TRASHED).count(),
        "rows": _rows(scan) if scan.is_full else {},
        "people": _people(all_known),
        "unseen": unseen,
        "percent": 100 * documents // (documents + missing) if documents + missing else 100,
        "incompleteSources": _incomplete_sources(scan),
        "reasons": _reasons(scan, unseen=unseen, absent=absent),
        "caveat": _CAVEAT,
    }


def known_until(scan: Scan) -> datetime | None:
    """Return until when edits are known after this scan: its start, if each of its lists came to its end."""
    streams = _streams(scan)
    if streams.filter(problem__in=CUTS).exists() or streams.filter(is_done=False).exists():
        return scan.since
    return scan.started_at


def _reasons(scan: Scan, *, unseen: int, absent: int) -> list[str]:
    streams = _streams(scan)
    problems = set(streams.exclude(problem="").values_list("problem", flat=True))
    reasons = [_SENTENCES[problem] for problem in sorted(problems)]
    unasked = min(unseen, _unasked(scan)) if unseen else 0
    if unseen > unasked:
        reasons.append(
            "Documents that others refer to and that were never seen, as they are not shared: "
            f"{unseen - unasked:,}."
        )
    if unasked:
        reasons.append(f"Documents that others refer to and that were too many to look up: {unasked:,}.")
    if absent:
        reasons.append(f"Objects of earlier scans that were neither seen again nor looked up: {absent:,}.")
    # Those that Notion does not let us ask for are a reason already.
    if NO_CAPABILITY not in problems and (authors := references.count_unseen(scan, "user")):
        reasons.append(f"Authors who are not members and were not looked up: {authors:,}.")
    if open_lists := streams.filter(is_done=False).count():
        reasons.append(f"Lists that were not read to their end: {open_lists:,}.")
    return reasons


def _unasked(scan: Scan) -> int:
    return sum(references.count_unseen(scan, kind) for kind in references.PARENTS)


def _incomplete_sources(scan: Scan) -> list[str]:
    """Return the data sources whose rows were not read to their end."""
    cut = _streams(scan).filter(name__startswith=ROWS).exclude(is_done=True, problem="")
    return sorted(name.removeprefix(ROWS) for name in cut.values_list("name", flat=True))


def _streams(scan: Scan) -> QuerySet[Stream]:
    return Stream.objects.filter(organization_id=scan.organization_id, scan=scan)


def _by_kind(objects: QuerySet[Version]) -> dict[str, int]:
    return dict(objects.values_list("kind").annotate(Count("pk")).order_by("kind"))


def _people(all_known: QuerySet[Version]) -> dict[str, int]:
    """Count members, guests who made something, and makers that Notion does not know."""
    people = all_known.filter(kind="user").values_list("structure__standing").annotate(Count("pk"))
    return {standing or "member": count for standing, count in people.order_by()}


def _rows(scan: Scan) -> dict[str, int]:
    """Count how rows were found: search is not promised to list them all, and queries need their parent."""
    rows = storage.objects_of(scan.organization_id, scan.number).filter(
        kind="page", parent_kind="data_source_id", state=Version.State.LIVE
    )
    seen = Seen.objects.filter(
        organization_id=scan.organization_id, scan=scan, object_id__in=rows.values("object_id")
    )
    found: Counter[str] = Counter()
    for bits, count in seen.values_list("found_by").annotate(Count("pk")).order_by():
        by_search, by_query = bits & Seen.SEARCH, bits & Seen.QUERY
        where = "both" if by_search and by_query else "search" if by_search else "query" if by_query else ""
        found[where] += count
    return {name: found[name] for name in ("both", "search", "query")}
