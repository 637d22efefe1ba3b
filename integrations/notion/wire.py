"""What a reply of Notion's has to have before it is believed, beyond being JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from integrations.http.wire import request_id
from integrations.notion.errors import NotionUnavailable

REQUEST_ID_HEADER = "x-notion-request-id"
# A cursor goes into an address or a body; the HTTP libraries refuse 64 kB and lone surrogates by errors of
# their own.
_CURSOR = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,4096}")


def check_list(reply: dict[str, Any]) -> dict[str, Any]:
    """Return a list reply that has what a list has; a short body looks like an empty workspace otherwise.

    Raises: NotionUnavailable.
    """
    results, has_more, cursor = reply.get("results"), reply.get("has_more"), reply.get("next_cursor")
    if reply.get("object") != "list" or not isinstance(results, list) or not isinstance(has_more, bool):
        raise NotionUnavailable("the reply is not a list")
    if not all(isinstance(found, dict) for found in results):
        raise NotionUnavailable("the list holds something else than objects")
    if has_more and not (isinstance(cursor, str) and _CURSOR.fullmatch(cursor)):
        raise NotionUnavailable("the list goes on, but names no usable cursor")
    return reply


def request_id_of(headers: Mapping[str, str], reply: Mapping[str, Any]) -> str | None:
    """Return Notion's id of a request, which its support asks for; it may stand in logs."""
    return request_id(headers.get(REQUEST_ID_HEADER) or reply.get("request_id"))
