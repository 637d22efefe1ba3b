"""OAuth end to end: consent, exchange, rotation, introspection, revocation."""

import html
import re
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from integrations.sandbox import DEMO_CLIENT, OAuthClient, Sandbox
from tests.integrations.sandbox.conftest import AS_OF, Api

CALLBACK = DEMO_CLIENT.redirect_uris[0]
ASKED = {
    "client_id": DEMO_CLIENT.client_id, "redirect_uri": CALLBACK, "response_type": "code", "owner": "user",
    "state": "abc&<1>",
}  # fmt: skip


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def served(clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(pages=60, seed=3, as_of=AS_OF, clock=clock) as sandbox:
        yield sandbox


def decide(sandbox: Sandbox, **changes: str) -> requests.Response:
    form = {**ASKED, "workspace": "acme-atlas", "decision": "allow", **changes}
    return requests.post(f"{sandbox.url}/v1/oauth/authorize", data=form, allow_redirects=False, timeout=5)


def returned(reply: requests.Response) -> dict[str, str]:
    assert reply.status_code == 303, reply.text
    assert reply.headers["Location"].startswith(CALLBACK + "?")
    return {name: values[0] for name, values in parse_qs(urlsplit(reply.headers["Location"]).query).items()}


def call(
    sandbox: Sandbox, action: str, *, client: OAuthClient = DEMO_CLIENT, **body: Any
) -> requests.Response:
    auth = (client.client_id, client.client_secret)
    return requests.post(f"{sandbox.url}/v1/oauth/{action}", json=body, auth=auth, timeout=5)


def exchange(sandbox: Sandbox, code: str, **changes: Any) -> requests.Response:
    return call(
        sandbox, "token", grant_type="authorization_code", code=code, redirect_uri=CALLBACK, **changes
    )


def connect(sandbox: Sandbox, **changes: str) -> dict[str, Any]:
    made: dict[str, Any] = exchange(sandbox, returned(decide(sandbox, **changes))["code"]).json()
    return made


def assert_refused(reply: requests.Response, status: int, error: str) -> None:
    assert (reply.status_code, reply.json()["error"]) == (status, error)
    assert reply.json()["request_id"] == reply.headers["x-notion-request-id"]
    assert "object" not in reply.json()


def test_the_consent_page_names_the_app_and_both_workspaces(served: Sandbox) -> None:
    page = requests.get(f"{served.url}/v1/oauth/authorize", params=ASKED, timeout=5)
    assert page.status_code == 200
    assert "Notion Scan wants to access" in page.text
    assert "Sandbox – stands in for Notion" in page.text
    assert re.findall(r'value="([a-z-]+)"( checked)?><bdi>([^<]+)', page.text) == [
        ("acme-atlas", " checked", "Acme Atlas"), ("globex-works", "", "Globex Works"),
    ]  # fmt: skip
    assert "<script" not in page.text
    assert f'value="{html.escape(ASKED["state"])}"' in page.text


def test_allow_returns_a_code_and_the_state(served: Sandbox) -> None:
    answer = returned(decide(served))
    assert answer["state"] == ASKED["state"]
    assert set(answer) == {"code", "state"}


def test_cancel_returns_access_denied_and_the_state(served: Sandbox) -> None:
    assert returned(decide(served, decision="cancel")) == {"error": "access_denied", "state": ASKED["state"]}


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "someone-else"},
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": CALLBACK.replace("localhost", "127.0.0.1")},
        {"redirect_uri": "https://evil.example/"},
    ],
)
def test_an_unknown_client_or_redirect_uri_is_never_redirected_to(
    served: Sandbox, change: dict[str, str]
) -> None:
    for reply in (
        decide(served, **change),
        requests.get(f"{served.url}/v1/oauth/authorize", params={**ASKED, **change}, timeout=5),
    ):
        assert reply.status_code == 400
        assert "Location" not in reply.headers


@pytest.mark.parametrize(
    ("change", "error"),
    [({"response_type": "token"}, "unsupported_response_type"), ({"owner": "workspace"}, "invalid_request")],
)
def test_other_mistakes_go_back_to_the_app(served: Sandbox, change: dict[str, str], error: str) -> None:
    assert returned(decide(served, **change))["error"] == error


def test_the_exchange_answers_with_every_documented_field(served: Sandbox) -> None:
    made = connect(served, workspace="globex-works")
    assert set(made) == {
        "access_token", "token_type", "refresh_token", "bot_id", "workspace_id", "workspace_name",
        "workspace_icon", "owner", "duplicated_template_id", "request_id",
    }  # fmt: skip
    assert made["token_type"] == "bearer"
    assert made["refresh_token"].startswith("nrt_")
    assert made["workspace_name"] == "Globex Works"
    assert made["owner"]["type"] == "user"
    me = Api(served, made["access_token"]).get("/v1/users/me").json()
    assert me["id"] == made["bot_id"]
    assert me["bot"]["workspace_id"] == made["workspace_id"]
    assert me["bot"]["owner"]["type"] == "user"


def test_an_authorized_token_sees_what_a_person_would_pick(served: Sandbox) -> None:
    found = {f["id"] for f in Api(served, connect(served)["access_token"]).every()}
    internal = Api(served, served.tokens["acme-atlas/internal"]).every()
    assert found == {f["id"] for f in internal}


def test_a_code_works_once(served: Sandbox) -> None:
    code = returned(decide(served))["code"]
    assert exchange(served, code).status_code == 200
    assert_refused(exchange(served, code), 400, "invalid_grant")


def test_of_many_simultaneous_exchanges_one_wins(served: Sandbox) -> None:
    code = returned(decide(served))["code"]
    with ThreadPoolExecutor(8) as pool:
        statuses = [r.status_code for r in pool.map(lambda _: exchange(served, code), range(8))]
    assert sorted(statuses) == [200] + [400] * 7


def test_a_code_expires(served: Sandbox, clock: Clock) -> None:
    code = returned(decide(served))["code"]
    clock.now += 601
    assert_refused(exchange(served, code), 400, "invalid_grant")


@pytest.mark.parametrize("uri", [None, "http://localhost:8000/", CALLBACK + "?x=1"])
def test_the_redirect_uri_must_be_the_same_again(served: Sandbox, uri: str | None) -> None:
    code = returned(decide(served))["code"]
    given: dict[str, Any] = {"redirect_uri": uri} if uri else {}
    reply = call(served, "token", grant_type="authorization_code", code=code, **given)
    assert_refused(reply, 400, "invalid_grant")


@pytest.mark.parametrize(
    "header", [None, "Basic !!!", f"Basic {b64encode(b'a:b').decode()}", f"Basic {b64encode(b'ab').decode()}"]
)
@pytest.mark.parametrize("action", ["token", "introspect", "revoke"])
def test_wrong_client_credentials_get_401(served: Sandbox, action: str, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    reply = requests.post(f"{served.url}/v1/oauth/{action}", json={}, headers=headers, timeout=5)
    assert_refused(reply, 401, "invalid_client")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "nonsense"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "nrt_nonsense"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": None}, "invalid_grant"),
    ],
)
def test_wrong_grants_are_refused(served: Sandbox, body: dict[str, Any], error: str) -> None:
    assert_refused(call(served, "token", **body), 400, error)


def refresh(sandbox: Sandbox, made: dict[str, Any]) -> requests.Response:
    return call(sandbox, "token", grant_type="refresh_token", refresh_token=made["refresh_token"])


def test_refreshing_replaces_both_tokens(served: Sandbox) -> None:
    first = connect(served)
    second = refresh(served, first).json()
    assert second["bot_id"] == first["bot_id"]
    assert second["access_token"] != first["access_token"]
    assert second["refresh_token"] != first["refresh_token"]
    assert Api(served, second["access_token"]).get("/v1/users/me").status_code == 200
    assert Api(served, first["access_token"]).get("/v1/users/me").status_code == 401
    assert_refused(refresh(served, first), 400, "invalid_grant")


def test_the_old_access_token_can_be_made_to_live_on(served: Sandbox) -> None:
    served.oauth.old_token_survives_refresh = True
    first = connect(served)
    refresh(served, first)
    assert Api(served, first["access_token"]).get("/v1/users/me").status_code == 200


def test_of_many_simultaneous_refreshes_one_wins(served: Sandbox) -> None:
    made = connect(served)
    with ThreadPoolExecutor(8) as pool:
        statuses = [r.status_code for r in pool.map(lambda _: refresh(served, made), range(8))]
    assert sorted(statuses) == [200] + [400] * 7


def test_an_expired_access_token_can_be_refreshed_and_a_revoked_one_cannot(served: Sandbox) -> None:
    made = connect(served)
    served.expire(made["access_token"])
    assert Api(served, made["access_token"]).get("/v1/users/me").status_code == 401
    made = refresh(served, made).json()
    served.revoke(made["access_token"])
    assert_refused(refresh(served, made), 400, "invalid_grant")


def test_authorizing_again_kills_the_older_refresh_token(served: Sandbox) -> None:
    first, second = connect(served), connect(served)
    assert first["bot_id"] == second["bot_id"]
    assert_refused(refresh(served, first), 400, "invalid_grant")
    assert refresh(served, second).status_code == 200


def test_introspection_lists_capabilities_and_milliseconds(served: Sandbox) -> None:
    made = connect(served)
    told = call(served, "introspect", token=made["access_token"]).json()
    assert told["active"] is True
    assert "read_content" in told["scope"].split()
    assert told["iat"] > 10**12


def test_introspection_knows_nothing_of_dead_or_internal_tokens(served: Sandbox) -> None:
    made = connect(served)
    served.revoke(made["access_token"])
    for token in (made["access_token"], served.tokens["acme-atlas/internal"], "nonsense", "acme-atlas/oauth"):
        told = call(served, "introspect", token=token).json()
        assert told.pop("request_id")
        assert told == {"active": False}


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_ends_both_tokens_and_may_be_repeated(served: Sandbox, which: str) -> None:
    made = connect(served)
    for _ in range(2):
        assert set(call(served, "revoke", token=made[which]).json()) == {"request_id"}
    assert Api(served, made["access_token"]).get("/v1/users/me").status_code == 401
    assert_refused(refresh(served, made), 400, "invalid_grant")


def test_a_client_cannot_revoke_what_is_not_its_own(served: Sandbox) -> None:
    assert call(served, "revoke", token=served.tokens["acme-atlas/internal"]).status_code == 200
    assert Api(served, served.tokens["acme-atlas/internal"]).get("/v1/users/me").status_code == 200


def test_with_one_redirect_uri_it_may_be_left_out_of_both_steps() -> None:
    with Sandbox(pages=10, as_of=AS_OF) as sandbox:
        form = {k: v for k, v in ASKED.items() if k != "redirect_uri"}
        form |= {"workspace": "acme-atlas", "decision": "allow"}
        reply = requests.post(
            f"{sandbox.url}/v1/oauth/authorize", data=form, allow_redirects=False, timeout=5
        )
        code = returned(reply)["code"]
        assert call(sandbox, "token", grant_type="authorization_code", code=code).status_code == 200


def test_clients_are_configurable() -> None:
    own = OAuthClient(client_id="own", client_secret="hush", redirect_uris=("https://a.example/cb", CALLBACK))
    with Sandbox(pages=10, as_of=AS_OF, clients=[own]) as sandbox:
        code = returned(decide(sandbox, client_id="own"))["code"]
        assert exchange(sandbox, code).status_code == 401
        made = call(
            sandbox, "token", client=own, grant_type="authorization_code", code=code, redirect_uri=CALLBACK
        )
        assert made.status_code == 200
