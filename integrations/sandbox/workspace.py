"""The verbs a test or a demo uses to change a generated workspace while it is being served.

Every verb takes and returns ids as the API shows them, and takes effect with the next request.
"""

import time
from datetime import UTC, datetime

from integrations.sandbox.columns import GONE, HIDDEN, PUBLIC, TRASHED
from integrations.sandbox.generator import WORKSPACE
from integrations.sandbox.ids import INDEX_MASK, Kind, code_of, kind_of
from integrations.sandbox.people import Person, Standing
from integrations.sandbox.plan import WorkspacePlan
from integrations.sandbox.store import Store
from integrations.sandbox.values import Json


class Workspace(Store):
    """A workspace that can be changed. Edits without a time happen at `clock` (first: `as_of`).

    The API's writes happen at the clock too, or with `is_ticking` in the real minute, where that is later.
    """

    def __init__(self, plan: WorkspacePlan, *, is_ticking: bool = False) -> None:
        super().__init__(plan)
        self.clock = plan.as_of
        self._is_ticking = is_ticking

    def minute_now(self) -> int:
        """Return the minute of what is written now: the clock's, or later where real time passes too."""
        return max(self._minute(None), int(time.time()) // 60 if self._is_ticking else 0)

    def advance(self, minutes: int = 1) -> str:
        """Move the clock on, so that the next write has a later time; return the new time."""
        self.clock = datetime.fromtimestamp((self.minute_now() + minutes) * 60, UTC)
        return self.clock.isoformat()

    def add_page(
        self,
        title: str = "",
        *,
        parent: str | None = None,
        created: datetime | None = None,
        edited: datetime | None = None,
        by: str | None = None,
    ) -> str:
        """Add a page under a page, a row under a data source, or a top-level page; return its id."""
        with self.lock:
            above = WORKSPACE if parent is None else self._known(parent, Kind.PAGE, Kind.DATA_SOURCE)
            team = self.pages.style[above & INDEX_MASK] if above and kind_of(above) is Kind.PAGE else 0
            start = self._minute(created or edited)
            index = self.pages.append(above, start, self._minute(edited) if edited else start, 0, team)
            code = code_of(Kind.PAGE, index)
            self.attach(above, code)
            self.overrides[code] = {"title": title}
            if by:
                self.overrides[code] |= {"created_by": by, "edited_by": by}
            self.changed()
            return self.uuid(code)

    def add_database(self, title: str, *, parent: str | None = None, schema: int = 0) -> tuple[str, str]:
        """Add a database with one data source; return both ids, the database's first."""
        with self.lock:
            above = WORKSPACE if parent is None else self._known(parent, Kind.PAGE)
            now = self._minute(None)
            database = code_of(Kind.DATABASE, self.databases.append(above, now, now))
            source = code_of(Kind.DATA_SOURCE, self.data_sources.append(database, now, now, 0, schema))
            self.attach(above, database)
            self.attach(database, source)
            for code in (database, source):
                self.overrides[code] = {"title": title}
            self.changed()
            return self.uuid(database), self.uuid(source)

    def edit(
        self, uuid: str, *, title: str | None = None, edited: datetime | None = None, by: str | None = None
    ) -> None:
        """Edit a page or data source: its last-edited time moves, and its title or editor where given."""
        with self.lock:
            code = self._known(uuid, Kind.PAGE, Kind.DATA_SOURCE, Kind.DATABASE)
            columns, index = self.at(code)
            columns.edited[index] = self._minute(edited)
            if title is not None:
                self.overrides.setdefault(code, {})["title"] = title
                self.overrides[code].pop("title_runs", None)
            if by is not None:
                self.overrides.setdefault(code, {})["edited_by"] = by
            self.changed()

    def set_parent_json(self, uuid: str, parent: Json) -> None:
        """Show this parent instead of the real one: for kinds of parent the product has never met."""
        with self.lock:
            code = self._known(uuid, Kind.PAGE, Kind.DATABASE)
            self.overrides.setdefault(code, {})["parent"] = parent
            self.changed()

    def move(self, uuid: str, *, parent: str | None) -> None:
        """Move a page or database under another page, or to the top level."""
        with self.lock:
            code = self._known(uuid, Kind.PAGE, Kind.DATABASE)
            target = WORKSPACE if parent is None else self._known(parent, Kind.PAGE, Kind.DATA_SOURCE)
            if target in self._subtree(code):
                raise ValueError("A page cannot move into its own subtree.")
            columns, index = self.at(code)
            columns.parent[index] = target
            self._tree = None
            self.changed()

    def trash(self, uuid: str) -> None:
        """Move a page, database or data source with everything under it to the trash."""
        self._flag_subtree(uuid, TRASHED, on=True)

    def restore(self, uuid: str) -> None:
        """Take something back out of the trash with everything under it."""
        self._flag_subtree(uuid, TRASHED, on=False)

    def delete(self, uuid: str) -> None:
        """Delete for good: nothing reports it any more, look-ups answer 404."""
        self._flag_subtree(uuid, GONE, on=True)

    def hide_from_search(self, uuid: str, *, hidden: bool = True) -> None:
        """Leave one page or data source out of search results, as Notion's index sometimes does."""
        self._flag(uuid, HIDDEN, on=hidden)

    def publish(self, uuid: str, *, public: bool = True) -> None:
        """Publish a page to the web, or take it back."""
        self._flag(uuid, PUBLIC, on=public)

    def add_user(self, name: str | None, email: str, *, standing: Standing = Standing.MEMBER) -> str:
        """Add a person; return their id."""
        with self.lock:
            self.people.append(Person(name, email, standing, None))
            self.version += 1
            return self.uuid(code_of(Kind.USER, len(self.people) - 1))

    def set_standing(self, uuid: str, standing: Standing) -> None:
        """Make a person a member or guest, or let them leave."""
        with self.lock:
            index = self._known(uuid, Kind.USER) & INDEX_MASK
            self.people[index] = self.people[index]._replace(standing=standing)
            self.version += 1

    def _flag(self, uuid: str, flag: int, *, on: bool) -> None:
        with self.lock:
            self._set_flag([self._known(uuid, Kind.PAGE, Kind.DATABASE, Kind.DATA_SOURCE)], flag, on=on)

    def _flag_subtree(self, uuid: str, flag: int, *, on: bool) -> None:
        with self.lock:
            self.flag_below(self._known(uuid, Kind.PAGE, Kind.DATABASE, Kind.DATA_SOURCE), flag, on=on)

    def flag_below(self, code: int, flag: int, *, on: bool) -> None:
        """Set or clear a flag of an object and of everything under it."""
        self._set_flag(self._subtree(code), flag, on=on)

    def _set_flag(self, codes: list[int], flag: int, *, on: bool) -> None:
        for code in codes:
            columns, index = self.at(code)
            columns.flags[index] = columns.flags[index] | flag if on else columns.flags[index] & ~flag
        self.changed()

    def _subtree(self, code: int) -> list[int]:
        codes = [code]
        for above in codes:  # grows while it is walked
            codes.extend(self.children(above))
        return codes

    def _known(self, uuid: str, *kinds: Kind) -> int:
        for kind in kinds:
            if (code := self.find(uuid, kind)) is not None:
                return code
        raise KeyError(f"{uuid} is not a {' or '.join(kind.name.lower() for kind in kinds)} of {self.name}.")

    def _minute(self, moment: datetime | None) -> int:
        return int((moment or self.clock).timestamp()) // 60

    def changed(self) -> None:
        """Let the next request see what was changed."""
        self.version += 1
        self.rendered.clear()  # as a whole: objects show other objects' titles and ids too
