"""Figure: how many search requests the sandbox answers, so that it is never what is measured."""

from __future__ import annotations

import http.client
import json
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from tests.bench.figure import Figure
from tests.bench.pairs import p95

_TARGET = 500
_PAGES = 3_000
_WALKS = 100
_NEXT = re.compile(rb'"next_cursor": ?"([^"]+)"')
_HOW = (
    f"manage.py sandbox --warm in a process of its own with {_PAGES} Notion pages; this process walks the "
    "whole search over one kept-alive connection, 100 results per request, and parses no body."
)


def measure() -> Iterator[Figure]:
    with _sandbox() as facts:
        connection = http.client.HTTPConnection(urlsplit(facts["url"]).netloc, timeout=30)
        headers = {
            "Authorization": f"Bearer {facts['tokens']['acme-atlas/internal']}",
            "Notion-Version": "2026-03-11",
            "Content-Type": "application/json",
        }
        results = sum(len(json.loads(body)["results"]) for body, _ in _walk(connection, headers))
        started = perf_counter()
        seconds = [took for _ in range(_WALKS) for _, took in _walk(connection, headers)]
        rate = len(seconds) / (perf_counter() - started)
        connection.close()
    yield Figure(
        name="sandbox, search requests per second",
        values={
            "requests_per_second": round(rate),
            "median_ms": round(statistics.median(seconds) * 1000, 3),
            "p95_ms": round(p95(seconds) * 1000, 3),
            "requests": len(seconds),
            "results_per_walk": results,
        },
        target=f"at least {_TARGET} per second",
        met=rate >= _TARGET,
        how=_HOW,
    )


@contextmanager
def _sandbox() -> Iterator[dict[str, Any]]:
    """Serve a sandbox; gives its address and tokens."""
    command = ["manage.py", "sandbox", "--port", "0", "--pages", str(_PAGES), "--warm", "--json"]
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def _walk(connection: http.client.HTTPConnection, headers: dict[str, str]) -> Iterator[tuple[bytes, float]]:
    """Search from the first result to the last; gives each body and the seconds it took."""
    asked: dict[str, Any] = {"page_size": 100}
    while True:
        payload = json.dumps(asked)
        started = perf_counter()
        connection.request("POST", "/v1/search", payload, headers)
        response = connection.getresponse()
        body = response.read()
        yield body, perf_counter() - started
        if response.status != 200:
            raise AssertionError(f"The sandbox answered {response.status}.")
        following = _NEXT.search(body, max(0, len(body) - 500))
        if following is None:
            return
        asked = {"page_size": 100, "start_cursor": following[1].decode()}
