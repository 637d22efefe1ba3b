"""docs/agents.md is run as it stands: every request of it, with the answer that it shows."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import pytest
import requests
from django.urls import reverse

from integrations.gateway.registry import OPERATIONS
from integrations.sandbox import Kind
from tests.factories import events
from tests.integrations.gateway.conftest import TOKEN, Served

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "agents.md").read_text()
_STEP = re.compile(r"```sh\n(curl .*?)```\n\n`(\d{3})`\n\n```json\n(.*?)```", re.DOTALL)
ANYTHING = "…"


@dataclass(frozen=True)
class Step:
    method: str
    url: str
    headers: dict[str, str]
    body: str | None
    status: int
    answer: Any


def steps() -> Iterator[Step]:
    for command, status, answer in _STEP.findall(DOCUMENT):
        words = iter(shlex.split(command.replace("\\\n", " "))[1:])
        method, url, headers, body = "GET", "", {}, None
        for word in words:
            if word == "-X":
                method = next(words)
            elif word == "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            elif word == "-d":
                body = next(words)
            else:
                url = word
        yield Step(method, url, headers, body, int(status), json.loads(answer))


def compare(shown: Any, found: Any, known: dict[str, str], at: str = "") -> None:
    """Compare what is shown of an answer; a ``$NAME`` that is not known yet is learnt.

    Of an object what is shown must be there; of a list, its first elements.
    """
    if shown == ANYTHING:
        return
    if isinstance(shown, dict):
        assert isinstance(found, dict), at
        for key, value in shown.items():
            assert key in found, f"{at}.{key}"
            compare(value, found[key], known, f"{at}.{key}")
    elif isinstance(shown, list):
        assert isinstance(found, list), at
        assert len(found) >= len(shown), at
        for number, value in enumerate(shown):
            compare(value, found[number], known, f"{at}[{number}]")
    elif isinstance(shown, str) and shown.startswith("$"):
        assert known.setdefault(shown[1:], found) == found, at
    else:
        assert shown == found, at


def test_the_day_in_an_agents_life_is_as_it_is_told(served: Served) -> None:
    known = {"SITE": served.site.url, "KEY": served.key("supervised")}
    before = set(served.site.sandbox.visible(TOKEN, Kind.PAGE))
    for number, step in enumerate(steps(), 1):
        url, body = Template(step.url).substitute(known), Template(step.body or "").substitute(known)
        headers = {name: Template(value).substitute(known) for name, value in step.headers.items()}
        reply = requests.request(step.method, url, headers=headers, data=body.encode() or None, timeout=60)
        where = f"step {number}, {step.method} {step.url}"
        assert reply.status_code == step.status, f"{where}: {reply.text}"
        compare(step.answer, reply.json(), known, where)
    assert number == 13
    # The one page that was made is there, and was not deleted.
    assert set(served.site.sandbox.visible(TOKEN, Kind.PAGE)) - before == {known["PAGE"]}
    assert events(served.world.acme).count(("access.denied", "denied")) == 2


def test_every_request_of_the_document_is_a_step() -> None:
    assert len(list(steps())) == DOCUMENT.count("\ncurl ") == 13


def test_what_the_document_shows_can_be_wrong() -> None:
    for shown, found in (
        ({"a": 1}, {}),
        ([1], []),
        ("x", "y"),
        ("$ID", "other"),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}),
    ):
        with pytest.raises(AssertionError):
            compare(shown, found, {"ID": "one"})


def test_the_clients_configuration_names_the_servers_address() -> None:
    shown = next(
        text for text in re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL) if "mcpServers" in text
    )
    server = json.loads(shown)["mcpServers"]["notion-scan"]
    assert server["url"].endswith(reverse("mcp"))
    assert server["headers"]["Authorization"].startswith("Bearer ")


def test_every_tool_and_what_it_asks_for_is_in_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `\w+ …/notion/.*?` \| (\w+) \|$", DOCUMENT, re.MULTILINE)
    assert dict(rows) == {name: each.permission.label for name, each in OPERATIONS.items()}
