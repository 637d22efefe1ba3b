"""A served sandbox with a fixed clock, and a small client that speaks to it as requests does."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from integrations.sandbox import Sandbox

AS_OF = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)


@dataclass
class Api:
    """Calls the sandbox with one token."""

    sandbox: Sandbox
    token: str
    version: str | None = "2026-03-11"
    session: requests.Session = field(default_factory=requests.Session)

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        if self.version:
            headers["Notion-Version"] = self.version
        return self.session.request(method, self.sandbox.url + path, headers=headers, timeout=5, **options)

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.call("GET", path, params=params)

    def post(self, path: str, **body: Any) -> requests.Response:
        return self.call("POST", path, json=body)

    def search(self, **body: Any) -> dict[str, Any]:
        reply = self.post("/v1/search", **body)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    def every(self, path: str = "/v1/search", **body: Any) -> list[dict[str, Any]]:
        """Follow the cursors to the end."""
        results: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            reply = self.post(path, **body, **cursor).json()
            results += reply["results"]
            if not reply["has_more"]:
                return results
            cursor = {"start_cursor": reply["next_cursor"]}

    def control(self, path: str, **body: Any) -> requests.Response:
        return self.session.post(f"{self.sandbox.url}/_sandbox{path}", json=body, timeout=5)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(pages=400, databases=14, users=20, seed=7, as_of=AS_OF) as served:
        yield served


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    """The internal connection of the first workspace."""
    client = Api(sandbox, sandbox.tokens["acme-atlas/internal"])
    with client.session:
        yield client


@pytest.fixture
def person(sandbox: Sandbox) -> Iterator[Api]:
    """A personal access token of the first workspace, which sees all of it."""
    client = Api(sandbox, sandbox.tokens["acme-atlas/personal"])
    with client.session:
        yield client
