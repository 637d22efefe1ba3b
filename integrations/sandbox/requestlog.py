"""What the sandbox was asked, for assertions such as "no call was made". Bounded; holds no secrets."""

import threading
from collections import deque
from fnmatch import fnmatchcase
from typing import NamedTuple


class Entry(NamedTuple):
    """One answered request. `time` is seconds since 1970, comparable between processes."""

    time: float
    method: str
    path: str
    query: str
    token: str | None
    status: int
    fault: str | None
    size: int


class RequestLog:
    """The latest requests, oldest first. Control requests are not in it."""

    def __init__(self, capacity: int = 200_000) -> None:
        self._entries: deque[Entry] = deque(maxlen=capacity)
        self._lock = threading.Lock()
        self.total = 0

    def add(self, entry: Entry) -> None:
        """Remember a request."""
        with self._lock:
            self._entries.append(entry)
            self.total += 1

    def entries(
        self, match: str = "*", *, token: str | None = None, status: int | None = None
    ) -> list[Entry]:
        """Return requests whose "METHOD path" fits the pattern, of one token label or status if given."""
        with self._lock:
            known = list(self._entries)
        return [
            e
            for e in known
            if fnmatchcase(f"{e.method} {e.path}", match)
            and (token is None or e.token == token)
            and (status is None or e.status == status)
        ]

    def count(self, match: str = "*", *, token: str | None = None, status: int | None = None) -> int:
        """Return how many requests fit."""
        return len(self.entries(match, token=token, status=status))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self.total = 0

    def __len__(self) -> int:
        return len(self._entries)
