"""Page bodies: a few blocks per page, each with planted text that a metadata product must never keep."""

from integrations.sandbox import planted
from integrations.sandbox.columns import IN_BLOCK, TRASHED
from integrations.sandbox.ids import INDEX_MASK, Kind, code_of, kind_of
from integrations.sandbox.shapes import BLOCKS_PER_PAGE, CONTAINER, parent_json, user_ref
from integrations.sandbox.store import Store, minute_text
from integrations.sandbox.values import Json, rich_text

_TYPES = ("heading_2", "paragraph", "bulleted_list_item", "to_do", "quote", "callout", "code", "unsupported")


def block_owner(code: int) -> int:
    """Return the page a block belongs to."""
    return code_of(Kind.PAGE, (code & INDEX_MASK) // BLOCKS_PER_PAGE)


def block_exists(store: Store, code: int) -> bool:
    """Tell whether a block's code names a block that its page has."""
    page = block_owner(code)
    return page & INDEX_MASK < len(store.pages) and code in own_blocks(store, page)


def own_blocks(store: Store, page: int) -> list[int]:
    """Return a page's own blocks, without child pages and databases."""
    first = code_of(Kind.BLOCK, (page & INDEX_MASK) * BLOCKS_PER_PAGE)
    blocks = [first + i for i in range(store.dice(page)[30] % 7)]
    has_container = any(_is_in_block(store, c) for c in store.children(page))
    return [*blocks, first + CONTAINER] if has_container else blocks


def child_codes(store: Store, code: int) -> list[int]:
    """Return what stands directly in a page or block: blocks, then child pages and databases."""
    if kind_of(code) is Kind.BLOCK:
        page = block_owner(code)
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


def _own_block(store: Store, code: int) -> Json:
    page = block_owner(code)
    number = code & INDEX_MASK
    columns, index = store.at(page)
    is_container = number % BLOCKS_PER_PAGE == CONTAINER
    name = "toggle" if is_container else _TYPES[(number * 5 + index) % len(_TYPES)]
    return {
        "object": "block",
        "id": store.uuid(code),
        "parent": {"type": "page_id", "page_id": store.uuid(page)},
        "created_time": minute_text(columns.created[index]),
        "last_edited_time": minute_text(columns.edited[index]),
        "created_by": user_ref(store.author(page, last=False)),
        "last_edited_by": user_ref(store.author(page, last=True)),
        "has_children": is_container,
        "in_trash": bool(columns.flags[index] & TRASHED),
        "type": name,
        name: _content(name, f"{planted.BODY} {number}: the numbers in this paragraph are for us only."),
    }


def _content(name: str, text: str) -> Json:
    if name == "unsupported":
        return {"block_type": "button"}
    extra: dict[str, Json] = {
        "to_do": {"checked": False},
        "code": {"language": "plain text", "caption": []},
        "callout": {"icon": {"type": "emoji", "emoji": "💡"}},
    }
    return {"rich_text": rich_text(text), "color": "default", **extra.get(name, {})}
