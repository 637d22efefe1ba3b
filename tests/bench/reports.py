"""Figures: how long an analysis, a preview, a report page and a PDF take."""

from __future__ import annotations

import json
import multiprocessing
import random
import resource
import statistics
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any
from uuid import UUID

import django
import polars as pl
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from notionscan import rls
from scans import metadata, pdf, preview, report_views
from scans.analysis import Snapshot, analyse
from scans.analysis.calibration import Calibration
from scans.analysis.snapshot import SCHEMA
from scans.models import Report, Scan, Seen
from scans.services import report as reports
from scans.services.report import make_report
from scans.storage import merge
from tenants.policy import Member
from tests.bench.figure import Figure
from tests.bench.world import Place, make_place
from tests.factories import log_in, within

_AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
_TITLES = ("Plan", "Roadmap v2", "Untitled", "Old prices", "Weekly", "Notes of a meeting")
_COVERAGE = {"percent": 98, "reasons": ["A part is not shared."], "objects": {}, "inTrash": 0}
_VISITS = 60


def measure() -> Iterator[Figure]:
    yield from _analyses()
    small, large = _reported("report-100", 100), _reported("report-million", 1_000_000)
    yield _pages(small, large)
    yield _pdf(large)
    yield _preview()


def _analyses() -> Iterator[Figure]:
    for size, seconds, megabytes in ((10_000, 0.5, 1536), (1_000_000, 20, 1536)):
        # In a process of its own, so that the peak is this analysis'.
        with multiprocessing.get_context("spawn").Pool(1, initializer=django.setup) as pool:
            took, peak = pool.apply(_analysed, (size,))
        yield Figure(
            name=f"analysis of {size:,} objects",
            values={"seconds": round(took, 2), "peak_mb": round(peak)},
            target=f"at most {seconds} s and {megabytes} MB",
            met=took <= seconds and peak <= megabytes,
            how="analyse() over an invented workspace, once after a small one; the peak of its process.",
        )


def _analysed(size: int) -> tuple[float, float]:
    analyse(_workspace(100), Calibration.default(), _AS_OF)
    snapshot = _workspace(size)
    started = perf_counter()
    analyse(snapshot, Calibration.default(), _AS_OF)
    return perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _reported(slug: str, size: int) -> tuple[Place, Report]:
    """Make an organization with the report on a workspace of this size, without its objects."""
    place = make_place(slug)
    found = analyse(_workspace(size), Calibration.default(), _AS_OF)
    with within(place.organization):
        scan = _scan(place)
        in_force = reports.calibrations.in_force(place.organization.pk)
        made = Report.objects.create(
            organization=place.organization,
            scan=scan,
            calibration_number=0,
            engine_version=reports.ENGINE_VERSION,
            **reports._sealed(scan, in_force, found),
        )
    return place, made


def _pages(small: tuple[Place, Report], large: tuple[Place, Report]) -> Figure:
    seconds: dict[str, list[float]] = {"small": [], "large": []}
    queries = {}
    for _ in range(_VISITS):
        for name, (place, report) in (("small", small), ("large", large)):
            browser = Client()
            log_in(browser, place.viewer)
            address = f"/orgs/{place.organization.slug}/scans/{report.scan_id}/report/"
            with CaptureQueriesContext(connection) as asked:
                started = perf_counter()
                answer = browser.get(address)
                seconds[name].append(perf_counter() - started)
            if answer.status_code != 200:
                raise AssertionError(answer.status_code)
            queries[name] = len(asked)
    ratio = statistics.median(seconds["large"]) / statistics.median(seconds["small"])
    return Figure(
        name="report page on a million objects against a hundred",
        values={
            "queries": queries,
            "median_ratio": round(ratio, 3),
            "median_ms": round(1000 * statistics.median(seconds["large"]), 1),
        },
        target="the same number of queries, at most 1.5",
        met=queries["small"] == queries["large"] and ratio <= 1.5,
        how=f"{_VISITS} visits each, in turn.",
    )


def _pdf(large: tuple[Place, Report]) -> Figure:
    place, report = large
    with within(place.organization):
        membership = place.viewer.memberships.select_related("organization", "user").get()
        context = report_views._context(Member(membership, frozenset()), report)
        started = perf_counter()
        made = pdf.write(context)
        seconds = perf_counter() - started
    return Figure(
        name="PDF of a report",
        values={"seconds": round(seconds, 2), "kilobytes": round(len(made) / 1024)},
        target="at most 5 s",
        met=seconds <= 5,
        how="The report on a million objects, with all evidence and tables.",
    )


def _preview() -> Figure:
    place = make_place("preview")
    with within(place.organization):
        scan = _scan(place)
        for batch in _workspace(10_000).objects.iter_slices(1_000):
            merge(scan, [_metadata(row) for row in batch.iter_rows(named=True)], found_by=Seen.SEARCH)
    with rls.scope(rls.organization_scope(place.organization.pk)):
        make_report(organization_id=place.organization.pk, scan_id=scan.pk)
        seconds = []
        for number in range(5):
            content = {"weights": {"structure": 10 + number}}
            started = perf_counter()
            preview.difference(place.organization.pk, content)
            seconds.append(perf_counter() - started)
    median = statistics.median(seconds)
    return Figure(
        name="preview of a calibration over 10,000 objects",
        values={"seconds": round(median, 3)},
        target="at most 1 s",
        met=median <= 1,
        how="preview.difference(), from reading the snapshot to the difference; median of 5.",
    )


def _scan(place: Place) -> Scan:
    return Scan.objects.create(
        organization=place.organization,
        number=1,
        integration_id=UUID(int=1),
        status=Scan.Status.INCOMPLETE,
        coverage=_COVERAGE,
        started_at=_AS_OF,
        finished_at=_AS_OF,
        started_by_label="bench",
    )


def _metadata(row: dict[str, Any]) -> metadata.Metadata:
    found = metadata.read({"object": row["kind"], "id": row["object_id"]})
    times = {name: row[name] and row[name].isoformat() for name in ("created_at", "edited_at")}
    return found._replace(**{**row, **times, "icon": ""})


def _workspace(size: int) -> Snapshot:
    """Invent a workspace: three in five are rows, of a database for each 5,000 objects."""
    dice = random.Random(size)
    people = [_id(dice) for _ in range(max(5, size // 2_000))]
    records = [
        _object(each, "user", "Ann Example", structure=json.dumps({"standing": "member", "type": "person"}))
        for each in people
    ]
    sources = []
    for number in range(max(3, size // 5_000)):
        holder, source = _id(dice), _id(dice)
        sources.append(source)
        schema = [
            {"id": "title", "name": "Name", "type": "title"},
            {"id": "who", "name": "Owner", "type": "people"},
            {"id": "rel", "name": "Project", "type": "relation", "target": dice.choice(sources)},
            *({"id": f"p{n}", "name": f"Field {n}", "type": "rich_text"} for n in range(number % 9)),
        ]
        times = {"created_at": _ago(dice), "edited_at": _ago(dice), "created_by": people[0]}
        records.append(_object(holder, "database", f"Base {number}", parent_kind="workspace", **times))
        records.append(
            _object(
                source,
                "data_source",
                f"Base {number}",
                parent_kind="database_id",
                parent_id=holder,
                structure=json.dumps(schema),
                **times,
            )
        )
    pages = [_id(dice) for _ in range(size)]
    for number, page in enumerate(pages):
        is_row, is_root = dice.random() < 0.6, number < 30
        place = "data_source_id" if is_row else "workspace" if is_root else "page_id"
        parent = dice.choice(sources) if is_row else None if is_root else pages[dice.randrange(number)]
        records.append(
            _object(
                page,
                "page",
                f"{dice.choice(_TITLES)} {number % 5_000}",
                parent_kind=place,
                parent_id=parent,
                created_at=_ago(dice),
                edited_at=_ago(dice),
                created_by=dice.choice(people),
                edited_by=dice.choice(people),
                is_public=dice.random() < 0.001,
            )
        )
    return Snapshot(pl.DataFrame(records, schema=SCHEMA), _COVERAGE)


def _object(object_id: str, kind: str, title: str, **values: Any) -> dict[str, Any]:
    empty = dict.fromkeys(SCHEMA) | {
        "state": "live",
        "parent_kind": "",
        "is_archived": False,
        "is_locked": False,
        "is_public": False,
    }
    return empty | {"object_id": object_id, "kind": kind, "title": title} | values


def _id(dice: random.Random) -> str:
    return str(UUID(int=dice.getrandbits(128)))


def _ago(dice: random.Random) -> datetime:
    return _AS_OF - timedelta(seconds=dice.randrange(2 * 365 * 86_400))
