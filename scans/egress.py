"""What left Notion for us in a scan: by endpoint, how often, how much, and what was kept of it."""

from __future__ import annotations

from dataclasses import dataclass

from scans.models import Scan

_DOCUMENT = "id, title, kind of icon, where it stands, times, authors, trash, lock, public address"
_KEPT = {
    "GET /v1/users": "id, name, person or bot",
    "GET /v1/users/{id}": "id, name, person or bot",
    "POST /v1/search": f"{_DOCUMENT}; of data sources names and types of properties, counts of options",
    "POST /v1/data_sources/{id}/query": _DOCUMENT,
    "GET /v1/data_sources/{id}": f"{_DOCUMENT}; names and types of properties, counts of options",
    "GET /v1/databases/{id}": f"{_DOCUMENT}; ids of its data sources",
    "GET /v1/pages/{id}": _DOCUMENT,
    "GET /v1/blocks/{id}": "id, where it stands, times, authors, trash",
}


@dataclass(frozen=True)
class Line:
    endpoint: str
    calls: int
    bytes: int
    kept: str


def ledger(scan: Scan) -> list[Line]:
    """Return the scan's calls, by endpoint; attempts that failed are counted as well."""
    return [
        Line(endpoint, counts["calls"], counts["bytes"], _KEPT.get(endpoint, "nothing"))
        for endpoint, counts in sorted(scan.egress.items())
    ]
