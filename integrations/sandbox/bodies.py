"""Page bodies: a few generated blocks per page, with planted text that a metadata product must never keep,

and among them whatever was written through the API.
"""

from integrations.sandbox import planted, prose
from integrations.sandbox.columns import IN_BLOCK, TRASHED
from integrations.sandbox.ids import INDEX_MASK, Kind, code_of, kind_of
from integrations.sandbox.overlay import Block, is_written
from integrations.sandbox.shapes import BLOCKS_PER_PAGE, CONTAINER, OLDER_VERSION, dumps, parent_json
from integrations.sandbox.store import Store, minute_text
from integrations.sandbox.values import Json, rich_text, user_ref


def block_owner(store: Store, code: int) -> int:
    """Return the page a block belongs to."""
    while kind_of(code) is Kind.BLOCK and (block := store.overlay.blocks.get(code)):
        code = block.parent
    if kind_of(code) is not Kind.BLOCK:
        return code
    return code_of(Kind.PAGE, (code & INDEX_MASK) // BLOCKS_PER_PAGE)


def block_exists(store: Store, code: int) -> bool:
    """Tell whether a block's code names a block that its page has."""
    if code in store.overlay.blocks or is_written(code):
        return code in store.overlay.blocks
    page = block_owner(store, code)
    return page & INDEX_MASK < len(store.pages) and code in own_blocks(store, page)


def own_blocks(store: Store, page: int) -> list[int]:
    """Return a page's generated blocks, without child pages and databases."""
    first = code_of(Kind.BLOCK, (page & INDEX_MASK) * BLOCKS_PER_PAGE)
    if page in store.overlay.made:
        return []
    blocks = [first + i for i in range(store.dice(page)[30] % (prose.LONGEST + 1))]
    has_container = any(_is_in_block(store, c) for c in store.children(page))
    return [*blocks, first + CONTAINER] if has_container else blocks


def child_codes(store: Store, code: int) -> list[int]:
    """Return what stands directly in a page or block, in order."""
    generated = _generated(store, code)
    order = store.overlay.order.get(code)
    if order is not None:
        # The order was noted when something was written here. Pages may have gone since, or come.
        present, noted = set(generated), set(order)
        kept = [c for c in order if c in present or c in store.overlay.blocks]
        generated = kept + [c for c in generated if c not in noted]
    return [c for c in generated if not store.overlay.is_trashed(c)]


def _generated(store: Store, code: int) -> list[int]:
    """Return blocks, then child pages and databases, without what was written."""
    if kind_of(code) is Kind.BLOCK:
        page = block_owner(store, code)
        if code & INDEX_MASK != (page & INDEX_MASK) * BLOCKS_PER_PAGE + CONTAINER:
            return []
        return [c for c in store.children(page) if _is_in_block(store, c) and not store.is_trashed(c)]
    if kind_of(code) is Kind.DATABASE:
        return []
    direct = [c for c in store.children(code) if not _is_in_block(store, c) and not store.is_trashed(c)]
    return own_blocks(store, code) + direct


def _is_in_block(store: Store, code: int) -> bool:
    return kind_of(code) is Kind.PAGE and bool(store.flags(code) & IN_BLOCK)


def block_json(store: Store, code: int) -> Json:
    """Return a block; pages and databases appear as `child_page` and `child_database` under their own ids."""
    kind = kind_of(code)
    if kind is Kind.BLOCK:
        return _own_block(store, code)
    columns, index = store.at(code)
    name = "child_page" if kind is Kind.PAGE else "child_database"
    has_children = kind is Kind.PAGE and bool(child_codes(store, code))
    return {
        "object": "block",
        "id": store.uuid(code),
        "parent": parent_json(store, code),
        "created_time": minute_text(columns.created[index]),
        "last_edited_time": minute_text(columns.edited[index]),
        "created_by": user_ref(store.author(code, last=False)),
        "last_edited_by": user_ref(store.author(code, last=True)),
        "has_children": has_children,
        "in_trash": bool(columns.flags[index] & TRASHED),
        "type": name,
        name: {"title": store.title(code)},
    }


def render_block(store: Store, code: int, *, version: str) -> bytes:
    """Return a block's JSON."""
    shape = block_json(store, code)
    return dumps(shape | {"archived": shape["in_trash"]} if version == OLDER_VERSION else shape)


def _own_block(store: Store, code: int) -> Json:
    block = block_of(store, code)
    parent = "block_id" if kind_of(block.parent) is Kind.BLOCK else "page_id"
    return {
        "object": "block",
        "id": store.uuid(code),
        "parent": {"type": parent, parent: store.uuid(block.parent)},
        "created_time": minute_text(block.created),
        "last_edited_time": minute_text(block.edited),
        "created_by": user_ref(block.author),
        "last_edited_by": user_ref(block.editor),
        "has_children": bool(child_codes(store, code)),
        "in_trash": block.in_trash or store.is_trashed(block_owner(store, code)),
        "type": block.kind,
        block.kind: block.content,
    }


def is_in_trash(store: Store, code: int) -> bool:
    """Tell whether a block, page, database or data source is in the trash, for itself or with its page."""
    return store.overlay.is_trashed(code) if kind_of(code) is Kind.BLOCK else store.is_trashed(code)


def block_of(store: Store, code: int) -> Block:
    """Return a block as it was written, or as it was generated."""
    if (written := store.overlay.blocks.get(code)) is not None:
        return written
    page = block_owner(store, code)
    columns, index = store.at(page)
    kind, text = _told(store, page, code & INDEX_MASK)
    return Block(
        parent=page,
        kind=kind,
        content=_content(kind, text),
        created=columns.created[index],
        edited=columns.edited[index],
        author=store.author(page, last=False),
        editor=store.author(page, last=True),
    )


def _told(store: Store, page: int, number: int) -> tuple[str, str]:
    """Return a generated block's type and text; every text is marked, and no two are the same."""
    marker = f"({planted.BODY} {number})"
    if number % BLOCKS_PER_PAGE == CONTAINER:
        return "toggle", f"Pages {marker}"
    outline = prose.OUTLINES[store.dice(page)[31] % len(prose.OUTLINES)]
    kind, sentence = outline[number % BLOCKS_PER_PAGE]
    return kind, f"{sentence} {marker}"


def _content(name: str, text: str) -> Json:
    if name == "unsupported":
        return {"block_type": "button"}
    if name == "divider":
        return {}
    if name == "code":
        return {"rich_text": rich_text(text), "language": "shell", "caption": []}
    extra: dict[str, Json] = {
        "to_do": {"checked": False},
        **{f"heading_{level}": {"is_toggleable": False} for level in (1, 2, 3)},
        "callout": {"icon": {"type": "emoji", "emoji": "💡"}},
    }
    return {"rich_text": rich_text(text), "color": "default", **extra.get(name, {})}
