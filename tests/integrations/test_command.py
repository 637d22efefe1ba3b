"""``connect_internal``: the same checks and sentences as the page, without a browser."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from integrations.sandbox import Sandbox, demo_token
from tests.factories import World, events, make_world, queued, the_integration

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


def test_standard_input_wins_over_the_environment(
    committed: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    monkeypatch.setenv("NOTION_API_KEY", "ntn_unknown")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"  {ACME}  \nntn_second_line\n"))
    connect("--token-stdin")
    integration = the_integration(world.acme)
    assert integration is not None
    assert integration.connection_type == "internal"
    assert integration.connected_by_label == "Notion Scan"
    assert [task for task, _ in queued()] == ["integrations.count_shared"]


@pytest.mark.parametrize("typed", ["", "\n", "   \n"])
def test_empty_input_does_not_fall_back_to_the_environment(
    world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setenv("NOTION_API_KEY", ACME)
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    with pytest.raises(CommandError, match="Paste the integration's token"):
        connect("--token-stdin")
    assert the_integration(world.acme) is None


def test_no_token_at_all_is_told_with_both_ways(
    world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTION_API_KEY", raising=False)
    with pytest.raises(CommandError, match="--token-stdin or NOTION_API_KEY"):
        connect()


def test_an_unknown_organization_is_told_before_notion_is_asked(
    world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTION_API_KEY", ACME)
    with pytest.raises(CommandError, match="There is no organization with the slug nowhere"):
        call_command("connect_internal", "nowhere")
    assert sandbox.requests.count() == 0


def test_a_way_that_is_switched_off_is_told(
    world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.INTEGRATIONS_ALLOWED = frozenset({"notion_public"})
    monkeypatch.setenv("NOTION_API_KEY", ACME)
    with pytest.raises(CommandError, match="not allowed here"):
        connect()
    assert sandbox.requests.count() == 0


def test_notion_down_is_told_and_a_new_try_connects(
    world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTION_API_KEY", ACME)
    sandbox.faults.add("edge_block", times=None)
    with pytest.raises(CommandError, match="Notion could not be reached"):
        connect()
    assert the_integration(world.acme) is None
    sandbox.faults.clear()
    assert json.loads(connect("--json"))["ok"] is True


def test_refused_tokens_are_counted_together_with_the_pages(
    world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(10):
        world.client(world.admin).post("/orgs/acme/integrations/notion/connect", {"token": "ntn_unknown"})
    monkeypatch.setenv("NOTION_API_KEY", ACME)
    with pytest.raises(CommandError, match="too many tokens"):
        connect()


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
