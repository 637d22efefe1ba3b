"""The one way through: policy, then the intent of a write, then Notion, then the record."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.crypto import salted_hmac

from audit.actions import Action, Result
from audit.record import record
from integrations import selectors
from integrations.errors import IntegrationError, NotConnected, RefusedByNotion, TookTooLong
from integrations.gateway.access import Access
from integrations.gateway.arguments import parsed
from integrations.gateway.registry import Operation
from integrations.http.errors import ProviderError
from integrations.http.wire import Deadline
from integrations.models import Integration
from integrations.notion.budget import Priority
from integrations.notion.content import NotionContent
from integrations.notion.errors import NotionRefused, NotionSaved, NotionUnavailable
from integrations.providers import NOTION
from integrations.services.calls import call_content
from tenants import policy
from tenants.policy import Caller, Member
from tenants.roles import Permission

Json = dict[str, Any]
_ACTIONS = {
    Permission.READ: Action.NOTION_READ,
    Permission.WRITE: Action.NOTION_WRITE,
    Permission.DELETE: Action.NOTION_DELETE,
}
# An event names so many objects, and counts the others.
_MOST_NAMED = 20
# All requests to Notion that one call needs: a search below roots looks up dozens of parents.
_WHOLE_SECONDS = 20
# A write that begins with less time may end without anybody knowing how.
_WRITE_SECONDS = 10


def whole_deadline() -> Deadline:
    """Return the moment by which everything that is asked of Notion from now on is over."""
    return Deadline.after(_WHOLE_SECONDS)


def perform(
    *, caller: Caller, operation: Operation, given: Mapping[str, Any], until: Deadline | None = None
) -> Json:
    """Do one of the ten calls for a caller, and record it; several that answer one request share ``until``.

    Raises: Forbidden; Invalid, before anything is sent; NotConnected, ConnectionInError, TookTooLong and
    other IntegrationErrors; the door's errors. None of them lets anything of Notion's content out.
    """
    deadline = until or whole_deadline()
    policy.authorize(caller, operation.permission, everywhere=False)
    arguments = parsed(operation.takes, given)
    integration = _connected(caller)
    call = _Call(caller, operation, integration, _fingerprint(caller, operation, given), deadline)
    try:
        return call_content(
            organization_id=caller.organization.pk,
            integration_id=integration.pk,
            priority=Priority.PEOPLE if isinstance(caller, Member) else Priority.AGENTS,
            use=lambda client: call.run(client, arguments),
            until=deadline,
        )
    except (ProviderError, IntegrationError) as problem:
        answer = _answer_to(problem, deadline)
        call.record_failure(answer.code)
        raise answer from None


class _Call:
    """One call on its way, and what its events say."""

    def __init__(
        self,
        caller: Caller,
        operation: Operation,
        integration: Integration,
        fingerprint: str,
        deadline: Deadline,
    ) -> None:
        self._caller = caller
        self._operation = operation
        self._integration = integration
        self._fingerprint = fingerprint
        self._deadline = deadline
        self._correlation_id: UUID = uuid.uuid4()
        self._is_intended = False
        self._objects: list[str] = []

    def run(self, client: NotionContent, arguments: Any) -> Json:
        access = Access(client, self._caller, self._operation.permission, self._objects)
        step = self._operation.prepare(access, arguments)
        if self._writes:
            self._intend()
        try:
            result = step()
        except NotionSaved as saved:
            # Done, though Notion could not show it.
            result = self._operation.partial(saved.ids)
        self._objects += _made(result)
        size = sum(calls.bytes for calls in client.take_egress().values())
        self._record(Result.SUCCESS, step="outcome", bytes=size)
        return result

    def record_failure(self, reason: str) -> None:
        self._record(Result.ERROR, step="outcome", reason=reason)

    @property
    def _writes(self) -> bool:
        return self._operation.permission is not Permission.READ

    def _intend(self) -> None:
        if self._deadline.left() < _WRITE_SECONDS:
            raise TookTooLong
        # A token that had to be refreshed in between is no second intent.
        if not self._is_intended:
            self._record(Result.SUCCESS, step="intent")
            self._is_intended = True

    @transaction.atomic
    def _record(self, result: Result, **more: Any) -> None:
        objects = list(dict.fromkeys(self._objects))
        record(
            action=_ACTIONS[self._operation.permission],
            organization=self._caller.organization.pk,
            actor=self._caller.actor,
            target=self._integration,
            result=result,
            correlation_id=self._correlation_id,
            call=self._operation.name,
            objects=objects[:_MOST_NAMED],
            more_objects=max(0, len(objects) - _MOST_NAMED),
            parameters=self._fingerprint,
            **more,
        )


def _answer_to(
    problem: ProviderError | IntegrationError, deadline: Deadline
) -> ProviderError | IntegrationError:
    """Return what whoever asked is told of a failure."""
    if isinstance(problem, NotionRefused):
        return RefusedByNotion(problem.message)
    # Of a write that was sent it is not known how it ended, and that is another error.
    if type(problem) is NotionUnavailable and deadline.left() <= 0:
        return TookTooLong()
    return problem


def _connected(caller: Caller) -> Integration:
    with transaction.atomic():
        integration = selectors.integration(caller.organization, NOTION)
    if integration is None:
        raise NotConnected
    return integration


def _fingerprint(caller: Caller, operation: Operation, given: Mapping[str, Any]) -> str:
    """Return a keyed hash of what was asked for: it tells the same request again, and nothing of it."""
    text = json.dumps([operation.name, given], sort_keys=True, default=str)
    salt = f"integrations.gateway:{caller.organization.pk}"
    return salted_hmac(salt, text, algorithm="sha256").hexdigest()[:32]


def _made(result: Json) -> list[str]:
    """Return the id of the object that a result is, as of a page that was created."""
    return [str(result["id"])] if "object" in result and "id" in result else []
