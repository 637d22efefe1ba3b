"""The page of service accounts: making, changing, confirming and revoking them. For admins alone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from notionscan.http import Request
from tenants import access, selectors
from tenants.forms import MaturityForm, ServiceAccountForm, new_service_account
from tenants.policy import Member
from tenants.roles import Maturity, Permission
from tenants.services.service_accounts import (
    AccountRefused,
    NoSuchAccount,
    change_maturity,
    confirm_service_account,
    create_service_account,
    revoke_service_account,
)

_MOST_ENDED = 100


@require_safe
def page(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    creating = request.GET.get("dialog") == "create"
    return _page(request, member, form=new_service_account() if creating else None)


@require_POST
def create(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    form = ServiceAccountForm(request.POST)
    if not form.is_valid():
        return _page(request, member, form=form, status=400)
    try:
        made = create_service_account(organization=member.organization, actor=member.user, **form.asked_for)
    except AccountRefused as refusal:
        form.add_error(None, refusal.sentence)
        return _page(request, member, form=form, status=400)
    # In this answer and nowhere else: a redirect would have to keep the key somewhere meanwhile.
    return _page(request, member, made=made)


@require_POST
def maturity(request: Request, slug: str, account_id: UUID) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    form = MaturityForm(request.POST)
    if not form.is_valid():
        return _page(request, member, error=str(form.errors["maturity"][0]), status=400)
    try:
        account = change_maturity(
            organization=member.organization,
            actor=member.user,
            account_id=account_id,
            maturity=Maturity(form.cleaned_data["maturity"]),
        )
    except NoSuchAccount:
        raise Http404 from None
    return _done(request, member, f"{account} is now {account.get_maturity_display().lower()}.")


@require_POST
def confirm(request: Request, slug: str, account_id: UUID) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    try:
        account = confirm_service_account(
            organization=member.organization, actor=member.user, account_id=account_id
        )
    except (NoSuchAccount, AccountRefused):
        raise Http404 from None
    return _done(request, member, f"You answer for {account} now, and its key works again.")


@require_POST
def revoke(request: Request, slug: str, account_id: UUID) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    try:
        account = revoke_service_account(
            organization=member.organization, actor=member.user, account_id=account_id
        )
    except NoSuchAccount:
        raise Http404 from None
    return _done(request, member, f"{account} is revoked. Its key opens nothing any more.")


def _done(request: Request, member: Member, sentence: str) -> HttpResponse:
    if request.htmx:
        return _page(request, member, success=sentence)
    messages.success(request, sentence)
    return redirect("tenants:service_accounts", member.organization.slug)


@transaction.atomic
def _page(
    request: Request, member: Member, *, error: str = "", success: str = "", status: int = 200, **shown: Any
) -> HttpResponse:
    """Render the lists; ``shown`` is what this request adds: the form, or what was made with its key."""
    live = list(selectors.live_service_accounts(member.organization))
    context = {
        "organization": member.organization,
        "member": member,
        "live": live,
        "any_suspended": any(account.state == "suspended" for account in live),
        "ended": selectors.ended_service_accounts(member.organization)[:_MOST_ENDED],
        "most_ended": _MOST_ENDED,
        "maturities": Maturity.choices,
        "revoking": next((each for each in live if str(each.pk) == request.GET.get("revoke")), None),
        "message": {"level": "error", "text": error}
        if error
        else {"level": "success", "text": success}
        if success
        else None,
        **shown,
    }
    template = "tenants/_service_accounts.html" if request.htmx else "tenants/service_accounts.html"
    return render(request, template, context, status=status)
