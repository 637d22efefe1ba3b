"""What we keep of Notion's replies: metadata. Everything else ends here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from integrations.notion.errors import NotionUnavailable

_KEPT_AS_THEY_ARE = (
    "object",
    "id",
    "created_time",
    "last_edited_time",
    "in_trash",
    "is_archived",
    "is_locked",
    "is_inline",
    "url",
    "public_url",
)


@dataclass(frozen=True)
class Me:
    """Whose token it is. ``owner_type`` is ``workspace``, or ``user`` for consent and personal tokens."""

    bot_id: UUID
    name: str | None
    workspace_id: UUID
    workspace_name: str | None
    owner_type: str
    owner_name: str | None


@dataclass(frozen=True)
class Page:
    """One page of a list; ``results`` hold metadata only."""

    results: list[dict[str, Any]]
    has_more: bool
    next_cursor: str | None


def read_me(reply: Mapping[str, Any]) -> Me:
    """Read the bot user of a token.

    Raises: NotionUnavailable if the reply is not one.
    Source: developers.notion.com/reference/get-self
    """
    bot = _mapping(reply.get("bot"))
    owner = _mapping(bot.get("owner"))
    if reply.get("object") != "user" or reply.get("type") != "bot":
        raise NotionUnavailable
    return Me(
        bot_id=read_id(reply.get("id")),
        name=read_text(reply.get("name")),
        workspace_id=read_id(bot.get("workspace_id")),
        workspace_name=read_text(bot.get("workspace_name")),
        owner_type=read_text(owner.get("type")) or "workspace",
        owner_name=read_text(_mapping(owner.get("user")).get("name")),
    )


def read_user(user: Mapping[str, Any]) -> dict[str, Any]:
    """Return a user's id, kind and name; no e-mail, no picture."""
    return {"object": "user", "id": user.get("id"), "type": user.get("type"), "name": read_text(user.get("name"))}


def read_object(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a page or data source; unknown kinds keep what they have of it."""
    kept = {name: found[name] for name in _KEPT_AS_THEY_ARE if name in found}
    kept["parent"] = {
        name: value for name, value in _mapping(found.get("parent")).items() if isinstance(value, str | bool)
    }
    kept["created_by"] = _mapping(found.get("created_by")).get("id")
    kept["last_edited_by"] = _mapping(found.get("last_edited_by")).get("id")
    kept["icon"] = _mapping(found.get("icon")).get("type")
    kept["title"] = _title(found)
    return kept


def read_id(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise NotionUnavailable from None


def read_text(value: object) -> str | None:
    """Return a text that PostgreSQL can store: without NUL and without lone surrogates."""
    if not isinstance(value, str):
        return None
    return value.replace("\x00", "").encode("utf-8", "replace").decode()


def _title(found: Mapping[str, Any]) -> str:
    # A data source has its title beside its schema; a page has it in the property of type "title".
    parts = found.get("title")
    if not isinstance(parts, list):
        properties = _mapping(found.get("properties")).values()
        titles = (_mapping(p).get("title") for p in properties if _mapping(p).get("type") == "title")
        parts = next((title for title in titles if isinstance(title, list)), [])
    return read_text("".join(str(_mapping(part).get("plain_text") or "") for part in parts)) or ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
