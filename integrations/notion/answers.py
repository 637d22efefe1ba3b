"""Turn an HTTP answer into a reply, a typed error, or a reason to try again."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from integrations.http.errors import Unavailable
from integrations.http.retry import Transient, retry_after_seconds
from integrations.http.wire import parse_object, word_of
from integrations.notion.address import checked_id
from integrations.notion.errors import (
    NotionBlocked,
    NotionCapabilityMissing,
    NotionConflict,
    NotionError,
    NotionNotShared,
    NotionRefused,
    NotionUnauthorized,
    NotionUnavailable,
)
from integrations.notion.wire import request_id_of

_LIMITED = (429, 529)
_BROKEN = (500, 502, 503, 504)
_MESSAGE_CHARACTERS = 500
_BLOCKED = "public_api_request_blocked"
_FINAL: dict[int, type[NotionError]] = {
    401: NotionUnauthorized,
    403: NotionCapabilityMissing,
    404: NotionNotShared,
    409: NotionConflict,
}


def judge(status: int, headers: Mapping[str, str], body: bytes, *, is_read: bool) -> dict[str, Any]:
    """Return the reply of a successful answer.

    Raises: Transient for what may pass; a NotionError for what will not. Redirects are not followed:
    the token is for Notion's address alone.
    """
    found = _object_or_nothing(body)
    if status == 200 and found is not None:
        return found
    reply = found or {}
    request_id = request_id_of(headers, reply)
    if status in (200, *_BROKEN):
        detail = "the body is not a JSON object" if status == 200 else f"status {status}"
        asked = retry_after_seconds(headers.get("retry-after"))
        raise Transient(
            repeatable=is_read,
            retry_after=asked,
            request_id=request_id,
            detail=detail,
            committed=() if is_read else _committed(reply),
        )
    if status in _LIMITED:
        raise _limited(headers, reply, request_id)
    raise _final(status, reply, request_id)


def _object_or_nothing(body: bytes) -> dict[str, Any] | None:
    try:
        return parse_object(body)
    except Unavailable:
        return None


def _committed(reply: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of what a write made although it answered with a failure.

    Source: developers.notion.com/reference/request-limits
    """
    additional = reply.get("additional_data")
    additional = additional if isinstance(additional, dict) else {}
    named = additional.get("committed_child_ids") or additional.get("committed_resource_id")
    ids = named if isinstance(named, list) else [named]
    found = []
    for one in ids:
        with contextlib.suppress(ValueError):
            found.append(checked_id(str(one)))
    return tuple(found)


def _limited(headers: Mapping[str, str], reply: Mapping[str, Any], request_id: str | None) -> Exception:
    additional = reply.get("additional_data")
    additional = additional if isinstance(additional, dict) else {}
    reason = word_of(additional.get("rate_limit_reason"))
    if reason == _BLOCKED:
        return NotionBlocked(request_id=request_id)
    return Transient(
        is_limit=True,
        # The body repeats the header, which a proxy may have dropped or mangled.
        retry_after=retry_after_seconds(headers.get("retry-after"))
        or retry_after_seconds(additional.get("retry_after")),
        reason=reason,
        request_id=request_id,
    )


def _final(status: int, reply: Mapping[str, Any], request_id: str | None) -> NotionError:
    # Only Notion's own envelope says something about token and page: the edge and proxies answer 401,
    # 403 and 404 too, and a token that is believed to be dead is erased.
    if reply.get("object") == "error":
        if status in _FINAL:
            return _FINAL[status](request_id=request_id)
        if status == 400:
            message = reply.get("message")
            return NotionRefused(
                notion_code=word_of(reply.get("code")),
                message=message[:_MESSAGE_CHARACTERS] if isinstance(message, str) else "",
                request_id=request_id,
            )
    return NotionUnavailable(f"status {status}", request_id=request_id)
