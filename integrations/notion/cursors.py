"""A list's cursor must move: Notion's was seen to go round in circles, or through empty pages without end."""

from __future__ import annotations

from integrations.notion.errors import NotionUnavailable
from integrations.notion.replies import Page

_EMPTY_PAGES_IN_A_ROW = 5


class Cursors:
    """The cursors of one list, as they come."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._empty = 0

    def follow(self, page: Page) -> str | None:
        """Return the cursor of the next page, or None at the end.

        Raises: NotionUnavailable for a cursor that was seen before, or for empty pages without end.
        """
        cursor = page.next_cursor
        if cursor is None:
            return None
        self._empty = 0 if page.results else self._empty + 1
        if cursor in self._seen or self._empty >= _EMPTY_PAGES_IN_A_ROW:
            raise NotionUnavailable("the list goes round in circles")
        self._seen.add(cursor)
        return cursor
