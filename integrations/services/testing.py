"""Test a connection: ask whose token it is now, and say what the provider said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import transaction

from audit.actions import Action, Result
from audit.record import record
from integrations import local_only, selectors
from integrations.errors import IntegrationError, NotConnected
from integrations.http.errors import ProviderError
from integrations.http.oauth import Account
from integrations.models import Integration
from integrations.notion.budget import Priority
from integrations.providers import NOTION, PROVIDERS
from integrations.services.calls import call_notion, call_with_token
from integrations.services.shared import count_shared_later
from notionscan.secret import Secret
from tenants.models import Organization, User


@dataclass(frozen=True)
class TestOutcome:
    """What the card shows: one sentence, and what was said of the account."""

    ok: bool
    sentence: str
    code: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)


def test_connection(*, organization: Organization, actor: User, provider: str) -> TestOutcome:
    """Ask the provider whose token this is. A dead token puts the connection into ``error``.

    Where it works, what is shared with it is counted anew.

    Raises: LocalOnly; NotConnected.
    """
    local_only.refuse_calls()
    with transaction.atomic():
        integration = selectors.integration(organization, provider)
        if integration is None:
            raise NotConnected(provider=PROVIDERS[provider])
    try:
        ask = PROVIDERS[provider].ask_account
        facts = _account_facts(integration, ask) if ask else _notion_facts(integration)
    except NotConnected:
        raise
    except (ProviderError, IntegrationError) as problem:
        outcome = TestOutcome(ok=False, sentence=problem.sentence, code=problem.code)
    else:
        outcome = TestOutcome(
            ok=True,
            sentence=f"{PROVIDERS[provider].title} accepts this connection's token.",
            facts=facts,
        )
    with transaction.atomic():
        record(
            action=Action.INTEGRATION_TESTED,
            organization=organization.pk,
            actor=actor,
            target=integration,
            provider=provider,
            result=Result.SUCCESS if outcome.ok else Result.ERROR,
            reason=outcome.code,
        )
        if outcome.ok and provider == NOTION:
            # Whoever shared something, or mended what kept us from counting, comes back to this.
            count_shared_later(integration)
    return outcome


def _notion_facts(integration: Integration) -> list[tuple[str, str]]:
    me = call_notion(
        organization_id=integration.organization_id,
        integration_id=integration.pk,
        priority=Priority.PEOPLE,
        use=lambda client: client.me(),
    )
    return [
        ("Workspace", me.workspace_name or integration.workspace_name or "not named by Notion"),
        ("Connection", me.name or "not named by Notion"),
        ("Acts for", "a person" if me.owner_type == "user" else "the workspace"),
    ]


def _account_facts(integration: Integration, ask: Callable[[Secret], Account]) -> list[tuple[str, str]]:
    account = call_with_token(
        organization_id=integration.organization_id,
        integration_id=integration.pk,
        use=lambda held: ask(held.token),
    )
    return [("Account", account.name or account.id)]
