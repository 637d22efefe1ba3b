"""Unresolved comments: a few per page, with planted text that a metadata product must never keep."""

from integrations.sandbox import planted
from integrations.sandbox.ids import INDEX_MASK, Kind, code_of
from integrations.sandbox.store import Store, minute_text
from integrations.sandbox.values import Json, rich_text, user_ref

_PER_PAGE = 4


def comment_codes(store: Store, page: int) -> list[int]:
    """Return the comments of a page: none on most."""
    if page in store.overlay.made:
        return []
    first = (page & INDEX_MASK) * _PER_PAGE
    return [code_of(Kind.COMMENT, first + i) for i in range(max(0, store.dice(page)[29] % 8 - 4))]


def comment_json(store: Store, code: int) -> Json:
    """Return one comment."""
    number = code & INDEX_MASK
    page = code_of(Kind.PAGE, number // _PER_PAGE)
    columns, index = store.at(page)
    written = minute_text(columns.edited[index])
    author = user_ref(store.author(page, last=True))
    return {
        "object": "comment",
        "id": store.uuid(code),
        "parent": {"type": "page_id", "page_id": store.uuid(page)},
        "discussion_id": store.uuid(code_of(Kind.DISCUSSION, number)),
        "created_time": written,
        "last_edited_time": written,
        "created_by": author,
        "rich_text": rich_text(f"{planted.COMMENT} {number}: can we talk about this?"),
        "display_name": {"type": "user", "resolved_name": None},
    }
