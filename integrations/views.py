"""The integrations page: one card, re-rendered by every action."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from integrations import local_only
from integrations.card import notion_card
from integrations.errors import (
    AlreadyConnected,
    IntegrationError,
    NotConnected,
    NotInternal,
    VariantNotAllowed,
)
from integrations.forms import ConnectForm, TokenForm
from integrations.http.errors import LocalOnly, ProviderError
from integrations.problems import retry_after_of, status_of
from integrations.providers import NOTION, PROVIDERS
from integrations.services.connect import connect_internal, update_token
from integrations.services.disconnect import disconnect
from integrations.services.oauth import start_authorization
from integrations.services.revocation import Revoked
from integrations.services.testing import test_connection
from notionscan.http import Request
from tenants import access
from tenants.policy import Member
from tenants.roles import Permission

_DIALOGS = {"connect": ConnectForm, "token": TokenForm, "disconnect": None}
# After these there is no such dialog any more, so the card itself says them.
_CLOSES_DIALOG = (AlreadyConnected, LocalOnly, NotConnected, NotInternal, VariantNotAllowed)
_DISCONNECTED = {
    Revoked.ACCESS: "Disconnected. The token was revoked at Notion and erased here.",
    Revoked.UNSUPPORTED: (
        "Disconnected, and what was kept of the token was erased here. To be sure that it ends in Notion "
        "too, remove the connection in Notion's settings, or delete the integration's token there."
    ),
    Revoked.FAILED: (
        "Disconnected. Notion could not be reached to revoke the token; "
        "this is tried again for 24 hours, and then the token is erased."
    ),
}
_NOT_REVOKED_HERE = (
    "Disconnected. Notion was not told to revoke the token, because no call leaves in local-only mode; the "
    "token is erased within 24 hours. To end it in Notion too, remove the connection in Notion's settings."
)


@require_safe
def page(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.READ)
    dialog = request.GET.get("dialog", "")
    if dialog not in _DIALOGS or not member.may_manage:
        return _card(request, member)
    form = _DIALOGS[dialog]
    return _card(request, member, dialog=dialog, form=form() if form else None)


@require_safe
def shared(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.READ)
    context = {"organization": member.organization, "member": member, "card": notion_card(member)}
    return render(request, "integrations/_shared.html", context)


@require_POST
def authorize(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    try:
        url = start_authorization(
            organization=member.organization,
            actor=member.user,
            session_key=request.session.session_key or "",
            provider=PROVIDERS[NOTION],
        )
    except (IntegrationError, LocalOnly) as refusal:
        return _refused(request, member, refusal)
    if request.htmx:
        return HttpResponseClientRedirect(url)
    # A redirect would be stopped by form-action 'self'; a link is not.
    context = {"organization": member.organization, "member": member, "url": url}
    return render(request, "integrations/oauth_continue.html", context)


@require_POST
@sensitive_post_parameters("token")
@sensitive_variables()
def connect(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    form = ConnectForm(request.POST)
    if not form.is_valid():
        return _card(request, member, status=400, dialog="connect", form=form)
    try:
        connect_internal(
            organization=member.organization,
            actor=member.user,
            token=form.cleaned_data["token"],
            workspace_id=form.cleaned_data["workspace_id"],
        )
    except (IntegrationError, ProviderError) as refusal:
        return _refused_in(request, member, refusal, dialog="connect", form=form)
    return _done(request, member, "success", "Notion is connected.")


@require_POST
@sensitive_post_parameters("token")
@sensitive_variables()
def token(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _card(request, member, status=400, dialog="token", form=form)
    try:
        update_token(organization=member.organization, actor=member.user, token=form.cleaned_data["token"])
    except (IntegrationError, ProviderError) as refusal:
        return _refused_in(request, member, refusal, dialog="token", form=form)
    return _done(request, member, "success", "The token was updated.")


@require_POST
def test(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    try:
        outcome = test_connection(organization=member.organization, actor=member.user, provider=NOTION)
    except (IntegrationError, LocalOnly) as refusal:
        return _refused(request, member, refusal)
    return _card(request, member, test=outcome)


@require_POST
def end(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    try:
        revoked = disconnect(organization=member.organization, actor=member.user, provider=NOTION)
    except IntegrationError as refusal:
        return _refused(request, member, refusal)
    level = "warning" if revoked is Revoked.FAILED else "success"
    sentence = _DISCONNECTED[revoked]
    if revoked is Revoked.FAILED and local_only.is_on():
        sentence = _NOT_REVOKED_HERE
    return _done(request, member, level, sentence)


def _card(request: Request, member: Member, *, status: int = 200, **shown: Any) -> HttpResponse:
    context = {
        "organization": member.organization,
        "member": member,
        "card": notion_card(member, **shown),
    }
    template = "integrations/_notion_card.html" if request.htmx else "integrations/page.html"
    return render(request, template, context, status=status)


def _refused(request: Request, member: Member, refusal: IntegrationError | ProviderError) -> HttpResponse:
    # In local-only mode the card says so by itself.
    said = isinstance(refusal, LocalOnly)
    message = None if said else {"level": "error", "text": refusal.sentence}
    return _card(request, member, status=status_of(refusal), message=message)


def _refused_in(
    request: Request, member: Member, refusal: IntegrationError | ProviderError, *, dialog: str, form: Any
) -> HttpResponse:
    """Show the refusal in the dialog that caused it, with the token field empty again."""
    if isinstance(refusal, _CLOSES_DIALOG):
        return _refused(request, member, refusal)
    form.add_error(None, refusal.sentence)
    response = _card(request, member, status=status_of(refusal), dialog=dialog, form=form)
    if (seconds := retry_after_of(refusal)) is not None:
        response.headers["Retry-After"] = str(seconds)
    return response


def _done(request: Request, member: Member, level: str, sentence: str) -> HttpResponse:
    if request.htmx:
        return _card(request, member, message={"level": level, "text": sentence})
    messages.add_message(request, messages.WARNING if level == "warning" else messages.SUCCESS, sentence)
    return redirect("integrations:page", member.organization.slug)
