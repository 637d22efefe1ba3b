"""What a scan saw, and what it knows that it did not see."""

from __future__ import annotations

from collections import Counter
from typing import Any

from scans import storage
from scans.models import Scan, Stream, Version

_SENTENCES = {
    "capability_missing": "Notion did not list people: the connection may not read users.",
    "query_cut": "A data source has more rows of one minute than Notion gives out.",
    "not_shared": "A data source was no longer shared when its rows were read.",
}
_CAVEAT = "Notion does not promise that its search lists everything that is shared."


def coverage(scan: Scan) -> dict[str, Any]:
    """Return the counts by kind, the documents that are referenced but were never seen, and the reasons.

    No reasons: every list ended, and every reference is resolved.
    """
    all_known = storage.objects_of(scan.organization_id, scan.number)
    now = all_known.exclude(state=Version.State.VANISHED)
    streams = Stream.objects.filter(organization_id=scan.organization_id, scan=scan)
    unseen = (
        now.filter(parent_kind__in=("page_id", "database_id", "block_id"), parent_id__isnull=False)
        .exclude(parent_id__in=now.values("object_id"))
        .values("parent_id")
        .distinct()
        .count()
    )
    problems = Counter(streams.exclude(problem="").values_list("problem", flat=True))
    absent = storage.not_seen(scan).count()
    open_lists = streams.filter(is_done=False).count()
    reasons = [_SENTENCES[problem] for problem in sorted(problems)]
    if unseen:
        reasons.append(
            f"Documents that others refer to and that were never seen, as they are not shared: {unseen:,}."
        )
    if absent:
        reasons.append(f"Objects of earlier scans that were neither seen again nor looked up: {absent:,}.")
    if open_lists:
        reasons.append(f"Lists that were not read to their end: {open_lists:,}.")
    kinds = Counter(now.filter(state=Version.State.LIVE).values_list("kind", flat=True))
    return {
        "objects": dict(sorted(kinds.items())),
        "vanished": all_known.filter(state=Version.State.VANISHED).count(),
        "inTrash": now.filter(state=Version.State.TRASHED).count(),
        "unseen": unseen,
        "reasons": reasons,
        "caveat": _CAVEAT,
    }
