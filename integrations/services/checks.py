"""Look after connections: ask, before anybody needs them, whether Notion still accepts their tokens.

A public connection is introspected by our application's credentials, so that it costs nobody's requests; an
internal one asks users/me, after everybody else. What could not be asked stays as it is.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audit.actions import Action, Result
from audit.record import record
from integrations import local_only, selectors
from integrations.errors import ConnectionInError, NotConnected
from integrations.http.errors import OAuthRefused, ProviderError, Unauthorized
from integrations.models import Integration
from integrations.notion.budget import Priority
from integrations.providers import PROVIDERS
from integrations.services.calls import ask_notion, call_with_token
from integrations.services.state import put_into_error
from integrations.services.tokens import HeldToken, kept_token
from notionscan import rls
from notionscan.jobs import defer

TASK = "integrations.check"
# What was used in the last hour has just been seen to work.
IDLE = timedelta(hours=1)


class Outcome(enum.StrEnum):
    """What a check found."""

    WORKING = "working"
    RECOVERED = "recovered"
    DEAD = "dead"
    # It was before, and there is no token to ask about.
    IN_ERROR = "error"
    UNCHECKED = "unchecked"


@dataclass(frozen=True)
class Check:
    """One connection, what was found, and the code and sentence of what was in the way."""

    provider: str
    outcome: Outcome
    code: str = ""
    sentence: str = ""


def check_all_later() -> None:
    """Queue a check for each organization that has something to check; the worker's role alone may ask."""
    for organization_id in selectors.connected_organizations():
        with rls.scope(rls.job_scope(organization_id)), transaction.atomic():
            defer(TASK)


def check_connections(*, organization_id: UUID, idle_for: timedelta = timedelta(0)) -> list[Check]:
    """Check the connections of the organization in scope that nobody used for so long.

    Raises: LocalOnly, before anything is asked.
    """
    local_only.refuse_calls()
    latest = timezone.now() - idle_for
    with transaction.atomic():
        found = list(
            Integration.objects.filter(organization_id=organization_id, connected_at__lte=latest)
            .exclude(last_used_at__gt=latest)
            .order_by("provider")
        )
    return [check for integration in found if (check := _checked(integration)) is not None]


def _checked(integration: Integration) -> Check | None:
    """Check one connection and record that its token was opened; None if it was ended meanwhile."""
    if integration.access_token is None:
        sentence = ConnectionInError(provider=PROVIDERS[integration.provider]).sentence
        return Check(integration.provider, Outcome.IN_ERROR, integration.error_code, sentence)
    try:
        check = Check(integration.provider, _asked(integration))
    except NotConnected:
        return None
    except ConnectionInError as refusal:
        check = Check(integration.provider, Outcome.DEAD, refusal.code, refusal.sentence)
    except ProviderError as failure:
        check = Check(integration.provider, Outcome.UNCHECKED, failure.code, failure.sentence)
    _record(integration, check)
    return check


def _asked(integration: Integration) -> Outcome:
    """Ask the provider.

    Raises: ConnectionInError if the token is dead, or was, or cannot be opened; the door's errors.
    """
    ids = {"organization_id": integration.organization_id, "integration_id": integration.pk}
    if integration.status == Integration.Status.CONNECTED:
        call_with_token(**ids, use=lambda held: _ask(held, integration), counts_as_use=False)
        return Outcome.WORKING
    # In error with its token kept: it could not be opened then, and perhaps it can now.
    held = kept_token(**ids)
    if held.has_expired:
        # It can be opened again, and its refresh token alone can tell whether it works.
        _recover(held)
        call_with_token(**ids, use=lambda fresh: _ask(fresh, integration), counts_as_use=False)
        return Outcome.RECOVERED
    try:
        _ask(held, integration)
    except Unauthorized:
        code = PROVIDERS[held.provider].dead_code
        put_into_error(**ids, seen_version=held.version, code=code, erase=True)
        raise ConnectionInError(provider=PROVIDERS[held.provider]) from None
    _recover(held)
    return Outcome.RECOVERED


def _ask(held: HeldToken, integration: Integration) -> None:
    """Ask whether a token is alive.

    Raises: Unauthorized if it is not; the door's other errors.
    """
    if integration.connection_type == Integration.ConnectionType.INTERNAL:
        ask_notion(held, Priority.BACKGROUND, lambda client: client.me())
        return
    try:
        is_alive = PROVIDERS[held.provider].oauth_app().is_alive(held.token)
    except OAuthRefused:
        is_alive = False
    if not is_alive:
        raise Unauthorized


@transaction.atomic
def _recover(held: HeldToken) -> None:
    rows = Integration.objects.filter(
        organization_id=held.organization_id, pk=held.integration_id, token_version=held.version
    )
    integration = rows.select_for_update().first()
    if integration is None or integration.status != Integration.Status.ERROR:
        return
    integration.status = Integration.Status.CONNECTED
    integration.error_code = ""
    integration.error_since = None
    integration.save(update_fields=["status", "error_code", "error_since"])
    record(
        action=Action.INTEGRATION_RECOVERED,
        organization=held.organization_id,
        actor=None,
        target=integration,
        provider=integration.provider,
    )


@transaction.atomic
def _record(integration: Integration, check: Check) -> None:
    works = check.outcome in (Outcome.WORKING, Outcome.RECOVERED)
    record(
        action=Action.INTEGRATION_TESTED,
        organization=integration.organization_id,
        actor=None,
        target=integration,
        result=Result.SUCCESS if works else Result.ERROR,
        reason=check.code,
        provider=check.provider,
    )
