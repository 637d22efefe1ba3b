"""The API's endpoints, and what those that read ask for and answer; those that write are in `*_writes`."""

import re
from functools import partial

from integrations.sandbox import (
    arguments,
    block_writes,
    bodies,
    comments,
    database_writes,
    page_writes,
    rowquery,
    users,
)  # fmt: skip
from integrations.sandbox.call import Call, dashed
from integrations.sandbox.columns import GONE, HIDDEN, TRASHED
from integrations.sandbox.errors import ApiError, invalid, unknown_route
from integrations.sandbox.ids import INDEX_MASK, Kind, kind_of
from integrations.sandbox.paging import Slice, envelope
from integrations.sandbox.shapes import dumps, render
from integrations.sandbox.tokens import Capability
from integrations.sandbox.writes import Handler


def search(call: Call) -> bytes:
    """POST /v1/search: pages (rows too) and data sources by title, never databases."""
    body = arguments.json_object(call.request)
    wanted = arguments.object_of(body, "filter")
    kind, trashed = _search_kind(wanted), arguments.flag_of(wanted, "in_trash", "body.filter")
    newest_first = _search_direction(arguments.object_of(body, "sort"))
    query = body.get("query", "")
    if not isinstance(query, str):
        raise invalid(f"body failed validation: body.query should be a string, instead was `{query!r}`.")
    words = query.lower().split()
    store = call.view.store

    def start() -> list[int]:
        codes = call.view.searchable(kind, trashed=trashed, newest_first=newest_first)
        if not words:
            return codes  # type: ignore[return-value]
        return [c for c in codes if all(word in store.title(c).lower() for word in words)]

    key = (call.token.secret, "search", str(kind), str(trashed), str(newest_first), " ".join(words))
    part = call.sessions.page(
        key,
        cursor=arguments.cursor_of(body, "body"),
        size=call.size(body, "body"),
        start=start,
        name=store.uuid,
        dies_after=call.depths.search_dies_after,
    )
    return _objects(call, part, trashed=trashed, kind="page_or_data_source", hide=HIDDEN)


def _search_kind(wanted: dict[str, object]) -> Kind | None:
    if "property" not in wanted and "value" not in wanted:
        return None
    kinds = {"page": Kind.PAGE, "data_source": Kind.DATA_SOURCE}
    value = wanted.get("value")
    if wanted.get("property") != "object" or not isinstance(value, str) or value not in kinds:
        raise invalid(
            'body failed validation: body.filter.value should be `"page"` or `"data_source"`, '
            f"instead was `{value!r}`."
        )
    return kinds[value]


def _search_direction(sort: dict[str, object]) -> bool:
    """Return whether the newest edit comes first."""
    if not sort or sort.get("property") == "relevance":
        return True
    direction = sort.get("direction", "descending")
    if sort.get("timestamp") != "last_edited_time" or direction not in ("ascending", "descending"):
        raise invalid(
            'body failed validation: body.sort.timestamp should be `"last_edited_time"` with a direction of '
            "`ascending` or `descending`."
        )
    return direction == "descending"


def _objects(
    call: Call, part: Slice, *, trashed: bool, kind: str, hide: int = 0, only: tuple[str, ...] | None = None
) -> bytes:
    """Render a page of a listing, without what has gone since the listing began."""
    store, unwanted, wanted = call.view.store, GONE | TRASHED | hide, TRASHED if trashed else 0
    codes = [c for c in part.codes if store.flags(c) & unwanted == wanted and call.view.sees(c)]
    if Capability.READ_CONTENT in call.token.capabilities:
        items = [
            render(store, c, version=call.version, only=only if kind_of(c) is Kind.PAGE else None)
            for c in codes
        ]
    else:  # an insert-only connection learns that objects exist, nothing more
        items = [dumps({"object": kind_of(c).name.lower(), "id": store.uuid(c)}) for c in codes]
    return envelope(items, part, kind=kind, request_id=call.request_id)


def query_rows(call: Call) -> bytes:
    """POST /v1/data_sources/{id}/query: rows, at most 10,000 however long one pages on."""
    call.may_read()
    source = call.found("data_source_id", Kind.DATA_SOURCE, noun="data_source")
    store = call.view.store
    body = arguments.json_object(call.request)
    trashed = arguments.flag_of(body, "in_trash", "body")
    wanted = TRASHED if trashed else 0

    def start() -> list[int]:
        flags = store.pages.flags
        rows = [r for r in store.children(source) if flags[r & INDEX_MASK] & (GONE | TRASHED) == wanted]
        return rowquery.arrange(store, rows, source, body)

    question = {name: value for name, value in body.items() if name not in ("start_cursor", "page_size")}
    part = call.sessions.page(
        (call.token.secret, "query", str(source), dumps(question).decode()),
        cursor=arguments.cursor_of(body, "body"),
        size=call.size(body, "body"),
        start=start,
        name=store.uuid,
        cap=call.depths.query_cap,
    )
    return _objects(call, part, trashed=trashed, kind="page_or_data_source", only=call.only())


def page(call: Call) -> bytes:
    """GET /v1/pages/{id}."""
    call.may_read()
    code = call.found("page_id", Kind.PAGE, noun="page")
    return call.one(render(call.view.store, code, version=call.version, only=call.only()))


def container(call: Call, kind: Kind, noun: str) -> bytes:
    """GET /v1/databases/{id} and /v1/data_sources/{id}; each refuses the other's ids."""
    call.may_read()
    return call.one(render(call.view.store, call.found(f"{noun}_id", kind, noun=noun), version=call.version))


def block(call: Call) -> bytes:
    """GET /v1/blocks/{id}."""
    call.may_read()
    code = call.found("block_id", Kind.BLOCK, Kind.PAGE, Kind.DATABASE, noun="block")
    return call.one(bodies.render_block(call.view.store, code, version=call.version))


def block_children(call: Call) -> bytes:
    """GET /v1/blocks/{id}/children: one level, a hundred at a time."""
    call.may_read()
    code = call.found("block_id", Kind.BLOCK, Kind.PAGE, Kind.DATABASE, noun="block")
    store = call.view.store
    query = {name: values[-1] for name, values in call.request.query().items()}
    part = call.sessions.page(
        (call.token.secret, "children", str(code)),
        cursor=arguments.cursor_of(query, "query"),
        size=call.size(query, "query"),
        start=lambda: bodies.child_codes(store, code),
        name=store.uuid,
    )
    items = [
        bodies.render_block(store, c, version=call.version)
        for c in part.codes
        if kind_of(c) is Kind.BLOCK or call.view.sees(c)
    ]
    return envelope(items, part, kind="block", request_id=call.request_id)


def list_comments(call: Call) -> bytes:
    """GET /v1/comments?block_id=: a page's unresolved comments; other blocks have none."""
    call.token.require(Capability.READ_COMMENTS)
    query = {name: values[-1] for name, values in call.request.query().items()}
    call.params["id"] = query.get("block_id", "")
    code = call.found("block_id", Kind.BLOCK, Kind.PAGE, Kind.DATABASE, noun="block")
    store = call.view.store
    part = call.sessions.page(
        (call.token.secret, "comments", str(code)),
        cursor=arguments.cursor_of(query, "query"),
        size=call.size(query, "query"),
        start=lambda: comments.comment_codes(store, code) if kind_of(code) is Kind.PAGE else [],
        name=store.uuid,
    )
    items = [dumps(comments.comment_json(store, c)) for c in part.codes]
    return envelope(items, part, kind="comment", request_id=call.request_id)


def list_users(call: Call) -> bytes:
    """GET /v1/users: members and bots, no guests."""
    users.require_user_information(call.token)
    store = call.view.store
    query = {name: values[-1] for name, values in call.request.query().items()}
    part = call.sessions.page(
        (call.token.secret, "users"),
        cursor=arguments.cursor_of(query, "query"),
        size=call.size(query, "query"),
        start=lambda: users.listed(call.token),
        name=store.uuid,
    )
    items = [dumps(user) for code in part.codes if (user := users.user_json(call.token, code))]
    return envelope(items, part, kind="user", request_id=call.request_id)


def one_user(call: Call) -> bytes:
    """GET /v1/users/{id}: members and guests; who has left is as absent as who never was."""
    users.require_user_information(call.token)
    uuid = arguments.checked_id(call.params["id"], "user_id")
    code = call.view.store.find(uuid, Kind.USER)
    code = call.view.store.find(uuid, Kind.BOT) if code is None else code
    user = users.user_json(call.token, code) if code is not None else None
    if user is None:
        raise ApiError("object_not_found", f"Could not find user with ID: {dashed(uuid)}.")
    return call.one(dumps(user))


def me(call: Call) -> bytes:
    """GET /v1/users/me: the token's own bot, whatever its capabilities."""
    return call.one(dumps(users.own_bot_json(call.token)))


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/v1/search", search),
    ("POST", "/v1/data_sources/{id}/query", query_rows),
    ("GET", "/v1/data_sources/{id}", partial(container, kind=Kind.DATA_SOURCE, noun="data_source")),
    ("GET", "/v1/databases/{id}", partial(container, kind=Kind.DATABASE, noun="database")),
    ("GET", "/v1/pages/{id}", page),
    ("GET", "/v1/blocks/{id}", block),
    ("GET", "/v1/blocks/{id}/children", block_children),
    ("GET", "/v1/comments", list_comments),
    ("GET", "/v1/users", list_users),
    ("GET", "/v1/users/me", me),
    ("GET", "/v1/users/{id}", one_user),
    ("POST", "/v1/pages", page_writes.create_page),
    ("PATCH", "/v1/pages/{id}", page_writes.update_page),
    ("PATCH", "/v1/blocks/{id}/children", block_writes.append_blocks),
    ("PATCH", "/v1/blocks/{id}", block_writes.update_block),
    ("DELETE", "/v1/blocks/{id}", block_writes.delete_block),
    ("POST", "/v1/databases", database_writes.create_database),
    ("PATCH", "/v1/data_sources/{id}", database_writes.update_data_source),
)
_FIXED = {(method, path): handler for method, path, handler in ROUTES if "{" not in path}
_PATTERNS = [
    (method, re.compile(path.replace("{id}", "(?P<id>[^/]+)")), handler)
    for method, path, handler in ROUTES
    if "{" in path
]


def route(method: str, path: str) -> tuple[Handler, dict[str, str]]:
    """Return the handler of an endpoint and its path parameters, or raise the API's 400."""
    handler = _FIXED.get((method, path))
    if handler is not None:
        return handler, {}
    for its_method, pattern, its_handler in _PATTERNS:
        if its_method == method and (match := pattern.fullmatch(path)):
            return its_handler, match.groupdict()
    raise unknown_route()
