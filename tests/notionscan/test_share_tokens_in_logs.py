"""The token of a shared report is a key: logs hold its hash, the server's own access log as well."""

from __future__ import annotations

import hashlib
import logging
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import RequestFactory
from gunicorn.config import Config
from gunicorn.glogging import Logger

from notionscan.logs import JsonFormatter
from notionscan.wsgi import application

TOKEN = "b" * 43
HASH = f"sha256-{hashlib.sha256(TOKEN.encode()).hexdigest()[:12]}"


def formatted(message: str, *arguments: object, **more: Any) -> str:
    record = logging.LogRecord("django.request", logging.WARNING, "", 0, message, arguments, more.get("exc"))
    record.fields = more.get("fields", {})
    return JsonFormatter().format(record)


def test_a_message_holds_the_hash() -> None:
    line = formatted("Not Found: %s", f"/r/{TOKEN}")
    assert TOKEN not in line
    assert f"/r/{HASH}" in line


def test_what_is_added_to_a_line_holds_the_hash() -> None:
    line = formatted("refused", fields={"path": f"/r/{TOKEN}"})
    assert TOKEN not in line
    assert HASH in line


def test_an_exception_in_a_line_holds_the_hash() -> None:
    try:
        raise ValueError(f"https://scan.example/r/{TOKEN}?x=1 cannot be read")
    except ValueError as problem:
        line = formatted("failed", exc=(ValueError, problem, problem.__traceback__))
    assert TOKEN not in line
    assert HASH in line


def test_a_service_accounts_key_is_a_hash_wherever_it_stands() -> None:
    key = "nscan_" + "k" * 43
    for line in (
        formatted("Unauthorized: %s", f"/api/workspaces?key={key}"),
        formatted("x", fields={"a": key}),
    ):
        assert key not in line
        assert f"sha256-{hashlib.sha256(key.encode()).hexdigest()[:12]}" in line


def test_other_addresses_stay_as_they_are() -> None:
    for path in ("/r/view/0b5c/", "/orgs/acme/scans/", "/static/r.css", "https://scan.example/or/else"):
        assert path in formatted("Not Found: %s", path)


@pytest.mark.parametrize("path", [f"/r/{TOKEN}", f"/r/{TOKEN}/", f"/r/{TOKEN}?a=b", f"//r/{TOKEN}"])
def test_the_servers_access_log_holds_the_hash(committed: None, path: str) -> None:
    environ = RequestFactory(headers={"Referer": f"http://testserver{path}"}).get("/").environ
    environ |= {"RAW_URI": path, "PATH_INFO": path.partition("?")[0], "QUERY_STRING": path.partition("?")[2]}
    told: list[str] = []
    application(environ, lambda status, headers, exc_info=None: told.append(status) or (lambda body: None))
    assert told == ["404 Not Found"]
    answer = SimpleNamespace(status="404", sent=0, headers=[])
    asked = SimpleNamespace(headers=[("REFERER", environ.get("HTTP_REFERER", ""))])
    atoms = Logger(Config()).atoms(answer, asked, environ, timedelta(seconds=1))
    shown = {name: str(atoms[name]) for name in ("r", "U", "q", "f")}
    assert TOKEN not in str(shown)
    assert HASH in shown["r"]
