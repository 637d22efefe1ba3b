"""Serving: loopback only, limits, latency, the request log, control routes, start and stop."""

import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests

from integrations.sandbox import Kind, NotLoopbackError, Sandbox
from integrations.sandbox.limits import RateLimiter
from tests.integrations.sandbox.conftest import AS_OF, Api


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", ""])  # noqa: S104
def test_it_refuses_to_serve_beyond_loopback(host: str) -> None:
    with pytest.raises(NotLoopbackError, match="loopback only"):
        Sandbox(pages=5, as_of=AS_OF, host=host)


def test_a_rate_limit_is_a_fixed_window_per_token() -> None:
    clock = Clock()
    with Sandbox(pages=20, as_of=AS_OF, rate_limit=2, clock=clock) as sandbox:
        api, person = (
            Api(sandbox, sandbox.tokens[f"acme-atlas/{kind}"]) for kind in ("internal", "personal")
        )
        assert [api.get("/v1/users/me").status_code for _ in range(3)] == [200, 200, 429]
        assert person.get("/v1/users/me").status_code == 200
        clock.now = 42.5
        refused = api.get("/v1/users/me")
        assert refused.headers["Retry-After"] == "18"
        assert refused.json()["additional_data"]["rate_limit_reason"] == "public_api_request_rate_limit"
        clock.now = 60
        assert api.get("/v1/users/me").status_code == 200


def test_the_window_can_be_short() -> None:
    clock = Clock()
    limiter = RateLimiter(1, window_seconds=0.2, clock=clock)
    limiter.check("a")
    clock.now = 0.2
    limiter.check("a")


def test_the_log_tells_who_asked_what_and_holds_no_token(api: Api) -> None:
    api.get("/v1/users", page_size=5)
    api.session.get(f"{api.sandbox.url}/v1/users/me", timeout=5)
    first, second = api.sandbox.requests.entries()
    assert (first.method, first.path, first.query, first.token) == (
        "GET", "/v1/users", "page_size=5", "acme-atlas/internal",
    )  # fmt: skip
    assert (second.token, second.status) == (None, 401)
    assert api.token not in str(api.sandbox.requests.entries())
    assert api.sandbox.requests.count("GET /v1/users*", status=200) == 1
    api.sandbox.requests.clear()
    assert len(api.sandbox.requests) == 0


def test_closing_refuses_connections_and_starting_again_serves_on_the_same_port(api: Api) -> None:
    url = api.sandbox.url
    api.sandbox.close()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/v1/users/me", timeout=1)
    api.sandbox.start()
    assert api.sandbox.url == url
    assert api.get("/v1/users/me").status_code == 200


def test_closing_twice_is_harmless(sandbox: Sandbox) -> None:
    sandbox.close()
    sandbox.close()


def test_connections_are_kept_unless_the_client_asks_otherwise(api: Api) -> None:
    assert "Connection" not in api.get("/v1/users/me").headers
    api.session.headers["Connection"] = "close"
    assert api.get("/v1/users/me").headers["Connection"] == "close"


def test_many_clients_are_served_at_once(sandbox: Sandbox) -> None:
    def crawl(_: int) -> set[str]:
        return {found["id"] for found in Api(sandbox, sandbox.tokens["acme-atlas/internal"]).every()}

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(crawl, range(8)))
    assert len(found[0]) > 300
    assert all(ids == found[0] for ids in found)


@pytest.mark.parametrize(
    "raw",
    [b"nonsense\r\n\r\n", b"GET / FTP/1\r\n\r\n", b"POST /v1/search HTTP/1.1\r\nContent-Length: x\r\n\r\n",
     b"POST /v1/search HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"A" * 70_000],
)  # fmt: skip
def test_bytes_that_are_no_request_get_400_and_a_closed_connection(sandbox: Sandbox, raw: bytes) -> None:
    host, port = sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(raw)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400")
    assert requests.get(f"{sandbox.url}/_sandbox/", timeout=5).status_code == 200


def test_a_warm_sandbox_renders_nothing_twice(api: Api) -> None:
    api.sandbox.warm()
    before = len(api.sandbox.workspace.rendered)
    for source in api.every(filter={"property": "object", "value": "data_source"}):
        api.call(
            "POST", f"/v1/data_sources/{source['id']}/query", params={"filter_properties": "title"}, json={}
        )
    api.every()
    assert len(api.sandbox.workspace.rendered) == before


def test_control_shows_everything(api: Api) -> None:
    state = api.session.get(f"{api.sandbox.url}/_sandbox/", timeout=5).json()
    assert state["tokens"] == api.sandbox.tokens
    assert state["workspaces"]["acme-atlas"]["pages"] == 400
    assert "bad_gateway" in state["faults_known"]


def test_control_sets_limits_and_latency(api: Api) -> None:
    reply = api.control("/settings", latency_ms=1, rate_limit=1, rate_window_seconds=30)
    assert reply.json()["rate_limit"] == 1
    assert [api.get("/v1/users/me").status_code for _ in range(2)] == [200, 429]
    assert api.control("/settings", rate_limit=None).json()["rate_limit"] is None
    assert api.get("/v1/users/me").status_code == 200


@pytest.mark.parametrize(
    "wrong", [{"speed": 1}, {"latency_ms": -1}, {"rate_limit": "all"}, {"latency_ms": None}]
)
def test_control_refuses_wrong_settings(api: Api, wrong: dict[str, object]) -> None:
    assert api.control("/settings", **wrong).status_code == 400


def test_control_queues_and_clears_faults(api: Api) -> None:
    added = api.control("/faults", name="rate_limited", match="POST *", retry_after="9").json()
    assert added["options"] == {"retry_after": "9"}
    assert len(api.session.get(f"{api.sandbox.url}/_sandbox/faults", timeout=5).json()) == 1
    assert api.post("/v1/search").headers["Retry-After"] == "9"
    api.control("/faults", name="html", times=None)
    api.session.delete(f"{api.sandbox.url}/_sandbox/faults", timeout=5)
    assert api.post("/v1/search").status_code == 200


@pytest.mark.parametrize("wrong", [{}, {"name": "earthquake"}, {"name": "act"}, {"name": "html", "at": 0}])
def test_control_refuses_wrong_faults(api: Api, wrong: dict[str, object]) -> None:
    assert api.control("/faults", **wrong).status_code == 400


def test_control_shows_and_clears_the_request_log(api: Api) -> None:
    api.post("/v1/search")
    api.get("/v1/users/me")
    log = api.session.get(
        f"{api.sandbox.url}/_sandbox/requests", params={"match": "POST *"}, timeout=5
    ).json()
    assert (log["total"], log["requests"][0]["path"]) == (1, "/v1/search")
    api.session.delete(f"{api.sandbox.url}/_sandbox/requests", timeout=5)
    assert len(api.sandbox.requests) == 0


def test_control_mints_and_revokes_tokens(api: Api) -> None:
    made = api.control(
        "/tokens", workspace="globex-works", label="mine", capabilities=["read_content"]
    ).json()
    mine = Api(api.sandbox, made["token"])
    assert mine.get("/v1/users").status_code == 403
    assert api.control("/revoke", token="mine").json() == {"token": "mine"}
    assert mine.get("/v1/users/me").status_code == 401


def test_control_changes_the_workspace(api: Api) -> None:
    parent = api.search(page_size=1, filter={"property": "object", "value": "page"})["results"][0]["id"]
    added = api.control("/change", do="add_page", title="By control", parent=parent).json()["result"]
    assert api.get(f"/v1/pages/{added}").status_code == 200
    api.control("/change", do="trash", id=added)
    assert api.get(f"/v1/pages/{added}").json()["in_trash"] is True
    api.control("/unshare", token="acme-atlas/internal", id=added)
    assert api.get(f"/v1/pages/{added}").status_code == 404
    assert api.control("/change", do="__init__").status_code == 400
    assert api.control("/change", do="trash", id="nothing").status_code == 400


def test_control_counts_what_a_token_finds(api: Api) -> None:
    counts = api.session.get(f"{api.sandbox.url}/_sandbox/objects", timeout=5).json()
    found = api.every()
    assert counts["pages"]["count"] + counts["data_sources"]["count"] == len(found)


def test_reset_undoes_everything(api: Api) -> None:
    before = api.every()
    api.sandbox.workspace.trash(before[0]["id"])
    api.sandbox.revoke(api.token)
    api.sandbox.latency_ms = 5
    api.control("/reset")
    assert api.every() == before
    assert api.sandbox.latency_ms == 0


def test_control_is_closed_to_web_pages(api: Api) -> None:
    rebound = api.session.get(f"{api.sandbox.url}/_sandbox/", headers={"Host": "evil.example"}, timeout=5)
    assert rebound.status_code == 403
    form = api.session.post(f"{api.sandbox.url}/_sandbox/reset", data={"a": "b"}, timeout=5)
    assert form.status_code == 415
    assert api.session.get(f"{api.sandbox.url}/_sandbox/nothing", timeout=5).status_code == 404


def test_the_control_moves_the_clock_of_writes(api: Api) -> None:
    top = api.sandbox.visible(api.token, Kind.PAGE)[0]
    moved = api.control("/change", do="advance", minutes=7).json()["result"]
    assert moved == "2026-10-01T09:37:00+00:00"
    made = api.post("/v1/pages", parent={"page_id": top}, properties={}).json()
    assert made["last_edited_time"] == "2026-10-01T09:37:00.000Z"


def test_without_a_moment_asked_for_writes_happen_now() -> None:
    with Sandbox(pages=20) as sandbox:
        api = Api(sandbox, sandbox.tokens["acme-atlas/internal"])
        started = datetime.now(UTC).replace(second=0, microsecond=0)
        sandbox.workspace.clock -= timedelta(days=1)
        top = sandbox.visible(api.token, Kind.PAGE)[0]
        made = api.post("/v1/pages", parent={"page_id": top}, properties={}).json()
        assert started <= datetime.fromisoformat(made["last_edited_time"]) <= datetime.now(UTC)


def test_parallel_writes_lose_nothing(api: Api) -> None:
    top = api.sandbox.visible(api.token, Kind.PAGE)[0]
    page = api.post("/v1/pages", parent={"page_id": top}, properties={}).json()["id"]

    def write(number: int) -> int:
        with requests.Session() as session:
            client = Api(api.sandbox, api.token, session=session)
            if number % 2:
                return client.post("/v1/pages", parent={"page_id": page}, properties={}).status_code
            children: list[dict[str, object]] = [{"divider": {}}]
            return client.call(
                "PATCH", f"/v1/blocks/{page}/children", json={"children": children}
            ).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(60))) == {200}
    kinds = [b["type"] for b in api.get(f"/v1/blocks/{page}/children").json()["results"]]
    assert (kinds.count("divider"), kinds.count("child_page")) == (30, 30)
