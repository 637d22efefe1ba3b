"""The pages of a report: the whole, a page for each dimension, and what can be downloaded."""

from __future__ import annotations

import json
from uuid import UUID

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from notionscan import signing
from notionscan.http import Request
from notionscan.spreadsheets import csv_line
from scans import presentation, seal, selectors
from scans.models import Report
from tenants import access
from tenants.policy import Member
from tenants.roles import Permission


@require_safe
def report(request: Request, slug: str, scan_id: UUID) -> HttpResponse:
    member = access.member(request, slug, Permission.READ)
    found = _report(member, scan_id)
    return render(request, "scans/report.html", _context(member, found))


@require_safe
def dimension(request: Request, slug: str, scan_id: UUID, name: str) -> HttpResponse:
    member = access.member(request, slug, Permission.READ)
    context = _context(member, _report(member, scan_id))
    context["dimension"] = context["view"].dimension(name)  # type: ignore[attr-defined]
    if context["dimension"] is None:
        raise Http404
    return render(request, "scans/dimension.html", context)


@require_safe
def as_json(request: Request, slug: str, scan_id: UUID) -> HttpResponse:
    found = _report(access.member(request, slug, Permission.READ), scan_id)
    answer = JsonResponse(seal.document(found), json_dumps_params={"ensure_ascii": False, "indent": 1})
    return _attached(answer, slug, found, "json")


@require_safe
def as_csv(request: Request, slug: str, scan_id: UUID) -> HttpResponse:
    found = _report(access.member(request, slug, Permission.READ), scan_id)
    names = found.analysis["people"]["names"]
    lines = [csv_line(["rule", "severity", "finding", "kind", "title", "reason", "edited", "by", "id"])]
    for each in found.analysis["findings"]:
        for row in each["evidence"] or [dict.fromkeys(("kind", "title", "reason", "at", "by", "id"))]:
            cells = [row["kind"], row["title"], row["reason"], row["at"], names.get(row["by"]), row["id"]]
            lines.append(csv_line([each["rule"], each["severity"], each["title"], *cells]))
    answer = HttpResponse("".join(lines), content_type="text/csv; charset=utf-8")
    return _attached(answer, slug, found, "csv")


@require_safe
def as_pdf(request: Request, slug: str, scan_id: UUID) -> HttpResponse:
    from scans import pdf

    member = access.member(request, slug, Permission.READ)
    found = _report(member, scan_id)
    try:
        made = pdf.write(_context(member, found))
    except pdf.PdfUnavailable as missing:
        return JsonResponse({"error": str(missing), "code": "pdf_unavailable"}, status=503)
    return _attached(HttpResponse(made, content_type="application/pdf"), slug, found, "pdf")


def _report(member: Member, scan_id: UUID) -> Report:
    scan = selectors.scan(member.organization.pk, scan_id)
    found = selectors.report_of(scan) if scan else None
    if found is None:
        raise Http404
    return found


def _context(member: Member, found: Report) -> dict[str, object]:
    before = selectors.report_before(found)
    return {
        "organization": member.organization,
        "member": member,
        "scan": found.scan,
        "report": found,
        "public_key": signing.public_key(),
        "calibration_in_force": selectors.calibration(member.organization.pk).number,
        "view": presentation.view(
            json.loads(found.content),
            trend=selectors.trend(found),
            before=before.overall if before else None,
            assigned=selectors.assigned(member.organization.pk),
        ),
    }


def _attached(answer: HttpResponse, slug: str, found: Report, ending: str) -> HttpResponse:
    name = f"{slug}-report-{found.scan.number}.{ending}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
