"""Every fault, seen from a client."""

import http.client
import json
import socket
import time

import pytest
import requests

from integrations.sandbox import Kind
from integrations.sandbox.fault_kinds import FAULTS
from tests.integrations.sandbox.conftest import Api

STATUS = {
    "rate_limited": (429, "rate_limited"),
    "service_overload": (529, "service_overload"),
    "request_blocked": (429, "rate_limited"),
    "unauthorized": (401, "unauthorized"),
    "restricted_resource": (403, "restricted_resource"),
    "object_not_found": (404, "object_not_found"),
    "conflict_error": (409, "conflict_error"),
    "internal_server_error": (500, "internal_server_error"),
    "bad_gateway": (502, "bad_gateway"),
    "service_unavailable": (503, "service_unavailable"),
    "gateway_timeout": (504, "gateway_timeout"),
    "invalid_cursor": (400, "validation_error"),
    "revoke_token": (401, "unauthorized"),
}


@pytest.mark.parametrize("name", STATUS)
def test_refusals_have_notions_envelope(api: Api, name: str) -> None:
    api.sandbox.faults.add(name)
    reply = api.post("/v1/search")
    assert (reply.status_code, reply.json()["code"]) == STATUS[name]
    assert reply.json()["status"] == reply.status_code
    assert reply.headers["x-notion-request-id"] == reply.json()["request_id"]


@pytest.mark.parametrize(
    "after", ["0", "-5", "17", "300", "1000000000", "Wed, 21 Oct 2026 07:28:00 GMT", "soon"]
)
@pytest.mark.parametrize("name", ["rate_limited", "service_overload"])
def test_retry_after_goes_out_as_given(api: Api, name: str, after: str) -> None:
    api.sandbox.faults.add(name, retry_after=after)
    reply = api.post("/v1/search")
    assert reply.headers["Retry-After"] == after
    assert reply.json()["additional_data"]["retry_after"] == after


def test_retry_after_can_be_missing(api: Api) -> None:
    api.sandbox.faults.add("rate_limited", retry_after=None, reason="public_api_space_request_rate_limit")
    reply = api.post("/v1/search")
    assert "Retry-After" not in reply.headers
    assert reply.json()["additional_data"] == {"rate_limit_reason": "public_api_space_request_rate_limit"}


def test_a_block_gives_its_own_reason(api: Api) -> None:
    api.sandbox.faults.add("request_blocked")
    reply = api.post("/v1/search")
    assert reply.json()["additional_data"]["rate_limit_reason"] == "public_api_request_blocked"


@pytest.mark.parametrize(("name", "status"), [("html", 200), ("bad_gateway_html", 502), ("edge_block", 403)])
def test_edge_pages_are_html_without_a_request_id(api: Api, name: str, status: int) -> None:
    api.sandbox.faults.add(name)
    reply = api.post("/v1/search")
    assert reply.status_code == status
    assert reply.headers["Content-Type"].startswith("text/html")
    assert "x-notion-request-id" not in reply.headers


def test_redirects_point_elsewhere(api: Api) -> None:
    api.sandbox.faults.add("redirect", location="https://example.com/x")
    reply = api.call("POST", "/v1/search", json={}, allow_redirects=False)
    assert (reply.status_code, reply.headers["Location"]) == (302, "https://example.com/x")


@pytest.mark.parametrize("name", ["reset", "reset_unsaved", "close"])
def test_connections_break_and_the_next_call_works(api: Api, name: str) -> None:
    api.sandbox.faults.add(name)
    with pytest.raises(requests.ConnectionError):
        api.post("/v1/search")
    assert api.post("/v1/search").status_code == 200


def test_a_reset_is_a_reset_on_the_wire(api: Api) -> None:
    api.sandbox.faults.add("reset")
    connection = http.client.HTTPConnection(api.sandbox.url.removeprefix("http://"), timeout=5)
    connection.request("GET", "/v1/users/me", headers=api.sandbox.headers(api.token))
    with pytest.raises(ConnectionResetError) as caught:
        connection.getresponse()
    assert type(caught.value) is ConnectionResetError  # a mere close would be its subclass RemoteDisconnected


def test_a_truncated_body_is_short_of_its_announced_length(api: Api) -> None:
    api.sandbox.faults.add("truncated")
    connection = http.client.HTTPConnection(api.sandbox.url.removeprefix("http://"), timeout=5)
    connection.request("GET", "/v1/users/me", headers=api.sandbox.headers(api.token))
    with pytest.raises(http.client.IncompleteRead):
        connection.getresponse().read()


def test_an_unannounced_truncation_looks_like_a_complete_reply(api: Api) -> None:
    api.sandbox.faults.add("truncated_unannounced", share=0.3)
    reply = api.post("/v1/search")
    assert reply.status_code == 200
    assert "Content-Length" not in reply.headers
    with pytest.raises(ValueError, match=r"JSON|Expecting|Unterminated"):
        reply.json()


def test_hanging_ends_with_the_sandbox(api: Api) -> None:
    api.sandbox.faults.add("hang", seconds=60)
    with pytest.raises(requests.Timeout):
        api.session.get(f"{api.sandbox.url}/v1/users/me", timeout=0.05)
    started = time.monotonic()
    api.sandbox.close()
    assert time.monotonic() - started < 30


def test_a_short_hang_still_answers(api: Api) -> None:
    api.sandbox.faults.add("hang", seconds=0.02)
    assert api.get("/v1/users/me").json()["object"] == "user"


def test_dripping_sends_byte_by_byte(api: Api) -> None:
    api.sandbox.faults.add("drip", "GET /v1/users/me", seconds_per_byte=60)
    host, port = api.sandbox.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        headers = "".join(f"{n}: {v}\r\n" for n, v in api.sandbox.headers(api.token).items())
        raw.sendall(f"GET /v1/users/me HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode())
        got = b""
        while b"\r\n\r\n" not in got:
            got += raw.recv(4096)
        assert got.startswith(b"HTTP/1.1 200")
        assert got.endswith(b"\r\n\r\n")
    api.sandbox.faults.add("drip", seconds_per_byte=0)
    assert api.get("/v1/users/me").json()["object"] == "user"


def test_huge_bodies_are_exactly_as_long_as_asked(api: Api) -> None:
    api.sandbox.faults.add("huge", bytes=3_000_000)
    reply = api.post("/v1/search")
    assert len(reply.content) == 3_000_000
    assert json.loads(reply.content)["object"] == "list"


def test_nan_and_depth_and_other_shapes_arrive_as_named(api: Api) -> None:
    for name in ("nan", "deep", "not_an_object", "empty_body"):
        api.sandbox.faults.add(name)
    assert "NaN" in api.post("/v1/search").text
    assert "[" * 200_000 in api.post("/v1/search").text
    assert api.post("/v1/search").json() == []
    assert api.post("/v1/search").content == b""


def test_lists_can_lose_their_envelope_or_cursor(api: Api) -> None:
    api.sandbox.faults.add("without_envelope")
    api.sandbox.faults.add("null_cursor")
    assert api.search() == {"results": []}
    reply = api.search()
    assert reply["has_more"] is True
    assert reply["next_cursor"] is None


def test_a_cursor_loop_goes_round_for_ever(api: Api) -> None:
    api.sandbox.faults.add("cursor_loop", times=None)
    cursors = [api.search()["next_cursor"]]
    for _ in range(5):
        cursors.append(api.search(start_cursor=cursors[-1])["next_cursor"])
    assert cursors[0] != cursors[1]
    assert cursors == cursors[:2] * 3


def test_an_empty_page_loses_nothing(api: Api) -> None:
    expected = [f["id"] for f in api.every()]
    api.sandbox.faults.add("empty_page", at=2, times=2)
    pages: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        reply = api.search(**cursor)
        pages.append([r["id"] for r in reply["results"]])
        if not reply["has_more"]:
            break
        assert reply["next_cursor"] not in cursor.values()
        cursor = {"start_cursor": reply["next_cursor"]}
    assert pages[1] == pages[2] == []
    assert [uuid for page in pages for uuid in page] == expected


def test_duplicates_and_reordering_keep_the_set(api: Api) -> None:
    expected = [f["id"] for f in api.every()]
    api.sandbox.faults.add("duplicates", times=None)
    got = [f["id"] for f in api.every()]
    assert len(got) > len(expected)
    assert set(got) == set(expected)
    api.sandbox.faults.clear()
    api.sandbox.faults.add("reversed", times=None)
    got = [f["id"] for f in api.every()]
    assert got != expected
    assert sorted(got) == sorted(expected)


def test_partial_and_unknown_objects_can_be_mixed_in(api: Api) -> None:
    api.sandbox.faults.add("partial")
    assert all(set(r) == {"object", "id"} for r in api.search()["results"])
    api.sandbox.faults.add("unknown_kinds")
    results = api.search()["results"]
    assert results[0]["object"] == "canvas"
    assert results[1]["parent"]["type"] == "galaxy_id"


def test_a_list_can_be_cut_off_as_incomplete(api: Api) -> None:
    api.sandbox.faults.add("incomplete")
    reply = api.search()
    assert reply["has_more"] is False
    assert reply["request_status"]["type"] == "incomplete"


def test_faults_wait_for_their_call(api: Api) -> None:
    fault = api.sandbox.faults.add("bad_gateway", "POST /v1/search", at=3, times=2)
    api.get("/v1/users/me")
    assert [api.post("/v1/search").status_code for _ in range(5)] == [200, 200, 502, 502, 200]
    assert fault.is_spent
    assert api.sandbox.faults.waiting() == []


def test_faults_fire_in_the_order_they_were_queued(api: Api) -> None:
    for name in ("bad_gateway", "gateway_timeout"):
        api.sandbox.faults.add(name)
    assert [api.post("/v1/search").status_code for _ in range(3)] == [502, 504, 200]


def test_a_fault_can_pick_a_token_or_a_body(api: Api, person: Api) -> None:
    api.sandbox.faults.add("bad_gateway", token="acme-atlas/personal")
    api.sandbox.faults.add("gateway_timeout", body_has="data_source")
    assert api.post("/v1/search").status_code == 200
    assert person.post("/v1/search").status_code == 502
    assert api.post("/v1/search", filter={"property": "object", "value": "data_source"}).status_code == 504


def test_a_token_can_be_revoked_at_call_k(api: Api) -> None:
    api.sandbox.faults.add("revoke_token", at=3)
    assert [api.post("/v1/search").status_code for _ in range(4)] == [200, 200, 401, 401]


def test_a_test_can_act_at_call_k(api: Api) -> None:
    workspace = api.sandbox.workspace
    page = api.search(page_size=1, filter={"property": "object", "value": "page"})["results"][0]["id"]
    api.sandbox.faults.add("act", "GET /v1/pages/*", action=lambda: workspace.delete(page))
    assert api.get(f"/v1/pages/{page}").status_code == 404


def test_unknown_faults_are_refused_with_the_known_names(api: Api) -> None:
    with pytest.raises(ValueError, match=r"known are: .*bad_gateway"):
        api.sandbox.faults.add("earthquake")


@pytest.mark.parametrize("name", FAULTS)
def test_after_any_fault_the_sandbox_serves_on(api: Api, name: str) -> None:
    api.sandbox.faults.add(name, "GET /v1/users", seconds=0, seconds_per_byte=0, bytes=1000, depth=10)
    try:
        api.call("GET", "/v1/users", allow_redirects=False)
    except requests.RequestException:
        assert name in ("reset", "reset_unsaved", "close", "truncated")
    assert api.sandbox.requests.entries()[0].fault == name
    expected = 401 if name == "revoke_token" else 200
    assert api.get("/v1/users").status_code == expected


def test_a_503_can_come_after_the_write_was_saved_and_names_what_it_saved(api: Api) -> None:
    top = api.sandbox.visible(api.token, Kind.PAGE)[0]
    api.sandbox.faults.add("service_unavailable_saved", "POST /v1/pages")
    reply = api.post("/v1/pages", parent={"page_id": top}, properties={})
    assert (reply.status_code, reply.json()["code"]) == (503, "service_unavailable")
    data = reply.json()["additional_data"]
    assert data["retry_guidance"]
    assert api.get(f"/v1/pages/{data['committed_resource_id']}").json()["parent"]["page_id"] == top
    api.sandbox.faults.add("service_unavailable_saved", "PATCH /v1/blocks/*/children")
    reply = api.call(
        "PATCH", f"/v1/blocks/{top}/children", json={"children": [{"divider": {}}, {"divider": {}}]}
    )
    saved = reply.json()["additional_data"]["committed_child_ids"]
    assert [api.get(f"/v1/blocks/{block}").json()["type"] for block in saved] == ["divider", "divider"]


def test_a_refused_write_stays_refused_under_the_fault_that_saves(api: Api) -> None:
    api.sandbox.faults.add("service_unavailable_saved", "POST /v1/pages")
    reply = api.post("/v1/pages", parent={})
    assert (reply.status_code, reply.json()["code"]) == (400, "validation_error")


@pytest.mark.parametrize(
    ("name", "is_saved"),
    [
        ("service_unavailable", False),
        ("conflict_error", False),
        ("service_overload", False),
        ("reset_unsaved", False),
        ("reset", True),
    ],
)
def test_other_faults_save_a_write_or_do_not(api: Api, name: str, is_saved: bool) -> None:
    top = api.sandbox.visible(api.token, Kind.PAGE)[0]
    api.sandbox.faults.add(name, "POST /v1/pages")
    title = {"title": [{"text": {"content": "Written under a fault"}}]}
    try:
        api.post("/v1/pages", parent={"page_id": top}, properties=title)
    except requests.ConnectionError:
        assert name.startswith("reset")
    assert bool(api.search(query="written under a fault")["results"]) is is_saved
