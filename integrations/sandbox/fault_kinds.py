"""Faults by name: everything a scan must survive, one small function each.

Adding a kind of fault is adding a function to FAULTS.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from integrations.sandbox import breakage
from integrations.sandbox.errors import ApiError, rate_limited
from integrations.sandbox.messages import HTML_TYPE, Reply
from integrations.sandbox.shapes import dumps

if TYPE_CHECKING:
    from integrations.sandbox.faults import Fault


class Answer(Protocol):
    """The reply that would go out without the fault."""

    def __call__(self, *, empty_page: bool = False) -> Reply: ...


@dataclass(slots=True)
class Moment:
    """A fault meeting a call: what the fault may use."""

    fault: Fault
    request_id: str
    normal: Answer
    refuse: Callable[[ApiError], Reply]
    revoke: Callable[[], None]

    def option(self, name: str, default: Any) -> Any:
        """Return an option the fault was added with."""
        return self.fault.options.get(name, default)


Kind = Callable[[Moment], Reply]


def _refusal(code: str, message: str) -> Kind:
    return lambda moment: moment.refuse(ApiError(code, message))


def _too_many(moment: Moment) -> Reply:
    """429, or 529 for `service_overload`; options: retry_after (any text, None for no header), reason."""
    retry_after = moment.option("retry_after", 1)
    code = "service_overload" if moment.fault.name == "service_overload" else "rate_limited"
    error = rate_limited(
        None if retry_after is None else str(retry_after),
        reason=moment.option("reason", "public_api_request_rate_limit"),
        code=code,
    )
    return moment.refuse(error)


def _blocked(moment: Moment) -> Reply:
    """A 429 that no waiting ends."""
    return moment.refuse(rate_limited(None, reason="public_api_request_blocked"))


def _unavailable(moment: Moment) -> Reply:
    error = ApiError(
        "service_unavailable",
        "Notion is unavailable. Please try again later.",
        additional_data={"retry_guidance": moment.option("retry_guidance", "PgPoolWaitConnectionTimeout")},
    )
    return moment.refuse(error)


def _saved(moment: Moment) -> Reply:
    """Do what a write asks, then answer 503; the error names what was saved, as Notion's does."""
    answer = moment.normal()
    if answer.status != 200:
        return answer
    body = json.loads(answer.body)
    saved: dict[str, Any] = (
        {"committed_child_ids": [child["id"] for child in body["results"]]}
        if body["object"] == "list"
        else {"committed_resource_id": body["id"]}
    )
    guidance = moment.option("retry_guidance", "The write was saved. Do not repeat the request.")
    error = ApiError(
        "service_unavailable",
        "Notion is unavailable. Please try again later.",
        additional_data={"retry_guidance": guidance} | saved,
    )
    return moment.refuse(error)


def _reset_unsaved(moment: Moment) -> Reply:
    """Read the request, do nothing of it, and abort the connection."""
    return Reply(200, deliver=breakage.reset)


def _html(status: int, title: str) -> Kind:
    page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return lambda moment: Reply(status, page.encode(), HTML_TYPE, {"cf-ray": "8f0000000000abcd-FRA"})


def _redirect(moment: Moment) -> Reply:
    return Reply(302, b"", headers={"Location": moment.option("location", "https://example.com/elsewhere")})


def _text(make: Callable[[Moment], str]) -> Kind:
    def reply(moment: Moment) -> Reply:
        return Reply(200, make(moment).encode(), headers={"x-notion-request-id": moment.request_id})

    return reply


def _nan(moment: Moment) -> str:
    return '{"object":"list","results":[],"next_cursor":null,"has_more":false,"size":NaN,"max":Infinity}'


def _deep(moment: Moment) -> str:
    depth = int(moment.option("depth", 200_000))
    return '{"object":"list","results":' + "[" * depth + "]" * depth + ',"next_cursor":null,"has_more":false}'


def _delivered(make: Callable[[Moment], Any]) -> Kind:
    def reply(moment: Moment) -> Reply:
        answer = moment.normal()
        answer.deliver = make(moment)
        return answer

    return reply


def _edited(change: Callable[[Moment, dict[str, Any]], object]) -> Kind:
    """Let a fault change the JSON of an otherwise good list, or of a database."""

    def reply(moment: Moment) -> Reply:
        answer = moment.normal()
        if answer.status == 200:
            body = json.loads(answer.body)
            if "results" in body or "data_sources" in body:
                change(moment, body)
            answer.body = dumps(body)
        return answer

    return reply


def _null_cursor(moment: Moment, body: dict[str, Any]) -> None:
    body.update(has_more=True, next_cursor=None)


def _cursor_loop(moment: Moment, body: dict[str, Any]) -> None:
    """Hand out the first two cursors for ever: A, B, A, B…"""
    known = moment.fault.state.setdefault("cursors", [])
    if len(known) < 2 and body["next_cursor"] and body["next_cursor"] not in known:
        known.append(body["next_cursor"])
    elif known:
        body.update(has_more=True, next_cursor=known[(moment.fault.fired + 1) % len(known)])


def _empty_page(moment: Moment) -> Reply:
    """Return nothing, and a cursor under which everything that belonged here follows."""
    return moment.normal(empty_page=True)


def _duplicates(moment: Moment, body: dict[str, Any]) -> None:
    """Repeat the last results of this page, and those of the page before."""
    before = moment.fault.state.get("before", [])
    moment.fault.state["before"] = body["results"][-3:]
    body["results"] = body["results"] + body["results"][-3:] + before


def _reversed(moment: Moment, body: dict[str, Any]) -> None:
    body["results"].reverse()


def _partial(moment: Moment, body: dict[str, Any]) -> None:
    body["results"] = [{"object": r["object"], "id": r["id"]} for r in body["results"]]


def _unknown_kinds(moment: Moment, body: dict[str, Any]) -> None:
    """Mix in an object kind and a parent kind that no version has had so far."""
    body["results"].insert(0, {"object": "canvas", "id": moment.request_id})
    for result in body["results"][1:2]:
        result["parent"] = {"type": "galaxy_id", "galaxy_id": moment.request_id}


def _without_envelope(moment: Moment, body: dict[str, Any]) -> None:
    for name in [name for name in body if name != "results"]:
        del body[name]
    body["results"] = []


def _second_data_source(moment: Moment, body: dict[str, Any]) -> None:
    """Let a database have one more data source, with the id and name of the options."""
    body.setdefault("data_sources", []).append(
        {"id": moment.option("id", ""), "name": moment.option("name", "Archive")}
    )


def _incomplete(moment: Moment, body: dict[str, Any]) -> None:
    status = {"type": "incomplete", "incomplete_reason": "query_result_limit_reached"}
    body.update(has_more=False, next_cursor=None, request_status=status)


def _invalid_cursor(moment: Moment) -> Reply:
    """Call the cursor dead; match later calls with `at`, or with body_has="start_cursor"."""
    return moment.refuse(ApiError("validation_error", "The start_cursor provided is invalid: s:gone"))


def _revoke(moment: Moment) -> Reply:
    """Revoke the caller's token just before this call."""
    moment.revoke()
    return moment.normal()


def _act(moment: Moment) -> Reply:
    """Call the option `action`, a function of the test's process, then answer normally."""
    moment.option("action", lambda: None)()
    return moment.normal()


FAULTS: dict[str, Kind] = {
    "rate_limited": _too_many,
    "service_overload": _too_many,
    "request_blocked": _blocked,
    "unauthorized": _refusal("unauthorized", "API token is invalid."),
    "restricted_resource": _refusal("restricted_resource", "Insufficient permissions for this endpoint."),
    "object_not_found": _refusal("object_not_found", "Could not find the object. Make sure it is shared."),
    "conflict_error": _refusal("conflict_error", "Conflict occurred while saving. Please try again."),
    "internal_server_error": _refusal("internal_server_error", "Unexpected error occurred."),
    "bad_gateway": _refusal("bad_gateway", "Bad gateway."),
    "bad_gateway_html": _html(502, "502 Bad Gateway"),
    "service_unavailable": _unavailable,
    "service_unavailable_saved": _saved,
    "gateway_timeout": _refusal("gateway_timeout", "The request took too long."),
    "edge_block": _html(403, "Attention required"),
    "html": _html(200, "Notion"),
    "redirect": _redirect,
    "truncated": _delivered(lambda m: breakage.cut_short(m.option("share", 0.5), announce=True)),
    "truncated_unannounced": _delivered(lambda m: breakage.cut_short(m.option("share", 0.5), announce=False)),
    "reset": _delivered(lambda m: breakage.reset),
    "reset_unsaved": _reset_unsaved,
    "close": _delivered(lambda m: breakage.close_silently),
    "hang": _delivered(lambda m: breakage.hang(float(m.option("seconds", 30)))),
    "drip": _delivered(lambda m: breakage.drip(float(m.option("seconds_per_byte", 1)))),
    "huge": _delivered(lambda m: breakage.huge(int(m.option("bytes", 500_000_000)))),
    "empty_body": _text(lambda m: ""),
    "not_an_object": _text(lambda m: "[]"),
    "nan": _text(_nan),
    "deep": _text(_deep),
    "without_envelope": _edited(_without_envelope),
    "null_cursor": _edited(_null_cursor),
    "cursor_loop": _edited(_cursor_loop),
    "empty_page": _empty_page,
    "duplicates": _edited(_duplicates),
    "reversed": _edited(_reversed),
    "partial": _edited(_partial),
    "unknown_kinds": _edited(_unknown_kinds),
    "incomplete": _edited(_incomplete),
    "second_data_source": _edited(_second_data_source),
    "invalid_cursor": _invalid_cursor,
    "revoke_token": _revoke,
    "act": _act,
}
