"""Reddit's door by itself: what is sent, what is believed, and what is never sent twice."""

from __future__ import annotations

import base64
import logging
import traceback
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from integrations.http.errors import ProviderError
from integrations.http.oauth import Account, TokenHint
from integrations.reddit.errors import (
    RedditAppRefused,
    RedditError,
    RedditOAuthRefused,
    RedditRateLimited,
    RedditUnauthorized,
    RedditUnavailable,
)
from integrations.reddit.oauth import RedditApp
from notionscan.logs import JsonFormatter
from notionscan.secret import Secret
from tests.integrations.notion.doors import FakeTime
from tests.integrations.notion.rawserver import RawServer, Reply, answer, closed_port, cut, html, reset

CLIENT_ID, CLIENT_SECRET = "reddit-client", "CANARYsecret"
REDIRECT_URI = "http://localhost:8000/api/integrations/reddit/callback"
USER_AGENT = "web:notionscan:v1 (by http://localhost:8000)"
CODE, TOKEN = "CANARYcode", "CANARYtoken"
GRANT: dict[str, Any] = {
    "access_token": "CANARYaccess",
    "token_type": "bearer",
    "expires_in": 3600,
    "scope": "identity",
    "refresh_token": "CANARYrefresh",
}
ME = {"id": "1a2b3c", "name": "acme_atlas", "is_employee": False, "total_karma": 7}
REPLIES: dict[str, Reply] = {
    "exchange": answer(200, GRANT),
    "refresh": answer(200, GRANT),
    "account": answer(200, ME),
    "revoke": answer(204),
}
SINGLE_USE = ["exchange", "refresh"]


def app(base_url: str, *, time: FakeTime | None = None) -> RedditApp:
    return RedditApp(
        client_id=CLIENT_ID,
        client_secret=Secret(CLIENT_SECRET),
        redirect_uri=REDIRECT_URI,
        www_base_url=base_url,
        oauth_base_url=base_url,
        user_agent=USER_AGENT,
        retry=(time or FakeTime()).retry(),
    )


def do(application: RedditApp, call: str) -> Any:
    if call == "exchange":
        return application.exchange(CODE)
    if call == "revoke":
        return application.revoke(Secret(TOKEN), TokenHint.REFRESH)
    return getattr(application, call)(Secret(TOKEN))


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


# What is sent -----------------------------------------------------------------------------------------


def test_the_consent_address_asks_for_identity_and_for_good() -> None:
    url = urlsplit(app("https://www.reddit.com/").authorize_url("st&te"))
    assert f"{url.scheme}://{url.netloc}{url.path}" == "https://www.reddit.com/api/v1/authorize"
    assert parse_qs(url.query) == {
        "client_id": [CLIENT_ID],
        "response_type": ["code"],
        "state": ["st&te"],
        "redirect_uri": [REDIRECT_URI],
        "duration": ["permanent"],
        "scope": ["identity"],
    }


@pytest.mark.parametrize(
    ("call", "path", "form"),
    [
        (
            "exchange",
            "access_token",
            {"grant_type": ["authorization_code"], "code": [CODE], "redirect_uri": [REDIRECT_URI]},
        ),
        ("refresh", "access_token", {"grant_type": ["refresh_token"], "refresh_token": [TOKEN]}),
        ("revoke", "revoke_token", {"token": [TOKEN], "token_type_hint": ["refresh_token"]}),
    ],
)
def test_a_call_of_the_application_is_a_form_with_basic_credentials(
    call: str, path: str, form: dict[str, list[str]]
) -> None:
    with RawServer(REPLIES[call]) as server:
        do(app(server.url), call)
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", f"/api/v1/{path}")
    assert parse_qs(seen.body.decode()) == form
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert seen.headers["user-agent"] == USER_AGENT
    scheme, _, encoded = seen.headers["authorization"].partition(" ")
    assert (scheme, base64.b64decode(encoded).decode()) == ("Basic", f"{CLIENT_ID}:{CLIENT_SECRET}")


def test_whose_token_it_is_is_asked_with_the_token_and_our_name() -> None:
    with RawServer(REPLIES["account"]) as server:
        found = do(app(server.url), "account")
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.body) == ("GET", "/api/v1/me", b"")
    assert seen.headers["authorization"] == f"Bearer {TOKEN}"
    assert seen.headers["user-agent"] == USER_AGENT
    assert found == Account(id="1a2b3c", name="acme_atlas")


@pytest.mark.parametrize("call", list(REPLIES))
def test_no_token_leaves_for_an_unsafe_address(call: str) -> None:
    with pytest.raises(ValueError, match="https://"):
        do(app("http://www.reddit.example"), call)


def test_a_token_that_no_header_can_carry_is_dead_without_asking() -> None:
    with RawServer(REPLIES["account"]) as server:
        with pytest.raises(RedditUnauthorized):
            app(server.url).account(Secret("two words"))
        assert server.seen == []


# What is believed -------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", SINGLE_USE)
def test_a_grant_is_read(call: str) -> None:
    with RawServer(REPLIES[call]) as server:
        grant = do(app(server.url), call)
    assert grant.access_token == Secret("CANARYaccess")
    assert grant.refresh_token == Secret("CANARYrefresh")
    assert grant.expires_in == 3600
    assert grant.account is None
    assert "CANARY" not in repr(grant)


def test_a_refresh_token_that_is_not_repeated_is_kept() -> None:
    reply = {name: value for name, value in GRANT.items() if name != "refresh_token"}
    with RawServer(answer(200, reply)) as server:
        assert do(app(server.url), "refresh").refresh_token == Secret(TOKEN)
        assert do(app(server.url), "exchange").refresh_token is None


@pytest.mark.parametrize("lifetime", [None, 0, -1, True, "3600", 3600.5, 10**12])
def test_a_lifetime_that_is_none_is_not_believed(lifetime: object) -> None:
    with RawServer(answer(200, GRANT | {"expires_in": lifetime})) as server:
        assert do(app(server.url), "exchange").expires_in is None


@pytest.mark.parametrize("token", [None, "", 7, ["x"]])
def test_a_grant_without_a_token_is_none(token: object) -> None:
    with RawServer(answer(200, GRANT | {"access_token": token})) as server:
        with pytest.raises(RedditUnavailable):
            do(app(server.url), "exchange")
        assert len(server.seen) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"id": "../1"},
        {"id": "A" * 8},
        {"id": "1" * 99},
        {"name": None},
        {"name": "a b"},
        {"name": "<b>"},
        {"name": "x" * 99},
        {"name": "\x00"},
        {"name": "\u202e"},
    ],
)
def test_an_account_that_is_none_is_not_believed(change: dict[str, object]) -> None:
    with RawServer(answer(200, ME | change)) as server, pytest.raises(RedditUnavailable):
        do(app(server.url), "account")


# Refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", SINGLE_USE)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"error": "invalid_grant"}),
        (400, {"error": "invalid_grant"}),
        (400, {"error": "invalid_request"}),
        (400, {"message": "Bad Request", "error": 400}),
    ],
)
def test_a_code_or_token_that_is_worth_nothing_is_told(call: str, status: int, body: object) -> None:
    with RawServer(answer(status, body)) as server:
        with pytest.raises(RedditOAuthRefused) as caught:
            do(app(server.url), call)
        assert len(server.seen) == 1
    assert caught.value.code == "reddit_oauth_refused"


@pytest.mark.parametrize("call", ["exchange", "refresh", "revoke"])
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"message": "Unauthorized", "error": 401}),
        (200, {"error": "unsupported_grant_type"}),
        (400, {"error": "unauthorized_client"}),
        (403, {"message": "Forbidden", "error": 403}),
        (404, {"message": "Not Found", "error": 404}),
    ],
)
def test_a_refused_application_says_nothing_about_the_customers_token(
    call: str, status: int, body: object
) -> None:
    with RawServer(answer(status, body)) as server, pytest.raises(RedditError) as caught:
        do(app(server.url), call)
    assert type(caught.value) is RedditAppRefused


@pytest.mark.parametrize("call", list(REPLIES))
@pytest.mark.parametrize("status", [400, 401, 403, 404])
@pytest.mark.parametrize("body", [b"<h1>whoa there, pardner!</h1>", b"", b"{}", b'{"error": {}}', b"[]"])
def test_a_refusal_that_is_not_reddits_is_unavailable(call: str, status: int, body: bytes) -> None:
    with RawServer(answer(status, body)) as server, pytest.raises(RedditUnavailable) as caught:
        do(app(server.url), call)
    assert type(caught.value) is RedditUnavailable


def test_a_token_is_alive_until_reddit_says_otherwise() -> None:
    dead = answer(401, {"message": "Unauthorized", "error": 401})
    with RawServer(REPLIES["account"], dead, html(403)) as server:
        assert app(server.url).is_alive(Secret(TOKEN)) is True
        assert app(server.url).is_alive(Secret(TOKEN)) is False
        with pytest.raises(RedditUnavailable):
            app(server.url).is_alive(Secret(TOKEN))


def test_a_dead_token_is_dead_in_reddits_own_words() -> None:
    dead = answer(401, {"message": "Unauthorized", "error": 401})
    with RawServer(dead) as server, pytest.raises(RedditUnauthorized):
        do(app(server.url), "account")


@pytest.mark.parametrize("status", [403, 404])
def test_an_account_that_may_not_be_asked_for_says_nothing_about_its_token(status: int) -> None:
    refusal = answer(status, {"message": "…", "error": status})
    with RawServer(refusal) as server, pytest.raises(RedditUnavailable):
        do(app(server.url), "account")


def test_a_redirect_is_not_followed() -> None:
    with RawServer(REPLIES["account"]) as elsewhere:
        redirect = answer(302, b"", location=elsewhere.url)
        with RawServer(redirect) as server, pytest.raises(RedditUnavailable):
            do(app(server.url), "account")
        assert elsewhere.seen == []


# Once, or again ---------------------------------------------------------------------------------------

BROKEN: dict[str, Reply] = {
    "500": answer(500, {"message": "…", "error": 500}),
    "503 html": html(503),
    "reset": reset,
    "cut": cut(b'{"access_token": "CANARYaccess'),
    "html with 200": html(200),
}


@pytest.mark.parametrize("call", SINGLE_USE)
@pytest.mark.parametrize("fault", list(BROKEN))
def test_what_serves_once_is_not_sent_again_when_it_may_have_arrived(call: str, fault: str) -> None:
    with RawServer(BROKEN[fault], REPLIES[call]) as server:
        with pytest.raises(RedditUnavailable):
            do(app(server.url), call)
        assert len(server.seen) == 1


@pytest.mark.parametrize("call", ["account", "revoke"])
@pytest.mark.parametrize("fault", list(BROKEN))
def test_what_may_be_repeated_is(call: str, fault: str) -> None:
    with RawServer(BROKEN[fault], REPLIES[call]) as server:
        do(app(server.url), call)
    assert len(server.seen) == 2


@pytest.mark.parametrize("call", list(REPLIES))
@pytest.mark.parametrize("headers", [{"retry_after": "3"}, {"x_ratelimit_reset": "3"}])
def test_a_limit_is_waited_for(call: str, headers: dict[str, str], time: FakeTime) -> None:
    with RawServer(answer(429, b"", **headers), REPLIES[call]) as server:
        do(app(server.url, time=time), call)
    assert time.naps == [3]


@pytest.mark.parametrize("call", list(REPLIES))
def test_a_long_limit_is_told(call: str, time: FakeTime) -> None:
    limit = answer(429, b"", x_ratelimit_reset="300")
    with RawServer(limit) as server, pytest.raises(RedditRateLimited) as caught:
        do(app(server.url, time=time), call)
    assert (caught.value.retry_after, caught.value.code) == (300, "reddit_rate_limited")
    assert time.naps == []


# Secrets ----------------------------------------------------------------------------------------------

FAULTS: dict[str, Reply] = {
    "401": answer(401, {"message": "Unauthorized", "error": 401}),
    "429": answer(429, b"", retry_after="300"),
    "echo": answer(400, {"error": f"{CODE} {TOKEN} {CLIENT_SECRET}"}),
    "reset": reset,
    "cut": cut(b'{"access_token": "CANARYaccess'),
    "half": answer(200, {"access_token": None, "refresh_token": "CANARYrefresh", "id": "CANARY"}),
}


@pytest.mark.parametrize("call", list(REPLIES))
@pytest.mark.parametrize("fault", [*FAULTS, "refused"])
def test_a_failure_shows_no_secret_in_logs_nor_traceback(
    call: str, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    failure: ProviderError | None = None
    with caplog.at_level(logging.DEBUG), RawServer(FAULTS.get(fault, reset)) as server:
        url = f"http://127.0.0.1:{closed_port()}" if fault == "refused" else server.url
        try:
            do(app(url), call)
        except ProviderError as caught:
            failure = caught
        logging.getLogger("notionscan").error("it failed", exc_info=failure)
    if failure is not None:
        assert isinstance(failure, RedditError)
        assert failure.__context__ is None
        assert failure.__cause__ is None
        assert "CANARY" not in "".join(traceback.format_exception(failure))
        passed = [frame.filename for frame in traceback.extract_tb(failure.__traceback__)]
        assert not [name for name in passed if name.endswith(("plain.py", "retry.py", "answers.py"))]
    ours = [record for record in caplog.records if record.name == "notionscan.reddit"]
    assert ours
    formatter = JsonFormatter()
    shown = "\n".join(formatter.format(record) for record in caplog.records)
    basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    assert "CANARY" not in shown
    assert basic not in shown


def test_codes_tell_the_kinds_apart() -> None:
    def kinds(base: type[RedditError]) -> list[type[RedditError]]:
        return [base, *(kind for below in base.__subclasses__() for kind in kinds(below))]

    found = kinds(RedditError)
    assert len({kind.code for kind in found}) == len(found) == 6
    assert all(kind.code.startswith("reddit_") and "Reddit" in kind.sentence for kind in found)
