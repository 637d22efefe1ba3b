"""Writing databases and their data sources."""

from integrations.sandbox import schemainput, writing
from integrations.sandbox.call import Call
from integrations.sandbox.errors import invalid
from integrations.sandbox.ids import Kind
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
from integrations.sandbox.richtext import rich_text_of
from integrations.sandbox.tables import Columns, columns_of
from integrations.sandbox.tokens import Capability
from integrations.sandbox.writes import NO_WORKSPACE, reply, require_live, trash_wish, writes


@writes(
    Capability.INSERT_CONTENT,
    "parent", "title", "description", "is_inline", "initial_data_source", "icon", "cover",
)  # fmt: skip
def create_database(call: Call, body: Json) -> bytes:
    """POST /v1/databases: a database under a page, with one data source of the given columns."""
    parent = only(
        an_object(body.get("parent", MISSING), "body.parent"), ("type", "page_id", "workspace"), "body.parent"
    )
    if "workspace" in parent:
        raise invalid(NO_WORKSPACE)
    one_of(parent, ("page_id",), "body.parent")
    uuid = an_id(parent["page_id"], "body.parent.page_id")
    source = an_object(body.get("initial_data_source", {}), "body.initial_data_source")
    only(source, ("properties", "title", "icon"), "body.initial_data_source")
    title = rich_text_of(body.get("title", []), "body.title")
    new = writing.NewDatabase(
        title=title,
        source_title=rich_text_of(source["title"], "body.initial_data_source.title")
        if "title" in source
        else title,
        description=rich_text_of(body.get("description", []), "body.description"),
        columns=schemainput.new_columns(
            source.get("properties", MISSING), "body.initial_data_source.properties"
        ),
        is_inline=a_flag(body.get("is_inline", False), "body.is_inline"),
        icon=icon_of(body.get("icon"), "body.icon"),
        cover=cover_of(body.get("cover"), "body.cover"),
    )
    above = call.look_up(uuid, Kind.PAGE, noun="page")
    require_live(call, above)
    _require_targets(call, new.columns)
    return reply(call, writing.make_database(call.token.workspace, above, new, by=call.token.bot_id))


def _require_targets(call: Call, columns: Columns) -> None:
    for column in columns:
        if "data_source_id" in column.config:
            call.look_up(column.config["data_source_id"], Kind.DATA_SOURCE, noun="data_source")


@writes(Capability.UPDATE_CONTENT, "title", "properties", "in_trash")
def update_data_source(call: Call, body: Json) -> bytes:
    """PATCH /v1/data_sources/{id}: its title, its columns, the trash."""
    code = call.found("data_source_id", Kind.DATA_SOURCE, noun="data_source")
    trashed = trash_wish(body)
    if trashed is None:
        require_live(call, code)
    title = rich_text_of(body["title"], "body.title") if "title" in body else None
    columns = None
    if "properties" in body:
        columns = schemainput.changed_columns(
            columns_of(call.view.store, code), body["properties"], "body.properties"
        )
        _require_targets(call, columns)
    workspace, by = call.token.workspace, call.token.bot_id
    if trashed is not None:
        writing.set_in_trash(workspace, code, in_trash=trashed, by=by)
    writing.change_source(workspace, code, by=by, title=title, columns=columns)
    return reply(call, code)
