"""One workspace's objects, to be read: look-ups by id, the tree, titles, people, and the order search uses.

Objects are integer codes (see ids); what is not in a column is computed from the object's dice, and what a
test has changed lies on top in `overrides`.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from integrations.sandbox import titles
from integrations.sandbox.columns import GONE, TRASHED, Columns
from integrations.sandbox.generator import WORKSPACE, generate
from integrations.sandbox.ids import INDEX_MASK, KIND_SHIFT, IdCodec, Kind, code_of, kind_of
from integrations.sandbox.overlay import Overlay
from integrations.sandbox.people import BOT_NAMES, Person, Standing, make_people
from integrations.sandbox.plan import WorkspacePlan
from integrations.sandbox.schemas import SCHEMAS

_PAGE_ICONS = ("📄", "📝", "📌", "💡", "📊", "🗺️")


class Store:
    """A generated workspace with whatever has been changed since."""

    def __init__(self, plan: WorkspacePlan) -> None:
        self.plan = plan
        self.codec = IdCodec(f"{plan.seed}/{plan.name}")
        made = generate(plan)
        self.pages, self.databases, self.data_sources = made.pages, made.databases, made.data_sources
        self._columns: dict[Kind, Columns] = {
            Kind.PAGE: self.pages,
            Kind.DATABASE: self.databases,
            Kind.DATA_SOURCE: self.data_sources,
        }
        self.people = make_people(members=plan.user_count, domain=f"{plan.slug}.example")
        self.overrides: dict[int, dict[str, Any]] = {}
        self.rendered: dict[tuple[int, str], bytes] = {}
        self._short_ids: dict[int, str] = {}
        self._last_dice = (-1, b"")
        self.version = 0  # rises with every change, so that caches know
        self.lock = threading.RLock()
        self.overlay = Overlay()
        self._tree: dict[int, array[int]] | None = None
        self._order: tuple[int, array[int]] | None = None

    @property
    def id(self) -> str:
        """Return the workspace's own id."""
        return self.codec.encode(WORKSPACE)

    @property
    def name(self) -> str:
        """Return the workspace's name."""
        return self.plan.name

    def uuid(self, code: int) -> str:
        """Return the id of an object."""
        if code >> KIND_SHIFT == Kind.PAGE:
            return self.codec.encode(code)
        known = self._short_ids.get(code)  # people and databases are few, and named over and over
        if known is None:
            known = self._short_ids[code] = self.codec.encode(code)
        return known

    def dice(self, code: int) -> bytes:
        """Return the object's stable random bytes; one rendering asks several times in a row."""
        last = self._last_dice
        if last[0] != code:
            last = self._last_dice = (code, self.codec.digest(code))
        return last[1]

    def find(self, uuid: str, kind: Kind) -> int | None:
        """Return the code of an existing object of that kind, or None."""
        code = self.codec.decode(uuid)
        if code is None or code >> KIND_SHIFT != kind:
            return None
        if kind in self._columns:
            columns, index = self.at(code)
            return None if index >= len(columns) or columns.flags[index] & GONE else code
        return code

    def at(self, code: int) -> tuple[Columns, int]:
        """Return where a page, database or data source is kept."""
        return self._columns[kind_of(code)], code & INDEX_MASK

    def parent(self, code: int) -> int:
        """Return the code of the parent: a page, a database, a data source or the workspace."""
        columns, index = self.at(code)
        return columns.parent[index]

    def flags(self, code: int) -> int:
        """Return the flags of an object."""
        columns, index = self.at(code)
        return columns.flags[index]

    def children(self, code: int) -> array[int]:
        """Return what lies directly under a page, a data source (its rows), a database or the workspace."""
        with self.lock:
            if self._tree is None:
                self._tree = self._grow_tree()
            return self._tree.get(code, array("q"))

    def attach(self, parent: int, code: int) -> None:
        """Hang a new object into the tree, if there is one: growing it anew costs a second per million."""
        if self._tree is not None:
            # A fresh array, because listings under way still walk the old one.
            below = array("q", self._tree.get(parent, ()))
            below.append(code)
            self._tree[parent] = below

    def _grow_tree(self) -> dict[int, array[int]]:
        tree: dict[int, array[int]] = {}
        for kind, columns in self._columns.items():
            base = code_of(kind, 0)
            for index, parent in enumerate(columns.parent):
                if parent not in tree:
                    tree[parent] = array("q")
                tree[parent].append(base + index)
        return tree

    def ordered(self) -> array[int]:
        """Return pages and data sources by last edit, oldest first; equal minutes keep a fixed order."""
        with self.lock:
            if self._order is None or self._order[0] != self.version:
                page, source = code_of(Kind.PAGE, 0), code_of(Kind.DATA_SOURCE, 0)
                # One integer per object, minute above code: sorting plain integers is what makes this cheap.
                keys = [minute << 48 | page | i for i, minute in enumerate(self.pages.edited)]
                keys += [minute << 48 | source | i for i, minute in enumerate(self.data_sources.edited)]
                keys.sort()
                mask = (1 << 48) - 1
                self._order = (self.version, array("q", (key & mask for key in keys)))
            return self._order[1]

    def title(self, code: int) -> str:
        """Return the plain title of a page, database or data source."""
        changed = self.overrides.get(code)
        if changed and "title" in changed:
            return str(changed["title"])
        columns, index = self.at(code)
        kind, parent = kind_of(code), columns.parent[index]
        if kind is Kind.PAGE:
            if parent >> KIND_SHIFT == Kind.DATA_SOURCE:
                pattern = SCHEMAS[self.data_sources.style[parent & INDEX_MASK]].row_pattern
                return titles.row_title(pattern, code, self.dice(code))
            if parent == WORKSPACE and index < len(titles.TEAMS):
                return titles.team_title(columns.style[index])
            return titles.document_title(columns.style[index], code, self.dice(code))
        source = code if kind is Kind.DATA_SOURCE else self.children(code)[0]
        return self._database_title(source, code)

    def _database_title(self, source: int, code: int) -> str:
        number = code & INDEX_MASK
        if number % 17 == 16:
            return titles.AWKWARD[number // 17 % len(titles.AWKWARD)]
        name = SCHEMAS[self.data_sources.style[source & INDEX_MASK]].title
        lap = number // len(SCHEMAS)
        return name if not lap else f"{name} – {titles.TEAMS[lap % len(titles.TEAMS)][0]}"

    def icon(self, code: int) -> str | None:
        """Return the emoji of an object, or None."""
        columns, index = self.at(code)
        if kind_of(code) is Kind.DATA_SOURCE:
            return SCHEMAS[columns.style[index]].icon
        if kind_of(code) is Kind.DATABASE:
            return self.icon(self.children(code)[0])
        if columns.parent[index] == WORKSPACE and index < len(titles.TEAMS):
            return titles.TEAMS[columns.style[index]][1]
        roll = self.dice(code)[7]
        return _PAGE_ICONS[roll % len(_PAGE_ICONS)] if roll < 110 else None

    def times(self, code: int) -> tuple[str, str]:
        """Return when a page, database or data source was created and edited last, as Notion writes it."""
        columns, index = self.at(code)
        return minute_text(columns.created[index]), minute_text(columns.edited[index])

    def author(self, code: int, *, last: bool) -> str:
        """Return the id of the person or bot that created the object or edited it last."""
        changed = self.overrides.get(code)
        if changed and (role := "edited_by" if last else "created_by") in changed:
            return str(changed[role])
        dice = self.dice(code)
        return self.uuid(self._someone(dice[20], dice[21]) if last else self._someone(dice[22], dice[23]))

    def _someone(self, roll: int, which: int) -> int:
        members = self.plan.user_count
        if roll < 12:
            return code_of(Kind.BOT, which % len(BOT_NAMES))
        if roll < 46:  # guests and people who have left still own pages
            return code_of(Kind.USER, members + which % (self._generated_people - members))
        return code_of(Kind.USER, which * which * members >> 16)  # a few people write most of it

    @property
    def _generated_people(self) -> int:
        members = self.plan.user_count
        return members + max(1, members // 6) + max(2, members // 8)

    def person(self, code: int) -> Person | None:
        """Return a person who can be looked up, or None when they left or never were."""
        index = code & INDEX_MASK
        if index >= len(self.people) or self.people[index].standing is Standing.LEFT:
            return None
        return self.people[index]

    def listed_people(self) -> Iterable[int]:
        """Return the codes of the members: Notion's user list leaves guests out."""
        return (code_of(Kind.USER, i) for i, p in enumerate(self.people) if p.standing is Standing.MEMBER)

    def is_row(self, code: int) -> bool:
        """Tell whether a page is a row of a data source."""
        return self.parent(code) >> KIND_SHIFT == Kind.DATA_SOURCE

    def open_roots(self) -> set[int]:
        """Return the top-level pages a person would share with a connection: all but the restricted one."""
        restricted = len(titles.TEAMS) - 1
        return {
            c
            for c in self.children(WORKSPACE)
            if kind_of(c) is not Kind.PAGE or self.pages.style[c & INDEX_MASK] != restricted
        }

    def is_trashed(self, code: int) -> bool:
        """Tell whether the object is in the trash."""
        return bool(self.flags(code) & TRASHED)


def minute_text(minute: int) -> str:
    """Return a column's time as Notion writes it for pages: truncated to the minute, in UTC."""
    day, rest = divmod(minute, 24 * 60)
    return f"{_day_text(day)}T{rest // 60:02}:{rest % 60:02}:00.000Z"


@lru_cache(maxsize=8192)
def _day_text(day: int) -> str:
    return datetime.fromtimestamp(day * 24 * 3600, UTC).strftime("%Y-%m-%d")
