"""Where a provider's consent page sends the browser back to."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET

from integrations.errors import (
    AlreadyConnected,
    AnotherAccount,
    AnotherWorkspace,
    IntegrationError,
    StateRefused,
)
from integrations.http.errors import OAuthRefused, ProviderError
from integrations.providers import PROVIDERS, Provider
from integrations.services.oauth import complete_authorization, consume_state, record_refused_state
from notionscan import limits
from tenants import access
from tenants.models import User
from tenants.roles import Permission


@require_GET
@sensitive_variables()
def callback(request: HttpRequest, provider: str) -> HttpResponse:
    user = access.person(request)
    if provider not in PROVIDERS:
        raise Http404
    # Made-up states and codes cost a look-up and a call each; who has ten of them refused waits.
    with limits.attempt(limits.limits_of("callback", user.pk)) as attempt:
        return _answered(request, user, PROVIDERS[provider], attempt)


@sensitive_variables()
def _answered(request: HttpRequest, user: User, provider: Provider, attempt: limits.Try) -> HttpResponse:
    try:
        organization = consume_state(
            user=user,
            session_key=request.session.session_key or "",
            provider=provider,
            state=request.GET.get("state", ""),
        )
    except StateRefused as refusal:
        attempt.failed()
        record_refused_state(user)
        context = {"provider": provider, "sentence": refusal.sentence}
        return render(request, "integrations/state_refused.html", context, status=403)
    # Their role may have changed while they were at the provider.
    member = access.member(request, organization.slug, Permission.MANAGE)
    try:
        complete_authorization(
            organization=member.organization,
            actor=user,
            provider=provider,
            code=request.GET.get("code", ""),
            error=request.GET.get("error", ""),
        )
    except (AlreadyConnected, AnotherWorkspace, AnotherAccount) as conflict:
        context = {
            "organization": member.organization,
            "member": member,
            "provider": provider,
            "sentence": conflict.sentence,
        }
        return render(request, "integrations/oauth_conflict.html", context, status=409)
    except (IntegrationError, ProviderError) as refusal:
        if isinstance(refusal, OAuthRefused):
            attempt.failed()
        messages.error(request, refusal.sentence)
    else:
        messages.success(request, f"{provider.title} is connected.")
    return redirect("integrations:page", member.organization.slug)
