"""Connect through a provider's consent page: ask with a state, believe only the answer that returns it."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.actions import Action, Result
from audit.record import label, record
from integrations import local_only, selectors
from integrations.errors import (
    AccountConnected,
    AlreadyConnected,
    AnotherAccount,
    AnotherWorkspace,
    ConsentRefused,
    StateRefused,
    VariantNotAllowed,
)
from integrations.http.oauth import Account, TokenGrant
from integrations.models import Integration, OAuthState
from integrations.providers import NOTION, Provider
from integrations.services.revocation import give_back
from integrations.services.shared import count_shared_later
from integrations.services.tokens import expiry_of
from integrations.services.verification import token_hash
from notionscan import rls
from tenants.models import Organization, User

STATE_LIFETIME = timedelta(minutes=10)
_STATE_BYTES = 32


def start_authorization(
    *, organization: Organization, actor: User, session_key: str, provider: Provider
) -> str:
    """Return the consent page's address, with a state bound to this session, person and organization.

    Raises: LocalOnly; VariantNotAllowed; AlreadyConnected unless it is a public connection in error, which
    is Reconnect.
    """
    local_only.refuse_calls()
    if not provider.public_allowed:
        raise VariantNotAllowed
    state = secrets.token_urlsafe(_STATE_BYTES)
    with transaction.atomic():
        existing = selectors.integration(organization, provider.slug)
        if existing is not None and not _may_reconnect(existing):
            raise _exists(provider)
        OAuthState.objects.filter(
            organization=organization, created_at__lt=timezone.now() - STATE_LIFETIME
        ).delete()
        OAuthState.objects.create(
            organization=organization,
            user=actor,
            provider=provider.slug,
            state_hash=_digest(state),
            session_hash=_digest(session_key),
        )
        record(
            action=Action.INTEGRATION_AUTHORIZE_STARTED,
            organization=organization.pk,
            actor=actor,
            provider=provider.slug,
        )
    return provider.oauth_app().authorize_url(state)


def consume_state(*, user: User, session_key: str, provider: Provider, state: str) -> Organization:
    """Return the organization that this answer is for; a state serves once, for ten minutes.

    Raises: StateRefused.
    """
    with rls.scope(rls.user_scope(user.pk)), transaction.atomic():
        found = (
            OAuthState.objects.filter(user=user, provider=provider.slug, state_hash=_digest(state))
            .select_related("organization")
            .first()
        )
        # Of two answers at once, the one that deletes the row goes on.
        if found is None or OAuthState.objects.filter(pk=found.pk).delete()[0] != 1:
            raise StateRefused(provider=provider)
    in_time = found.created_at >= timezone.now() - STATE_LIFETIME
    if not in_time or not secrets.compare_digest(found.session_hash, _digest(session_key)):
        raise StateRefused(provider=provider)
    return found.organization


@transaction.atomic
def record_refused_state(user: User) -> None:
    """Record an answer that nobody asked for; it names no organization, so it is the deployment's."""
    record(
        action=Action.ACCESS_DENIED,
        organization=None,
        actor=user,
        result=Result.DENIED,
        reason=StateRefused.code,
    )


def complete_authorization(
    *, organization: Organization, actor: User, provider: Provider, code: str, error: str
) -> Integration:
    """Exchange the consent's code and store, or replace, the connection's tokens.

    Raises: LocalOnly; ConsentRefused; VariantNotAllowed; AlreadyConnected or AnotherWorkspace, after the
    new token was revoked; the door's errors.
    """
    local_only.refuse_calls()
    if not provider.public_allowed:
        raise VariantNotAllowed
    if error or not code:
        raise ConsentRefused(error, provider=provider)
    grant = provider.oauth_app().exchange(code)
    try:
        account = provider.account_of(grant)
        with transaction.atomic():
            return _store(organization, actor, provider, grant, account)
    except BaseException as failure:
        # Whatever went wrong, nobody will ever use this token: Notion must not go on honouring it.
        token, hint = provider.revocable(grant.access_token, grant.refresh_token)
        give_back(organization_id=organization.pk, provider=provider.slug, token=token, hint=hint)
        if isinstance(failure, IntegrityError):
            raise _exists(provider) from None
        raise


def _exists(provider: Provider) -> AlreadyConnected:
    return (AlreadyConnected if provider.internal else AccountConnected)(provider=provider)


def _may_reconnect(integration: Integration) -> bool:
    return (
        integration.connection_type == Integration.ConnectionType.PUBLIC
        and integration.status == Integration.Status.ERROR
    )


def _store(
    organization: Organization, actor: User, provider: Provider, grant: TokenGrant, account: Account
) -> Integration:
    found = selectors.integrations(organization).filter(provider=provider.slug).select_for_update().first()
    if found is not None and not _may_reconnect(found):
        raise _exists(provider)
    if found is not None:
        _require_same(found, account, provider)
    integration = found or Integration(
        organization=organization,
        provider=provider.slug,
        connection_type=Integration.ConnectionType.PUBLIC,
        token_version=0,
    )
    _take_grant(integration, actor, grant, account)
    integration.save()
    for action in [Action.INTEGRATION_CONNECTED, *([Action.INTEGRATION_RECOVERED] if found else [])]:
        record(
            action=action,
            organization=organization.pk,
            actor=actor,
            target=integration,
            provider=provider.slug,
            connection_type=integration.connection_type,
        )
    if provider.slug == NOTION:
        count_shared_later(integration)
    return integration


def _require_same(found: Integration, account: Account, provider: Provider) -> None:
    """Let a connection be renewed by consent for the same place alone: the workspace, or the account.

    Who consents at Notion may be another person than before.
    """
    if found.workspace_id != account.workspace_id:
        raise AnotherWorkspace
    if found.workspace_id is None and found.account_id != account.id:
        raise AnotherAccount(provider=provider)


def _take_grant(integration: Integration, actor: User, grant: TokenGrant, account: Account) -> None:
    integration.access_token = grant.access_token
    integration.access_token_expires_at = expiry_of(grant)
    integration.refresh_token = grant.refresh_token
    integration.access_token_hash = token_hash(grant.access_token)
    integration.token_version += 1
    integration.refresh_lease_until = None
    integration.status = Integration.Status.CONNECTED
    integration.error_code = ""
    integration.error_since = None
    integration.workspace_id = account.workspace_id
    integration.workspace_name = label(account.workspace_name or "")
    integration.account_id = account.id
    integration.account_name = label(account.name or "")
    integration.connected_at = timezone.now()
    integration.connected_by_label = str(actor)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
