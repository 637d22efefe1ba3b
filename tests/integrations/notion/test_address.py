"""Tokens go to one address only, and only ids become part of it."""

from __future__ import annotations

from uuid import UUID

import pytest

from integrations.http.address import checked_base_url
from integrations.notion.address import checked_id
from tests.integrations.notion.doors import Door, FakeTime, opened
from tests.integrations.notion.rawserver import RawServer, answer

ID = "231674b6-1f0a-4f1e-9d0b-2f6c1c2b6f3a"
NOT_IDS = [
    "",
    " ",
    "../users/me",
    f"{ID}/../../users",
    f"{ID}?filter=all",
    f"{ID}#x",
    f"{ID}/children",
    f"{ID}\n",
    f"{ID}%2f..",
    "231674b6_1f0a4f1e9d0b2f6c1c2b6f3a",
    "{231674b6-1f0a-4f1e-9d0b-2f6c1c2b6f3a}",
    f"urn:uuid:{ID}",
    "٢٣١٦٧٤b6-1f0a-4f1e-9d0b-2f6c1c2b6f3a",
    "231674b61f0a-4f1e-9d0b-2f6c1c2b6f3a",
    "https://app.notion.com/p/Plan-231674b61f0a4f1e9d0b2f6c1c2b6f3a",
]


@pytest.mark.parametrize(
    "url",
    [
        "https://api.notion.com",
        "https://api.notion.com/",
        "https://proxy.example/notion",
        "http://127.0.0.1:8001",
        "http://localhost:8001/",
        "http://[::1]:8001",
    ],
)
def test_an_https_or_loopback_address_is_accepted(url: str) -> None:
    assert checked_base_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.notion.com",
        "https://",
        "https://.",
        "https://api..notion.com",
        "https://api.notion.com:port",
        "https://api.notion.com:99999",
        "https://api.notion.com:0",
        "https://[::1",
        "https://\u2100.example",
        "http://api.notion.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://0.0.0.0:8001",
        "http://192.168.0.1",
        "http://127.0.0.1@example.com",
        "http://example.com\\@127.0.0.1",
        "https://user:password@api.notion.com",
        "https://api.notion.com?x=",
        "https://api.notion.com#",
        "https://api.notion.com\nevil",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
    ],
)
def test_an_address_where_a_token_could_be_read_on_the_way_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"must start with https://"):
        checked_base_url(url)


def test_both_ways_through_the_door_refuse_an_unsafe_address(door: Door, time: FakeTime) -> None:
    with pytest.raises(ValueError, match=r"must start with https://"):
        door("http://notion.example", retry=time.retry())


@pytest.mark.parametrize("value", [ID, ID.upper(), ID.replace("-", ""), UUID(ID)])
def test_an_id_is_written_notions_way(value: str | UUID) -> None:
    assert checked_id(value) == ID


@pytest.mark.parametrize("value", NOT_IDS)
def test_what_is_no_id_is_refused_before_any_call(value: str) -> None:
    with RawServer(answer(200, {})) as server, opened(server.url) as client:
        with pytest.raises(ValueError, match=r"A Notion id is a UUID"):
            client.user(value)
        assert server.seen == []


def test_an_id_becomes_part_of_the_address() -> None:
    found = {"object": "user", "id": ID, "type": "person", "name": "Ada"}
    with RawServer(answer(200, found)) as server, opened(server.url) as client:
        assert client.user(ID)["name"] == "Ada"
    assert server.seen[0].path == f"/v1/users/{ID}"
