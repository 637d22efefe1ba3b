"""A page's blocks as plain text, for people and for agents: data, and never an instruction of ours."""

from __future__ import annotations

from typing import Any

from integrations.notion.replies import read_text

Json = dict[str, Any]
_BEFORE = {
    "heading_1": "# ",
    "heading_2": "## ",
    "heading_3": "### ",
    "bulleted_list_item": "- ",
    "numbered_list_item": "1. ",
    "quote": "> ",
    "toggle": "- ",
}


def text_of(blocks: list[tuple[int, Json]]) -> str:
    """Return blocks, each with its depth, as lines of text; what has no text is named in brackets."""
    return "\n".join("  " * depth + line for depth, block in blocks for line in _lines(block))


def _lines(block: Json) -> list[str]:
    kind = str(block.get("type") or "unsupported")
    content = block.get(kind)
    content = content if isinstance(content, dict) else {}
    if kind in ("child_page", "child_database"):
        return [f"[{kind.removeprefix('child_')}: {read_text(content.get('title')) or 'untitled'}]"]
    if kind == "table_row":
        cells = content.get("cells")
        return [" | ".join(plain_text(cell) for cell in (cells if isinstance(cells, list) else []))]
    if kind == "divider":
        return ["---"]
    if not isinstance(content.get("rich_text"), list):
        return [] if kind in ("table", "column", "column_list", "synced_block") else [f"[{kind}]"]
    before = _BEFORE.get(kind, "")
    if kind == "to_do":
        before = "[x] " if content.get("checked") is True else "[ ] "
    return [before + line for line in (plain_text(content["rich_text"]).splitlines() or [""])]


def plain_text(parts: object) -> str:
    """Return rich text without its form and its links."""
    texts = (
        [part.get("plain_text") for part in parts if isinstance(part, dict)]
        if isinstance(parts, list)
        else []
    )
    return "".join(read_text(text) or "" for text in texts)
