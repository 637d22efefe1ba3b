"""The lists of a scan: what each asks next, when it is at its end, and where it goes on after trouble."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from integrations.notion.client import NotionClient
from integrations.notion.cursors import Cursors
from integrations.notion.errors import NotionUnavailable
from integrations.notion.replies import Page
from scans.metadata import Standing, time_of
from scans.models import Seen, Stream

# Why a list could not be read to its end.
SEARCH_CUT = "search_cut"
QUERY_CUT = "query_cut"
NO_CAPABILITY = "capability_missing"
NO_CONTENT = "content_capability_missing"
NOT_SHARED = "not_shared"
REFUSED = "refused"
REFUSED_ALONE = "refused_alone"
UNTOLD = "untold"
# Without the rest of these, an object that was edited may be one that this scan does not know.
CUTS = (SEARCH_CUT, QUERY_CUT)
# A long search was seen to lose its cursor after some 10,000 results, each time at the same place.
_SEARCH_REACHES = 9_000
_RESTARTS_AT_MOST = 2

# The names of streams of rows begin so.
ROWS = "rows "


class Listing:
    """One list and its checkpoint; this one is that of the users."""

    found_by = Seen.LOOK_UP
    cut = SEARCH_CUT

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._cursors = Cursors()

    def fetch(self, client: NotionClient) -> Page:
        """Ask for the next page. Runs in a thread of its own, and changes nothing."""
        page = next(client.users(start_cursor=self.stream.cursor or None))
        members = [user | {"standing": Standing.MEMBER.value} for user in page.results]
        return replace(page, results=members)

    def take(self, page: Page) -> None:
        """Move the checkpoint behind a page that was read."""
        stream = self.stream
        stream.found += len(page.results)
        if page.incomplete_reason:
            self.end(self.cut)
            return
        try:
            stream.cursor = self._cursors.follow(page) or ""
        except NotionUnavailable:
            self.lose_cursor()
            return
        stream.is_done = not stream.cursor

    def lose_cursor(self) -> None:
        """Begin again: the cursor is not accepted any more, or leads nowhere. In the end, give up."""
        stream = self.stream
        stream.restarts += 1
        if stream.restarts > _RESTARTS_AT_MOST:
            self.end(self.cut)
            return
        self._cursors = Cursors()
        stream.cursor, stream.found = "", 0

    def end(self, problem: str = "") -> None:
        self.stream.problem = problem
        self.stream.is_done = True


class Search(Listing):
    """What the token can see of one kind, by the time of the last edit.

    ``until`` ends it there: what was edited before is known. A long one is read from both ends, each with a
    checkpoint of its own, until they cross.
    """

    found_by = Seen.SEARCH

    def __init__(
        self,
        stream: Stream,
        *,
        kind: str,
        in_trash: bool,
        oldest_first: bool = False,
        until: datetime | None = None,
    ) -> None:
        super().__init__(stream)
        self.kind = kind
        self.in_trash = in_trash
        self.oldest_first = oldest_first
        self.until = until
        self.other_end: Search | None = None

    def fetch(self, client: NotionClient) -> Page:
        pages = client.search_pages(
            kind=self.kind,
            in_trash=self.in_trash,
            oldest_first=self.oldest_first,
            start_cursor=self.stream.cursor or None,
        )
        return next(pages)

    def take(self, page: Page) -> None:
        super().take(page)
        stream = self.stream
        edited = [time for found in page.results if (time := time_of(found.get("last_edited_time")))]
        # A list that began again has reached what it reached before.
        known = [time for time in (stream.reached, *edited[-1:]) if time]
        stream.reached = (max(known) if self.oldest_first else min(known)) if known else None
        if stream.is_done and not stream.problem and self.other_end:
            # One end that read everything needs no other.
            self.other_end.end()
        if self.until and stream.reached and stream.reached < self.until:
            self.end()
        if self.other_end and self._have_crossed(self.other_end):
            self.end()
            self.other_end.end()

    def _have_crossed(self, other: Search) -> bool:
        newest, oldest = (other, self) if self.oldest_first else (self, other)
        down, up = newest.stream.reached, oldest.stream.reached
        # Times are cut to the minute: equal ones may have others between them.
        return down is not None and up is not None and down < up

    def lose_cursor(self) -> None:
        if self.stream.found >= _SEARCH_REACHES:
            self.end(self.cut)
        else:
            super().lose_cursor()


class Rows(Listing):
    """The rows of a data source, oldest first; or those edited since, newest first."""

    found_by = Seen.QUERY
    cut = QUERY_CUT

    def __init__(self, stream: Stream, *, data_source: UUID, edited_from: datetime | None = None) -> None:
        super().__init__(stream)
        self.data_source = data_source
        self.edited_from = edited_from

    def fetch(self, client: NotionClient) -> Page:
        pages = client.rows(
            self.data_source,
            created_from=self.stream.created_from or None,
            edited_from=_as_notion_writes(self.edited_from) if self.edited_from else None,
            start_cursor=self.stream.cursor or None,
        )
        return next(pages)

    def take(self, page: Page) -> None:
        created = [time for found in page.results if (time := time_of(found.get("created_time")))]
        self.stream.reached = created[-1] if created else self.stream.reached
        if page.incomplete_reason:
            self.stream.found += len(page.results)
            # More rows of one minute than Notion gives of a query, or more edited ones, are not to be had.
            if not self._go_on_from_the_last():
                self.end(self.cut)
        else:
            super().take(page)

    def lose_cursor(self) -> None:
        if not self._go_on_from_the_last():
            super().lose_cursor()

    def _go_on_from_the_last(self) -> bool:
        """Ask anew from the last row's creation on; False if that is where this query began."""
        reached = self.stream.reached
        if reached is None or self.edited_from or _as_notion_writes(reached) == self.stream.created_from:
            return False
        self.stream.cursor, self.stream.created_from = "", _as_notion_writes(reached)
        self._cursors = Cursors()
        return True


def _as_notion_writes(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:00.000Z")


def both_ends(newest: Search, oldest: Search) -> None:
    """Let two searches end where they cross."""
    newest.other_end, oldest.other_end = oldest, newest
