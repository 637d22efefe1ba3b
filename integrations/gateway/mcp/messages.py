"""JSON-RPC messages: which kind one is, and how it is answered. The SDK's types say what is one."""

from __future__ import annotations

from typing import Any

from mcp_types import (
    INVALID_REQUEST,
    ErrorData,
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)
from mcp_types.jsonrpc import JSONRPCMessage, RequestId
from pydantic import ValidationError

Json = dict[str, Any]


class Malformed(Exception):
    """A message that is not answered as asked; ``code`` is JSON-RPC's, the sentence says what to correct."""

    def __init__(
        self, sentence: str, *, code: int = INVALID_REQUEST, message_id: RequestId | None = None
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.code = code
        self.message_id = message_id


def message_of(body: Any) -> JSONRPCMessage:
    """Return a body as the kind of message that its keys say it is.

    The SDK's own union takes a request with an unusable id for a notification, which nobody would answer.
    Raises: Malformed.
    """
    if isinstance(body, list):
        raise Malformed("Batches are not supported: send one message in a request.")
    if not isinstance(body, dict):
        raise Malformed("The request's body is not a JSON-RPC message.")
    try:
        return _kind_of(body).model_validate(body)
    except ValidationError:
        raise Malformed(
            'This is not a JSON-RPC 2.0 message: it needs jsonrpc "2.0", a method, an id that is text or a '
            "whole number, and params that are an object.",
            message_id=_usable(body.get("id")),
        ) from None


def _kind_of(body: Json) -> type[JSONRPCMessage]:
    if "method" in body:
        return JSONRPCRequest if "id" in body else JSONRPCNotification
    if "result" in body:
        return JSONRPCResponse
    return JSONRPCError if "error" in body else JSONRPCRequest


def _usable(found: Any) -> RequestId | None:
    try:
        return JSONRPCRequest(jsonrpc="2.0", id=found, method="").id
    except ValidationError:
        return None


def answer(message_id: RequestId, result: Json) -> Json:
    """Return the message that answers a request."""
    return JSONRPCResponse(jsonrpc="2.0", id=message_id, result=result).model_dump(mode="json")


def error(message_id: RequestId | None, code: int, sentence: str, data: Json | None = None) -> Json:
    """Return the message that says why there is no answer."""
    what = ErrorData(code=code, message=sentence, data=data)
    return JSONRPCError(jsonrpc="2.0", id=message_id, error=what).model_dump(
        mode="json", exclude_defaults=True
    )
