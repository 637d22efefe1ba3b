"""Write events: in the same transaction as the effect, so that neither exists without the other."""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from typing import Any, Protocol
from uuid import UUID

from django.db import connection, transaction

from audit import chain
from audit.actions import Action, Result
from audit.models import DEPLOYMENT, Event
from notionscan import rls

logger = logging.getLogger("notionscan.audit")
# The id of the request being served; set by the request-id middleware.
request_id: ContextVar[str] = ContextVar("request_id", default="")

_LABEL_CHARACTERS = 254
_METADATA_BYTES = 4_000


class Labelled(Protocol):
    """Anything with an identity and a text that stands for it."""

    @property
    def pk(self) -> Any: ...


def record(
    *,
    action: Action,
    organization: UUID | None,
    actor: Labelled | None,
    target: Labelled | None = None,
    result: Result = Result.SUCCESS,
    correlation_id: UUID | None = None,
    **metadata: Any,
) -> Event:
    """Record an event in the open transaction.

    ``organization`` None means the deployment. ``actor`` None means the system itself. ``metadata`` is
    small and plain: never a secret, never page content.
    Raises: ScopeMissing outside a transaction; ValueError for oversized metadata.
    """
    if not connection.in_atomic_block:
        raise rls.ScopeMissing("An event was recorded outside a transaction; open one with atomic().")
    if len(json.dumps(metadata, default=str)) > _METADATA_BYTES:
        raise ValueError("An event's metadata is for facts, not for content.")
    event = Event(
        organization_id=organization or DEPLOYMENT,
        action=action,
        result=result,
        actor_id=actor.pk if actor is not None else None,
        actor_label=label(actor) if actor is not None else "Notion Scan",
        target_type=target._meta.model_name if target is not None else "",  # type: ignore[attr-defined]
        target_id=str(target.pk) if target is not None else "",
        target_label=label(target) if target is not None else "",
        request_id=request_id.get(),
        correlation_id=correlation_id,
        metadata=_storable(metadata),
    )
    _append(event)
    transaction.on_commit(lambda: _log(event))
    return event


def _append(event: Event) -> None:
    """Let the database make the event the next link of its chain."""
    content = chain.canonical(chain.plain(tuple(getattr(event, name) for name in chain.CONTENT)))
    with rls.scope(_writing_scope(event.organization_id)), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM audit_append(%s)", [content])
        event.sequence, event.hash = cursor.fetchone()
    event._state.adding = False


def label(thing: object) -> str:
    """Return a thing's text, cut and cleaned so that any name can be stored and shown."""
    text = "".join(character for character in str(thing) if character.isprintable())
    return text[:_LABEL_CHARACTERS]


def _storable(value: Any) -> Any:
    """Return what the database gives back unchanged, so that the hash can be computed again."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, dict):
        return {_storable(str(name)): _storable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(each) for each in value]
    return str(value).replace("\0", "").encode("utf-8", "replace").decode()


def _writing_scope(organization_id: UUID) -> rls.Scope:
    scope = rls.current()
    if scope is not None and scope.organization_id == organization_id:
        return scope
    return rls.organization_scope(organization_id)


def _log(event: Event) -> None:
    fields = {
        "event": str(event.id),
        "organization": str(event.organization_id),
        "actor": event.actor_label,
        "action": event.action,
        "result": event.result,
        "target": event.target_id,
        "request": event.request_id,
        "sequence": event.sequence,
        "hash": event.hash,
        **event.metadata,
    }
    logger.info(event.action, extra={"fields": fields})
