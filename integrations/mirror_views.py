"""The audit mirror's part of the integrations page: choose a database, have one made, try again, stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST

from integrations.card import cards
from integrations.errors import IntegrationError
from integrations.forms import MirrorForm, ParentForm
from integrations.http.errors import ProviderError
from integrations.mirror_errors import ChooseDataSource
from integrations.mirror_part import mirror_part
from integrations.problems import status_of
from integrations.providers import NOTION, PROVIDERS
from integrations.services.mirror import create_mirror, retry_mirror, set_mirror, stop_mirror
from notionscan.http import Request
from tenants import access
from tenants.policy import Member
from tenants.roles import Permission


# A token may have been pasted into the wrong field.
@require_POST
@sensitive_post_parameters("link")
@sensitive_variables()
def set_database(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    form = MirrorForm(request.POST)
    if not form.is_valid():
        return _part(request, member, status=400, set_form=form)
    try:
        set_mirror(
            organization=member.organization,
            actor=member.user,
            object_id=form.cleaned_data["link"],
            source_id=form.cleaned_data["source"],
        )
    except ChooseDataSource as several:
        form.add_error(None, several.sentence)
        return _part(request, member, status=several.status, set_form=form, sources=several.sources)
    except (IntegrationError, ProviderError) as refusal:
        form.add_error(None, refusal.sentence)
        return _part(request, member, status=status_of(refusal), set_form=form)
    return _done(request, member, "Events are mirrored to this database from now on.")


@require_POST
@sensitive_post_parameters("link")
@sensitive_variables()
def create_database(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    form = ParentForm(request.POST)
    if not form.is_valid():
        return _part(request, member, status=400, create_form=form)
    try:
        create_mirror(organization=member.organization, actor=member.user, page_id=form.cleaned_data["link"])
    except (IntegrationError, ProviderError) as refusal:
        form.add_error(None, refusal.sentence)
        return _part(request, member, status=status_of(refusal), create_form=form)
    return _done(request, member, "The database was made, and events are mirrored to it from now on.")


@require_POST
def retry(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    return _act(
        request, member, lambda: retry_mirror(organization=member.organization), "It is being tried again."
    )


@require_POST
def stop(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    return _act(
        request,
        member,
        lambda: stop_mirror(organization=member.organization, actor=member.user),
        "Nothing more is written to Notion. What is there stays.",
    )


def _act(request: Request, member: Member, act: Callable[[], None], sentence: str) -> HttpResponse:
    try:
        act()
    except (IntegrationError, ProviderError) as refusal:
        message = {"level": "error", "text": refusal.sentence}
        return _part(request, member, status=status_of(refusal), message=message)
    return _done(request, member, sentence)


def _part(request: Request, member: Member, *, status: int = 200, **shown: Any) -> HttpResponse:
    context = {
        "organization": member.organization,
        "member": member,
        "mirror": mirror_part(member, **shown),
    }
    if request.htmx:
        return render(request, "integrations/_mirror.html", context, status=status)
    context["cards"] = cards(member, PROVIDERS[NOTION])
    return render(request, "integrations/page.html", context, status=status)


def _done(request: Request, member: Member, sentence: str) -> HttpResponse:
    if request.htmx:
        return _part(request, member, message={"level": "success", "text": sentence})
    messages.success(request, sentence)
    return redirect("integrations:page", member.organization.slug)
