"""What a scan asks for: many lists side by side, then what they refer to, then what has gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from integrations.notion.client import NotionClient
from integrations.notion.replies import Page
from scans import metadata, references, storage
from scans.listings import ROWS, UNTOLD, Listing, Rows, Search, both_ends
from scans.metadata import Standing
from scans.models import Scan, Seen, Stream, Version

# Bounds on looking up what no list has shown: so many of each kind, or one for so many that lists have shown.
LOOK_UPS_AT_MOST = 500
SHOWN_FOR_A_LOOK_UP = 50
# Notion cuts times to the minute, and its clock is not ours.
OVERLAP = timedelta(minutes=2)
_UNBOUNDED = 1_000_000
_BY_SEARCH = [bits for bits in range(16) if bits & Seen.SEARCH]
# Name, kind, in trash.
_SEARCHES = (
    ("data sources", "data_source", False),
    ("data sources in trash", "data_source", True),
    ("pages", "page", False),
    ("pages in trash", "page", True),
)
# Of an object that a list named without saying anything of it: a checkpoint of its own, as no list names it
# again.
_PART = "look-up of "
_OLDEST_FIRST = ", oldest first"
_AGAIN = ", edited meanwhile"


@dataclass(frozen=True)
class LookUp:
    """One object that is asked for by its id; ``counter`` counts look-ups of this sort, or is its own."""

    kind: str
    object_id: UUID
    counter: Stream

    found_by = Seen.LOOK_UP

    def fetch(self, client: NotionClient) -> Page:
        found = _ALONE[self.kind](client, self.object_id)
        if self.kind == "user":
            found = found | {"standing": Standing.GUEST.value}
        return Page([found], has_more=False, next_cursor=None)

    def end(self) -> None:
        """Count it as asked, whatever the answer was."""
        self.counter.found += 1
        self.counter.is_done = True


_ALONE: dict[str, Callable[[NotionClient, UUID], dict[str, Any]]] = {
    "user": NotionClient.user,
    "page": NotionClient.page,
    "data_source": NotionClient.data_source,
    "database": NotionClient.database,
    "block": NotionClient.block,
}


class Asking:
    """What is left to ask, and how far each list was read; the scan's rows say the rest."""

    def __init__(self, scan: Scan) -> None:
        self.scan = scan
        self.since = scan.since - OVERLAP if scan.since else None
        self._streams = _streams(scan)
        self._touched: dict[UUID, Stream] = {}
        self._opened: set[UUID] = set()
        self._part_count = sum(name.startswith(_PART) for name in self._streams)

    def lists(self) -> Iterator[Listing | LookUp]:
        yield from self._parts_left()
        if not self._stream("users").is_done:
            yield Listing(self._stream("users"))
        for name, kind, in_trash in _SEARCHES:
            yield from self._search(name, kind=kind, in_trash=in_trash)
        yield from self._rows_of(_live_data_sources(self.scan))

    def references(self) -> Iterator[Listing | LookUp]:
        """Ask for what is referred to and was not met; again, because what is looked up refers to more."""
        yield from self._edited_meanwhile()
        for kind in _ALONE:
            counter = self._counter(kind)
            # What databases are made of is no guess, and has no bound.
            is_bounded = kind not in ("database", "data_source")
            at_most = self._look_ups_left(counter) if is_bounded else _UNBOUNDED
            for object_id in references.unseen(self.scan, kind, at_most=at_most):
                yield LookUp(kind, object_id, counter)
        yield from self._rows_of(_live_data_sources(self.scan))

    def absences(self) -> Iterator[LookUp]:
        """Ask for what earlier scans knew and no list has shown: absence is not deletion."""
        counter = self._counter("what is absent")
        if self.scan.is_full:
            _vanish_unknown_kinds(self.scan)
            for absent in _absent(self.scan, self._look_ups_left(counter)):
                yield LookUp(absent.kind, absent.object_id, counter)

    def next_of(self, listing: Listing, page: Page) -> Iterator[Listing]:
        """Move a list's checkpoint behind a page, and yield what is to be asked next."""
        listing.take(page)
        if isinstance(listing, Rows) and listing.edited_from and _search_gave_all(self.scan, page):
            listing.end()
        if listing.stream.is_done:
            return
        if isinstance(listing, Search) and not (listing.other_end or listing.until):
            yield self._other_end(listing)
        yield listing

    def parts_of(self, page: Page) -> Iterator[LookUp]:
        """Ask for what a list named without saying anything of it; what is not asked for is a reason."""
        for each in page.results:
            if not metadata.is_partial(each):
                continue
            kind = str(each["object"])
            name = f"{_PART}{kind} {each['id']}"
            if name in self._streams:
                continue
            if self._part_count < LOOK_UPS_AT_MOST:
                self._part_count += 1
                self._counter(kind).found += 1
                stream = self._stream(name)
                self._touched[stream.pk] = stream
                yield LookUp(kind, UUID(each["id"]), stream)
            else:
                self._counter(kind).problem = UNTOLD

    def rows_in(self, objects: Iterable[metadata.Metadata]) -> Iterator[Rows]:
        """Yield the lists of rows of data sources that were just met, in a full scan."""
        if self.scan.is_full:
            live = (each for each in objects if each.kind == "data_source" and each.state == metadata.LIVE)
            yield from self._rows_of(UUID(each.object_id) for each in live)

    def touch(self, request: Listing | LookUp) -> None:
        """Note that a request moved its checkpoint, and perhaps that of its other end."""
        streams = [request.stream if isinstance(request, Listing) else request.counter]
        if isinstance(request, Search) and request.other_end:
            streams.append(request.other_end.stream)
        self._touched |= {stream.pk: stream for stream in streams}

    def save(self) -> None:
        """Store the checkpoints that were moved, in the transaction of what was read up to them."""
        if self._touched:
            Stream.objects.bulk_create(
                self._touched.values(),
                update_conflicts=True,
                unique_fields=["id"],
                update_fields=Stream.CHECKPOINT,
            )
        self._touched = {}

    # ------------------------------------------------------------------------------------------------------

    def _parts_left(self) -> Iterator[LookUp]:
        for name, stream in self._streams.items():
            if name.startswith(_PART) and not stream.is_done:
                kind, object_id = name.removeprefix(_PART).split()
                yield LookUp(kind, UUID(object_id), stream)

    def _search(self, name: str, *, kind: str, in_trash: bool) -> Iterator[Search]:
        newest = Search(self._stream(name), kind=kind, in_trash=in_trash, until=self.since)
        if name + _OLDEST_FIRST in self._streams:
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
            if data_source not in self._opened:
                self._opened.add(data_source)
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
            if name + _OLDEST_FIRST in self._streams and not self._stream(name + _AGAIN).is_done:
                yield Search(self._stream(name + _AGAIN), kind=kind, in_trash=in_trash, until=until)

    def _counter(self, name: str) -> Stream:
        counter = self._stream(f"look-ups of {name}")
        counter.is_done = True
        self._touched[counter.pk] = counter
        return counter

    def _look_ups_left(self, counter: Stream) -> int:
        shown = sum(stream.found for stream in self._streams.values())
        return max(0, max(LOOK_UPS_AT_MOST, shown // SHOWN_FOR_A_LOOK_UP) - counter.found)

    def _stream(self, name: str) -> Stream:
        if name not in self._streams:
            organization_id = self.scan.organization_id
            self._streams[name] = Stream(organization_id=organization_id, scan=self.scan, name=name)
        return self._streams[name]


# What is there already ------------------------------------------------------------------------------------


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
    absent = storage.not_seen(scan).exclude(kind__in=_ALONE)[:LOOK_UPS_AT_MOST]
    storage.miss(scan, {each.object_id: each.kind for each in absent})
