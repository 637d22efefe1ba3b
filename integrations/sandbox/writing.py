"""What the API's writes do to a workspace: pages, blocks and databases come, change and go.

Everything here takes codes and checked values: who may do it, and what is well-formed, was decided before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from integrations.sandbox.blockinput import NewBlock
from integrations.sandbox.bodies import block_of, block_owner, child_codes
from integrations.sandbox.columns import INLINE, LOCKED, TRASHED
from integrations.sandbox.ids import INDEX_MASK, Kind, code_of, kind_of
from integrations.sandbox.overlay import Block
from integrations.sandbox.richtext import plain
from integrations.sandbox.tables import Columns
from integrations.sandbox.values import Json
from integrations.sandbox.workspace import Workspace


@dataclass(kw_only=True)
class PageChange:
    """What to put into a page; None and empty mean: as it was."""

    title: list[Json] | None = None
    values: dict[str, Any] = field(default_factory=dict)
    looks: Json = field(default_factory=dict)  # icon and cover, where given
    columns: Columns | None = None  # of the page's data source, where new options came with the values
    is_locked: bool | None = None


def make_page(
    workspace: Workspace, above: int, change: PageChange, blocks: Sequence[NewBlock], *, by: str
) -> int:
    """Add a page under a page or a row to a data source, with its body."""
    with workspace.lock:
        now = workspace.minute_now()
        team = workspace.pages.style[above & INDEX_MASK] if kind_of(above) is Kind.PAGE else 0
        code = code_of(Kind.PAGE, workspace.pages.append(above, now, now, 0, team))
        workspace.overlay.made.add(code)
        workspace.overrides[code] = {
            "title": "", "title_runs": [], "values": {}, "icon": None, "cover": None, "created_by": by,
        }  # fmt: skip
        workspace.attach(above, code)
        _add_blocks(workspace, code, blocks, None, by=by, now=now)
        change_page(workspace, code, change, by=by)
        return code


def change_page(workspace: Workspace, code: int, change: PageChange, *, by: str) -> None:
    """Change a page's values, looks and lock."""
    with workspace.lock:
        written = workspace.overrides.setdefault(code, {})
        if change.title is not None:
            written.update(title=plain(change.title), title_runs=change.title)
        written.update(change.looks, edited_by=by)
        if change.values:
            written["values"] = written.get("values", {}) | change.values
        if change.columns is not None:
            workspace.overrides.setdefault(workspace.parent(code), {})["columns"] = change.columns
        columns, index = workspace.at(code)
        if change.is_locked is not None:
            columns.flags[index] = columns.flags[index] & ~LOCKED | (LOCKED if change.is_locked else 0)
        _edited(workspace, code, by)


def set_in_trash(workspace: Workspace, code: int, *, in_trash: bool, by: str) -> None:
    """Move a page, database or data source with everything below to the trash, or back."""
    with workspace.lock:
        workspace.flag_below(code, TRASHED, on=in_trash)
        _edited(workspace, code, by)


def add_blocks(
    workspace: Workspace, parent: int, blocks: Sequence[NewBlock], after: int | None, *, by: str
) -> list[int]:
    """Put blocks into a page or block, after a child, at the `START` or (None) at the end; return them."""
    with workspace.lock:
        now = workspace.minute_now()
        made = _add_blocks(workspace, parent, blocks, after, by=by, now=now)
        _edited(workspace, block_owner(workspace, parent), by)
        return made


def _add_blocks(
    workspace: Workspace, parent: int, blocks: Sequence[NewBlock], after: int | None, *, by: str, now: int
) -> list[int]:
    made = []
    for new in blocks:
        block = Block(
            parent=parent, kind=new.kind, content=new.content, created=now, edited=now, author=by, editor=by
        )
        code = workspace.overlay.add(block)
        _add_blocks(workspace, code, new.children, None, by=by, now=now)
        made.append(code)
    if made:
        order = child_codes(workspace, parent)
        place = len(order) if after is None else 0 if after == START else order.index(after) + 1
        workspace.overlay.order[parent] = order[:place] + made + order[place:]
    return made


START = -1


def change_block(
    workspace: Workspace, code: int, *, by: str, content: Json | None = None, in_trash: bool | None = None
) -> None:
    """Change a block's content, or delete it or bring it back."""
    with workspace.lock:
        block = replace(block_of(workspace, code), editor=by, edited=workspace.minute_now())
        if content is not None:
            block.content = content
        if in_trash is not None:
            block.in_trash = in_trash
        workspace.overlay.blocks[code] = block
        _edited(workspace, block_owner(workspace, code), by)


@dataclass(kw_only=True)
class NewDatabase:
    """A database to make, with its one data source."""

    title: list[Json]
    source_title: list[Json]
    description: list[Json]
    columns: Columns
    is_inline: bool
    icon: Json | None
    cover: Json | None


def make_database(workspace: Workspace, above: int, new: NewDatabase, *, by: str) -> int:
    """Add a database under a page, with a data source of these columns."""
    with workspace.lock:
        now = workspace.minute_now()
        flags = INLINE if new.is_inline else 0
        database = code_of(Kind.DATABASE, workspace.databases.append(above, now, now, flags))
        source = code_of(Kind.DATA_SOURCE, workspace.data_sources.append(database, now, now))
        shared = {"icon": new.icon, "cover": new.cover, "created_by": by, "edited_by": by}
        for code, title in ((database, new.title), (source, new.source_title)):
            workspace.overlay.made.add(code)
            workspace.overrides[code] = {"title": plain(title), "title_runs": title, **shared}
        workspace.overrides[database]["description"] = new.description
        workspace.overrides[source]["columns"] = new.columns
        workspace.attach(above, database)
        workspace.attach(database, source)
        _edited(workspace, source, by)
        return database


def change_source(
    workspace: Workspace, source: int, *, by: str, title: list[Json] | None, columns: Columns | None
) -> None:
    """Change a data source's title or columns."""
    with workspace.lock:
        written = workspace.overrides.setdefault(source, {})
        if title is not None:
            written.update(title=plain(title), title_runs=title)
        if columns is not None:
            written["columns"] = columns
        _edited(workspace, source, by)


def _edited(workspace: Workspace, code: int, by: str) -> None:
    columns, index = workspace.at(code)
    columns.edited[index] = workspace.minute_now()
    workspace.overrides.setdefault(code, {})["edited_by"] = by
    workspace.changed()
