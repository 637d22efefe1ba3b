"""Figures: how many requests a scan needs, how near to the limits it runs, what it holds in memory."""

from __future__ import annotations

import http.client
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction

from integrations.models import RateBudget
from integrations.services.connect import connect_internal
from notionscan import rls
from notionscan.secret import Secret
from scans.models import Scan, Version
from scans.services.run import run_scan
from scans.services.start import cancel_scan, start_scan
from tenants.models import Organization
from tests import database
from tests.bench.figure import Figure
from tests.factories import make_organization, within

_LIMIT, _WINDOW_SECONDS = 180, 60
_ORGANIZATIONS = 50
# What a scan asks for one by one.
_ALONE = {"database": "databases", "block": "blocks"}
_HOW = "manage.py sandbox and manage.py worker in processes of their own on this machine."


def measure() -> Iterator[Figure]:
    yield from _pace()
    yield from _against_a_plain_client()
    yield _throughput()
    yield from _incremental()
    yield _resume()
    yield _together()
    yield _memory()


# A full scan under Notion's limit --------------------------------------------------------------------------


def _pace() -> Iterator[Figure]:
    for latency_ms in (100, 300, 1500):
        options = [
            "--pages",
            "10000",
            "--databases",
            "40",
            "--rate-limit",
            str(_LIMIT),
            "--as-of",
            _WEEKS_AGO,
        ]
        with serve(*options, "--latency-ms", str(latency_ms)) as facts, working(facts["url"]):
            acme = connected(f"pace-{latency_ms}", facts)
            started = perf_counter()
            scan = ended(begun(acme))
            seconds = perf_counter() - started
        least, chain = _least_requests(acme, scan)
        # Not of the requests that were made: those that Notion refused would excuse themselves.
        by_limit = _WINDOW_SECONDS * ((least - 1) // _LIMIT)
        bound = max(by_limit, chain * latency_ms / 1000)
        if latency_ms == 100:
            yield Figure(
                name="full scan, requests against the least possible",
                values={"requests": scan.requests, "least": least, "ratio": round(scan.requests / least, 3)},
                target="at most 1.10",
                met=scan.requests <= 1.10 * least and scan.status == Scan.Status.COMPLETE,
                how=f"10,000 pages, 40 databases. {_HOW}",
            )
        yield Figure(
            name=f"full scan at {latency_ms} ms and {_LIMIT} requests a minute, against what limits allow",
            values={
                "seconds": round(seconds, 1),
                "by_limit_seconds": by_limit,
                "by_chain_seconds": chain * latency_ms / 1000,
                "ratio": round(seconds / bound, 3),
                "requests": scan.requests,
                "status": scan.status,
            },
            target="at most 1.15",
            met=seconds <= 1.15 * bound,
            how=f"10,000 pages, 40 databases; the longest chain is half of the search. {_HOW}",
        )


def _least_requests(organization: Organization, scan: Scan) -> tuple[int, int]:
    """Return the least number of requests for what a scan enumerated, and the longest chain of cursors."""
    with within(organization):
        objects = Version.objects.filter(organization=organization)
        people = objects.filter(kind="user")
        listed = people.exclude(structure__standing__in=["guest", "unresolved"]).count()
        pages = objects.filter(kind="page", state="live").count()
        trashed = objects.filter(kind="page", state="trashed").count()
        sources = objects.filter(kind="data_source", state="live")
        trashed_sources = objects.filter(kind="data_source", state="trashed").count()
        rows = [
            objects.filter(kind="page", state="live", parent_id=source).count()
            for source in sources.values_list("object_id", flat=True)
        ]
        looked_up = objects.filter(kind__in=["database", "block"]).count() + people.count() - listed
    lists = [listed, pages, trashed, len(rows), trashed_sources, *rows]
    # A list that is empty takes a request as well, and one that was never seen takes a look-up.
    least = sum(max(1, math.ceil(count / 100)) for count in lists) + looked_up + scan.coverage["unseen"]
    return least, math.ceil(pages / 200)


# Against a plain client ------------------------------------------------------------------------------------


def _against_a_plain_client() -> Iterator[Figure]:
    # As many pages as one window lets through.
    options = ["--pages", "14000", "--databases", "0", "--rows", "0", "--rate-limit", str(_LIMIT)]
    with serve(*options, "--latency-ms", "300", "--as-of", _WEEKS_AGO) as facts, working(facts["url"]):
        acme = connected("side-by-side", facts)
        started = perf_counter()
        scan = begun(acme)
        # Then it goes on to what a plain crawl never asks for: parents, and authors who are not listed.
        while again(scan).stage in ("", "Reading lists"):
            time.sleep(0.05)
        ours = perf_counter() - started
        requests = again(scan).requests
        with rls.scope(rls.organization_scope(acme.pk)):
            cancel_scan(organization=acme, actor=None, scan_id=scan.pk)
        # The window that our scan used is over before the other begins.
        time.sleep(_WINDOW_SECONDS)
        started = perf_counter()
        plain = _plain_crawl(facts)
        theirs = perf_counter() - started
    yield Figure(
        name="users and search, a plain notion-client against ours",
        values={
            "plain_seconds": round(theirs, 1),
            "our_seconds": round(ours, 1),
            "ratio": round(theirs / ours, 2),
            "our_requests": requests,
            "plain_requests": plain,
        },
        target="at least 1.8",
        met=theirs >= 1.8 * ours,
        how=f"14,000 pages, no database, 300 ms; one request after the other by notion-client. {_HOW}",
    )


def _plain_crawl(facts: dict[str, Any]) -> int:
    from notion_client import Client

    client = Client(auth=_token(facts), base_url=facts["url"], notion_version="2026-03-11")
    requests, cursor = 0, None
    while True:
        page = client.users.list(**({"start_cursor": cursor} if cursor else {}), page_size=100)
        requests, cursor = requests + 1, page["next_cursor"]
        if not cursor:
            break
    for kind in ("page", "data_source"):
        for in_trash in (False, True):
            cursor = None
            while True:
                asked: dict[str, Any] = {"filter": {"property": "object", "value": kind}, "page_size": 100}
                asked |= {"in_trash": True} if in_trash else {}
                # Its search() leaves out what it does not know, as whether the trash is meant.
                body = asked | ({"start_cursor": cursor} if cursor else {})
                page = client.request(path="search", method="POST", body=body)
                requests, cursor = requests + 1, page["next_cursor"]
                if not cursor:
                    break
    return requests


# Without latency and limit ---------------------------------------------------------------------------------


def _throughput() -> Figure:
    with serve("--pages", "20000", "--databases", "40", "--warm", "--as-of", _WEEKS_AGO) as facts:
        ours, bare = [], []
        for number in range(3):
            acme = connected(f"throughput-{number}", facts, unlimited=True)
            started = perf_counter()
            scan = work(begun(acme))
            ours.append(scan.size / (perf_counter() - started))
            bare.append(scan.size / _bare_loop(acme, facts))
    rate, plain = sorted(ours)[1], sorted(bare)[1]
    return Figure(
        name="objects per second, against a bare loop that fetches and parses",
        values={"objects_per_second": round(rate), "bare": round(plain), "ratio": round(rate / plain, 3)},
        target="at least 0.5",
        met=rate >= 0.5 * plain,
        how="20,000 pages, no latency, no limit; in turn, median of 3. The loop asks what the scan asked.",
    )


def _bare_loop(organization: Organization, facts: dict[str, Any]) -> float:
    """Ask for what a scan asks for, over one connection, and only parse it; returns the seconds."""
    with within(organization):
        objects = Version.objects.filter(organization=organization)
        ids = {kind: list(objects.filter(kind=kind).values_list("object_id", flat=True)) for kind in _ALONE}
        sources = list(objects.filter(kind="data_source", state="live").values_list("object_id", flat=True))
    with _asking(facts) as ask:
        return _walk_all(ask, sources, ids)


Ask = Callable[..., dict[str, Any]]


@contextmanager
def _asking(facts: dict[str, Any]) -> Iterator[Ask]:
    """Give a function that makes one request after the other over one connection."""
    connection = http.client.HTTPConnection(urlsplit(facts["url"]).netloc, timeout=30)
    headers = {
        "Authorization": f"Bearer {_token(facts)}",
        "Notion-Version": "2026-03-11",
        "Content-Type": "application/json",
    }

    def ask(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        found: dict[str, Any] = json.loads(connection.getresponse().read())
        return found

    try:
        yield ask
    finally:
        connection.close()


def _walk_all(ask: Ask, sources: list[UUID], ids: dict[str, list[UUID]]) -> float:
    def walk(method: str, path: str, body: dict[str, Any]) -> None:
        asked = body | {"page_size": 100}
        while (page := ask(method, path, asked)).get("has_more"):
            asked["start_cursor"] = page["next_cursor"]

    started = perf_counter()
    ask("GET", "/v1/users?page_size=100")
    for kind in ("page", "data_source"):
        for in_trash in (False, True):
            walk(
                "POST", "/v1/search", {"filter": {"property": "object", "value": kind}, "in_trash": in_trash}
            )
    for source in sources:
        walk("POST", f"/v1/data_sources/{source}/query?filter_properties=title", {})
    for kind, path in _ALONE.items():
        for object_id in ids[kind]:
            ask("GET", f"/v1/{path}/{object_id}")
    return perf_counter() - started


# Again, when little or nothing changed ---------------------------------------------------------------------


_SMALL = ("--pages", "10000", "--databases", "40")
_CHANGED, _TOUCHED = 150, 5


def _incremental() -> Iterator[Figure]:
    # A workspace of weeks ago stands still there; what is edited in one of today is edited now.
    with serve(*_SMALL, "--as-of", _WEEKS_AGO) as facts:
        acme = connected("again", facts, unlimited=True)
        first = work(begun(acme))
        again = work(begun(acme, full=False))
        written, members = _written(again), _members(acme)
    yield Figure(
        name="incremental scan when nothing changed",
        values={
            "requests": again.requests,
            "allowed": 5 + math.ceil(members / 100),
            "written": written,
            "full": first.requests,
        },
        target="at most 5 requests and those for users, no row written",
        met=again.requests <= 5 + math.ceil(members / 100) and written == 0,
        how=f"10,000 pages that were edited weeks ago. {_HOW}",
    )
    with serve(*_SMALL) as facts:
        acme = connected("changed", facts, unlimited=True)
        work(begun(acme))
        _edit_rows(acme, facts)
        again = work(begun(acme, full=False))
        written, members = _written(again), _members(acme)
    allowed = 5 + math.ceil(_CHANGED / 100) + _TOUCHED + math.ceil(members / 100)
    yield Figure(
        name=f"incremental scan when {_CHANGED} rows of {_TOUCHED} data sources changed",
        values={"requests": again.requests, "allowed": allowed, "written": written},
        target="at most 5 requests, one for 100 changed, one for each data source, and those for users",
        met=again.requests <= allowed and written >= _CHANGED,
        how=f"10,000 pages. {_HOW}",
    )


def _written(scan: Scan) -> int:
    with rls.scope(rls.organization_scope(scan.organization_id)), transaction.atomic():
        return Version.objects.filter(organization_id=scan.organization_id, valid_from=scan.number).count()


def _members(organization: Organization) -> int:
    with within(organization):
        return Version.objects.filter(organization=organization, kind="user", state="live").count()


def _edit_rows(organization: Organization, facts: dict[str, Any]) -> None:
    """Give rows another title through the API, as many in each of some data sources."""
    with within(organization):
        versions = Version.objects.filter(organization=organization, state="live")
        sources = versions.filter(kind="data_source").values_list("object_id", flat=True)
        rows = {source: versions.filter(kind="page", parent_id=source) for source in sources}
        large = sorted(rows.values(), key=lambda found: -found.count())[:_TOUCHED]
        ids = [
            row
            for found in large
            for row in found.values_list("object_id", flat=True)[: _CHANGED // _TOUCHED]
        ]
    assert len(ids) == _CHANGED
    with _asking(facts) as ask:
        for page in ids:
            title = {"title": {"title": [{"text": {"content": "Another title"}}]}}
            assert ask("PATCH", f"/v1/pages/{page}", {"properties": title})["object"] == "page"


# After a kill ----------------------------------------------------------------------------------------------


def _resume() -> Figure:
    options = ["--pages", "10000", "--databases", "40", "--latency-ms", "100", "--as-of", _WEEKS_AGO]
    with ExitStack() as stack:
        facts = stack.enter_context(serve(*options))
        acme = connected("killed", facts, unlimited=True)
        worker = stack.enter_context(working(facts["url"]))
        scan = begun(acme)
        while again(scan).requests < 100:
            time.sleep(0.05)
        # Only now, so that it is not this one that reads.
        stack.enter_context(working(facts["url"]))
        taken = again(scan).lease
        worker.send_signal(signal.SIGKILL)
        killed = perf_counter()
        while again(scan).lease == taken and again(scan).is_live:
            time.sleep(0.05)
        seconds = perf_counter() - killed
        scan = ended(scan)
    lease = settings.SCAN_LEASE_SECONDS
    return Figure(
        name="seconds until a killed worker's scan goes on",
        values={"seconds": round(seconds, 1), "lease_seconds": lease, "status": scan.status},
        target="at most the lease and 5 s",
        met=seconds <= lease + 5 and scan.status == Scan.Status.COMPLETE,
        how="SIGKILL after a hundred requests, two workers.",
    )


# Fifty organizations on one worker -------------------------------------------------------------------------


def _together() -> Figure:
    options = ["--pages", "2000", "--latency-ms", "300", "--rate-limit", str(_LIMIT), "--as-of", _WEEKS_AGO]
    names = [f"Company {number}" for number in range(_ORGANIZATIONS)]
    for name in names:
        options += ["--workspace", name]
    with serve(*options) as facts, working(facts["url"], "--concurrency", str(_ORGANIZATIONS)):
        alone = connected("company-alone", facts, number=0)
        _wait_for_a_window([alone])
        started = perf_counter()
        ended(begun(alone))
        alone_seconds = perf_counter() - started
        crowd = [connected(f"company-{number}", facts, number=number) for number in range(_ORGANIZATIONS)]
        _wait_for_a_window(crowd)
        scans = [begun(each) for each in crowd]
        ends = [ended(scan) for scan in scans]
    took = sorted((scan.finished_at - scan.created_at).total_seconds() for scan in ends)  # type: ignore[operator]
    return Figure(
        name="fifty organizations at once on one worker, against one alone",
        values={
            "alone_seconds": round(alone_seconds, 1),
            "median_seconds": round(took[len(took) // 2], 1),
            "slowest_seconds": round(took[-1], 1),
            "ratio_of_the_slowest": round(took[-1] / alone_seconds, 2),
        },
        target="each at most 1.3",
        met=took[-1] <= 1.3 * alone_seconds,
        how=f"2,000 pages each, 300 ms, {_LIMIT} requests a minute each. {_HOW}",
    )


def _wait_for_a_window(organizations: list[Organization]) -> None:
    """Wait until what was asked for after connecting is counted, and no window knows of it any more."""
    for organization in organizations:
        while True:
            with within(organization):
                if organization.integrations.get().shared_counted_at:
                    break
            time.sleep(0.1)
    time.sleep(_WINDOW_SECONDS)


# A million objects -----------------------------------------------------------------------------------------


def _memory() -> Figure:
    peaks: dict[int, dict[str, Any]] = {}
    for pages in (100_000, 1_000_000):
        with serve("--pages", str(pages), "--databases", "200", "--workspace", "Acme Atlas") as facts:
            acme = connected(f"memory-{pages}", facts, unlimited=True)
            with working(facts["url"]) as worker:
                scan = begun(acme)
                peak = resident = 0
                # What the report takes, which the same worker makes afterwards, is not the scan's.
                while again(scan).is_live:
                    peak = max(peak, resident)
                    resident = _resident_bytes(worker.pid)
                    time.sleep(0.2)
            scan = again(scan)
            peaks[pages] = {"peak_mb": round(peak / 2**20), "objects": scan.size, "status": scan.status}
    small, large = (int(peaks[pages]["peak_mb"]) for pages in (100_000, 1_000_000))
    return Figure(
        name="memory of a worker that reads a million objects",
        values={"of_100000": peaks[100_000], "of_1000000": peaks[1_000_000]},
        target="at most 256 MB, and at most 32 MB more than for 100,000",
        met=large <= 256 and large - small <= 32,
        how=f"The highest resident size, looked at five times a second. {_HOW}",
    )


def _resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


# What the figures stand on ---------------------------------------------------------------------------------

# Long enough ago that an incremental scan finds nothing edited.
_WEEKS_AGO = time.strftime("%Y-%m-%dT%H:%M:00+00:00", time.gmtime(time.time() - 21 * 24 * 3600))


@contextmanager
def serve(*options: str) -> Iterator[dict[str, Any]]:
    """Serve a sandbox of our own; gives its address and tokens."""
    command = ["manage.py", "sandbox", "--port", "0", "--json", *options]
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


@contextmanager
def working(notion_url: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker over the benchmark's database."""
    environment = database.process_environment() | {
        "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
        "SITE_URL": "http://localhost:1",
        "SITE_NOTION_URL": notion_url,
        "SITE_CLIENT_SECRET": "unused",
    }
    with subprocess.Popen(
        [sys.executable, "manage.py", "worker", *options],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def connected(slug: str, facts: dict[str, Any], *, number: int = 0, unlimited: bool = False) -> Organization:
    """Return an organization that is connected to a workspace of the sandbox."""
    settings.NOTION_API_BASE_URL = facts["url"]
    organization = make_organization(slug, slug.title())
    with rls.scope(rls.organization_scope(organization.pk)):
        connect_internal(organization=organization, actor=None, token=Secret(_token(facts, number)))
    # Connecting counts what is shared, and what it used is not the scan's.
    with within(organization):
        RateBudget.objects.all().delete()
        if unlimited:
            RateBudget.objects.create(
                organization=organization,
                integration=organization.integrations.get(),
                window_started_at="2999-01-01T00:00:00Z",
                limit=2_000_000_000,
            )
    return organization


def _token(facts: dict[str, Any], number: int = 0) -> str:
    tokens = [token for name, token in facts["tokens"].items() if name.endswith("/internal")]
    return str(tokens[number])


def begun(organization: Organization, *, full: bool = True) -> Scan:
    with rls.scope(rls.organization_scope(organization.pk)):
        return start_scan(organization=organization, actor=None, full=full)


def again(scan: Scan) -> Scan:
    with rls.scope(rls.organization_scope(scan.organization_id)), transaction.atomic():
        return Scan.objects.get(pk=scan.pk)


def ended(scan: Scan) -> Scan:
    """Wait for the workers to end a scan."""
    while (now := again(scan)).is_live:
        time.sleep(0.1)
    return now


def work(scan: Scan) -> Scan:
    """Carry a scan out in this process."""
    with rls.scope(rls.job_scope(scan.organization_id)):
        run_scan(organization_id=scan.organization_id, scan_id=scan.pk)
    return again(scan)
