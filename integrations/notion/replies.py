"""What we keep of Notion's replies: metadata. Everything else ends here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from integrations.http.retry import Transient
from integrations.notion.errors import NotionUnavailable
from integrations.notion.wire import check_list

R = TypeVar("R")
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
# As Notion writes its ids, and we store them.
CANONICAL_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KNOWN_KINDS = ("page", "data_source", "database", "block")
_PARENTS = ("parent", "database_parent")
_ABSENT = object()
_AUTHORS = ("created_by", "last_edited_by")


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
    # Notion's word for why it stopped early: then ``has_more`` is false, and it is not all there is.
    incomplete_reason: str | None = None


def believed(read: Callable[[dict[str, Any]], R], reply: dict[str, Any], *, is_read: bool = True) -> R:
    """Return what ``read`` makes of a reply.

    Raises: Transient if the reply is not what it should be: asked again, it may be.
    """
    try:
        return read(reply)
    except NotionUnavailable as failure:
        detail = failure.detail
    raise Transient(repeatable=is_read, detail=detail)


def read_page(reply: dict[str, Any], read: Callable[[dict[str, Any]], dict[str, Any]]) -> Page:
    """Read one page of a list, each result by ``read``.

    Raises: NotionUnavailable if it is not a list, or says that it goes on without saying where.
    """
    check_list(reply)
    status = _mapping(reply.get("request_status"))
    incomplete = status.get("type") == "incomplete"
    return Page(
        results=[read(found) for found in reply["results"]],
        has_more=reply["has_more"],
        next_cursor=reply["next_cursor"] if reply["has_more"] else None,
        incomplete_reason=(read_text(status.get("incomplete_reason")) or "unknown") if incomplete else None,
    )


def read_me(reply: Mapping[str, Any]) -> Me:
    """Read the bot user of a token.

    Raises: NotionUnavailable if the reply is not one.
    Source: developers.notion.com/reference/get-self
    """
    bot = _mapping(reply.get("bot"))
    owner = _mapping(bot.get("owner"))
    if reply.get("object") != "user" or reply.get("type") != "bot":
        raise NotionUnavailable("the reply is not a bot user")
    return Me(
        bot_id=read_id(reply.get("id")),
        name=read_text(reply.get("name")),
        workspace_id=read_id(bot.get("workspace_id")),
        workspace_name=read_text(bot.get("workspace_name")),
        owner_type=read_text(owner.get("type")) or "workspace",
        owner_name=read_text(_mapping(owner.get("user")).get("name")),
    )


def read_user(user: Mapping[str, Any]) -> dict[str, Any]:
    """Return a user's id, kind and name; no e-mail, no picture.

    Raises: NotionUnavailable if it has no id.
    """
    return {
        "object": "user",
        "id": _id_text(user.get("id")),
        "type": read_text(user.get("type")),
        "name": read_text(user.get("name")),
    }


def read_object(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a page or data source; unknown kinds keep what they have of it.

    Raises: NotionUnavailable if it has no id; the id of an unknown kind may look as it likes.
    """
    kept = _plain(found, _KEPT_AS_THEY_ARE)
    if not _is_unknown(kept.get("object")) or not isinstance(kept.get("id"), str):
        kept["id"] = _id_text(found.get("id"))
    for name in _PARENTS:
        if name in found:
            parent = _mapping(found[name])
            # The names of a structure are Notion's words only as long as Notion is well.
            kept[name] = _plain(parent, filter(str.isidentifier, parent))
    for name in _AUTHORS:
        kept[name] = read_text(_mapping(found.get(name)).get("id"))
    kept["icon"] = read_text(_mapping(found.get("icon")).get("type"))
    if kept.get("object") != "block":
        kept["title"] = title_of(found)
    if kept.get("object") == "data_source":
        kept["schema"] = read_schema(found)
    if kept.get("object") == "database":
        sources = found.get("data_sources")
        kept["data_sources"] = [
            _id_text(_mapping(source).get("id")) for source in (sources if isinstance(sources, list) else [])
        ]
    return kept


def read_schema(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a data source's properties: id, name, type, number of options, and where a relation leads.

    ``both_ways``: the other side of a relation shows it too. ``over``: the relation that a rollup reads.

    Names of options and formulas are content, and stay behind.
    """
    return [_property(name, _mapping(value)) for name, value in _mapping(found.get("properties")).items()]


def _property(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    kind = read_text(value.get("type")) or "unsupported"
    config = _mapping(value.get(kind))
    kept: dict[str, Any] = {
        "id": read_text(value.get("id")) or "",
        "name": read_text(name) or "",
        "type": kind,
    }
    options = config.get("options")
    if isinstance(options, list):
        kept["options"] = len(options)
    if kind == "relation":
        kept["target"] = read_text(config.get("data_source_id"))
        kept["both_ways"] = config.get("type") == "dual_property"
    if kind == "rollup":
        kept["over"] = read_text(config.get("relation_property_id"))
    return kept


def _is_unknown(kind: object) -> bool:
    return isinstance(kind, str) and kind not in _KNOWN_KINDS


def read_id(value: object) -> UUID:
    """Return an id that Notion gave.

    Raises: NotionUnavailable if it is none.
    """
    try:
        return UUID(str(value))
    except ValueError:
        pass
    raise NotionUnavailable("an id is not a UUID")


def _id_text(value: object) -> str:
    # Most are written as we would; a scan reads millions.
    return value if isinstance(value, str) and CANONICAL_ID.fullmatch(value) else str(read_id(value))


def read_text(value: object) -> str | None:
    """Return a text that PostgreSQL can store: without NUL and without lone surrogates."""
    if not isinstance(value, str):
        return None
    # Ids and times, most of what is read: twelve texts an object, and a scan reads a million objects.
    if value.isascii() and "\x00" not in value:
        return value
    return value.replace("\x00", "").encode("utf-8", "replace").decode()


def title_of(found: Mapping[str, Any]) -> str:
    """Return the title of a page, data source or database as plain text."""
    # A data source has its title beside its schema; a page has it in the property of type "title".
    parts = found.get("title")
    if not isinstance(parts, list):
        parts = _title_among(_mapping(found.get("properties")))
    return read_text("".join(str(_mapping(part).get("plain_text") or "") for part in parts)) or ""


def _title_among(properties: Mapping[str, Any]) -> list[Any]:
    for value in properties.values():
        if isinstance(value, dict) and value.get("type") == "title":
            title = value.get("title")
            if isinstance(title, list):
                return title
    return []


def _plain(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Keep texts, truth values and nulls; a structure in their place could hold anything."""
    kept: dict[str, Any] = {}
    for name in names:
        value = values.get(name, _ABSENT)
        if isinstance(value, str):
            kept[name] = read_text(value)
        elif value is None or value is True or value is False:
            kept[name] = value
    return kept


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
