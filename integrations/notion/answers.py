"""Turn an HTTP answer into a reply, a typed error, or a reason to try again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
from integrations.notion.retry import Transient, retry_after_seconds
from integrations.notion.wire import parse_object

_LIMITED = (429, 529)
_BROKEN = (500, 502, 503, 504)
_BLOCKED = "public_api_request_blocked"


def judge(status: int, headers: Mapping[str, str], body: bytes, *, is_read: bool) -> dict[str, Any]:
    """Return the reply of a successful answer.

    Raises: Transient for what may pass; a NotionError for what will not. Redirects are not followed:
    the token is for Notion's address alone.
    """
    request_id = headers.get("x-notion-request-id")
    if status == 200:
        return _reply(body, is_read=is_read, request_id=request_id)
    details = _details(body)
    if status in _LIMITED:
        if limit_reason(details) == _BLOCKED:
            raise NotionBlocked(request_id=request_id)
        raise Transient(
            retry_after=retry_after_seconds(headers), request_id=request_id, reason=limit_reason(details)
        )
    if status in _BROKEN:
        raise Transient(repeatable=is_read, request_id=request_id)
    raise _final(status, details, request_id)


def limit_reason(details: Mapping[str, Any]) -> str:
    """Return Notion's ``rate_limit_reason``, or nothing."""
    additional = details.get("additional_data")
    reason = additional.get("rate_limit_reason") if isinstance(additional, dict) else None
    return reason if isinstance(reason, str) else ""


def _reply(body: bytes, *, is_read: bool, request_id: str | None) -> dict[str, Any]:
    try:
        return parse_object(body)
    except NotionUnavailable:
        raise Transient(repeatable=is_read, request_id=request_id) from None


def _details(body: bytes) -> dict[str, Any]:
    try:
        return parse_object(body)
    except NotionUnavailable:
        return {}


def _final(status: int, details: Mapping[str, Any], request_id: str | None) -> NotionError:
    # An edge's HTML page says nothing about the token, whatever its status.
    if not details:
        return NotionUnavailable(request_id=request_id)
    if status == 401:
        return NotionUnauthorized(request_id=request_id)
    if status == 403:
        return NotionCapabilityMissing(request_id=request_id)
    if status == 404:
        return NotionNotShared(request_id=request_id)
    if status == 409:
        return NotionConflict(request_id=request_id)
    if status == 400:
        code = details.get("code")
        return NotionRefused(notion_code=code if isinstance(code, str) else "", request_id=request_id)
    return NotionUnavailable(request_id=request_id)
