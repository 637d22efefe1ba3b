"""The pages of scans: the history with the schedule, and one scan, which follows itself while it runs."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from integrations import local_only
from integrations import selectors as integrations
from integrations.errors import IntegrationError
from integrations.http.errors import LocalOnly
from integrations.problems import status_of
from integrations.providers import NOTION
from notionscan.http import Request
from scans import egress, selectors
from scans.forms import ScheduleForm, StartForm
from scans.models import Schedule
from scans.services.schedule import set_schedule
from scans.services.start import cancel_scan, start_scan
from tenants import access
from tenants.policy import Member
from tenants.roles import Permission


@require_safe
def history(request: Request, slug: str) -> HttpResponse:
    return _history(request, access.member(request, slug, Permission.READ))


@require_POST
def start(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.WRITE)
    form = StartForm(request.POST)
    form.is_valid()
    try:
        scan = start_scan(organization=member.organization, actor=member.user, full=form.cleaned_data["full"])
    except (IntegrationError, LocalOnly) as refusal:
        messages.error(request, refusal.sentence)
        return _history(request, member, status=status_of(refusal))
    return redirect("scans:detail", slug, scan.pk)


@require_POST
def schedule(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    form = ScheduleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose off, daily or weekly.")
        return _history(request, member, status=400)
    set_schedule(organization=member.organization, actor=member.user, every=form.cleaned_data["every"])
    messages.success(request, "The schedule was saved.")
    return redirect("scans:history", slug)


@require_safe
def detail(request: Request, slug: str, scan_id: UUID) -> HttpResponse:
    member = access.member(request, slug, Permission.READ)
    scan = selectors.scan(member.organization.pk, scan_id)
    if scan is None:
        raise Http404
    has_report = selectors.has_report(scan)
    context = {
        "organization": member.organization,
        "member": member,
        "scan": scan,
        "has_report": has_report,
        "awaits_report": not has_report and scan.has_just_ended,
        "progress": selectors.progress(scan) if scan.is_live else None,
        "duration": selectors.duration(scan),
        "ledger": egress.ledger(scan),
    }
    return render(request, "scans/_scan.html" if request.htmx else "scans/detail.html", context)


@require_POST
def cancel(request: Request, slug: str, scan_id: UUID) -> HttpResponse:
    member = access.member(request, slug, Permission.WRITE)
    if selectors.scan(member.organization.pk, scan_id) is None:
        raise Http404
    try:
        cancel_scan(organization=member.organization, actor=member.user, scan_id=scan_id)
    except IntegrationError as refusal:
        messages.warning(request, refusal.sentence)
    else:
        messages.success(request, "The scan was cancelled. What it had read is kept.")
    return redirect("scans:detail", slug, scan_id)


def _history(request: Request, member: Member, *, status: int = 200) -> HttpResponse:
    organization = member.organization
    page = selectors.history(organization.pk, request.GET.get("cursor", ""))
    context = {
        "organization": organization,
        "member": member,
        "scans": page.scans,
        "next_cursor": page.next_cursor,
        "live": selectors.live_scan(organization.pk),
        "is_connected": integrations.is_connected(organization, NOTION),
        "is_local_only": local_only.is_on(),
        "schedule": selectors.schedule(organization.pk),
        "rhythms": [("", "Off"), *Schedule.Every.choices],
    }
    return render(request, "scans/history.html", context, status=status)
