"""What a generated workspace should contain: the few numbers from which everything else follows."""

from dataclasses import dataclass
from datetime import UTC, datetime


def now_truncated() -> datetime:
    """Return the current minute, the precision of Notion's page times."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


@dataclass(frozen=True, kw_only=True)
class WorkspacePlan:
    """Sizes and seed of one workspace. Equal plans make equal workspaces, id by id.

    `pages` counts every page object, rows of databases included; `rows` of them are rows (default: three in
    five). `users` counts members; guests and people who left come on top. Nothing is newer than `as_of`.
    """

    name: str
    pages: int = 300
    databases: int | None = None
    rows: int | None = None
    users: int | None = None
    seed: int = 1
    as_of: datetime

    def __post_init__(self) -> None:
        if self.pages < 1 or (self.databases or 0) < 0 or (self.rows or 0) < 0 or (self.users or 1) < 1:
            raise ValueError("A workspace needs at least one page and one user, and no negative sizes.")
        if self.row_count >= self.pages:
            raise ValueError("rows must be fewer than pages, because pages counts the rows too.")
        if self.row_count and not self.database_count:
            raise ValueError("Rows need at least one database to live in.")
        if self.as_of.tzinfo is None:
            raise ValueError("as_of needs a time zone.")

    @property
    def database_count(self) -> int:
        """Return how many databases there are, a sensible share of the pages unless given."""
        if self.databases is not None:
            return self.databases
        return 0 if self.pages < 5 else max(1, min(200, self.pages // 60))

    @property
    def row_count(self) -> int:
        """Return how many of the pages are database rows."""
        if self.rows is not None:
            return self.rows
        return self.pages * 3 // 5 if self.database_count else 0

    @property
    def user_count(self) -> int:
        """Return how many members there are."""
        return self.users if self.users is not None else max(4, min(400, self.pages // 25))

    @property
    def slug(self) -> str:
        """Return the name as it appears in addresses, such as acme-atlas."""
        return "-".join("".join(c if c.isalnum() else " " for c in self.name.lower()).split()) or "workspace"
