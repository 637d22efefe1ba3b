"""Notion's rate limit: a fixed window per connection, any burst shape inside it."""

import math
import threading
import time
from collections.abc import Callable

from integrations.sandbox.errors import rate_limited


class RateLimiter:
    """Counts requests per token; the window opens with the first request after the last one ended."""

    def __init__(
        self, limit: int | None, *, window_seconds: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limit = limit
        self.window_seconds = window_seconds
        self._clock = clock
        self._windows: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def check(self, label: str) -> None:
        """Count a request, or raise the API's 429 with the seconds until the window ends."""
        if self.limit is None:
            return
        now = self._clock()
        with self._lock:
            opened, used = self._windows.get(label, (now, 0))
            if now - opened >= self.window_seconds:
                opened, used = now, 0
            if used >= self.limit:
                raise rate_limited(str(max(1, math.ceil(opened + self.window_seconds - now))))
            self._windows[label] = (opened, used + 1)

    def clear(self) -> None:
        """Open fresh windows for everyone."""
        with self._lock:
            self._windows.clear()
