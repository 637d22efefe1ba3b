"""The benchmarks, one after another, in a fresh database that is dropped at the end."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Iterator
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


def run(names: list[str]) -> int:
    """Run the parts of these names, or all of them; returns the exit status."""
    if unknown := set(names) - set(_PARTS):
        sys.stderr.write(f"There is no part {', '.join(sorted(unknown))}; there are: {', '.join(_PARTS)}.\n")
        return 2
    # The audit's log lines would drown the figures.
    logging.disable(logging.INFO)
    # Told to stop, drop the database all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with redirect_stdout(sys.stderr):  # Django reports that the cache's table exists
        database_name = database.create(suffix="bench", keep=False)
    try:
        acme = world.make_place("acme")
        world.connect(acme.organization)
        for name in names or _PARTS:
            for figure in _PARTS[name](acme):
                figure.show()
    finally:
        database.drop(database_name)
    return 0


_PARTS: dict[str, Callable[[world.Place], Iterator[Figure]]] = {
    "queries": queries.measure,
    "card_page": lambda acme: card_page.measure(connected=acme, unconnected=world.make_place("empty")),
    "isolation": isolation.measure,
    "reveal": lambda acme: reveal.measure(acme.organization),
    "row_security": lambda acme: row_security.measure(),
    "gateway": lambda acme: gateway.measure(),
    "sandbox": lambda acme: sandbox.measure(),
    "audit": lambda acme: audit.measure(),
    "keys": lambda acme: keys.measure(),
    "reports": lambda acme: reports.measure(),
    "scans": lambda acme: scans.measure(),
}
