"""A scan reads a workspace: it asks, stores what comes in batches, and judges what fails.

Each batch is stored in one transaction together with the checkpoints behind it, so whatever ends a scan costs
that batch and the calls that were under way. The shared budget limits how fast; the width grows only while
answers are waited for.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator

from django.conf import settings

from integrations.errors import NotConnected
from integrations.notion.client import NotionClient
from integrations.notion.errors import (
    NotionCapabilityMissing,
    NotionNotShared,
    NotionRateLimited,
    NotionRefused,
    NotionUnavailable,
)
from integrations.notion.replies import Page
from scans import metadata
from scans.asking import Asking, LookUp
from scans.batch import Batch
from scans.fetching import MOST_AT_ONCE, Answer, Fetchers
from scans.listings import (
    NO_CAPABILITY,
    NO_CONTENT,
    NOT_SHARED,
    REFUSED,
    REFUSED_ALONE,
    UNTOLD,
    Listing,
    Rows,
)
from scans.models import Scan

_FIRST_WIDTH = 16
# An answer that takes longer than this to come is worth a further call beside it.
_WAITED_SECONDS = 0.02
_POLL_SECONDS = 0.5
# A transaction costs as much as a hundred objects in it: they are gathered for so long.
_BATCH_OBJECTS = 1_000
_BATCH_SECONDS = 0.5
# Shorter waits are sat out; for longer ones the slot is given back.
_PATIENCE_SECONDS = 3.0
# Notion does not answer at all after so many failures in a row.
_FAILURES_IN_A_ROW = 3
_NOT_GIVEN = (NotionNotShared, NotionRefused, NotionCapabilityMissing)


class HandedBack(Exception):
    """The process was asked to stop; another may go on where it was."""


def crawl(client: NotionClient, scan: Scan, *, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Read everything that is not read yet.

    Raises: ScanEnded; HandedBack when ``should_stop`` says so; NotionRateLimited, NotionUnavailable and
    NotionUnauthorized, after which it goes on where it was.
    """
    with Fetchers(client) as fetchers:
        _Crawl(scan, fetchers, should_stop).run()


class _Crawl:
    def __init__(self, scan: Scan, fetchers: Fetchers, should_stop: Callable[[], bool]) -> None:
        self.scan = scan
        self.fetchers = fetchers
        self.should_stop = should_stop
        self.asking = Asking(scan)
        self.batch = Batch(scan)
        self.ready: deque[Listing | LookUp] = deque()
        self.width = _FIRST_WIDTH
        # What ends this run, and what only ends it when everything else is read.
        self.fatal: Exception | None = None
        self.postponed: Exception | None = None
        self.failures_in_a_row = 0
        self.paused_until = 0.0
        self.stored_at = time.monotonic()

    def run(self) -> None:
        for stage, requests in (
            ("Reading lists", self.asking.lists),
            ("Looking up what is referred to", self.asking.references),
            ("Looking for what has gone", self.asking.absences),
        ):
            self.scan.stage = stage
            # Again, because what is looked up refers to more.
            while asked := list(requests()):
                self.ready.extend(asked)
                self._work()

    # How it is asked --------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Ask until nothing is left to ask.

        Raises: what ended it, after everything that was under way is stored.
        """
        while self.ready or self.fetchers.in_flight:
            self._submit()
            if self.fetchers.in_flight:
                self._receive()
            elif self.fatal:
                break
            elif self.ready:
                time.sleep(min(_POLL_SECONDS, max(0.0, self.paused_until - time.monotonic())))
            if self.should_stop() and not self.fatal:
                self.fatal = HandedBack()
            if self.fatal:
                self.ready.clear()
            if self._is_time_to_store():
                # What is asked for meanwhile comes while this waits for the database.
                self._submit()
                self._store()
        self._store()
        if failure := self.fatal or self.postponed:
            raise failure

    def _submit(self) -> None:
        while self.ready and self.fetchers.in_flight < self.width and not self.fatal:
            if time.monotonic() < self.paused_until:
                return
            requests, granted = self._next_ones(), 0
            try:
                granted = self.fetchers.submit(requests) if requests else 0
            except NotionRateLimited as limit:
                self._wait_for(limit)
            except NotConnected as ended:
                # What is under way has left, and is counted and kept as well.
                self.fatal = self.fatal or ended
            self.ready.extendleft(reversed(requests[granted:]))

    def _next_ones(self) -> list[Listing | LookUp]:
        found: list[Listing | LookUp] = []
        while self.ready and self.fetchers.in_flight + len(found) < self.width:
            request = self.ready.popleft()
            # Else its other end has met this one.
            if not (isinstance(request, Listing) and request.stream.is_done):
                found.append(request)
        return found

    def _receive(self) -> None:
        started = time.monotonic()
        answers = self.fetchers.answers(_POLL_SECONDS)
        if self.ready and time.monotonic() - started > _WAITED_SECONDS:
            self.width = min(2 * self.width, MOST_AT_ONCE)
        for answer in answers:
            self.batch.count(answer.egress)
            request, page = answer.request, answer.page
            self.ready.extend(self._judge(answer) if page is None else self._take(request, page))
            self.asking.touch(request)

    def _wait_for(self, limit: NotionRateLimited) -> None:
        if limit.retry_after <= _PATIENCE_SECONDS:
            self.paused_until = time.monotonic() + limit.retry_after
        else:
            self.fatal = self.fatal or limit

    def _is_time_to_store(self) -> bool:
        waited = time.monotonic() - self.stored_at
        if self.batch.is_empty:
            # Only to say that we live.
            return waited > settings.SCAN_LEASE_SECONDS / 3
        return len(self.batch) >= _BATCH_OBJECTS or waited > min(
            _BATCH_SECONDS, settings.SCAN_LEASE_SECONDS / 3
        )

    def _store(self) -> None:
        """Raises: ScanEnded."""
        self.batch.requests = self.fetchers.take_granted()
        self.batch.store(self.asking.save)
        self.stored_at = time.monotonic()

    # What came of it --------------------------------------------------------------------------------------

    def _take(self, request: Listing | LookUp, page: Page) -> Iterator[Listing | LookUp]:
        """Take what was answered; yield what to ask next."""
        self.failures_in_a_row = self.scan.failures = 0
        objects = [metadata.read(each) for each in page.results if not metadata.is_partial(each)]
        self.batch.add(objects, request.found_by)
        if isinstance(request, LookUp):
            request.end()
            if str(request.object_id) not in {each.object_id for each in objects}:
                # Only its id was told, or something else: asked again, it would be the same.
                self._give_up(request, UNTOLD)
        else:
            yield from self.asking.parts_of(page)
            # Else its other end met it while this page was under way.
            if not request.stream.is_done:
                yield from self.asking.next_of(request, page)
        yield from self.asking.rows_in(objects)

    def _judge(self, answer: Answer) -> Iterator[Listing | LookUp]:
        """Take a request that failed; yield it if it is to be asked again."""
        request, failure = answer.request, answer.failure
        if isinstance(request, Listing) and request.stream.is_done:
            return
        if isinstance(failure, NotionRateLimited):
            self._wait_for(failure)
            yield request
        elif isinstance(failure, NotionUnavailable):
            # The others are read first; if none of them succeeds, Notion is away.
            self.failures_in_a_row += 1
            self.postponed = failure
            if self.failures_in_a_row >= _FAILURES_IN_A_ROW:
                self.fatal = self.fatal or failure
        elif isinstance(request, LookUp) and isinstance(failure, _NOT_GIVEN):
            request.end()
            if isinstance(failure, NotionNotShared):
                self.batch.miss(request.kind, request.object_id)
            else:
                self._give_up(request, _problem_of(request, failure))
        elif isinstance(request, Listing) and isinstance(failure, NotionRefused) and request.stream.cursor:
            request.lose_cursor()
            if not request.stream.is_done:
                yield request
        elif isinstance(failure, NotionCapabilityMissing) or (
            isinstance(request, Rows) and isinstance(failure, _NOT_GIVEN)
        ):
            request.end(_problem_of(request, failure))
        else:
            self.fatal = self.fatal or failure

    def _give_up(self, request: LookUp, problem: str) -> None:
        self.batch.ask_in_vain(request.object_id)
        request.counter.problem = problem


def _problem_of(request: Listing | LookUp, failure: Exception | None) -> str:
    if isinstance(failure, NotionCapabilityMissing):
        # A list that is neither a search nor rows is that of the users.
        kind = request.kind if isinstance(request, LookUp) else ""
        of_people = kind == "user" or type(request) is Listing
        return NO_CAPABILITY if of_people else NO_CONTENT
    if isinstance(failure, NotionRefused):
        return REFUSED_ALONE if isinstance(request, LookUp) else REFUSED
    return NOT_SHARED
