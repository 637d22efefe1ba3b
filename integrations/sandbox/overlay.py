"""What was written through the API, beside the generated columns: blocks, their order, and who made what.

Only what was written costs memory; a workspace of a million pages that nobody wrote to carries three empty
tables.
"""

from dataclasses import dataclass, field

from integrations.sandbox.ids import INDEX_MASK, Kind, code_of
from integrations.sandbox.values import Json

_WRITTEN = 1 << 42  # a bit no generated block's number reaches


@dataclass(slots=True, kw_only=True)
class Block:
    """A block that was written or changed; times are minutes since 1970, people are ids."""

    parent: int
    kind: str
    content: Json
    created: int
    edited: int
    author: str
    editor: str
    in_trash: bool = False


@dataclass(slots=True)
class Overlay:
    """The written part of a workspace.

    `order` holds what stands in a page or block, in order, once something was written there; `made` the
    pages, databases and data sources that came by the API: they have no generated body, values or comments.
    """

    blocks: dict[int, Block] = field(default_factory=dict)
    order: dict[int, list[int]] = field(default_factory=dict)
    made: set[int] = field(default_factory=set)
    written: int = 0

    def add(self, block: Block) -> int:
        """Keep a new block and return its code."""
        code = code_of(Kind.BLOCK, _WRITTEN | self.written)
        self.written += 1
        self.blocks[code] = block
        return code

    def is_trashed(self, code: int) -> bool:
        """Tell whether a block was deleted."""
        block = self.blocks.get(code)
        return block is not None and block.in_trash


def is_written(code: int) -> bool:
    """Tell whether a block's code was given out by `Overlay.add`."""
    return bool(code & INDEX_MASK & _WRITTEN)
