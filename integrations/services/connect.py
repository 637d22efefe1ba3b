"""Connect with an internal integration's token, and replace that token."""

from __future__ import annotations

from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from audit.actions import Action
from audit.record import label, record
from integrations import local_only, selectors
from integrations.errors import (
    AlreadyConnected,
    AnotherWorkspace,
    NotConnected,
    NotInternal,
    VariantNotAllowed,
    WorkspaceMismatch,
)
from integrations.models import Integration
from integrations.notion.me import Me
from integrations.providers import NOTION, PROVIDERS
from integrations.services.shared import count_shared_later
from integrations.services.verification import token_hash, verified
from notionscan.secret import Secret
from tenants.models import Organization, User


def connect_internal(
    *, organization: Organization, actor: User | None, token: Secret, workspace_id: UUID | None = None
) -> Integration:
    """Connect Notion with an internal integration's token, once Notion has confirmed it.

    Raises: LocalOnly, VariantNotAllowed, AlreadyConnected, TooManyAttempts, TokenRefused, WorkspaceMismatch,
    or the door's NotionUnavailable and NotionRateLimited; nothing is stored then.
    """
    local_only.refuse_calls()
    if not PROVIDERS[NOTION].internal_allowed:
        raise VariantNotAllowed
    with transaction.atomic():
        if selectors.integration(organization, NOTION) is not None:
            raise AlreadyConnected
    me = verified(token, organization=organization, actor=actor, action=Action.INTEGRATION_CONNECTED)
    if workspace_id is not None and workspace_id != me.workspace_id:
        raise WorkspaceMismatch
    integration = Integration(
        organization=organization,
        provider=NOTION,
        connection_type=Integration.ConnectionType.INTERNAL,
        connected_by_label=str(actor or "Notion Scan"),
    )
    _take_token(integration, token, me)
    try:
        with transaction.atomic():
            integration.save(force_insert=True)
            record(
                action=Action.INTEGRATION_CONNECTED,
                organization=organization.pk,
                actor=actor,
                target=integration,
                provider=NOTION,
                connection_type=integration.connection_type,
            )
            count_shared_later(integration)
    except IntegrityError:
        # Somebody else's connect came first; the constraint decides, not the look above.
        raise AlreadyConnected from None
    return integration


def update_token(*, organization: Organization, actor: User | None, token: Secret) -> Integration:
    """Replace an internal connection's token by another one of the same workspace.

    Raises: LocalOnly, NotConnected, NotInternal, TooManyAttempts, TokenRefused, AnotherWorkspace, or the
    door's NotionUnavailable and NotionRateLimited; the old token stays then.
    """
    local_only.refuse_calls()
    with transaction.atomic():
        _internal(selectors.integration(organization, NOTION))
    me = verified(token, organization=organization, actor=actor, action=Action.INTEGRATION_TOKEN_ROTATED)
    with transaction.atomic():
        found = selectors.integrations(organization).filter(provider=NOTION).select_for_update().first()
        integration = _internal(found)
        if me.workspace_id != integration.workspace_id:
            raise AnotherWorkspace
        was_in_error = integration.status == Integration.Status.ERROR
        _take_token(integration, token, me)
        integration.token_version += 1
        integration.save()
        record(
            action=Action.INTEGRATION_TOKEN_ROTATED,
            organization=organization.pk,
            actor=actor,
            target=integration,
            provider=NOTION,
        )
        if was_in_error:
            record(
                action=Action.INTEGRATION_RECOVERED,
                organization=organization.pk,
                actor=actor,
                target=integration,
                provider=NOTION,
            )
        count_shared_later(integration)
    return integration


def _internal(integration: Integration | None) -> Integration:
    if integration is None:
        raise NotConnected
    if integration.connection_type != Integration.ConnectionType.INTERNAL:
        raise NotInternal
    return integration


def _take_token(integration: Integration, token: Secret, me: Me) -> None:
    integration.access_token = token
    integration.access_token_hash = token_hash(token)
    integration.status = Integration.Status.CONNECTED
    integration.error_code = ""
    integration.error_since = None
    integration.workspace_id = me.workspace_id
    integration.workspace_name = label(me.workspace_name or "")
    integration.account_id = str(me.bot_id)
    integration.account_name = label(me.name or "")
    integration.is_personal_token = me.owner_type == "user"
    integration.last_used_at = timezone.now()
