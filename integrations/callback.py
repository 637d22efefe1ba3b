"""Where a provider's consent page sends the browser back to."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET

from integrations.errors import AlreadyConnected, AnotherWorkspace, IntegrationError, StateRefused
from integrations.notion.errors import NotionError
from integrations.providers import PROVIDERS
from integrations.services.oauth import complete_authorization, consume_state, record_refused_state
from tenants import access
from tenants.roles import Permission


@require_GET
@sensitive_variables()
def callback(request: HttpRequest, provider: str) -> HttpResponse:
    user = access.person(request)
    if provider not in PROVIDERS:
        raise Http404
    try:
        organization = consume_state(
            user=user,
            session_key=request.session.session_key or "",
            provider=PROVIDERS[provider],
            state=request.GET.get("state", ""),
        )
    except StateRefused as refusal:
        record_refused_state(user)
        return render(request, "integrations/state_refused.html", {"sentence": refusal.sentence}, status=403)
    # Their role may have changed while they were at Notion.
    member = access.member(request, organization.slug, Permission.MANAGE)
    try:
        complete_authorization(
            organization=member.organization,
            actor=user,
            provider=PROVIDERS[provider],
            code=request.GET.get("code", ""),
            error=request.GET.get("error", ""),
        )
    except (AlreadyConnected, AnotherWorkspace) as conflict:
        context = {"organization": member.organization, "member": member, "sentence": conflict.sentence}
        return render(request, "integrations/oauth_conflict.html", context, status=409)
    except (IntegrationError, NotionError) as refusal:
        messages.error(request, refusal.sentence)
    else:
        messages.success(request, f"{PROVIDERS[provider].title} is connected.")
    return redirect("integrations:page", member.organization.slug)
