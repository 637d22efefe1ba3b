"""Writing pages: POST /v1/pages and PATCH /v1/pages/{id}."""

from typing import Any

from integrations.sandbox import schemainput, writing
from integrations.sandbox.blockinput import blocks_of
from integrations.sandbox.call import Call
from integrations.sandbox.errors import invalid
from integrations.sandbox.ids import Kind, kind_of
from integrations.sandbox.inputs import (
    MISSING,
    Json,
    a_flag,
    an_id,
    an_object,
    cover_of,
    icon_of,
    one_of,
    only,
)  # fmt: skip
from integrations.sandbox.shapes import OLDER_VERSION
from integrations.sandbox.tables import columns_of
from integrations.sandbox.tokens import Capability
from integrations.sandbox.valueinput import Values
from integrations.sandbox.writes import NO_WORKSPACE, is_below_trash, reply, require_live, trash_wish, writes

_PAGE_TITLE = (schemainput.TITLE._replace(name="title"),)  # the one property of a page that is no row


@writes(Capability.INSERT_CONTENT, "parent", "properties", "children", "icon", "cover")
def create_page(call: Call, body: Json) -> bytes:
    """POST /v1/pages: a page under a page, or a row of a data source, with its first blocks."""
    blocks = blocks_of(body.get("children", []), "body.children")
    above = _page_parent(call, body.get("parent", MISSING))
    require_live(call, above)
    change = _page_change(call, body, above)
    workspace = call.token.workspace
    return reply(call, writing.make_page(workspace, above, change, blocks, by=call.token.bot_id))


def _page_parent(call: Call, value: Any) -> int:
    given = only(
        an_object(value, "body.parent"),
        ("type", "page_id", "data_source_id", "database_id", "workspace"),
        "body.parent",
    )
    if "workspace" in given:
        raise invalid(NO_WORKSPACE)
    if call.version == OLDER_VERSION and "database_id" in given and "data_source_id" not in given:
        return _only_source(call, an_id(given["database_id"], "body.parent.database_id"))
    if "data_source_id" in given:  # a row's own parent object names its database too
        given = {name: value for name, value in given.items() if name != "database_id"}
    kind = one_of(given, ("page_id", "data_source_id"), "body.parent")
    uuid = an_id(given[kind], f"body.parent.{kind}")
    wanted = Kind.PAGE if kind == "page_id" else Kind.DATA_SOURCE
    return call.look_up(uuid, wanted, noun=kind.removesuffix("_id"))


def _only_source(call: Call, uuid: str) -> int:
    sources = call.view.store.children(call.look_up(uuid, Kind.DATABASE, noun="database"))
    if len(sources) != 1:
        raise invalid("Databases with multiple data sources are not supported in this API version.")
    return sources[0]


def _page_change(call: Call, body: Json, above: int) -> writing.PageChange:
    """Return what a body wants of a page below `above`."""
    store, is_row = call.view.store, kind_of(above) is Kind.DATA_SOURCE
    columns = columns_of(store, above) if is_row else _PAGE_TITLE
    values = Values(columns, lambda uuid: call.look_up(uuid, Kind.PAGE, noun="page"))
    values.read(body.get("properties", {}), "body.properties")
    readers = {"icon": icon_of, "cover": cover_of}
    return writing.PageChange(
        title=values.title,
        values=values.by_id,
        looks={name: read(body[name], f"body.{name}") for name, read in readers.items() if name in body},
        columns=values.columns if values.columns is not columns else None,
        is_locked=a_flag(body["is_locked"], "body.is_locked") if "is_locked" in body else None,
    )


@writes(Capability.UPDATE_CONTENT, "properties", "icon", "cover", "in_trash", "is_locked")
def update_page(call: Call, body: Json) -> bytes:
    """PATCH /v1/pages/{id}: values, looks, lock, and the way into the trash and out of it."""
    code = call.found("page_id", Kind.PAGE, noun="page")
    trashed = trash_wish(body)
    if trashed is None or (is_below_trash(call, code) and not trashed):
        require_live(call, code)
    change = _page_change(call, body, call.view.store.parent(code))
    workspace, by = call.token.workspace, call.token.bot_id
    if trashed is not None:
        writing.set_in_trash(workspace, code, in_trash=trashed, by=by)
    writing.change_page(workspace, code, change, by=by)
    return reply(call, code)
