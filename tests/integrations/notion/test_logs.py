"""What a log holds as the product sets it up, and as an operator who turned everything on would see it."""

from __future__ import annotations

import base64
import json
import logging
import logging.config
import re
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from integrations.notion.errors import NotionError, NotionUnavailable, sealed
from integrations.notion.oauth import OAuthApp
from notionscan.logs import JsonFormatter, configuration
from notionscan.secret import Secret
from tests.integrations.notion.doors import BOT_ID, CANARY, ME, VERSION, FakeTime, me_by_requests, opened
from tests.integrations.notion.rawserver import RawServer, Reply, answer, closed_port, cut, drip, error, reset

CLIENT_ID, CLIENT_SECRET = "client-of-ours", "secret_CANARYlogs19"
BASIC = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
CODE, REFRESH = "code_CANARYlogs", "nrt_CANARYlogs"
SECRETS = (CANARY, CLIENT_SECRET, BASIC, BASIC.rstrip("="), CODE, REFRESH)
LIBRARIES = ("httpx", "httpcore", "urllib3", "notion_client")


def app(base_url: str) -> OAuthApp:
    return OAuthApp(
        client_id=CLIENT_ID,
        client_secret=Secret(CLIENT_SECRET),
        redirect_uri="http://localhost/callback",
        base_url=base_url,
        notion_version=VERSION,
        deadline_seconds=1,
        retry=FakeTime().retry(),
    )


def look_up(base_url: str) -> None:
    with opened(base_url, deadline_seconds=1) as client:
        client.user(BOT_ID)


def list_users(base_url: str) -> None:
    with opened(base_url, deadline_seconds=1) as client:
        list(client.users())


CALLS: dict[str, Callable[[str], Any]] = {
    "user": look_up,
    "users": list_users,
    "verify": lambda url: me_by_requests(url, retry=FakeTime().retry(), deadline_seconds=1),
    "exchange": lambda url: app(url).exchange(CODE),
    "refresh": lambda url: app(url).refresh(Secret(REFRESH)),
    "introspect": lambda url: app(url).introspect(Secret(CANARY)),
    "revoke": lambda url: app(url).revoke(Secret(CANARY)),
}
FAULTS: dict[str, Reply] = {
    "401": error(401, "unauthorized"),
    "429": error(429, "rate_limited", retry_after="300"),
    "echo": answer(
        400, {"object": "error", "code": "x", "message": f"Bearer {CANARY} {BASIC} {CODE} {REFRESH}"}
    ),
    "reset": reset,
    "cut": cut(b'{"object": '),
    "negative chunk": drip(b"", after=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nx"),
    "odd header": answer(200, ME, x_odd="a\tb"),
}


@pytest.fixture
def _everything_speaks() -> Iterator[None]:
    """Turn each library's logger to DEBUG, with its children, and back."""
    named = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    chosen = [logger for logger in named if logger.name.startswith((*LIBRARIES, "notionscan", "requests"))]
    chosen += [logging.getLogger(name) for name in LIBRARIES]
    before = [(logger, logger.level, logger.propagate, logger.disabled) for logger in chosen]
    for logger in chosen:
        logger.setLevel(logging.DEBUG)
        logger.propagate, logger.disabled = True, False
    yield
    for logger, level, propagate, disabled in before:
        logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled


def failure_of(call: Callable[[], Any]) -> NotionError | None:
    try:
        call()
    except NotionError as failure:
        return failure
    return None


def shown(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


@pytest.mark.usefixtures("_everything_speaks")
@pytest.mark.parametrize("call", list(CALLS))
@pytest.mark.parametrize("fault", [*FAULTS, "refused"])
def test_a_failure_shows_no_secret_in_logs_nor_traceback(
    call: str, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    formatter = JsonFormatter()
    with caplog.at_level(logging.DEBUG), RawServer(FAULTS.get(fault, reset)) as server:
        url = f"http://127.0.0.1:{closed_port()}" if fault == "refused" else server.url
        failure = failure_of(lambda: CALLS[call](url))
        logging.getLogger("notionscan").error("it failed", exc_info=failure)
    if failure is not None:
        assert failure.__context__ is None
        assert failure.__cause__ is None
        assert shown("".join(traceback.format_exception(failure))) == []
    assert caplog.records
    assert shown("\n".join(formatter.format(record) for record in caplog.records)) == []
    assert shown("\n".join(repr(vars(record)) for record in caplog.records)) == []


def test_the_search_for_secrets_would_find_one(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("httpcore.http11").warning("headers %s", {"Authorization": f"Basic {BASIC}"})
    assert shown("\n".join(JsonFormatter().format(record) for record in caplog.records))


def test_a_sealed_error_forgets_what_it_was_raised_from() -> None:
    @sealed
    def careless() -> None:
        try:
            raise ValueError(CANARY)
        except ValueError as cause:
            raise NotionUnavailable("careless") from cause

    failure = failure_of(careless)
    assert failure is not None
    assert failure.__context__ is None
    assert failure.__cause__ is None
    assert shown("".join(traceback.format_exception(failure))) == []


@pytest.fixture(params=[False, True], ids=["production", "debug"])
def _as_the_product_logs(request: pytest.FixtureRequest) -> Iterator[None]:
    names = (*LIBRARIES, "django", "django.server", "procrastinate", "")
    before = [(logging.getLogger(name), logging.getLogger(name).level) for name in names]
    handlers = list(logging.root.handlers)
    logging.config.dictConfig(configuration(debug=request.param))
    yield
    for handler in list(logging.root.handlers):
        logging.root.removeHandler(handler)
    for handler in handlers:
        logging.root.addHandler(handler)
    for logger, level in before:
        logger.setLevel(level)


class Kept(logging.Handler):
    """Keeps what reaches the root, at whatever level the product let through."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(JsonFormatter().format(record)))


USERS = answer(200, {"object": "list", "results": [], "has_more": False, "next_cursor": None})
PERSON = answer(200, {"object": "user", "id": BOT_ID, "type": "person", "name": "Ada"})


@pytest.mark.usefixtures("_as_the_product_logs")
@pytest.mark.parametrize(("call", "reply"), [("users", USERS), ("user", PERSON), ("verify", answer(200, ME))])
def test_a_call_writes_one_line_of_ours_and_none_of_a_library(call: str, reply: Reply) -> None:
    """httpx would write each whole address at INFO, with the ids and cursors in it."""
    kept = Kept()
    logging.root.addHandler(kept)
    with RawServer(reply) as server:
        CALLS[call](server.url)
    (line,) = kept.lines
    assert line["logger"] == "notionscan.notion"
    assert {"method", "path", "status", "milliseconds"} <= line.keys()
    assert isinstance(line["milliseconds"], int)
    assert not re.search(r"127\.0\.0\.1|start_cursor|[0-9a-f]{8}-", line["message"] + line["path"])
