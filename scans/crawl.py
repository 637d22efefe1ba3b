"""What a full scan asks Notion for, list by list, and where each list goes on.

A list is read page by page; each page is stored in one short transaction together with the cursor after it,
so that whatever ends a scan costs one page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from integrations.notion.client import NotionClient
from integrations.notion.errors import NotionCapabilityMissing, NotionNotShared, NotionRefused
from integrations.notion.replies import Page
from scans import metadata, storage
from scans.models import Scan, Seen, Stream, Version

Pages = Iterator[Page]
# A bound on looking up where blocks and pages stand that no list has shown.
_LOOKUPS_AT_MOST = 500
_CUT = "query_cut"
_NO_CAPABILITY = "capability_missing"
_GONE = "not_shared"


class ScanEnded(Exception):
    """The scan was cancelled, or taken over, while this process read for it."""


LISTS: dict[str, Callable[[NotionClient, str | None], Pages]] = {
    "users": lambda client, cursor: client.users(start_cursor=cursor),
    "data sources": lambda client, cursor: client.search_pages(
        kind="data_source", in_trash=False, start_cursor=cursor
    ),
    "data sources in trash": lambda client, cursor: client.search_pages(
        kind="data_source", in_trash=True, start_cursor=cursor
    ),
    "pages": lambda client, cursor: client.search_pages(kind="page", in_trash=False, start_cursor=cursor),
    "pages in trash": lambda client, cursor: client.search_pages(
        kind="page", in_trash=True, start_cursor=cursor
    ),
}


_ALONE: dict[str, Callable[[NotionClient, UUID], dict[str, Any]]] = {
    "user": NotionClient.user,
    "page": NotionClient.page,
    "data_source": NotionClient.data_source,
    "database": NotionClient.database,
    "block": NotionClient.block,
}


def crawl(client: NotionClient, scan: Scan) -> None:
    """Read everything that is not read yet.

    Raises: ScanEnded; NotionRateLimited, NotionUnavailable and NotionUnauthorized, after which it goes on
    where it was.
    """
    for name, pages in LISTS.items():
        _read_list(client, scan, name, pages)
    for data_source in _ids(scan, "data_source"):
        _read_rows(client, scan, data_source)
    _look_up(client, scan, "databases", NotionClient.database, _containers(scan))
    _look_up(client, scan, "pages above", NotionClient.page, _unseen(scan, "page_id"))
    _look_up(client, scan, "blocks above", NotionClient.block, _unseen(scan, "block_id"))
    for kind, look in _ALONE.items():
        _look_into_absence(client, scan, kind, look)


def _read_list(
    client: NotionClient, scan: Scan, name: str, pages: Callable[[NotionClient, str | None], Pages]
) -> None:
    stream = _stream(scan, name)
    if stream.is_done:
        return
    try:
        for page in pages(client, stream.cursor or None):
            _store(scan, stream, page)
    except NotionCapabilityMissing:
        stream.problem = _NO_CAPABILITY
    except NotionRefused:
        if not stream.cursor:
            raise
        # The cursor is not accepted any more: this list, and no other, begins again.
        stream.cursor = ""
        _save(scan, stream)
        _read_list(client, scan, name, pages)
        return
    _finish(scan, stream)


def _read_rows(client: NotionClient, scan: Scan, data_source: UUID) -> None:
    """Read the rows of a data source; past the 10,000 that Notion gives, on from the last one's creation."""
    stream = _stream(scan, f"rows {data_source}")
    while not stream.is_done:
        cut = last = ""
        try:
            for page in client.rows(
                data_source, created_from=stream.created_from or None, start_cursor=stream.cursor or None
            ):
                cut = page.incomplete_reason or ""
                last = str(page.results[-1].get("created_time") or "") if page.results else last
                _store(scan, stream, page)
        except NotionNotShared:
            stream.problem = _GONE
            cut = ""
        except NotionRefused:
            if not stream.cursor:
                raise
            stream.cursor = ""
            _save(scan, stream)
            continue
        if not cut:
            _finish(scan, stream)
        elif last in ("", stream.created_from):
            # More rows of one minute than Notion gives.
            stream.problem = _CUT
            _finish(scan, stream)
        else:
            stream.cursor, stream.created_from = "", last
            _save(scan, stream)


def _look_up(
    client: NotionClient,
    scan: Scan,
    name: str,
    look: Callable[[NotionClient, UUID], dict[str, Any]],
    ids: list[UUID],
) -> None:
    """Read objects one by one, in the order of their ids, which is where it goes on."""
    stream = _stream(scan, name)
    if stream.is_done:
        return
    for object_id in [each for each in ids if str(each) > stream.cursor][:_LOOKUPS_AT_MOST]:
        try:
            results = [look(client, object_id)]
        except NotionNotShared:
            results = []
        _store(scan, stream, Page(results, has_more=True, next_cursor=str(object_id)))
    _finish(scan, stream)


def _look_into_absence(
    client: NotionClient, scan: Scan, kind: str, look: Callable[[NotionClient, UUID], dict[str, Any]]
) -> None:
    """Ask for what earlier scans knew and no list has shown: absence is not deletion."""
    stream = _stream(scan, f"absent {kind}")
    if stream.is_done:
        return
    for absent in _absent(scan, kind)[:_LOOKUPS_AT_MOST]:
        try:
            _store(scan, stream, Page([look(client, absent.object_id)], has_more=True, next_cursor=None))
        except NotionNotShared:
            _vanish(scan, stream, absent)
        except NotionCapabilityMissing:
            stream.problem = _NO_CAPABILITY
            break
    _finish(scan, stream)


# What is stored ---------------------------------------------------------------------------------------


@transaction.atomic
def _stream(scan: Scan, name: str) -> Stream:
    found, _ = Stream.objects.get_or_create(organization_id=scan.organization_id, scan=scan, name=name)
    return found


@transaction.atomic
def _store(scan: Scan, stream: Stream, page: Page) -> None:
    _require_live(scan, requests=1)
    storage.merge(scan, [metadata.read(found) for found in page.results])
    stream.found += len(page.results)
    stream.cursor = page.next_cursor or ""
    stream.save()


@transaction.atomic
def _vanish(scan: Scan, stream: Stream, absent: Version) -> None:
    _require_live(scan, requests=1)
    storage.vanish(scan, absent)
    stream.save()


@transaction.atomic
def _finish(scan: Scan, stream: Stream) -> None:
    _require_live(scan)
    stream.is_done = True
    stream.save()


@transaction.atomic
def _save(scan: Scan, stream: Stream) -> None:
    _require_live(scan)
    stream.save()


def _require_live(scan: Scan, *, requests: int = 0) -> None:
    """Lock the scan's row and count; a scan that was cancelled meanwhile is not written to."""
    live = Scan.objects.filter(
        organization_id=scan.organization_id, pk=scan.pk, status=Scan.Status.RUNNING, lease=scan.lease
    ).update(requests=F("requests") + requests)
    if not live:
        raise ScanEnded


# What is there already --------------------------------------------------------------------------------


def _now(scan: Scan) -> Any:
    return storage.objects_of(scan.organization_id, scan.number)


@transaction.atomic
def _ids(scan: Scan, kind: str) -> list[UUID]:
    live = _now(scan).filter(kind=kind, state=Version.State.LIVE)
    return list(live.order_by("object_id").values_list("object_id", flat=True))


@transaction.atomic
def _containers(scan: Scan) -> list[UUID]:
    sources = _now(scan).filter(kind="data_source", parent_kind="database_id", parent_id__isnull=False)
    return list(sources.order_by("parent_id").values_list("parent_id", flat=True).distinct())


@transaction.atomic
def _unseen(scan: Scan, parent_kind: str) -> list[UUID]:
    """Return the parents of this kind that no list has shown."""
    known = Seen.objects.filter(organization_id=scan.organization_id, scan=scan).values("object_id")
    orphans = _now(scan).filter(parent_kind=parent_kind, parent_id__isnull=False, object_id__in=known)
    orphans = orphans.exclude(parent_id__in=known)
    return list(orphans.order_by("parent_id").values_list("parent_id", flat=True).distinct())


@transaction.atomic
def _absent(scan: Scan, kind: str) -> list[Version]:
    return list(storage.not_seen(scan).filter(kind=kind).order_by("object_id"))
