"""The organization's audit page, for its admins."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from audit import checkpoints, exports, selectors
from audit.actions import Action, Result
from audit.forms import EventFilter, ExportForm
from audit.record import record
from notionscan.http import Request
from tenants import access
from tenants.roles import Permission


@require_safe
@transaction.atomic
def events(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    organization = member.organization
    form = EventFilter(request.GET)
    page = selectors.page(form.apply(selectors.events(organization.pk)), request.GET.get("cursor", ""))
    context = {
        "organization": organization,
        "member": member,
        "events": page.events,
        "next_cursor": page.next_cursor,
        "actions": Action.choices,
        "actors": selectors.actors(organization.pk),
        "results": Result.choices,
        "filters": {name: request.GET.get(name, "") for name in form.fields},
    }
    return render(request, "audit/_events.html" if request.htmx else "audit/events.html", context)


@require_POST
def export(request: Request, slug: str) -> HttpResponseBase:
    member = access.member(request, slug, Permission.MANAGE)
    form = ExportForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose JSON lines or CSV.")
        return redirect("audit:events", slug)
    kind = exports.Format(form.cleaned_data["format"])
    lines = exports.export(organization_id=member.organization.pk, actor=member.user, kind=kind)
    content_type = "text/csv; charset=utf-8" if kind is exports.Format.CSV else "application/x-ndjson"
    response = StreamingHttpResponse(exports.told(lines, kind), content_type=content_type)
    return _download(response, f"{slug}-audit.{kind.value}")


@require_POST
@transaction.atomic
def checkpoint(request: Request, slug: str) -> HttpResponseBase:
    member = access.member(request, slug, Permission.MANAGE)
    organization_id = member.organization.pk
    record(action=Action.AUDIT_EXPORTED, organization=organization_id, actor=member.user, format="checkpoint")
    signed = checkpoints.make(organization_id)
    return _download(JsonResponse(signed), f"{slug}-audit-checkpoint-{signed['sequence']}.json")


def _download(response: HttpResponseBase, name: str) -> HttpResponseBase:
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
