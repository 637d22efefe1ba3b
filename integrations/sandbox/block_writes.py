"""Writing blocks: append, change and delete."""

from typing import Any

from integrations.sandbox import bodies, writing
from integrations.sandbox.blockinput import TYPES, blocks_of, can_have_children, check_widths, content_of
from integrations.sandbox.call import Call
from integrations.sandbox.errors import invalid
from integrations.sandbox.ids import Kind, kind_of
from integrations.sandbox.inputs import MISSING, Json, an_id, an_object, only, wrong
from integrations.sandbox.paging import Slice, envelope
from integrations.sandbox.shapes import dumps
from integrations.sandbox.tokens import Capability
from integrations.sandbox.writes import require_live, trash_wish, writes


@writes(Capability.INSERT_CONTENT, "children", "position")
def append_blocks(call: Call, body: Json) -> bytes:
    """PATCH /v1/blocks/{id}/children: blocks put into a page or block, answered one level deep."""
    parent = call.found("block_id", Kind.BLOCK, Kind.PAGE, noun="block")
    store = call.view.store
    holder = bodies.block_of(store, parent) if kind_of(parent) is Kind.BLOCK else None
    blocks = blocks_of(body.get("children", MISSING), "body.children", within=holder.kind if holder else None)
    require_live(call, parent)
    if holder is not None and not can_have_children(holder.kind, holder.content):
        raise invalid("Block does not support children.")
    if holder is not None and holder.kind == "table":
        check_widths(holder.content, blocks)
    place = _position(call, body, parent)
    made = writing.add_blocks(call.token.workspace, parent, blocks, place, by=call.token.bot_id)
    readable = Capability.READ_CONTENT in call.token.capabilities
    items = [
        bodies.render_block(store, c, version=call.version)
        if readable
        else dumps({"object": "block", "id": store.uuid(c)})
        for c in made
    ]
    return envelope(items, Slice(made, None), kind="block", request_id=call.request_id)


def _position(call: Call, body: Json, parent: int) -> int | None:
    """Return the child to write after, `START`, or None for the end."""
    if "after" in body:
        return _sibling(call, an_id(body["after"], "body.after"), parent)
    if "position" not in body:
        return None
    where = "body.position"
    given = only(an_object(body["position"], where), ("type", "after_block"), where)
    kind = given.get("type", MISSING)
    if kind not in ("after_block", "start", "end"):
        raise wrong(f"{where}.type", '`"after_block"`, `"start"` or `"end"`', kind)
    if kind != "after_block":
        return writing.START if kind == "start" else None
    block = only(
        an_object(given.get("after_block", MISSING), f"{where}.after_block"), ("id",), f"{where}.after_block"
    )
    return _sibling(call, an_id(block.get("id", MISSING), f"{where}.after_block.id"), parent)


def _sibling(call: Call, uuid: str, parent: int) -> int:
    code = call.look_up(uuid, Kind.BLOCK, Kind.PAGE, Kind.DATABASE, noun="block")
    if code not in bodies.child_codes(call.view.store, parent):
        raise invalid(f"Block to append children after ({uuid}) is not a child of the parent block.")
    return code


@writes(Capability.UPDATE_CONTENT, "type", "object", "in_trash", *TYPES)
def update_block(call: Call, body: Json) -> bytes:
    """PATCH /v1/blocks/{id}: another content of the same type, or the trash."""
    code = call.found("block_id", Kind.BLOCK, noun="block")
    store, trashed = call.view.store, trash_wish(body)
    block = bodies.block_of(store, code)
    if trashed is None:
        require_live(call, code)
    kinds = [kind for kind in TYPES if kind in body]
    if kinds and kinds != [block.kind]:
        raise invalid(f"Block type cannot be changed: it is {block.kind}.")
    content = _content(block.kind, block.content, body[block.kind]) if kinds else None
    writing.change_block(call.token.workspace, code, by=call.token.bot_id, content=content, in_trash=trashed)
    return call.one(bodies.render_block(store, code, version=call.version))


def _content(kind: str, old: Json, value: Any) -> Json:
    """Return a block's content with what was sent in place of what was there."""
    where = f"body.{kind}"
    given = an_object(value, where)
    if "children" in given:
        raise wrong(f"{where}.children", "not present", given["children"])
    return content_of(kind, old | given, where)


@writes(Capability.UPDATE_CONTENT)
def delete_block(call: Call, body: Json) -> bytes:
    """DELETE /v1/blocks/{id}: a block, or a page or database by its own id, to the trash."""
    code = call.found("block_id", Kind.BLOCK, Kind.PAGE, Kind.DATABASE, noun="block")
    workspace, by = call.token.workspace, call.token.bot_id
    require_live(call, code)
    if kind_of(code) is Kind.BLOCK:
        writing.change_block(workspace, code, by=by, in_trash=True)
    else:
        writing.set_in_trash(workspace, code, in_trash=True, by=by)
    return call.one(bodies.render_block(workspace, code, version=call.version))
