"""The findings of an organization across its scans, with their owners."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from integrations.errors import IntegrationError
from notionscan.http import Request
from scans import lifecycle, selectors
from scans.analysis.calibration import LABELS
from scans.forms import AssignForm
from scans.models import Finding
from scans.services.findings import assign
from tenants import access
from tenants import selectors as tenants
from tenants.models import Membership
from tenants.policy import Member
from tenants.roles import Permission


@require_safe
def page(request: Request, slug: str) -> HttpResponse:
    return _page(request, access.member(request, slug, Permission.READ))


@require_POST
def give(request: Request, slug: str, finding_id: UUID) -> HttpResponse:
    member = access.member(request, slug, Permission.WRITE)
    form = AssignForm(request.POST)
    people = {each.user_id: each.user for each in _people(member)}
    owner = form.cleaned_data["owner"] if form.is_valid() else None
    if not form.is_valid() or (owner and owner not in people):
        messages.error(request, "Choose a member, and a day such as 2027-01-31.")
        return _page(request, member, status=400)
    try:
        assign(
            organization=member.organization,
            actor=member.user,
            finding_id=finding_id,
            owner=people[owner] if owner else None,
            due_on=form.cleaned_data["due_on"],
        )
    except IntegrationError as refusal:
        messages.error(request, refusal.sentence)
        return _page(request, member, status=refusal.status)
    messages.success(request, "Saved.")
    return redirect("scans:findings", slug)


@transaction.atomic
def _people(member: Member) -> list[Membership]:
    return list(tenants.members(member.organization))


def _page(request: Request, member: Member, *, status: int = 200) -> HttpResponse:
    organization = member.organization
    chosen = request.GET.get("status", "")
    found = selectors.findings(organization.pk, status=chosen, cursor=request.GET.get("cursor", ""))
    states = selectors.finding_states(organization.pk)
    rate = lifecycle.resolution_rate(states)
    context = {
        "organization": organization,
        "member": member,
        "findings": found.findings,
        "next_cursor": found.next_cursor,
        "status": chosen,
        "statuses": [(value, label, states.count(value)) for value, label in Finding.Status.choices],
        "rate": None if rate is None else round(100 * rate),
        "people": _people(member),
        "labels": [(value, value.replace("_", " ")) for value in LABELS],
        "report": selectors.newest_summary(organization.pk),
    }
    return render(request, "scans/findings.html", context, status=status)
