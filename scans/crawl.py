"""A scan reads a workspace: many lists side by side, then what they refer to, then what has gone.

Each batch of answers is stored in one short transaction together with the checkpoints behind it, so whatever
ends a scan costs the calls that were under way. The shared budget limits how fast; the width grows only while
answers are waited for.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from integrations.notion.client import NotionClient
from integrations.notion.door import Calls
from integrations.notion.errors import (
    NotionCapabilityMissing,
    NotionNotShared,
    NotionRateLimited,
    NotionRefused,
    NotionUnavailable,
)
from integrations.notion.replies import Page
from scans import metadata, references, storage
from scans.fetching import MOST_AT_ONCE, Answer, Fetchers
from scans.listings import (
    NO_CAPABILITY,
    NO_CONTENT,
    NOT_SHARED,
    REFUSED,
    REFUSED_ALONE,
    ROWS,
    UNTOLD,
    Listing,
    Rows,
    Search,
    both_ends,
)
from scans.metadata import Standing
from scans.models import Scan, Seen, Stream, Version

# Bounds on looking up what no list has shown.
LOOK_UPS_AT_MOST = 500
_FIRST_WIDTH = 4
# An answer that takes longer than this to come is worth a further call beside it.
_WAITED_SECONDS = 0.02
_POLL_SECONDS = 0.5
# Shorter waits are sat out; for longer ones the slot is given back.
_PATIENCE_SECONDS = 3.0
# Notion does not answer at all after so many failures in a row.
_FAILURES_IN_A_ROW = 3
# Notion cuts times to the minute, and its clock is not ours.
OVERLAP = timedelta(minutes=2)


class ScanEnded(Exception):
    """The scan was cancelled, or taken over, while this process read for it."""


class HandedBack(Exception):
    """The process was asked to stop; another may go on where it was."""


@dataclass(frozen=True)
class LookUp:
    """One object that is asked for by its id; ``counter`` counts look-ups of this sort."""

    kind: str
    object_id: UUID
    counter: Stream

    def fetch(self, client: NotionClient) -> Page:
        found = _ALONE[self.kind](client, self.object_id)
        if self.kind == "user":
            found = found | {"standing": Standing.GUEST.value}
        return Page([found], has_more=False, next_cursor=None)


_ALONE: dict[str, Callable[[NotionClient, UUID], dict[str, Any]]] = {
    "user": NotionClient.user,
    "page": NotionClient.page,
    "data_source": NotionClient.data_source,
    "database": NotionClient.database,
    "block": NotionClient.block,
}
_NOT_GIVEN = (NotionNotShared, NotionRefused, NotionCapabilityMissing)
_UNBOUNDED = 1_000_000
_BY_SEARCH = [bits for bits in range(16) if bits & Seen.SEARCH]
# Name, kind, in trash.
_SEARCHES = (
    ("data sources", "data_source", False),
    ("data sources in trash", "data_source", True),
    ("pages", "page", False),
    ("pages in trash", "page", True),
)
_OLDEST_FIRST = ", oldest first"
_AGAIN = ", edited meanwhile"


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
        self.streams = _streams(scan)
        self.ready: deque[Listing | LookUp] = deque()
        self.opened: set[UUID] = set()
        self.since = scan.since - OVERLAP if scan.since else None
        self.width = _FIRST_WIDTH
        # What ends this run, and what only ends it when everything else is read.
        self.fatal: Exception | None = None
        self.postponed: Exception | None = None
        self.failures_in_a_row = 0
        # Objects that a list named without saying anything of them, and that were asked for.
        self.parts_asked = 0
        self.touched: dict[UUID, Stream] = {}
        self.paused_until = 0.0
        self.last_word = time.monotonic()

    def run(self) -> None:
        for stage, requests in (
            ("Reading lists", self._lists),
            ("Looking up what is referred to", self._references),
            ("Looking for what has gone", self._absences),
        ):
            self.scan.stage = stage
            # Again, because what is looked up refers to more.
            while batch := list(requests()):
                self.ready.extend(batch)
                self._work()

    # What is asked ------------------------------------------------------------------------------------

    def _lists(self) -> Iterator[Listing]:
        if not self._stream("users").is_done:
            yield Listing(self._stream("users"))
        for name, kind, in_trash in _SEARCHES:
            yield from self._search(name, kind=kind, in_trash=in_trash)
        yield from self._rows_of(_live_data_sources(self.scan))

    def _search(self, name: str, *, kind: str, in_trash: bool) -> Iterator[Search]:
        newest = Search(self._stream(name), kind=kind, in_trash=in_trash, until=self.since)
        if name + _OLDEST_FIRST in self.streams:
            oldest = self._other_end(newest)
            if not oldest.stream.is_done:
                yield oldest
        if not newest.stream.is_done:
            yield newest

    def _other_end(self, newest: Search) -> Search:
        stream = self._stream(newest.stream.name + _OLDEST_FIRST)
        oldest = Search(stream, kind=newest.kind, in_trash=newest.in_trash, oldest_first=True)
        both_ends(newest, oldest)
        return oldest

    def _rows_of(self, data_sources: Iterable[UUID]) -> Iterator[Rows]:
        """Yield the lists of rows that are not read; all rows of a data source that nobody knew before."""
        for data_source in data_sources:
            if data_source not in self.opened:
                self.opened.add(data_source)
                stream = self._stream(f"{ROWS}{data_source}")
                since = self.since if self.since and _was_known(self.scan, data_source) else None
                if not stream.is_done:
                    yield Rows(stream, data_source=data_source, edited_from=since)

    def _edited_meanwhile(self) -> Iterator[Search]:
        """Read the newest edits again: what is edited during a long search moves past its cursor.

        Beside the look-ups, because each round of answers is waited for.
        """
        until = (self.scan.started_at or self.scan.created_at) - OVERLAP
        for name, kind, in_trash in _SEARCHES:
            if name + _OLDEST_FIRST in self.streams and not self._stream(name + _AGAIN).is_done:
                yield Search(self._stream(name + _AGAIN), kind=kind, in_trash=in_trash, until=until)

    def _references(self) -> Iterator[Listing | LookUp]:
        yield from self._edited_meanwhile()
        for kind in _ALONE:
            counter = self._counter(kind)
            # What databases are made of is no guess, and has no bound.
            is_bounded = kind not in ("database", "data_source")
            at_most = LOOK_UPS_AT_MOST - counter.found if is_bounded else _UNBOUNDED
            for object_id in references.unseen(self.scan, kind, at_most=max(0, at_most)):
                yield LookUp(kind, object_id, counter)
        yield from self._rows_of(_live_data_sources(self.scan))

    def _absences(self) -> Iterator[LookUp]:
        """Ask for what earlier scans knew and no list has shown: absence is not deletion."""
        counter = self._counter("what is absent")
        if self.scan.is_full:
            _vanish_unknown_kinds(self.scan)
            for absent in _absent(self.scan, max(0, LOOK_UPS_AT_MOST - counter.found)):
                yield LookUp(absent.kind, absent.object_id, counter)

    def _counter(self, name: str) -> Stream:
        counter = self._stream(f"look-ups of {name}")
        counter.is_done = True
        self.touched[counter.pk] = counter
        return counter

    # How it is asked ----------------------------------------------------------------------------------

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
            self._say_something()
            if self.should_stop() and not self.fatal:
                self.fatal = HandedBack()
            if self.fatal:
                self.ready.clear()
        if failure := self.fatal or self.postponed:
            raise failure

    def _submit(self) -> None:
        while self.ready and self.fetchers.in_flight < self.width and not self.fatal:
            if time.monotonic() < self.paused_until:
                return
            request = self.ready[0]
            if isinstance(request, Listing) and request.stream.is_done:
                # The other end has met this one.
                self.ready.popleft()
                continue
            try:
                self.fetchers.submit(request, request.fetch)
            except NotionRateLimited as limit:
                self._wait_for(limit)
            else:
                self.ready.popleft()

    def _receive(self) -> None:
        started = time.monotonic()
        answers = self.fetchers.answers(_POLL_SECONDS)
        if self.ready and time.monotonic() - started > _WAITED_SECONDS:
            self.width = min(2 * self.width, MOST_AT_ONCE)
        if answers:
            self._store(answers)

    def _say_something(self) -> None:
        if time.monotonic() - self.last_word > settings.SCAN_LEASE_SECONDS / 3:
            with transaction.atomic():
                self._require_live()

    def _wait_for(self, limit: NotionRateLimited) -> None:
        if limit.retry_after <= _PATIENCE_SECONDS:
            self.paused_until = time.monotonic() + limit.retry_after
        else:
            self.fatal = self.fatal or limit

    # What came of it ----------------------------------------------------------------------------------

    def _store(self, answers: list[Answer]) -> None:
        """Store a batch in one transaction, and ask on from there."""
        more: list[Listing | LookUp] = []
        if any(answer.page is not None for answer in answers):
            self.failures_in_a_row = self.scan.failures = 0
        with transaction.atomic():
            storage.commit_soon()
            self._require_live(egress=[answer.egress for answer in answers])
            for found_by, page_of_kind in self._found(answers, more):
                storage.merge(self.scan, page_of_kind, found_by=found_by)
            for answer in answers:
                for stream in _checkpoints_of(answer.request):
                    self.touched[stream.pk] = stream
            for stream in self.touched.values():
                stream.save()
        self.touched.clear()
        self.ready.extend(more)

    def _found(
        self, answers: list[Answer], more: list[Listing | LookUp]
    ) -> Iterator[tuple[int, list[metadata.Metadata]]]:
        found: dict[int, list[metadata.Metadata]] = {}
        for answer in answers:
            if answer.page is None:
                more += self._judge(answer)
                continue
            request = answer.request
            batch = [metadata.read(each) for each in answer.page.results if not metadata.is_partial(each)]
            found.setdefault(getattr(request, "found_by", Seen.LOOK_UP), []).extend(batch)
            if isinstance(request, LookUp):
                self._take_look_up(request, batch)
            else:
                more += self._look_up_parts(answer.page)
                # Else its other end met it while this page was under way.
                if not request.stream.is_done:
                    more += self._next(request, answer.page)
            if self.scan.is_full:
                more += self._rows_of(_data_sources_in(batch))
        yield from found.items()

    def _look_up_parts(self, page: Page) -> Iterator[LookUp]:
        """Ask for what a list named without saying anything of it; what is not asked for is a reason."""
        for each in page.results:
            kind = str(each.get("object"))
            if metadata.is_partial(each) and kind in _ALONE:
                counter = self._counter(kind)
                if self.parts_asked < LOOK_UPS_AT_MOST:
                    self.parts_asked += 1
                    yield LookUp(kind, UUID(each["id"]), counter)
                else:
                    counter.problem = UNTOLD

    def _next(self, listing: Listing, page: Page) -> Iterator[Listing]:
        listing.take(page)
        if isinstance(listing, Rows) and listing.edited_from and _search_gave_all(self.scan, page):
            listing.end()
        if listing.stream.is_done:
            return
        if isinstance(listing, Search) and not (listing.other_end or listing.until):
            yield self._other_end(listing)
        yield listing

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
            self._take_refusal(request, failure)
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

    def _take_look_up(self, request: LookUp, batch: list[metadata.Metadata]) -> None:
        request.counter.found += 1
        if request.object_id not in {each.object_id for each in batch}:
            # Only its id was told, or something else: asked again, it would be the same.
            storage.ask_in_vain(self.scan, request.object_id)
            request.counter.problem = UNTOLD

    def _take_refusal(self, request: LookUp, failure: Exception) -> None:
        request.counter.found += 1
        if isinstance(failure, NotionNotShared):
            storage.miss(self.scan, request.kind, request.object_id)
        else:
            storage.ask_in_vain(self.scan, request.object_id)
            request.counter.problem = _problem_of(request, failure)

    def _stream(self, name: str) -> Stream:
        if name not in self.streams:
            self.streams[name] = Stream(organization_id=self.scan.organization_id, scan=self.scan, name=name)
        return self.streams[name]

    def _require_live(self, egress: Iterable[dict[str, Calls]] = ()) -> None:
        """Lock the scan's row, count, and say that we live.

        Raises: ScanEnded: a scan that was cancelled or taken over meanwhile is not written to.
        """
        _add(self.scan.egress, egress)
        live = Scan.objects.filter(
            organization_id=self.scan.organization_id,
            pk=self.scan.pk,
            status=Scan.Status.RUNNING,
            lease=self.scan.lease,
        ).update(
            requests=F("requests") + self.fetchers.take_granted(),
            stage=self.scan.stage,
            failures=self.scan.failures,
            egress=self.scan.egress,
            leased_until=Now() + timedelta(seconds=settings.SCAN_LEASE_SECONDS),
        )
        if not live:
            raise ScanEnded
        self.last_word = time.monotonic()


def _problem_of(request: Listing | LookUp, failure: Exception | None) -> str:
    if isinstance(failure, NotionCapabilityMissing):
        # A list that is neither a search nor rows is that of the users.
        kind = request.kind if isinstance(request, LookUp) else ""
        of_people = kind == "user" or type(request) is Listing
        return NO_CAPABILITY if of_people else NO_CONTENT
    if isinstance(failure, NotionRefused):
        return REFUSED_ALONE if isinstance(request, LookUp) else REFUSED
    return NOT_SHARED


def _checkpoints_of(request: Listing | LookUp) -> Iterator[Stream]:
    yield request.stream if isinstance(request, Listing) else request.counter
    if isinstance(request, Search) and request.other_end:
        yield request.other_end.stream


def _data_sources_in(batch: list[metadata.Metadata]) -> Iterator[UUID]:
    for each in batch:
        if each.kind == "data_source" and each.state == Version.State.LIVE:
            yield each.object_id


def _add(total: dict[str, Any], egress: Iterable[dict[str, Calls]]) -> None:
    for endpoints in egress:
        for endpoint, calls in endpoints.items():
            before = total.get(endpoint, asdict(Calls()))
            total[endpoint] = {name: before[name] + value for name, value in asdict(calls).items()}


# What is there already --------------------------------------------------------------------------------


@transaction.atomic
def _streams(scan: Scan) -> dict[str, Stream]:
    found = Stream.objects.filter(organization_id=scan.organization_id, scan=scan)
    return {stream.name: stream for stream in found}


@transaction.atomic
def _live_data_sources(scan: Scan) -> list[UUID]:
    """Return the data sources that this scan has met; of one that goes on, those that were touched since."""
    storage.expect_many(scan)
    seen = Seen.objects.filter(organization_id=scan.organization_id, scan=scan).exclude(
        found_by=Seen.NOT_THERE
    )
    met = storage.objects_of(scan.organization_id, scan.number).filter(
        state=Version.State.LIVE, object_id__in=seen.values("object_id")
    )
    if scan.since:
        met = met.filter(Q(edited_at__gte=scan.since - OVERLAP) | Q(valid_from=scan.number))
        rows = met.filter(parent_kind="data_source_id", parent_id__isnull=False).values_list("parent_id")
    else:
        rows = met.none().values_list("parent_id")
    found = met.filter(kind="data_source").values_list("object_id").union(rows)
    return sorted(data_source for (data_source,) in found if data_source)


@transaction.atomic
def _was_known(scan: Scan, object_id: UUID) -> bool:
    return Version.objects.filter(
        organization_id=scan.organization_id, object_id=object_id, valid_from__lt=scan.number
    ).exists()


@transaction.atomic
def _search_gave_all(scan: Scan, page: Page) -> bool:
    """Say whether search has already given every row of a page: it then gave those edited before, too."""
    ids = [found["id"] for found in page.results]
    given = Seen.objects.filter(
        organization_id=scan.organization_id, scan=scan, object_id__in=ids, found_by__in=_BY_SEARCH
    )
    return given.count() == len(set(ids))


@transaction.atomic
def _absent(scan: Scan, at_most: int) -> list[Version]:
    storage.expect_many(scan)
    absent = storage.not_seen(scan).filter(kind__in=_ALONE).order_by("kind", "object_id")
    return list(absent[:at_most])


@transaction.atomic
def _vanish_unknown_kinds(scan: Scan) -> None:
    """What is of a kind that cannot be asked for is gone when no list shows it."""
    for absent in storage.not_seen(scan).exclude(kind__in=_ALONE)[:LOOK_UPS_AT_MOST]:
        storage.miss(scan, absent.kind, absent.object_id)
