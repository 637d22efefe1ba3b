"""Every benchmark, one after another, in a fresh database that is dropped at the end."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout

from tests import database
from tests.bench import (
    audit,
    card_page,
    gateway,
    isolation,
    keys,
    queries,
    reports,
    reveal,
    row_security,
    sandbox,
    scans,
    world,
)
from tests.bench.figure import Figure


def run() -> None:
    # The audit's log lines would drown the figures.
    logging.disable(logging.INFO)
    # Told to stop, drop the database all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with redirect_stdout(sys.stderr):  # Django reports that the cache's table exists
        name = database.create(suffix="bench", keep=False)
    try:
        for figure in _figures():
            figure.show()
    finally:
        database.drop(name)


def _figures() -> Iterator[Figure]:
    acme = world.make_place("acme")
    world.connect(acme.organization)
    yield from queries.measure(acme)
    yield from card_page.measure(connected=acme, unconnected=world.make_place("empty"))
    yield from isolation.measure(acme)
    yield from reveal.measure(acme.organization)
    yield from row_security.measure()
    yield from gateway.measure()
    yield from sandbox.measure()
    yield from audit.measure()
    yield from keys.measure()
    yield from reports.measure()
    yield from scans.measure()
