"""Columns instead of objects: a million pages in about thirty bytes each.

Only what sorting and walking the tree need is stored; titles, authors and properties are computed from an
object's dice when its JSON is rendered.
"""

from array import array

TRASHED = 1
LOCKED = 2
PUBLIC = 4
IN_BLOCK = 8  # the parent shown is a block (a toggle) inside the parent page
HIDDEN = 16  # search does not report it; queries and look-ups do
GONE = 32  # deleted for good: nothing reports it
INLINE = 64


class Columns:
    """Parallel columns of one kind of object; times are minutes since 1970."""

    def __init__(self) -> None:
        self.parent = array("q")  # codes
        self.created = array("i")
        self.edited = array("i")
        self.flags = bytearray()
        self.style = bytearray()  # the team of a page, the schema of a data source

    def __len__(self) -> int:
        return len(self.parent)

    def append(self, parent: int, created: int, edited: int, flags: int = 0, style: int = 0) -> int:
        """Add an object and return its index."""
        self.parent.append(parent)
        self.created.append(created)
        self.edited.append(edited)
        self.flags.append(flags)
        self.style.append(style)
        return len(self.parent) - 1
