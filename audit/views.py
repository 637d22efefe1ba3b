"""The organization's audit page, for its admins."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from audit import selectors
from audit.actions import Action, Result
from audit.forms import EventFilter
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
