"""What every write of the API has in common: the capability, the body, the trash, and the reply."""

from collections.abc import Callable

from integrations.sandbox import arguments, bodies
from integrations.sandbox.call import Call
from integrations.sandbox.errors import invalid
from integrations.sandbox.ids import Kind, kind_of
from integrations.sandbox.inputs import MAX_BODY_BYTES, Json, a_flag, only
from integrations.sandbox.shapes import OLDER_VERSION, dumps, render
from integrations.sandbox.tokens import Capability

Handler = Callable[[Call], bytes]

_RENAMED = (("in_trash", "archived"), ("position", "after"))  # what the older version calls them
NO_WORKSPACE = (
    "Provide a `parent.page_id` or `parent.data_source_id` parameter to create a page, or use a public "
    "integration with `insert_content` capability. Internal integrations aren't owned by a single user, "
    "so creating workspace-level private pages is not supported."
)


def writes(capability: Capability, *fields: str) -> Callable[[Callable[[Call, Json], bytes]], Handler]:
    """Ask for the capability and for a body of these fields, and let one write happen at a time."""

    def wrap(handler: Callable[[Call, Json], bytes]) -> Handler:
        def run(call: Call) -> bytes:
            call.token.require(capability)
            if len(call.request.body) > MAX_BODY_BYTES:
                raise invalid(f"body failed validation: body.length should be ≤ `{MAX_BODY_BYTES}` bytes.")
            body = arguments.json_object(call.request)
            older = [old for new, old in _RENAMED if new in fields and call.version == OLDER_VERSION]
            with call.token.workspace.lock:
                return handler(call, only(body, (*fields, *older), "body"))

        return run

    return wrap


def reply(call: Call, code: int) -> bytes:
    """Return the object as it is now; without read access, only that it is there."""
    store = call.view.store
    if Capability.READ_CONTENT not in call.token.capabilities:
        return call.one(dumps({"object": kind_of(code).name.lower(), "id": store.uuid(code)}))
    limited = call.only() if kind_of(code) is Kind.PAGE else None
    return call.one(render(store, code, version=call.version, only=limited))


def require_live(call: Call, code: int) -> None:
    """Raise the API's refusal where an object, or what it stands in, is in the trash."""
    store = call.view.store
    if bodies.is_in_trash(store, code):
        if is_below_trash(call, code):
            raise invalid(
                "Can't edit page on block with an archived ancestor. "
                "You must unarchive the ancestor before editing page."
            )
        raise invalid("Can't edit block that is archived. You must unarchive the block before editing.")
    if kind_of(code) is Kind.BLOCK:
        require_live(call, bodies.block_of(store, code).parent)


def is_below_trash(call: Call, code: int) -> bool:
    """Tell whether what an object stands in is in the trash."""
    if kind_of(code) is Kind.BLOCK:
        return False
    parent = call.view.store.parent(code)
    return kind_of(parent) is not Kind.WORKSPACE and call.view.store.is_trashed(parent)


def trash_wish(body: Json) -> bool | None:
    """Return what a body says of the trash; the older version has an older word for it."""
    name = "in_trash" if "in_trash" in body else "archived"
    return a_flag(body[name], f"body.{name}") if name in body else None
