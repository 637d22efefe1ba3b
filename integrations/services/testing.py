"""Test a connection: ask users/me now, and say what Notion said."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import transaction

from audit.actions import Action, Result
from audit.record import record
from integrations import local_only, selectors
from integrations.errors import IntegrationError, NotConnected
from integrations.http.errors import ProviderError
from integrations.notion.budget import Priority
from integrations.services.calls import call_notion
from tenants.models import Organization, User


@dataclass(frozen=True)
class TestOutcome:
    """What the card shows: one sentence, and what users/me said."""

    ok: bool
    sentence: str
    code: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)


def test_connection(*, organization: Organization, actor: User, provider: str) -> TestOutcome:
    """Ask Notion whose token this is. A dead token puts the connection into ``error``.

    Raises: LocalOnly; NotConnected.
    """
    local_only.refuse_calls()
    with transaction.atomic():
        integration = selectors.integration(organization, provider)
        if integration is None:
            raise NotConnected
    try:
        me = call_notion(
            organization_id=organization.pk,
            integration_id=integration.pk,
            priority=Priority.PEOPLE,
            use=lambda client: client.me(),
        )
    except NotConnected:
        raise
    except (ProviderError, IntegrationError) as problem:
        outcome = TestOutcome(ok=False, sentence=problem.sentence, code=problem.code)
    else:
        outcome = TestOutcome(
            ok=True,
            sentence="Notion accepts this connection's token.",
            facts=[
                ("Workspace", me.workspace_name or integration.workspace_name or "not named by Notion"),
                ("Connection", me.name or "not named by Notion"),
                ("Acts for", "a person" if me.owner_type == "user" else "the workspace"),
            ],
        )
    with transaction.atomic():
        record(
            action=Action.INTEGRATION_TESTED,
            organization=organization.pk,
            actor=actor,
            target=integration,
            result=Result.SUCCESS if outcome.ok else Result.ERROR,
            reason=outcome.code,
        )
    return outcome
