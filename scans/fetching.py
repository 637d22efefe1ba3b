"""Calls to Notion side by side: threads that talk to Notion, and one that talks to the database for all.

Cursors are sequential, so one list after the other leaves the limit unused whenever Notion is slow. The
threads hold no database connection; what they need of the budget they ask of the thread that owns them.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

from integrations.notion.budget import Priority
from integrations.notion.client import NotionClient
from integrations.notion.door import Calls
from integrations.notion.errors import NotionRateLimited, NotionUnauthorized, NotionUnavailable
from integrations.notion.replies import Page


class Request(Protocol):
    """What is asked of Notion by one call."""

    def fetch(self, client: NotionClient) -> Page:
        """Ask; runs in a thread of its own, and changes nothing."""


# A window's requests go out in its first seconds even when Notion is slow; a second window waits for them.
MOST_AT_ONCE = 32
_ASK_AGAIN_SECONDS = 1.0
_LINGER_SECONDS = 0.005


@dataclass(frozen=True)
class Answer:
    """What came of one request: a page, or the error that it ended with."""

    request: Any
    page: Page | None
    failure: Exception | None
    egress: dict[str, Calls] = field(default_factory=dict)


@dataclass(frozen=True)
class _Ask:
    """A thread's question to the budget, put to the thread that has the database."""

    use: Callable[[], None]
    answer: Future[None]


class Fetchers:
    """Up to ``MOST_AT_ONCE`` calls at a time for one connection. All methods are for one thread alone."""

    def __init__(self, client: NotionClient) -> None:
        self._client = client
        self._events: queue.SimpleQueue[Answer | _Ask] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="scan")
        self._local = threading.local()
        self._clients: list[NotionClient] = []
        self._closed = threading.Event()
        # What one call was told holds for those that are about to leave: they have their place in the budget.
        self._is_refused = False
        self._held_until = 0.0
        self.in_flight = 0
        # Attempts that the budget granted since this was last asked.
        self.granted = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for client in self._clients:
            client.close()

    def submit(self, requests: Sequence[Request]) -> int:
        """Start requests in their order, as many as the budget grants, and return how many.

        Raises: NotionRateLimited if it grants none now; NotConnected.
        """
        granted = self._acquire_some(len(requests))
        self.in_flight += granted
        for request in requests[:granted]:
            self._threads.submit(self._run, request)
        return granted

    def answers(self, timeout_seconds: float) -> list[Answer]:
        """Return what has come in, waiting for the first of it; nothing after the timeout.

        Questions to the budget are answered meanwhile.
        """
        found: list[Answer] = []
        until = time.monotonic() + timeout_seconds
        while True:
            try:
                event = self._events.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return found
            if isinstance(event, _Ask):
                self._settle(event)
                continue
            self.in_flight -= 1
            found.append(event)
            # What is under way beside it is worth a moment: each round asks the budget once.
            if len(found) == 1:
                until = time.monotonic() + _LINGER_SECONDS
            if len(found) >= self.in_flight:
                until = 0.0

    def take_granted(self) -> int:
        taken, self.granted = self.granted, 0
        return taken

    def _acquire_some(self, wanted: int) -> int:
        """Take all that are wanted in one transaction; near the end of a window, the one that is left."""
        with contextlib.suppress(NotionRateLimited):
            self._acquire(Priority.SCANS, wanted)
            return wanted
        self._acquire(Priority.SCANS)
        return 1

    def _acquire(self, priority: Priority, count: int = 1) -> None:
        self._client.budget.acquire(priority, count=count)
        self.granted += count

    def _settle(self, ask: _Ask) -> None:
        try:
            ask.use()
        except Exception as refusal:  # whatever it is, it is the asking call's
            ask.answer.set_exception(refusal)
        else:
            ask.answer.set_result(None)

    # In the threads ---------------------------------------------------------------------------------------

    def _run(self, request: Request) -> None:
        page, failure, egress = None, None, {}
        try:
            client = self._own_client()
            self._local.budget.is_granted = True
            try:
                page = request.fetch(client)
            finally:
                egress = client.take_egress()
        except Exception as problem:  # it is the owner's to judge
            self._is_refused = self._is_refused or isinstance(problem, NotionUnauthorized)
            failure = problem
        self._events.put(Answer(request, page, failure, egress))

    def _own_client(self) -> NotionClient:
        if not hasattr(self._local, "client"):
            self._local.budget = _AskedBudget(self)
            self._local.client = self._client.another(self._local.budget)
            self._clients.append(self._local.client)
        return self._local.client  # type: ignore[no-any-return]

    def check_open(self) -> None:
        """Let a call leave, or not.

        Raises: NotionUnauthorized if the token was refused; NotionRateLimited before Notion's wait is over.
        """
        if self._is_refused:
            raise NotionUnauthorized
        left = self._held_until - time.monotonic()
        if left > 0:
            raise NotionRateLimited(retry_after=left)

    def hold(self, seconds: float) -> None:
        self._held_until = max(self._held_until, time.monotonic() + seconds)

    def ask(self, use: Callable[[], None]) -> None:
        """Have the owner's thread do something with the database, and wait until it did."""
        answer: Future[None] = Future()
        self._events.put(_Ask(use, answer))
        while True:
            try:
                return answer.result(_ASK_AGAIN_SECONDS)
            except StillWaiting:
                if self._closed.is_set():
                    raise NotionUnavailable("the scan has stopped") from None


class _AskedBudget:
    """The budget as a thread sees it: its first attempt was granted before it began."""

    def __init__(self, fetchers: Fetchers) -> None:
        self._fetchers = fetchers
        self.is_granted = False

    def acquire(self, priority: Priority, *, count: int = 1) -> None:
        if self.is_granted:
            self.is_granted = False
        else:
            self._fetchers.ask(lambda: self._fetchers._acquire(priority, count))
        self._fetchers.check_open()

    def report_limited(self, retry_after_seconds: float, *, reason: str) -> None:
        self._fetchers.hold(retry_after_seconds)
        budget = self._fetchers._client.budget
        self._fetchers.ask(lambda: budget.report_limited(retry_after_seconds, reason=reason))
