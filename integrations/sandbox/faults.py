"""Faults by name: everything a scan must survive, one small function each.

A fault waits for calls that match, skips those before its turn, fires as often as it was asked to, and is
then spent. Adding a kind of fault is adding a function to FAULTS.
"""

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from integrations.sandbox import breakage
from integrations.sandbox.errors import ApiError, rate_limited
from integrations.sandbox.messages import HTML_TYPE, Reply, Request
from integrations.sandbox.shapes import dumps


@dataclass(kw_only=True)
class Fault:
    """One queued fault.

    `match` is a pattern over "METHOD path"; `at` the first matching call that is hit, counted from 1; `times`
    how many are hit from there (None: all); `token` limits it to one label, `body_has` to bodies with a text.
    """

    name: str
    match: str = "* /v1/*"
    at: int = 1
    times: int | None = 1
    token: str | None = None
    body_has: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict, repr=False)
    seen: int = 0
    fired: int = 0

    def meets(self, request: Request, token: str | None) -> bool:
        """Count a call that matches; tell whether it is hit."""
        if self.is_spent or not fnmatchcase(f"{request.method} {request.path}", self.match):
            return False
        if self.token not in (None, token):
            return False
        if self.body_has is not None and self.body_has.encode() not in request.body:
            return False
        self.seen += 1
        return self.seen >= self.at

    @property
    def is_spent(self) -> bool:
        """Tell whether the fault has done all it was asked to."""
        return self.times is not None and self.fired >= self.times


@dataclass(slots=True)
class Moment:
    """A fault meeting a call: what the fault may use."""

    fault: Fault
    request_id: str
    normal: Callable[[], Reply]
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
        "service_unavailable", "Notion is unavailable. Please try again later.",
        additional_data={"retry_guidance": moment.option("retry_guidance", "PgPoolWaitConnectionTimeout")},
    )  # fmt: skip
    return moment.refuse(error)


def _html(status: int, title: str) -> Kind:
    page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return lambda moment: Reply(status, page.encode(), HTML_TYPE, {"cf-ray": "8f0000000000abcd-FRA"})


def _redirect(moment: Moment) -> Reply:
    return Reply(302, b"", headers={"Location": moment.option("location", "https://example.com/elsewhere")})


def _text(make: Callable[[Moment], str]) -> Kind:
    return lambda moment: Reply(200, make(moment).encode(), headers={"x-notion-request-id": moment.request_id})


def _nan(moment: Moment) -> str:
    return '{"object":"list","results":[],"next_cursor":null,"has_more":false,"size":NaN,"max":Infinity}'


def _deep(moment: Moment) -> str:
    depth = moment.option("depth", 200_000)
    return '{"object":"list","results":' + "[" * depth + "]" * depth + ',"next_cursor":null,"has_more":false}'


def _delivered(make: Callable[[Moment], Any]) -> Kind:
    def reply(moment: Moment) -> Reply:
        answer = moment.normal()
        answer.deliver = make(moment)
        return answer

    return reply


def _edited(change: Callable[[Moment, dict[str, Any]], object]) -> Kind:
    """Let a fault change the JSON of an otherwise good list."""

    def reply(moment: Moment) -> Reply:
        answer = moment.normal()
        if answer.status == 200:
            body = json.loads(answer.body)
            if "results" in body:
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
        body.update(has_more=True, next_cursor=known[moment.fault.fired % len(known)])


def _empty_page(moment: Moment, body: dict[str, Any]) -> None:
    """Return nothing, and the very cursor that will then return everything that belonged here."""
    body["results"] = []


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
    "gateway_timeout": _refusal("gateway_timeout", "The request took too long."),
    "edge_block": _html(403, "Attention required"),
    "html": _html(200, "Notion"),
    "redirect": _redirect,
    "truncated": _delivered(lambda m: breakage.cut_short(m.option("share", 0.5), announce=True)),
    "truncated_unannounced": _delivered(lambda m: breakage.cut_short(m.option("share", 0.5), announce=False)),
    "reset": _delivered(lambda m: breakage.reset),
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
    "empty_page": _edited(_empty_page),
    "duplicates": _edited(_duplicates),
    "reversed": _edited(_reversed),
    "partial": _edited(_partial),
    "unknown_kinds": _edited(_unknown_kinds),
    "incomplete": _edited(_incomplete),
    "invalid_cursor": _invalid_cursor,
    "revoke_token": _revoke,
    "act": _act,
}


class Faults:
    """The queue of faults waiting for their calls."""

    def __init__(self) -> None:
        self._queue: deque[Fault] = deque()
        self._lock = threading.Lock()

    def add(
        self,
        name: str,
        match: str = "* /v1/*",
        *,
        at: int = 1,
        times: int | None = 1,
        token: str | None = None,
        body_has: str | None = None,
        **options: Any,
    ) -> Fault:
        """Queue a fault (see Fault for the arguments); options are the fault's own."""
        if name not in FAULTS:
            raise ValueError(f"There is no fault called {name!r}; known are: {', '.join(sorted(FAULTS))}.")
        if at < 1 or (times is not None and times < 1):
            raise ValueError("A fault's `at` and `times` count from 1.")
        fault = Fault(
            name=name, match=match, at=at, times=times, token=token, body_has=body_has, options=options
        )  # fmt: skip
        with self._lock:
            self._queue.append(fault)
        return fault

    def due(self, request: Request, token: str | None) -> Fault | None:
        """Return the first fault that hits this call; all that match count it."""
        if not self._queue:
            return None
        with self._lock:
            hits = [fault for fault in self._queue if fault.meets(request, token)]
            if not hits:
                return None
            hits[0].fired += 1
            if hits[0].is_spent:
                self._queue.remove(hits[0])
            return hits[0]

    def waiting(self) -> list[Fault]:
        """Return the faults that are not spent."""
        with self._lock:
            return list(self._queue)

    def clear(self) -> None:
        """Call all faults off."""
        with self._lock:
            self._queue.clear()
