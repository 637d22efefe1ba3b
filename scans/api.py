"""The JSON API of scans; the same services as the pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from ninja import Router

from notionscan.errors import CamelSchema, Problem
from scans import selectors
from scans.models import Scan
from scans.services.start import start_scan
from tenants import access
from tenants.roles import Permission

router = Router(tags=["scans"])
_PROBLEMS: dict[int, type[Problem]] = dict.fromkeys((400, 401, 403, 404, 409), Problem)


class StartIn(CamelSchema):
    full: bool = False


class ProgressOut(CamelSchema):
    objects: int
    about: int | None


class ScanOut(CamelSchema):
    id: UUID
    number: int
    status: str
    full: bool
    since_number: int | None
    started_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    waiting_until: datetime | None
    stage: str
    requests: int
    # While it runs.
    progress: ProgressOut | None
    # After its end: counts by kind, what is missing, and why.
    coverage: dict[str, Any] | None


class ScansOut(CamelSchema):
    scans: list[ScanOut]
    next_cursor: str | None


@router.post(
    "/orgs/{slug}/scans",
    response={200: ScanOut, **_PROBLEMS},
    by_alias=True,
    summary="Start a scan of what was edited since the last one, or of everything",
)
def start(request: HttpRequest, slug: str, body: StartIn | None = None) -> dict[str, Any]:
    member = access.member(request, slug, Permission.WRITE)
    full = body.full if body else False
    return _described(start_scan(organization=member.organization, actor=member.user, full=full))


@router.get(
    "/orgs/{slug}/scans",
    response={200: ScansOut, 401: Problem, 404: Problem},
    by_alias=True,
    summary="List the organization's scans, newest first",
)
def list_scans(request: HttpRequest, slug: str, cursor: str = "") -> dict[str, Any]:
    member = access.member(request, slug, Permission.READ)
    page = selectors.history(member.organization.pk, cursor)
    return {"scans": [_described(scan) for scan in page.scans], "next_cursor": page.next_cursor}


@router.get(
    "/orgs/{slug}/scans/{scan_id}",
    response={200: ScanOut, 401: Problem, 404: Problem},
    by_alias=True,
    summary="One scan, with its progress or its coverage",
)
def get_scan(request: HttpRequest, slug: str, scan_id: UUID) -> dict[str, Any]:
    member = access.member(request, slug, Permission.READ)
    scan = selectors.scan(member.organization.pk, scan_id)
    if scan is None:
        raise Http404
    return _described(scan)


def _described(scan: Scan) -> dict[str, Any]:
    return {
        "id": scan.pk,
        "number": scan.number,
        "status": scan.status,
        "full": scan.is_full,
        "since_number": scan.since_number,
        "started_by": scan.started_by_label,
        "created_at": scan.created_at,
        "started_at": scan.started_at,
        "finished_at": scan.finished_at,
        "waiting_until": scan.waiting_until,
        "stage": scan.stage,
        "requests": scan.requests,
        "progress": selectors.progress(scan) if scan.is_live else None,
        "coverage": scan.coverage or None,
    }
