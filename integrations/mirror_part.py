"""What the integrations page shows of the audit mirror, to admins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audit import selectors as audit
from integrations import local_only, selectors
from integrations.forms import MirrorForm, ParentForm
from integrations.mirror_errors import ChooseDataSource, MirrorInTrash, columns_sentence
from integrations.models import Mirror
from integrations.notion.errors import NotionCapabilityMissing, NotionUnavailable
from integrations.providers import NOTION
from integrations.services.mirroring import DISCONNECTED
from tenants.policy import Member

_SENTENCES = {
    "notion_not_shared": (
        "Notion has no such database, or it is not shared with the connection. Open it in Notion, choose "
        "••• → Connections, and add the connection; or choose another database here."
    ),
    NotionCapabilityMissing.code: (
        "The connection may not write. On the integration's page in Notion, under Capabilities, add Insert "
        "content."
    ),
    "notion_unauthorized": (
        "Notion no longer accepts the connection's token. Repair the connection above, then try again here."
    ),
    DISCONNECTED: ("Notion is not connected. Connect it above, then try again here; or stop the mirror."),
    MirrorInTrash.code: MirrorInTrash.sentence,
    ChooseDataSource.code: (
        "The database has several data sources, or none. Choose the database again, and say which is meant."
    ),
}
_ANY = "Notion did not take the events."


@dataclass(frozen=True)
class Part:
    """``state`` is ``off``, ``on``, ``failing``, ``stopped`` or ``blocked``.

    ``next_at`` is when one that fails is tried again, or None if that is due.
    """

    state: str
    mirror: Mirror | None
    last: int
    next_at: datetime | None
    is_connected: bool
    sentence: str
    set_form: Any
    create_form: Any
    sources: dict[UUID, str]
    message: dict[str, str] | None


def mirror_part(
    member: Member,
    *,
    set_form: Any = None,
    create_form: Any = None,
    sources: dict[UUID, str] | None = None,
    message: dict[str, str] | None = None,
) -> Part | None:
    """Return the part for an admin, with what this request adds; nothing for others."""
    if not member.may_manage:
        return None
    with transaction.atomic(savepoint=False):
        mirror = Mirror.objects.filter(organization=member.organization).first()
        is_connected = selectors.integration(member.organization, NOTION) is not None
        last = audit.last_sequence(member.organization.pk)
    return Part(
        state=_state(mirror),
        mirror=mirror,
        last=last,
        next_at=mirror.next_at if mirror and mirror.next_at and mirror.next_at > timezone.now() else None,
        is_connected=is_connected,
        sentence=_sentence(mirror),
        set_form=set_form or MirrorForm(),
        create_form=create_form or ParentForm(),
        sources=sources or {},
        message=message,
    )


def _state(mirror: Mirror | None) -> str:
    if local_only.is_on():
        return "blocked"
    if mirror is None:
        return "off"
    if mirror.is_stopped:
        return "stopped"
    return "failing" if mirror.error_code else "on"


def _sentence(mirror: Mirror | None) -> str:
    if mirror is None or not mirror.error_code:
        return ""
    if mirror.error_code == "mirror_columns":
        return columns_sentence(mirror.error_detail)
    if mirror.error_code == NotionUnavailable.code:
        return NotionUnavailable.sentence
    return _SENTENCES.get(mirror.error_code, _ANY)
