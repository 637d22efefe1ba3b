"""Local-only mode: whatever is asked for, no request reaches Notion, and everybody is told why."""

from __future__ import annotations

import ast
import html
import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from integrations.http.errors import LocalOnly
from integrations.models import Integration, PendingRevocation
from integrations.notion.budget import Priority
from integrations.notion.client import NotionClient
from integrations.notion.me import verify_token
from integrations.notion.oauth import OAuthApp
from integrations.providers import NOTION, PROVIDERS
from integrations.sandbox import Sandbox, demo_token
from integrations.services.calls import call_notion
from integrations.services.revocation import KEPT_FOR
from integrations.services.tokens import current_token, refreshed_token
from notionscan import rls
from notionscan.secret import Secret
from scans.models import Scan, Schedule
from scans.services.schedule import run_scheduled, set_schedule
from scans.services.start import start_scan
from tests.factories import World, events, make_world, queued, run_jobs, the_integration, within
from tests.integrations.notion.doors import NoBudget
from tests.integrations.test_oauth import CALLBACK, ask, connect, decide
from tests.scans.conftest import again, start, work

ROOT = Path(__file__).resolve().parent.parent.parent
SENTENCE = LocalOnly.sentence
TOKEN = Secret(demo_token("Acme Atlas"))


@pytest.fixture
def world(committed: None, sandbox: Sandbox) -> World:
    return make_world()


@pytest.fixture
def local_only(world: World, sandbox: Sandbox, settings: Any) -> World:
    """A world that was connected by consent before the deployment became local-only."""
    connect(world.client(world.admin))
    run_jobs()
    sandbox.requests.clear()
    settings.NOTIONSCAN_LOCAL_ONLY = True
    return world


@pytest.fixture(autouse=True)
def _nothing_leaves(sandbox: Sandbox, settings: Any) -> Any:
    """Count, after each test, what reached the sandbox while no call was to leave."""
    yield
    if settings.NOTIONSCAN_LOCAL_ONLY:
        assert sandbox.requests.count("* /*") == 0


# The door -----------------------------------------------------------------------------------------------


def app() -> OAuthApp:
    return PROVIDERS[NOTION].oauth_app()


def client(sandbox: Sandbox) -> NotionClient:
    return NotionClient(
        TOKEN,
        base_url=sandbox.url,
        notion_version="2026-03-11",
        budget=NoBudget(),
        priority=Priority.PEOPLE,
    )


WAYS_OUT: dict[str, Callable[[Sandbox], object]] = {
    "users/me": lambda sandbox: client(sandbox).me(),
    "search": lambda sandbox: next(client(sandbox).search_pages()),
    "rows": lambda sandbox: next(client(sandbox).rows(uuid4())),
    "page": lambda sandbox: client(sandbox).page(uuid4()),
    "verification": lambda sandbox: verify_token(TOKEN, base_url=sandbox.url, notion_version="2026-03-11"),
    "exchange": lambda sandbox: app().exchange("code"),
    "refresh": lambda sandbox: app().refresh(Secret("nrt_1")),
    "introspect": lambda sandbox: app().introspect(TOKEN),
    "revoke": lambda sandbox: app().revoke(TOKEN),
}


@pytest.mark.parametrize("way", WAYS_OUT)
def test_no_call_leaves_by_the_door(sandbox: Sandbox, settings: Any, way: str) -> None:
    settings.NOTIONSCAN_LOCAL_ONLY = True
    with pytest.raises(LocalOnly) as refusal:
        WAYS_OUT[way](sandbox)
    assert refusal.value.code == "local_only"
    assert sandbox.requests.count("* /*") == 0


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module.partition(".")[0]} if node.module != "urllib.parse" else set()
    return names


def test_nothing_but_the_two_ways_out_can_send() -> None:
    libraries = {"requests", "httpx", "urllib", "urllib3", "socket", "http", "aiohttp", "notion_client"}
    senders = {
        str(path.relative_to(ROOT))
        for app_name in ("integrations", "scans", "tenants", "audit")
        for path in (ROOT / app_name).rglob("*.py")
        if "sandbox" not in path.parts and imported(path) & libraries
    }
    assert senders == {
        "integrations/notion/door.py",  # by transport.py
        "integrations/http/credentials.py",  # the header alone
        "integrations/http/plain.py",
        "integrations/notion/transport.py",
        "integrations/http/watchdog.py",  # ends sockets
    }
    for way in ("http/plain", "notion/transport"):
        assert "local_only.refuse_calls()" in (ROOT / f"integrations/{way}.py").read_text()


# Connections --------------------------------------------------------------------------------------------


def test_nothing_is_connected_and_a_token_that_is_typed_in_is_not_stored(
    world: World, sandbox: Sandbox, settings: Any
) -> None:
    browser = world.client(world.admin)
    url = ask(browser)
    answer = decide(url)
    sandbox.requests.clear()
    settings.NOTIONSCAN_LOCAL_ONLY = True
    token = {"token": demo_token("Acme Atlas")}
    api = "/api/orgs/acme/integrations/notion"
    asked = [
        browser.post(f"{api}/internal-connect", token, content_type="application/json"),
        browser.patch(f"{api}/token", token, content_type="application/json"),
        browser.post(f"{api}/authorize"),
    ]
    for response in asked:
        assert (response.status_code, response.json()) == (503, {"error": SENTENCE, "code": "local_only"})
    for action in ("connect", "token", "authorize", "test"):
        response = browser.post(f"/orgs/acme/integrations/notion/{action}", token)
        assert response.status_code == 503
        page = html.unescape(response.content.decode())
        assert 'data-state="blocked"' in page
        assert SENTENCE in page
        assert "<dialog" not in page
        assert token["token"] not in page
    page = html.unescape(browser.get(CALLBACK, answer, follow=True).content.decode())
    assert page.count(SENTENCE) == 2  # the message and the card
    assert the_integration(world.acme) is None
    assert "integration.connected" not in [action for action, _ in events(world.acme)]


@pytest.mark.parametrize("role", ["admin", "viewer"])
@pytest.mark.parametrize("connected", [True, False])
def test_the_card_says_that_it_is_blocked(
    world: World, sandbox: Sandbox, settings: Any, connected: bool, role: str
) -> None:
    if connected:
        connect(world.client(world.admin))
    sandbox.requests.clear()
    settings.NOTIONSCAN_LOCAL_ONLY = True
    browser = world.client(getattr(world, role))
    page = html.unescape(browser.get("/orgs/acme/integrations/?dialog=connect").content.decode())
    assert 'data-state="blocked"' in page
    assert page.count(SENTENCE) == 1
    assert ("Acme Atlas</bdi>" in page.partition("<main")[2]) is connected
    for action in ("Connect with", "Test connection", "Reconnect", "Update token", "<dialog"):
        assert action not in page
    assert ("?dialog=disconnect" in page) is (connected and role == "admin")


def test_the_api_lists_the_connection_with_the_reason_why_it_is_not_used(local_only: World) -> None:
    [found] = local_only.client(local_only.viewer).get("/api/orgs/acme/integrations").json()["integrations"]
    assert (found["connected"], found["status"]) == (True, "connected")
    assert found["error"]["code"] == "local_only"
    assert found["error"]["message"] == SENTENCE


def test_a_command_says_so_and_stores_nothing(world: World, sandbox: Sandbox, settings: Any) -> None:
    settings.NOTIONSCAN_LOCAL_ONLY = True
    stdin = io.StringIO(demo_token("Acme Atlas") + "\n")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(CommandError, match="local-only mode"):
        patch.setattr("sys.stdin", stdin)
        call_command("connect_internal", "acme", "--token-stdin")
    assert the_integration(world.acme) is None


def test_a_call_opens_no_token_and_changes_nothing(local_only: World, monkeypatch: Any) -> None:
    before = the_integration(local_only.acme)
    assert before is not None

    def no_key(*args: object, **binding: object) -> Secret:
        raise AssertionError("a token was opened")

    monkeypatch.setattr("notionscan.keyring.unseal", no_key)
    with within(local_only.acme), pytest.raises(LocalOnly):
        call_notion(
            organization_id=local_only.acme.pk,
            integration_id=before.pk,
            priority=Priority.PEOPLE,
            use=lambda client: client.me(),
        )
    after = the_integration(local_only.acme)
    assert after is not None
    assert (after.status, after.last_used_at) == (before.status, before.last_used_at)


def test_a_refresh_that_cannot_leave_keeps_its_token_and_its_lease(
    world: World, sandbox: Sandbox, settings: Any
) -> None:
    connect(world.client(world.admin))
    sandbox.requests.clear()
    integration = the_integration(world.acme)
    assert integration is not None
    with within(world.acme):
        held = current_token(organization_id=world.acme.pk, integration_id=integration.pk)
        settings.NOTIONSCAN_LOCAL_ONLY = True
        with pytest.raises(LocalOnly):
            refreshed_token(held)
    after = the_integration(world.acme)
    assert after is not None
    assert (after.status, after.refresh_lease_until) == ("connected", None)
    assert after.refresh_token is not None
    sandbox.requests.clear()
    settings.NOTIONSCAN_LOCAL_ONLY = False
    with within(world.acme):
        assert refreshed_token(held).version == held.version + 1


def test_a_count_that_was_queued_puts_no_connection_into_error(
    world: World, sandbox: Sandbox, settings: Any
) -> None:
    connect(world.client(world.admin))
    sandbox.requests.clear()
    settings.NOTIONSCAN_LOCAL_ONLY = True
    assert run_jobs() == 1
    assert queued() == []
    integration = the_integration(world.acme)
    assert integration is not None
    assert (integration.status, integration.shared_error_code) == ("connected", "local_only")


# Disconnecting ------------------------------------------------------------------------------------------


def test_a_disconnect_works_and_says_that_nobody_could_be_told(local_only: World) -> None:
    answer = local_only.client(local_only.admin).delete("/api/orgs/acme/integrations/notion")
    assert answer.json() == {"ok": True, "revoked": "failed"}
    assert the_integration(local_only.acme) is None
    assert run_jobs() == 1
    [(task, _)] = queued()
    assert task == "integrations.revoke_pending"
    with within(local_only.acme):
        PendingRevocation.objects.update(created_at=timezone.now() - KEPT_FOR - timedelta(seconds=1))
    run_jobs()
    assert queued() == []
    with within(local_only.acme):
        assert not PendingRevocation.objects.exists()


def test_the_page_says_why_nobody_could_be_told(local_only: World) -> None:
    browser = local_only.client(local_only.admin)
    page = browser.post("/orgs/acme/integrations/notion/disconnect", follow=True).content.decode()
    assert "Notion was not told to revoke the token" in page
    assert "could not be reached" not in page


def test_the_kill_switch_and_a_deletion_work(local_only: World) -> None:
    call_command("disconnect_all", "--reason", "test", stdout=io.StringIO())
    assert the_integration(local_only.acme) is None
    out = io.StringIO()
    call_command("delete_organization", "acme", "--yes", "--json", stdout=out)
    assert json.loads(out.getvalue())["revocations"] == {"failed": 1}


# Scans --------------------------------------------------------------------------------------------------


def test_no_scan_starts(local_only: World) -> None:
    browser = local_only.client(local_only.editor)
    answer = browser.post("/api/orgs/acme/scans", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (503, "local_only")
    page = browser.post("/orgs/acme/scans/start")
    assert page.status_code == 503
    assert html.unescape(page.content.decode()).count(SENTENCE) == 1
    with pytest.raises(CommandError, match="local-only mode"):
        call_command("scan", "acme")
    with within(local_only.acme):
        assert not Scan.objects.exists()
    assert queued() == []


@pytest.mark.parametrize("has_scans", [False, True])
def test_the_scan_button_says_why_it_does_nothing(local_only: World, settings: Any, has_scans: bool) -> None:
    settings.NOTIONSCAN_LOCAL_ONLY = False
    if has_scans:
        with within(local_only.acme):
            start_scan(organization=local_only.acme, actor=local_only.editor)
            Scan.objects.update(status="complete")
    editor = local_only.client(local_only.editor)
    place, why = 'action="/orgs/acme/scans/start"', "In local-only mode nothing can be scanned"
    before = editor.get("/orgs/acme/scans/").content.decode()
    settings.NOTIONSCAN_LOCAL_ONLY = True
    page = editor.get("/orgs/acme/scans/").content.decode()
    assert (place in before, place in page) == (True, False)
    assert (why in before, why in page) == (False, True)
    assert 'disabled aria-describedby="local-only">Scan</button>' in page
    viewer = local_only.client(local_only.viewer).get("/orgs/acme/scans/").content.decode()
    assert (">Scan</button>" in viewer, why in viewer) == (False, True)


def test_a_scan_that_was_under_way_ends_and_says_why(world: World, sandbox: Sandbox, settings: Any) -> None:
    connect(world.client(world.admin))
    run_jobs()
    scan = start(world)
    sandbox.requests.clear()
    settings.NOTIONSCAN_LOCAL_ONLY = True
    ended = work(scan)
    assert (ended.status, ended.coverage["reasons"][0]) == (Scan.Status.INCOMPLETE, SENTENCE)
    assert ("scan.incomplete", "error") in events(world.acme)
    integration = the_integration(world.acme)
    assert integration is not None
    assert integration.status == Integration.Status.CONNECTED
    run_jobs()
    assert again(scan).status == Scan.Status.INCOMPLETE


def test_a_schedule_goes_on_without_scanning(local_only: World) -> None:
    with within(local_only.acme):
        set_schedule(organization=local_only.acme, actor=local_only.admin, every="daily")
        Schedule.objects.update(next_at=timezone.now())
    with rls.scope(rls.job_scope(local_only.acme.pk)):
        run_scheduled(organization_id=local_only.acme.pk)
    with within(local_only.acme):
        assert not Scan.objects.exists()
        assert Schedule.objects.get().next_at > timezone.now()
    assert [task for task, _ in queued()] == ["scans.scheduled"] * 2
