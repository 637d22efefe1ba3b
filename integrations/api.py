"""The JSON API of connections; the same services as the page."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from ninja import Router
from pydantic import SecretStr

from integrations import card, selectors
from integrations.errors import NotConnected
from integrations.forms import ConnectForm, TokenForm
from integrations.models import Integration, OwnConnection
from integrations.providers import PROVIDERS, Provider
from integrations.services.connect import connect_internal, update_token
from integrations.services.disconnect import disconnect
from integrations.services.oauth import start_authorization
from notionscan import rls
from notionscan.errors import CamelSchema, Invalid, Problem
from tenants import access
from tenants.roles import Permission

router = Router(tags=["integrations"])


class VariantsOut(CamelSchema):
    public: bool
    internal: bool


class ErrorOut(CamelSchema):
    code: str
    message: str
    remedy: str


class IntegrationOut(CamelSchema):
    provider: str
    connected: bool
    status: str | None = None
    connection_type: str | None = None
    variants_allowed: VariantsOut
    workspace_id: UUID | None = None
    workspace_name: str | None = None
    account_id: str | None = None
    account_name: str | None = None
    connected_at: datetime | None = None
    last_used_at: datetime | None = None
    error: ErrorOut | None = None


class IntegrationsOut(CamelSchema):
    integrations: list[IntegrationOut]


class WorkspaceOut(CamelSchema):
    organization: str
    provider: str
    connection_type: str
    workspace_name: str | None
    account_id: str
    authorized_at: datetime
    last_used_at: datetime | None


class UrlOut(CamelSchema):
    url: str


class OkOut(CamelSchema):
    ok: bool


class DisconnectedOut(CamelSchema):
    ok: bool
    revoked: str


class TokenIn(CamelSchema):
    # Shown as *** wherever the body is printed.
    token: SecretStr


class ConnectIn(TokenIn):
    workspace_id: str | None = None


_PROBLEMS: dict[int, type[Problem]] = dict.fromkeys((400, 401, 403, 404, 409, 429, 502, 503), Problem)


@router.get(
    "/workspaces",
    response={200: list[WorkspaceOut], 401: Problem, 403: Problem, 429: Problem},
    by_alias=True,
    summary="List the connections of all your organizations",
)
def list_workspaces(request: HttpRequest) -> list[dict[str, Any]]:
    if (account := access.account(request)) is not None:
        # A key belongs to one organization, whose scope it has entered.
        slug = account.organization.slug
        access.caller(request, slug, Permission.READ, everywhere=False)
        with transaction.atomic():
            found = selectors.integrations(account.organization).order_by("provider")
            return [_workspace(slug, connection) for connection in found]
    with rls.scope(rls.user_scope(access.person(request).pk)), transaction.atomic():
        return [_workspace(each.organization, each) for each in selectors.own_connections()]


@router.get(
    "/orgs/{slug}/integrations",
    response={200: IntegrationsOut, 401: Problem, 404: Problem},
    by_alias=True,
    summary="List the organization's connections",
)
def list_integrations(request: HttpRequest, slug: str) -> dict[str, Any]:
    caller = access.caller(request, slug, Permission.READ)
    with transaction.atomic():
        found = card.displayed(caller.organization)
    return {"integrations": [_described(provider, integration) for provider, integration in found]}


@router.post(
    "/orgs/{slug}/integrations/{provider}/authorize",
    response={200: UrlOut, **_PROBLEMS},
    summary="Start connecting through the provider's consent page",
)
def authorize(request: HttpRequest, slug: str, provider: str) -> dict[str, Any]:
    member = access.member(request, slug, Permission.MANAGE)
    url = start_authorization(
        organization=member.organization,
        actor=member.user,
        session_key=request.session.session_key or "",
        provider=_known(provider),
    )
    return {"url": url}


@router.post(
    "/orgs/{slug}/integrations/notion/internal-connect",
    response={200: OkOut, **_PROBLEMS},
    summary="Connect Notion with an internal integration's token",
)
def internal_connect(request: HttpRequest, slug: str, body: ConnectIn) -> dict[str, Any]:
    member = access.member(request, slug, Permission.MANAGE)
    form = ConnectForm({"token": body.token.get_secret_value(), "workspace_id": body.workspace_id or ""})
    if not form.is_valid():
        raise Invalid.of_form(form)
    connect_internal(
        organization=member.organization,
        actor=member.user,
        token=form.cleaned_data["token"],
        workspace_id=form.cleaned_data["workspace_id"],
    )
    return {"ok": True}


@router.patch(
    "/orgs/{slug}/integrations/notion/token",
    response={200: OkOut, **_PROBLEMS},
    summary="Replace the internal connection's token",
)
def replace_token(request: HttpRequest, slug: str, body: TokenIn) -> dict[str, Any]:
    member = access.member(request, slug, Permission.MANAGE)
    form = TokenForm({"token": body.token.get_secret_value()})
    if not form.is_valid():
        raise Invalid.of_form(form)
    update_token(organization=member.organization, actor=member.user, token=form.cleaned_data["token"])
    return {"ok": True}


@router.delete(
    "/orgs/{slug}/integrations/{provider}",
    response={200: DisconnectedOut, **_PROBLEMS},
    summary="Disconnect, and revoke the token where the provider allows it",
)
def delete_integration(request: HttpRequest, slug: str, provider: str) -> dict[str, Any]:
    member = access.member(request, slug, Permission.MANAGE)
    revoked = disconnect(organization=member.organization, actor=member.user, provider=_known(provider).slug)
    return {"ok": True, "revoked": revoked}


def _workspace(slug: str, connection: Integration | OwnConnection) -> dict[str, Any]:
    return {
        "organization": slug,
        "provider": connection.provider,
        "connection_type": connection.connection_type,
        "workspace_name": connection.workspace_name or None,
        "account_id": connection.account_id,
        "authorized_at": connection.connected_at,
        "last_used_at": connection.last_used_at,
    }


def _known(provider: str) -> Provider:
    if provider not in PROVIDERS:
        known = " and ".join(PROVIDERS)
        raise NotConnected(f"There is no provider called {provider[:40]}; Notion Scan knows {known}.")
    return PROVIDERS[provider]


def _described(provider: Provider, integration: Integration | None) -> dict[str, Any]:
    problem = card.problem_of(integration)
    base = {
        "provider": provider.slug,
        "variants_allowed": card.variants(provider),
        "error": problem
        and {"code": problem.code, "message": problem.sentence, "remedy": problem.remedy_sentence},
    }
    if integration is None:
        return base | {"connected": False}
    return base | {
        "connected": integration.status == Integration.Status.CONNECTED,
        "status": integration.status,
        "connection_type": integration.connection_type,
        "workspace_id": integration.workspace_id,
        "workspace_name": integration.workspace_name or None,
        "account_id": integration.account_id,
        "account_name": integration.account_name or None,
        "connected_at": integration.connected_at,
        "last_used_at": integration.last_used_at,
    }
