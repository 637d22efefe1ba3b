"""The first page of an organization: the connection, the last scan, the score, and what there is to do."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from integrations import selectors as integrations
from integrations.providers import NOTION
from notionscan.http import Request
from scans import charts, headlines, lifecycle, presentation, selectors
from scans.models import Finding
from tenants import access
from tenants.roles import Permission


@require_safe
@transaction.atomic
def overview(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.READ)
    organization = member.organization
    report = selectors.newest_summary(organization.pk)
    trend = selectors.trend(report) if report else []
    states = selectors.finding_states(organization.pk)
    rate = lifecycle.resolution_rate(states)
    closed = (Finding.Status.RESOLVED, Finding.Status.MUTED)
    context = {
        "organization": organization,
        "member": member,
        "integration": integrations.integration(organization, NOTION),
        "is_connected": integrations.is_connected(organization, NOTION),
        "report": report,
        "trend": charts.line(trend),
        "trend_rows": trend,
        "last": next(iter(selectors.history(organization.pk).scans), None),
        "alive_shares": selectors.alive_shares(organization.pk) if member.may_manage else None,
        "weakest": presentation.weakest(report.scores) if report else None,
        "trend_title": headlines.of_trend(trend),
        "open_findings": sum(state not in closed for state in states),
        "rate": None if rate is None else round(100 * rate),
    }
    return render(request, "scans/overview.html", context)
