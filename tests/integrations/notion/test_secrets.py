"""A token, a code or the application's secret is in no log line and in nothing that an error carries."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from integrations.http.errors import ProviderError
from integrations.http.wire import parse_object
from integrations.notion.errors import NotionAppRefused, NotionError, NotionUnavailable
from integrations.notion.oauth import OAuthApp
from notionscan.secret import Secret
from tests.integrations.notion.doors import CANARY, ME, VERSION, FakeTime, me_by_requests, me_by_sdk, opened
from tests.integrations.notion.rawserver import (
    REQUEST_ID,
    RawServer,
    Reply,
    answer,
    cut,
    endless,
    error,
    html,
    reset,
)

CLIENT_ID, CLIENT_SECRET = "client-of-ours", "secret_CANARYapp0451"
BASIC = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
CODE, REFRESH, FRESH = "code_CANARY77", "nrt_CANARYold31", "ntn_CANARYfresh64"
NEVER_SHOWN = (CANARY, CLIENT_SECRET, BASIC, CODE, REFRESH, FRESH)
# A grant that holds new tokens and is refused all the same.
HALF_A_GRANT = {"access_token": FRESH, "refresh_token": FRESH, "bot_id": None}
QUERY = "quarterly layoffs"


def shown(text: str) -> list[str]:
    """Return the secrets in a text, also as a repr writes bytes or as a URL writes them."""
    return [secret for secret in NEVER_SHOWN if secret in text or secret.rstrip("=") in text]


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


def search(base_url: str) -> None:
    with opened(base_url, deadline_seconds=1) as client:
        list(client.search_pages(query=QUERY))


CALLS: dict[str, Callable[[str], Any]] = {
    "me by the sdk": lambda url: me_by_sdk(url, retry=FakeTime().retry(), deadline_seconds=1),
    "me by requests": lambda url: me_by_requests(url, retry=FakeTime().retry(), deadline_seconds=1),
    "search": search,
    "exchange": lambda url: app(url).exchange(CODE),
    "refresh": lambda url: app(url).refresh(Secret(REFRESH)),
    "introspect": lambda url: app(url).introspect(Secret(CANARY)),
    "revoke": lambda url: app(url).revoke(Secret(CANARY)),
}
FAULTS: dict[str, Reply] = {
    "401": error(401, "unauthorized"),
    "400": answer(400, {"error": "invalid_grant"}),
    "429": error(429, "rate_limited", retry_after="300"),
    "503": error(503, "service_unavailable"),
    "html": html(403),
    "reset": reset,
    "cut": cut(f'{{"access_token": "{FRESH}"'.encode()),
    "endless": endless(),
    "redirect": answer(302, b"", location="https://elsewhere.example/"),
    "half a grant": answer(200, HALF_A_GRANT),
    "list": answer(200, [FRESH]),
}


def reachable(failure: BaseException) -> Iterator[str]:
    """Yield everything that an error report could print: the chain, suppressed or not, and all frames."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [failure]
    while waiting:
        error = waiting.pop()
        if error is None or id(error) in seen:
            continue
        seen.add(id(error))
        waiting += [error.__cause__, error.__context__]
        yield f"{error} {error!r} {error.args!r} {vars(error)!r}"
        trace = error.__traceback__
        while trace is not None:
            if not trace.tb_frame.f_code.co_filename.startswith(__file__.rpartition("/")[0]):
                yield repr(trace.tb_frame.f_locals)
            trace = trace.tb_next


@pytest.mark.parametrize("call", list(CALLS))
@pytest.mark.parametrize("fault", list(FAULTS))
def test_an_error_carries_no_secret(call: str, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), RawServer(FAULTS[fault]) as server:
        try:
            CALLS[call](server.url)
        except NotionError as failure:
            found = [secret for text in reachable(failure) for secret in shown(text)]
            assert found == []
    assert shown(logged(caplog)) == []


def test_the_search_for_secrets_would_find_one() -> None:
    def fail() -> None:
        raise NotionUnavailable(CANARY)

    failure = failure_of(fail)
    assert failure is not None
    assert any(shown(text) for text in reachable(failure))
    # A frame outside the tests that holds one.
    locals_too = failure_of(lambda: parse_object(f"x{CANARY}".encode()))
    assert locals_too is not None
    assert any(shown(text) for text in reachable(locals_too))


def failure_of(call: Callable[[], Any]) -> ProviderError | None:
    try:
        call()
    except ProviderError as failure:
        return failure
    return None


@pytest.fixture
def _every_logger_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turn every logger there is to DEBUG, the SDK's silent one included."""
    for name in list(logging.root.manager.loggerDict):
        if re.match(r"(httpx|httpcore|urllib3|requests|notion)", name):
            monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
            monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    logging.getLogger().manager._clear_cache()  # type: ignore[attr-defined]


REPLIES: dict[str, object] = {
    "me by the sdk": ME,
    "me by requests": ME,
    "search": {"object": "list", "results": [], "has_more": False, "next_cursor": None},
    "exchange": {
        "access_token": FRESH,
        "refresh_token": FRESH,
        "bot_id": ME["id"],
        "workspace_id": ME["id"],
        "owner": {"type": "workspace"},
    },
    "refresh": {"access_token": FRESH, "bot_id": ME["id"], "workspace_id": ME["id"]},
    "introspect": {"active": True},
    "revoke": {},
}


def logged(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(f"{record.getMessage()} {vars(record)!r}" for record in caplog.records)


@pytest.mark.usefixtures("_every_logger_speaks")
@pytest.mark.parametrize("call", list(CALLS))
def test_a_call_logs_no_secret_at_debug(call: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), RawServer(answer(200, REPLIES[call])) as server:
        CALLS[call](server.url)
    names = {record.name for record in caplog.records}
    # The libraries did speak, so their silence is not what keeps the secret.
    assert names & {"urllib3.connectionpool", "httpcore.http11"}
    text = logged(caplog)
    assert shown(text) == []
    assert QUERY not in text


@pytest.mark.parametrize("call", list(CALLS))
def test_a_call_leaves_one_line_that_tells_what_and_how_long(
    call: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), RawServer(answer(200, REPLIES[call])) as server:
        CALLS[call](server.url)
    (record,) = (record for record in caplog.records if record.name == "notionscan.notion")
    fields = vars(record)["fields"]
    assert fields["status"] == 200
    assert fields["notion_request"] == REQUEST_ID
    assert fields["milliseconds"] >= 0
    assert record.getMessage() == f"notion {fields['method']} {fields['path']}"


def test_each_attempt_leaves_a_line_and_a_broken_one_says_how(caplog: pytest.LogCaptureFixture) -> None:
    for call in ("me by the sdk", "me by requests"):
        caplog.clear()
        with caplog.at_level(logging.INFO), RawServer(reset, answer(200, ME)) as server:
            CALLS[call](server.url)
        fields = [vars(record)["fields"] for record in caplog.records if record.name == "notionscan.notion"]
        assert [entry["status"] for entry in fields] == [0, 200]
        assert fields[0]["failure"]
        assert "failure" not in fields[1]


def test_an_id_in_a_path_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    person = {"object": "user", "id": ME["id"], "type": "person", "name": "Ada"}
    with (
        caplog.at_level(logging.INFO, "notionscan"),
        RawServer(answer(200, person)) as server,
        opened(server.url) as client,
    ):
        client.user(str(ME["id"]))
    (record,) = (record for record in caplog.records if record.name == "notionscan.notion")
    assert record.getMessage() == "notion GET users/{id}"


def test_what_holds_a_token_does_not_print_it() -> None:
    with opened("http://127.0.0.1:9") as client:
        inside = [
            client,
            client._sdk,
            client._sdk.options,
            client._http,
            client._http.headers,
            client._transport,
        ]
        text = " ".join(f"{thing!r} {vars(thing) if hasattr(thing, '__dict__') else ''}" for thing in inside)
    assert shown(text) == []
    assert shown(repr(app("http://127.0.0.1:9"))) == []


@pytest.mark.parametrize("kind", [*NotionError.__subclasses__(), NotionAppRefused])
def test_an_errors_sentence_is_calm_and_has_no_codes(kind: type[NotionError]) -> None:
    assert kind.sentence.endswith(".")
    assert "!" not in kind.sentence
    assert "_" not in kind.sentence
    assert not re.search(r"\b[1-5]\d\d\b", kind.sentence)
    assert kind.code.startswith("notion_")
    assert kind.__doc__
