"""The JSON API of scans; the same services as the pages."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from ninja import Router

from notionscan.errors import CamelSchema, Problem
from scans import selectors
from scans.models import Finding, Scan, Share
from scans.services.share import address as share_address
from scans.services.share import create_share, revoke_share
from scans.services.start import start_scan
from tenants import access
from tenants.roles import Permission

router = Router(tags=["scans"])
_PROBLEMS: dict[int, type[Problem]] = dict.fromkeys((400, 401, 403, 404, 409, 503), Problem)


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
    # Of its report, once that is made: the overall score, and by dimension; null where it cannot be told.
    score: float | None
    scores: dict[str, float | None] | None
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
    caller = access.caller(request, slug, Permission.WRITE)
    full = body.full if body else False
    return _described(start_scan(organization=caller.organization, actor=caller.actor, full=full))


@router.get(
    "/orgs/{slug}/scans",
    response={200: ScansOut, 401: Problem, 404: Problem},
    by_alias=True,
    summary="List the organization's scans, newest first",
)
def list_scans(request: HttpRequest, slug: str, cursor: str = "") -> dict[str, Any]:
    caller = access.caller(request, slug, Permission.READ)
    page = selectors.history(caller.organization.pk, cursor)
    return {"scans": [_described(scan) for scan in page.scans], "next_cursor": page.next_cursor}


@router.get(
    "/orgs/{slug}/scans/{scan_id}",
    response={200: ScanOut, 401: Problem, 404: Problem},
    by_alias=True,
    summary="One scan, with its progress or its coverage",
)
def get_scan(request: HttpRequest, slug: str, scan_id: UUID) -> dict[str, Any]:
    caller = access.caller(request, slug, Permission.READ)
    scan = selectors.scan(caller.organization.pk, scan_id)
    if scan is None:
        raise Http404
    return _described(scan)


class FindingOut(CamelSchema):
    id: UUID
    key: str
    rule: str
    severity: str
    title: str
    status: str
    first_scan: int
    last_scan: int
    owner: str
    due_on: date | None


class FindingsOut(CamelSchema):
    findings: list[FindingOut]
    next_cursor: str | None


class ShareIn(CamelSchema):
    recipient: str
    expires_at: datetime | None = None
    passcode: str = ""
    redact: bool = True


class ShareOut(CamelSchema):
    id: UUID
    url: str
    expires_at: datetime


class RevokedOut(CamelSchema):
    ok: bool


@router.get(
    "/orgs/{slug}/scans/{scan_id}/findings",
    response={200: FindingsOut, 401: Problem, 404: Problem},
    by_alias=True,
    summary="The findings that a scan saw, the worst first",
)
def list_findings(
    request: HttpRequest, slug: str, scan_id: UUID, status: str = "", cursor: str = ""
) -> dict[str, Any]:
    caller = access.caller(request, slug, Permission.READ)
    scan = selectors.scan(caller.organization.pk, scan_id)
    if scan is None:
        raise Http404
    page = selectors.findings(caller.organization.pk, status=status, cursor=cursor, seen_by=scan.number)
    return {"findings": [_finding(each) for each in page.findings], "next_cursor": page.next_cursor}


@router.post(
    "/orgs/{slug}/scans/{scan_id}/shares",
    response={200: ShareOut, **_PROBLEMS},
    by_alias=True,
    summary="Share a scan's report by a link, whose address is told once",
)
def share(request: HttpRequest, slug: str, scan_id: UUID, body: ShareIn) -> dict[str, Any]:
    member = access.member(request, slug, Permission.MANAGE)
    scan = selectors.scan(member.organization.pk, scan_id)
    made = create_share(
        organization=member.organization,
        actor=member.user,
        report=selectors.report_of(scan) if scan else None,
        recipient=body.recipient,
        expires_at=body.expires_at,
        passcode=body.passcode,
        redaction=Share.Redaction.INITIALS if body.redact else Share.Redaction.NOTHING,
    )
    return {"id": made.share.pk, "url": share_address(made.token), "expires_at": made.share.expires_at}


@router.delete(
    "/orgs/{slug}/shares/{share_id}",
    response={200: RevokedOut, **_PROBLEMS},
    by_alias=True,
    summary="Revoke a link",
)
def unshare(request: HttpRequest, slug: str, share_id: UUID) -> dict[str, bool]:
    member = access.member(request, slug, Permission.MANAGE)
    revoke_share(organization=member.organization, actor=member.user, share_id=share_id)
    return {"ok": True}


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "id": found.pk,
        "key": found.key,
        "rule": found.rule,
        "severity": found.severity,
        "title": found.title,
        "status": found.status,
        "first_scan": found.first_number,
        "last_scan": found.last_number,
        "owner": found.owner_label,
        "due_on": found.due_on,
    }


def _described(scan: Scan) -> dict[str, Any]:
    report = selectors.summary_of(scan)
    return {
        "id": scan.pk,
        "score": report.overall if report else None,
        "scores": report.scores if report else None,
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
