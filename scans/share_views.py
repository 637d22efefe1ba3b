"""Links to reports: the admins' page of them, and what somebody sees who holds one."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

from allauth.core.internal.ratelimit import get_ip
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from integrations.errors import IntegrationError
from notionscan import rls
from notionscan.http import Request
from scans import presentation, selectors
from scans.forms import ShareForm
from scans.models import Share
from scans.redaction import redacted
from scans.services.share import address as address_of
from scans.services.share import create_share, find_by_token, is_right, record_view, revoke_share
from tenants import access
from tenants.policy import Member
from tenants.roles import Permission

_COOKIE_SECONDS = 3600
_SALT = "scans.share"
_BROWSERS = ("Firefox", "Edg", "Chrome", "Safari", "curl")


@require_safe
def page(request: Request, slug: str) -> HttpResponse:
    return _page(request, access.member(request, slug, Permission.MANAGE))


@require_POST
def create(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    form = ShareForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(str(each) for errors in form.errors.values() for each in errors))
        return _page(request, member, status=400)
    try:
        made = create_share(
            organization=member.organization,
            actor=member.user,
            report=selectors.newest_report(member.organization.pk),
            recipient=form.cleaned_data["recipient"],
            expires_at=timezone.now() + timedelta(days=form.cleaned_data["days"]),
            passcode=form.cleaned_data["passcode"],
            redaction=form.cleaned_data["redaction"],
        )
    except IntegrationError as refusal:
        messages.error(request, refusal.sentence)
        return _page(request, member, status=refusal.status)
    return _page(request, member, address=address_of(made.token), new=made.share)


@require_POST
def revoke(request: Request, slug: str, share_id: UUID) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    try:
        revoke_share(organization=member.organization, actor=member.user, share_id=share_id)
    except IntegrationError:
        raise Http404 from None
    messages.success(request, "Revoked. The link is dead from now on.")
    return redirect("scans:shares", slug)


def _page(
    request: Request, member: Member, *, address: str = "", new: Share | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "organization": member.organization,
        "member": member,
        "shares": selectors.shares(member.organization.pk),
        "has_report": selectors.newest_summary(member.organization.pk) is not None,
        "redactions": Share.Redaction.choices,
        "address": address,
        "new": new,
    }
    return render(request, "scans/shares.html", context, status=status)


# Whoever holds a link ------------------------------------------------------------------------------------


@login_not_required
@never_cache
@require_safe
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address: what one copies from the address bar opens nothing."""
    share_id = find_by_token(token)
    if share_id is None:
        raise Http404
    share = _alive(share_id)
    if not share.passcode:
        _record(request, share)
    return _let_in(redirect("shared", share_id), share_id, passed=not share.passcode)


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def shared(request: HttpRequest, share_id: UUID) -> HttpResponse:
    passed = _ticket(request, share_id)
    share = _alive(share_id)
    if passed:
        return _harmless(_report(request, share))
    refused = False
    if request.method == "POST":
        if is_right(share, request.POST.get("passcode", ""), source=get_ip(request) or ""):
            _record(request, share)
            return _let_in(redirect("shared", share_id), share_id, passed=True)
        refused = True
    page = render(request, "scans/passcode.html", {"refused": refused}, status=403 if refused else 200)
    # Without a referrer browsers send the form's origin as null, which the CSRF check refuses. The address
    # has no token in it by now.
    return _harmless(page, referrer="same-origin")


def _report(request: HttpRequest, share: Share) -> HttpResponse:
    content = json.loads(share.report.content)
    if share.redaction != Share.Redaction.NOTHING:
        content = redacted(content)
    context = {"view": presentation.view(content), "is_shared": True, "expires_at": share.expires_at}
    return render(request, "scans/shared.html", context)


def _alive(share_id: UUID) -> Share:
    """Return the link in its own scope, which shows it and its report alone; 404 once it ended."""
    with rls.scope(rls.share_scope(share_id)), transaction.atomic():
        share = Share.objects.select_related("report").filter(pk=share_id).first()
    if share is None or not share.is_alive:
        raise Http404
    return share


def _record(request: HttpRequest, share: Share) -> None:
    told = request.headers.get("User-Agent", "")
    browser = next((name for name in _BROWSERS if name in told), "")
    record_view(share, source=get_ip(request) or "", browser=browser)


def _ticket(request: HttpRequest, share_id: UUID) -> bool:
    """Say whether the passcode was given, or none is asked. Without a ticket of this link it is a 404."""
    try:
        ticket = signing.loads(
            request.COOKIES.get(_cookie(share_id), ""), salt=_SALT, max_age=_COOKIE_SECONDS
        )
    except signing.BadSignature:
        raise Http404 from None
    if ticket["share"] != str(share_id):
        raise Http404
    return bool(ticket["passed"])


def _let_in(response: HttpResponse, share_id: UUID, *, passed: bool) -> HttpResponse:
    response.set_cookie(
        _cookie(share_id),
        signing.dumps({"share": str(share_id), "passed": passed}, salt=_SALT),
        max_age=_COOKIE_SECONDS,
        path="/r/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return _harmless(response)


def _cookie(share_id: UUID) -> str:
    prefix = "__Secure-" if settings.SESSION_COOKIE_SECURE else ""
    return f"{prefix}share-{share_id.hex}"


def _harmless(response: HttpResponse, *, referrer: str = "no-referrer") -> HttpResponse:
    """Keep the page out of caches, search engines and other sites' logs."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = referrer
    return response
