"""``connect_internal``: the same checks and sentences as the page, without a browser."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from integrations.sandbox import Sandbox, demo_token
from tests.factories import World, events, the_integration

ACME = demo_token("Acme Atlas")


def connect(*arguments: str) -> str:
    out = io.StringIO()
    call_command("connect_internal", "acme", *arguments, stdout=out)
    return out.getvalue().strip()


def test_the_token_comes_from_standard_input(
    world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{ACME}\n"))
    assert connect("--token-stdin") == "acme is connected to Acme Atlas."
    assert events(world.acme)[-1] == ("integration.connected", "success")


def test_the_token_comes_from_the_environment(
    world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTION_API_KEY", ACME)
    answer = json.loads(connect("--workspace-id", str(sandbox.workspace.id), "--json"))
    assert answer == {"ok": True, "workspaceId": str(sandbox.workspace.id), "workspaceName": "Acme Atlas"}


@pytest.mark.parametrize(
    ("token", "more", "word"),
    [
        ("", (), "Paste the integration's token."),
        ("ntn_unknown", (), "does not accept this token"),
        (ACME, ("--workspace-id", "231674b6-1f0a-4f1e-9d0b-2f6c1c2b6f3a"), "another workspace"),
        (ACME, ("--workspace-id", "junk"), "workspace ID looks like"),
    ],
)
def test_what_cannot_connect_is_told_in_a_sentence(
    world: World,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    token: str,
    more: tuple[str, ...],
    word: str,
) -> None:
    monkeypatch.setenv("NOTION_API_KEY", token)
    with pytest.raises(CommandError, match=word) as refusal:
        connect(*more)
    assert "\n" not in str(refusal.value)
    assert the_integration(world.acme) is None


def test_a_second_connect_is_refused(world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTION_API_KEY", ACME)
    connect()
    with pytest.raises(CommandError, match="already exists"):
        connect()
