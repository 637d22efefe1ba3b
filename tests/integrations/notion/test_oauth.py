"""Consent, code, tokens: what is sent, what is believed, and what is never sent twice."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from integrations.http.oauth import Account
from integrations.http.retry import Retry
from integrations.notion.errors import (
    NotionAppRefused,
    NotionError,
    NotionOAuthRefused,
    NotionRateLimited,
    NotionUnavailable,
)
from integrations.notion.oauth import OAuthApp
from notionscan.secret import Secret
from tests.integrations.notion.doors import BOT_ID, VERSION, WORKSPACE_ID, FakeTime
from tests.integrations.notion.rawserver import (
    REQUEST_ID,
    RawServer,
    Reply,
    answer,
    closed_port,
    cut,
    drip,
    endless,
    error,
    hang,
    head,
    html,
    reset,
)

CLIENT_ID, CLIENT_SECRET = "5a4db0c5-0000-4000-8000-0000000d3300", "secret_CANARYapp"
REDIRECT_URI = "http://localhost:8000/api/integrations/notion/callback"
GRANT: dict[str, Any] = {
    "access_token": "ntn_CANARYaccess",
    "token_type": "bearer",
    "refresh_token": "nrt_CANARYrefresh",
    "bot_id": BOT_ID,
    "workspace_id": WORKSPACE_ID,
    "workspace_name": "Acme",
    "workspace_icon": None,
    "owner": {
        "type": "user",
        "user": {"object": "user", "id": BOT_ID, "name": "Ada", "person": {"email": "ada@example.org"}},
    },
    "duplicated_template_id": None,
}
CALLS = ["exchange", "refresh", "introspect", "revoke"]
SINGLE_USE = ["exchange", "refresh"]
REPLIES = {"exchange": GRANT, "refresh": GRANT, "introspect": {"active": True}, "revoke": {}}


def app(base_url: str, *, retry: Retry | None = None, deadline_seconds: float = 10) -> OAuthApp:
    return OAuthApp(
        client_id=CLIENT_ID,
        client_secret=Secret(CLIENT_SECRET),
        redirect_uri=REDIRECT_URI,
        base_url=base_url,
        notion_version=VERSION,
        deadline_seconds=deadline_seconds,
        retry=retry or FakeTime().retry(),
    )


def do(application: OAuthApp, call: str) -> Any:
    argument: Any = "the-code" if call == "exchange" else Secret("the-token")
    return getattr(application, call)(argument)


def test_the_consent_address_has_what_notion_asks_for() -> None:
    url = urlsplit(app("https://api.notion.com/").authorize_url("st&te"))
    assert f"{url.scheme}://{url.netloc}{url.path}" == "https://api.notion.com/v1/oauth/authorize"
    assert parse_qs(url.query) == {
        "client_id": [CLIENT_ID],
        "redirect_uri": [REDIRECT_URI],
        "response_type": ["code"],
        "owner": ["user"],
        "state": ["st&te"],
    }
    assert CLIENT_SECRET not in url.query


@pytest.mark.parametrize(
    ("call", "path", "body"),
    [
        (
            "exchange",
            "token",
            {"grant_type": "authorization_code", "code": "the-code", "redirect_uri": REDIRECT_URI},
        ),
        ("refresh", "token", {"grant_type": "refresh_token", "refresh_token": "the-token"}),
        ("introspect", "introspect", {"token": "the-token"}),
        ("revoke", "revoke", {"token": "the-token"}),
    ],
)
def test_a_call_sends_basic_credentials_the_version_and_json(call: str, path: str, body: object) -> None:
    with RawServer(answer(200, REPLIES[call])) as server:
        do(app(server.url), call)
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", f"/v1/oauth/{path}")
    assert json.loads(seen.body) == body
    scheme, _, encoded = seen.headers["authorization"].partition(" ")
    assert (scheme, base64.b64decode(encoded).decode()) == ("Basic", f"{CLIENT_ID}:{CLIENT_SECRET}")
    assert seen.headers["notion-version"] == VERSION
    assert seen.headers["content-type"] == "application/json"


@pytest.mark.parametrize("call", SINGLE_USE)
def test_a_grant_is_read_and_keeps_no_email(call: str) -> None:
    with RawServer(answer(200, GRANT)) as server:
        grant = do(app(server.url), call)
    assert grant.access_token.expose() == "ntn_CANARYaccess"
    assert grant.refresh_token.expose() == "nrt_CANARYrefresh"
    assert grant.account == Account(
        id=BOT_ID, name="Ada", workspace_id=UUID(WORKSPACE_ID), workspace_name="Acme"
    )
    assert grant.expires_in is None
    assert "CANARY" not in repr(grant)
    assert "ada@" not in repr(grant)


@pytest.mark.parametrize(
    "change",
    [
        {"refresh_token": None, "workspace_name": None},
        {"owner": {"type": "user", "user": {"object": "user", "id": BOT_ID}}},
        {"owner": {"type": "workspace", "workspace": True}},
        {"something_new": {"a": [1]}},
    ],
)
def test_a_grant_may_lack_what_notion_may_leave_out(change: dict[str, Any]) -> None:
    with RawServer(answer(200, GRANT | change)) as server:
        grant = app(server.url).exchange("the-code")
    assert grant.access_token.expose() == "ntn_CANARYaccess"
    assert (grant.refresh_token is None) == ("refresh_token" in change)


@pytest.mark.parametrize(
    "change",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 7},
        {"bot_id": None},
        {"workspace_id": "acme"},
    ],
)
def test_a_grant_without_a_token_or_a_place_is_not_believed(change: dict[str, Any]) -> None:
    with RawServer(answer(200, GRANT | change)) as server:
        with pytest.raises(NotionUnavailable):
            app(server.url).exchange("the-code")
        assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("reply", "active", "capabilities"),
    [
        (
            {"active": True, "scope": "read_content insert_content", "iat": 1},
            True,
            ("read_content", "insert_content"),
        ),
        ({"active": True}, True, ()),
        ({"active": False}, False, ()),
    ],
)
def test_introspection_tells_capabilities(reply: object, active: bool, capabilities: tuple[str, ...]) -> None:
    with RawServer(answer(200, reply)) as server:
        found = app(server.url).introspect(Secret("the-token"))
    assert (found.active, found.capabilities) == (active, capabilities)


@pytest.mark.parametrize("reply", [{}, {"active": "true"}, {"active": None}, {"active": 1}])
def test_an_introspection_that_does_not_say_is_not_believed(reply: object) -> None:
    with RawServer(answer(200, reply)) as server, pytest.raises(NotionUnavailable):
        app(server.url).introspect(Secret("the-token"))


# --- refusals, in both shapes

RFC = {"error": "invalid_grant", "error_description": "…", "request_id": REQUEST_ID}
NOTIONS = {
    "object": "error",
    "status": 400,
    "code": "invalid_grant",
    "message": "…",
    "request_id": REQUEST_ID,
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("body", [RFC, NOTIONS], ids=["rfc 6749", "notion's"])
def test_a_refused_grant_is_told_in_either_shape(call: str, body: object) -> None:
    with RawServer(answer(400, body)) as server:
        with pytest.raises(NotionOAuthRefused) as caught:
            do(app(server.url), call)
        assert len(server.seen) == 1
    assert (caught.value.error, caught.value.request_id) == ("invalid_grant", REQUEST_ID)
    assert caught.value.code == "notion_oauth_refused"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "invalid_client"),
        (401, "unauthorized"),
        (400, "unauthorized_client"),
        (400, "unsupported_grant_type"),
        (400, "invalid_request"),
        (400, "validation_error"),
        (400, "missing_version"),
        (403, "test_env_error"),
        (404, "object_not_found"),
    ],
)
def test_a_refused_application_says_nothing_about_the_customers_token(
    call: str, status: int, code: str
) -> None:
    with RawServer(answer(status, {"error": code})) as server, pytest.raises(NotionError) as caught:
        do(app(server.url), call)
    assert type(caught.value) is NotionAppRefused
    assert isinstance(caught.value, NotionUnavailable)
    assert not isinstance(caught.value, NotionOAuthRefused)
    assert caught.value.error == code


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [400, 401, 403, 404])
@pytest.mark.parametrize(
    "body", [b"<h1>Forbidden</h1>", b"", b"{}", b'{"error": 7}', b'{"error": {}}', b'{"error": "a b"}']
)
def test_a_refusal_that_is_not_notions_is_unavailable(call: str, status: int, body: bytes) -> None:
    with RawServer(answer(status, body)) as server, pytest.raises(NotionUnavailable) as caught:
        do(app(server.url), call)
    assert type(caught.value) is NotionUnavailable


# --- once, or again

BROKEN: dict[str, Reply] = {
    "500": error(500, "internal_server_error"),
    "502 html": html(502),
    "503": error(503, "service_unavailable"),
    "504": error(504, "gateway_timeout"),
    "reset": reset,
    "cut": cut(b'{"access_token": "ntn_CANARYaccess'),
    "html with 200": html(200),
    "empty": answer(200, b""),
}


@pytest.mark.parametrize("call", SINGLE_USE)
@pytest.mark.parametrize("fault", list(BROKEN))
def test_what_serves_once_is_not_sent_again_when_it_may_have_arrived(call: str, fault: str) -> None:
    with RawServer(BROKEN[fault], answer(200, GRANT)) as server:
        with pytest.raises(NotionUnavailable):
            do(app(server.url), call)
        assert len(server.seen) == 1


@pytest.mark.parametrize("call", ["introspect", "revoke"])
@pytest.mark.parametrize("fault", list(BROKEN))
def test_what_may_be_repeated_is(call: str, fault: str) -> None:
    with RawServer(BROKEN[fault], answer(200, REPLIES[call])) as server:
        do(app(server.url), call)
    assert len(server.seen) == 2


@pytest.mark.parametrize("call", CALLS)
def test_what_was_never_sent_is_tried_again(call: str, time: FakeTime) -> None:
    with pytest.raises(NotionUnavailable):
        do(app(f"http://127.0.0.1:{closed_port()}", retry=time.retry()), call)
    assert len(time.naps) > 1


@pytest.mark.parametrize("call", SINGLE_USE)
def test_a_name_that_does_not_resolve_was_never_sent_to(call: str, time: FakeTime) -> None:
    with pytest.raises(NotionUnavailable):
        do(app("https://notion.invalid", retry=time.retry(), deadline_seconds=1), call)
    assert time.naps


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("status", [429, 529])
def test_a_limit_is_waited_for(call: str, status: int, time: FakeTime) -> None:
    limit = error(status, "rate_limited", retry_after="3")
    with RawServer(limit, answer(200, REPLIES[call])) as server:
        do(app(server.url, retry=time.retry()), call)
    assert time.naps == [3]


@pytest.mark.parametrize("call", CALLS)
def test_a_long_limit_is_told(call: str, time: FakeTime) -> None:
    with (
        RawServer(error(429, "rate_limited", retry_after="60")) as server,
        pytest.raises(NotionRateLimited) as caught,
    ):
        do(app(server.url, retry=time.retry()), call)
    assert caught.value.retry_after == 60
    assert time.naps == []


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "fault",
    [hang, drip(b" " * 1000, after=head(content_length="1000"))],
    ids=["hang", "byte by byte"],
)
def test_a_slow_answer_ends_at_the_deadline_and_was_asked_for_once(call: str, fault: Reply) -> None:
    with RawServer(fault) as server:
        with pytest.raises(NotionUnavailable):
            do(app(server.url, retry=Retry(), deadline_seconds=0.2), call)
        assert len(server.seen) == 1


@pytest.mark.parametrize("call", CALLS)
def test_an_endless_answer_is_cut(call: str) -> None:
    with RawServer(endless()) as server, pytest.raises(NotionUnavailable):
        do(app(server.url), call)


@pytest.mark.parametrize("call", CALLS)
def test_a_redirect_is_not_followed(call: str) -> None:
    with (
        RawServer(answer(200, REPLIES[call])) as elsewhere,
        RawServer(answer(307, REPLIES[call], location=elsewhere.url)) as server,
    ):
        with pytest.raises(NotionUnavailable):
            do(app(server.url), call)
        assert elsewhere.seen == []


@pytest.mark.parametrize("call", CALLS)
def test_an_unsafe_address_is_refused(call: str) -> None:
    with pytest.raises(ValueError, match=r"must start with https://"):
        do(app("http://notion.example"), call)
