"""The integrations page: a card for each provider, re-rendered by every action on it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from integrations import local_only
from integrations.card import card, cards
from integrations.errors import (
    AlreadyConnected,
    IntegrationError,
    NotConnected,
    NotInternal,
    VariantNotAllowed,
)
from integrations.forms import ConnectForm, TokenForm
from integrations.http.errors import LocalOnly, ProviderError
from integrations.mirror_part import mirror_part
from integrations.problems import retry_after_of, status_of
from integrations.providers import NOTION, PROVIDERS, Provider
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
    Revoked.ACCESS: "Disconnected. The token was revoked at {title} and erased here.",
    Revoked.UNSUPPORTED: (
        "Disconnected, and what was kept of the token was erased here. To be sure that it ends in {title} "
        "too, {remove}."
    ),
    Revoked.FAILED: (
        "Disconnected. {title} could not be reached to revoke the token; "
        "this is tried again for 24 hours, and then the token is erased."
    ),
}
_NOT_REVOKED_HERE = (
    "Disconnected. {title} was not told to revoke the token, because no call leaves in local-only mode; the "
    "token is erased within 24 hours. To end it in {title} too, remove the connection in {title}'s settings."
)


@require_safe
def page(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.READ)
    provider = _provider(request.GET.get("provider", NOTION))
    dialog = request.GET.get("dialog", "")
    if dialog not in _DIALOGS or not member.may_manage:
        return _card(request, member, provider)
    form = _DIALOGS[dialog]
    return _card(request, member, provider, dialog=dialog, form=form() if form else None)


@require_safe
def shared(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.READ)
    context = {"organization": member.organization, "member": member, "card": card(member, PROVIDERS[NOTION])}
    return render(request, "integrations/_shared.html", context)


@require_POST
def authorize(request: Request, slug: str, provider: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    known = _provider(provider)
    try:
        url = start_authorization(
            organization=member.organization,
            actor=member.user,
            session_key=request.session.session_key or "",
            provider=known,
        )
    except (IntegrationError, LocalOnly) as refusal:
        return _refused(request, member, known, refusal)
    if request.htmx:
        return HttpResponseClientRedirect(url)
    # A redirect would be stopped by form-action 'self'; a link is not.
    context = {"organization": member.organization, "member": member, "provider": known, "url": url}
    return render(request, "integrations/oauth_continue.html", context)


@require_POST
@sensitive_post_parameters("token")
@sensitive_variables()
def connect(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    form = ConnectForm(request.POST)
    if not form.is_valid():
        return _card(request, member, PROVIDERS[NOTION], status=400, dialog="connect", form=form)
    try:
        connect_internal(
            organization=member.organization,
            actor=member.user,
            token=form.cleaned_data["token"],
            workspace_id=form.cleaned_data["workspace_id"],
        )
    except (IntegrationError, ProviderError) as refusal:
        return _refused_in(request, member, refusal, dialog="connect", form=form)
    return _done(request, member, PROVIDERS[NOTION], "success", "Notion is connected.")


@require_POST
@sensitive_post_parameters("token")
@sensitive_variables()
def token(request: Request, slug: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _card(request, member, PROVIDERS[NOTION], status=400, dialog="token", form=form)
    try:
        update_token(organization=member.organization, actor=member.user, token=form.cleaned_data["token"])
    except (IntegrationError, ProviderError) as refusal:
        return _refused_in(request, member, refusal, dialog="token", form=form)
    return _done(request, member, PROVIDERS[NOTION], "success", "The token was updated.")


@require_POST
def test(request: Request, slug: str, provider: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    known = _provider(provider)
    try:
        outcome = test_connection(organization=member.organization, actor=member.user, provider=provider)
    except (IntegrationError, LocalOnly) as refusal:
        return _refused(request, member, known, refusal)
    return _card(request, member, known, test=outcome)


@require_POST
def end(request: Request, slug: str, provider: str) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    known = _provider(provider)
    try:
        revoked = disconnect(organization=member.organization, actor=member.user, provider=provider)
    except IntegrationError as refusal:
        return _refused(request, member, known, refusal)
    level = "warning" if revoked is Revoked.FAILED else "success"
    return _done(request, member, known, level, _ended(known, revoked))


def _provider(slug: str) -> Provider:
    if slug not in PROVIDERS:
        raise Http404
    return PROVIDERS[slug]


def _ended(provider: Provider, revoked: Revoked) -> str:
    """Say what became of a connection that was ended."""
    sentence = _DISCONNECTED[revoked]
    if revoked is Revoked.FAILED and local_only.is_on():
        sentence = _NOT_REVOKED_HERE
    remove = f"remove the connection in {provider.title}'s settings"
    if provider.internal is not None:
        remove += ", or delete the integration's token there"
    return sentence.format(title=provider.title, remove=remove)


def _card(
    request: Request, member: Member, provider: Provider, *, status: int = 200, **shown: Any
) -> HttpResponse:
    context: dict[str, Any] = {"organization": member.organization, "member": member}
    if request.htmx:
        found = card(member, provider, **shown)
        return render(request, found.template, context | {"card": found}, status=status)
    context["cards"] = cards(member, provider, **shown)
    context["mirror"] = mirror_part(member)
    return render(request, "integrations/page.html", context, status=status)


def _refused(
    request: Request, member: Member, provider: Provider, refusal: IntegrationError | ProviderError
) -> HttpResponse:
    # In local-only mode the card says so by itself.
    said = isinstance(refusal, LocalOnly)
    message = None if said else {"level": "error", "text": refusal.sentence}
    return _card(request, member, provider, status=status_of(refusal), message=message)


def _refused_in(
    request: Request, member: Member, refusal: IntegrationError | ProviderError, *, dialog: str, form: Any
) -> HttpResponse:
    """Show the refusal in the Notion dialog that caused it, with the token field empty again."""
    if isinstance(refusal, _CLOSES_DIALOG):
        return _refused(request, member, PROVIDERS[NOTION], refusal)
    form.add_error(None, refusal.sentence)
    response = _card(request, member, PROVIDERS[NOTION], status=status_of(refusal), dialog=dialog, form=form)
    if (seconds := retry_after_of(refusal)) is not None:
        response.headers["Retry-After"] = str(seconds)
    return response


def _done(request: Request, member: Member, provider: Provider, level: str, sentence: str) -> HttpResponse:
    if request.htmx:
        return _card(request, member, provider, message={"level": level, "text": sentence})
    messages.add_message(request, messages.WARNING if level == "warning" else messages.SUCCESS, sentence)
    return redirect("integrations:page", member.organization.slug)
