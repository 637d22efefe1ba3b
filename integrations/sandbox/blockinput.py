"""Blocks as they are sent, made into blocks as they are kept: types, limits, nesting."""

from collections.abc import Callable
from typing import Any, NamedTuple

from integrations.sandbox.errors import invalid
from integrations.sandbox.inputs import (
    MISSING,
    Json,
    a_flag,
    a_text,
    an_array,
    an_object,
    icon_of,
    one_of,
    only,
    wrong,
)
from integrations.sandbox.richtext import colour_of, rich_text_of

MAX_BLOCKS = 1000  # in one request, nested ones included
_NESTING = 2  # levels below the first that one request may carry

_HEADINGS = ("heading_1", "heading_2", "heading_3")
_PARENTS = ("paragraph", "bulleted_list_item", "numbered_list_item", "to_do", "quote", "callout", "toggle")
_TEXTS = (*_PARENTS, *_HEADINGS, "code")
TYPES = (*_TEXTS, "divider", "table", "table_row")


class NewBlock(NamedTuple):
    """A block that was sent, checked and complete."""

    kind: str
    content: Json
    children: "list[NewBlock]"


def blocks_of(value: Any, where: str, *, within: str | None = None) -> list[NewBlock]:
    """Return the blocks of a request; `within` is the type of the block they are to stand in."""
    blocks = _read(value, where, depth=0, within=within)
    total = sum(map(_count, blocks))
    if total > MAX_BLOCKS:
        raise invalid(
            f"body failed validation: {where} should hold ≤ `{MAX_BLOCKS}` blocks in all, "
            f"instead held `{total}`."
        )
    return blocks


def _count(block: NewBlock) -> int:
    return 1 + sum(map(_count, block.children))


def _read(value: Any, where: str, *, depth: int, within: str | None) -> list[NewBlock]:
    return [
        _block(item, f"{where}[{i}]", depth=depth, within=within)
        for i, item in enumerate(an_array(value, where))
    ]


def _block(value: Any, where: str, *, depth: int, within: str | None) -> NewBlock:
    given = an_object(value, where)
    kind = one_of(given, TYPES, where)
    only(given, ("object", "type", kind), where)
    if given.get("object", "block") != "block":
        raise wrong(f"{where}.object", '`"block"`', given["object"])
    if (kind == "table_row") != (within == "table"):
        raise wrong(where, "a `table_row` exactly where its parent is a `table`", kind)
    content = an_object(given[kind], f"{where}.{kind}")
    sent = content.get("children", MISSING)
    block = NewBlock(kind, content_of(kind, content, f"{where}.{kind}"), [])
    if sent is MISSING:
        sent = []
    elif depth >= _NESTING or not can_have_children(kind, block.content):
        raise wrong(f"{where}.{kind}.children", "not present", sent)
    block.children.extend(_read(sent, f"{where}.{kind}.children", depth=depth + 1, within=kind))
    if kind == "table":
        _check_rows(block, f"{where}.table")
    return block


def can_have_children(kind: str, content: Json) -> bool:
    """Tell whether blocks can stand in a block of this type."""
    return kind in _PARENTS or kind == "table" or (kind in _HEADINGS and bool(content.get("is_toggleable")))


def _check_rows(table: NewBlock, where: str) -> None:
    if not table.children:
        raise wrong(f"{where}.children", "defined", MISSING)
    check_widths(table.content, table.children)


def check_widths(table: Json, rows: list[NewBlock]) -> None:
    """Raise unless every row has as many cells as its table has columns."""
    for row in rows:
        if len(row.content["cells"]) != table["table_width"]:
            raise invalid("Number of cells in table row must match the table width of the parent table")


def content_of(kind: str, given: Json, where: str) -> Json:
    """Return the content of a block of this type, complete."""
    if kind in _SPECIAL:
        return _SPECIAL[kind](given, where)
    extra = _EXTRA.get(kind, {})
    only(given, ("rich_text", "color", "children", *extra), where)
    content: Json = {
        "rich_text": rich_text_of(given.get("rich_text", MISSING), f"{where}.rich_text"),
        "color": colour_of(given.get("color", "default"), f"{where}.color"),
    }
    return content | {
        name: read(given.get(name, default), f"{where}.{name}") for name, (default, read) in extra.items()
    }


def _code(given: Json, where: str) -> Json:
    only(given, ("rich_text", "caption", "language"), where)
    return {
        "rich_text": rich_text_of(given.get("rich_text", MISSING), f"{where}.rich_text"),
        "caption": rich_text_of(given.get("caption", []), f"{where}.caption"),
        "language": a_text(given.get("language", MISSING), f"{where}.language", most=40),
    }


def _divider(given: Json, where: str) -> Json:
    return only(given, (), where)


def _table(given: Json, where: str) -> Json:
    only(given, ("table_width", "has_column_header", "has_row_header", "children"), where)
    width = given.get("table_width", MISSING)
    if not isinstance(width, int) or isinstance(width, bool) or not 1 <= width <= 100:
        raise wrong(f"{where}.table_width", "a number from 1 to 100", width)
    flags = ("has_column_header", "has_row_header")
    return {"table_width": width} | {n: a_flag(given.get(n, False), f"{where}.{n}") for n in flags}


def _row(given: Json, where: str) -> Json:
    only(given, ("cells",), where)
    cells = an_array(given.get("cells", MISSING), f"{where}.cells")
    return {"cells": [rich_text_of(cell, f"{where}.cells[{i}]") for i, cell in enumerate(cells)]}


_SPECIAL: dict[str, Callable[[Json, str], Json]] = {
    "code": _code,
    "divider": _divider,
    "table": _table,
    "table_row": _row,
}
_Extra = dict[str, tuple[Any, Callable[[Any, str], Any]]]
_EXTRA: dict[str, _Extra] = {
    "to_do": {"checked": (False, a_flag)},
    "callout": {"icon": ({"emoji": "💡"}, icon_of)},
    **{heading: {"is_toggleable": (False, a_flag)} for heading in _HEADINGS},
}
