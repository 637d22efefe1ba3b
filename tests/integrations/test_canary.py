"""A token is encrypted in its column, and nowhere else at all."""

from __future__ import annotations

import base64
import io
import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import Client

from integrations.models import Integration
from integrations.sandbox import Sandbox
from notionscan import embedded_postgres
from tests.factories import World, make_world, within
from tests.integrations.test_oauth import CALLBACK, ask, decide

CANARY = "ntn_CANARYwcR7tq0xJ2mVbKz5"
DEAD = "ntn_CANARYdeadT9pLs3hYg8Qn"
ROTATED = "ntn_CANARYrotatedE4uZk6fWx"


def forms_of(secret: str) -> list[str]:
    """Return what a secret could look like: raw, in base64 at each offset, URL-encoded, in hex."""
    raw = secret.encode()
    in_base64 = [base64.b64encode(b"\0" * shift + raw).decode()[4:-4] for shift in range(3)]
    return [secret, quote(secret, safe=""), raw.hex(), *in_base64]


class Sink(logging.Handler):
    """Keeps everything that is logged, formatted as it would be written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        from notionscan.logs import JsonFormatter

        self.written.append(JsonFormatter().format(record))


@pytest.fixture
def logged() -> Any:
    sink, root = Sink(), logging.getLogger()
    level = root.level
    loggers = [logging.getLogger(n) for n in ("", "httpx", "httpcore", "urllib3", "django", "notionscan")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    root.addHandler(sink)
    yield sink.written
    root.removeHandler(sink)
    for logger, old in zip(loggers, levels, strict=True):
        logger.setLevel(old)
    root.setLevel(level)


def dumped() -> str:
    """Return every row of every table as text, as the superuser of the embedded server sees them."""
    if settings.DATABASES["default"].get("EMBEDDED_ROLE") is None:
        pytest.skip("Only the embedded server lets this test read past row security.")
    server = embedded_postgres.ensure_running(Path(settings.NOTIONSCAN_DATA_DIR))
    name = connections["default"].settings_dict["NAME"]
    found = []
    with psycopg.connect(**server.superuser_connection(name)) as db:
        tables = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            found += [row[0] for row in db.execute(f'SELECT t::text FROM "{table}" t').fetchall()]
        found += [str(row) for row in db.execute("SELECT query FROM pg_stat_activity").fetchall()]
    return "\n".join(found)


def post(browser: Client, path: str, body: dict[str, str]) -> bytes:
    return bytes(
        browser.post(
            f"/api/orgs/acme/integrations{path}", data=json.dumps(body), content_type="application/json"
        ).content
    )


def a_life(world: World, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Use the canaries everywhere a token can be used, and return all that was shown."""
    browser = world.client(world.admin)
    browser.raise_request_exception = False
    pages: list[bytes] = []
    form = "/orgs/acme/integrations/notion"
    fragment = {"HX-Request": "true"}

    pages.append(post(browser, "/notion/internal-connect", {"token": DEAD}))
    pages.append(post(browser, "/notion/internal-connect", {"token": CANARY, "workspaceId": "no id"}))
    pages.append(post(browser, "/notion/internal-connect", {"token": CANARY, "extra": CANARY}))
    pages.append(post(browser, "/notion/internal-connect", {"token": f"{CANARY} {CANARY}"}))
    pages.append(browser.post(f"{form}/connect", {"token": DEAD}).content)
    pages.append(browser.post(f"{form}/connect", {"token": DEAD}, headers=fragment).content)
    pages.append(browser.post(f"{form}/connect", {"token": CANARY, "workspace_id": CANARY}).content)
    sandbox.faults.add("edge_block")
    pages.append(browser.post(f"{form}/connect", {"token": CANARY}).content)
    pages.append(browser.post(f"{form}/connect", {"token": CANARY}, follow=True).content)
    pages.append(post(browser, "/notion/internal-connect", {"token": CANARY}))
    pages.append(world.client(world.viewer).post(f"{form}/token", {"token": CANARY}).content)
    pages.append(world.client(world.outsider).post(f"{form}/token", {"token": CANARY}).content)
    pages.append(Client(enforce_csrf_checks=True).post(f"{form}/token", {"token": CANARY}).content)

    def burst(*args: Any, **kwargs: Any) -> None:
        held = kwargs
        raise RuntimeError(f"burst with {held}")

    with monkeypatch.context() as broken:
        broken.setattr("integrations.views.update_token", burst)
        answer = browser.post(f"{form}/token", {"token": CANARY})
        assert answer.status_code == 500
        pages.append(answer.content)
    pages.append(browser.post(f"{form}/test", headers=fragment).content)
    pages.append(browser.post(f"{form}/token", {"token": ROTATED}, follow=True).content)
    for page in ("/orgs/acme/integrations/", "/orgs/acme/audit/", "/api/orgs/acme/integrations"):
        pages.append(browser.get(page).content)
    with within(world.acme):
        integration = Integration.objects.get()
        pages.append(repr([integration, integration.access_token, vars(integration)]).encode())
    return [page.decode() for page in pages]


def test_a_canary_token_is_nowhere_but_encrypted(
    committed: None, sandbox: Sandbox, logged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for secret in (CANARY, ROTATED):
        sandbox.add_token(sandbox.workspace, secret=secret, label=secret[-6:])
    world = make_world()
    shown = a_life(world, sandbox, monkeypatch)
    server_log = (Path(settings.NOTIONSCAN_DATA_DIR) / "postgres.log").read_text(errors="replace")
    sinks = {"shown": "\n".join(shown), "logged": "\n".join(logged), "dump": dumped(), "server": server_log}

    # The search itself works: what is really there is found.
    assert "acme" in sinks["dump"]
    assert "v1.org" in sinks["dump"]
    assert "notionscan.notion" in sinks["logged"]
    assert "Acme Atlas" in sinks["shown"]
    for name, text in sinks.items():
        for secret in (CANARY, DEAD, ROTATED):
            assert [form for form in forms_of(secret) if form in text] == [], name


def test_the_secrets_of_a_consent_are_nowhere_but_encrypted(
    committed: None, sandbox: Sandbox, logged: list[str]
) -> None:
    world = make_world()
    browser = world.client(world.admin)
    answer = decide(ask(browser))
    shown = browser.get(CALLBACK, answer, follow=True).content.decode()
    with within(world.acme):
        integration = Integration.objects.get()
        secrets = [integration.access_token.reveal().expose(), integration.refresh_token.reveal().expose()]
    connection.close()
    secrets += [answer["state"], answer["code"], sandbox.client.client_secret]
    text = "\n".join([shown, *logged, dumped()])
    assert "integration.connected" in text
    for secret in secrets:
        assert [form for form in forms_of(secret) if form in text] == []


def test_the_command_shows_no_token(
    committed: None, sandbox: Sandbox, logged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_world()
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{DEAD}\n"))
    with pytest.raises(CommandError) as refusal:
        call_command("connect_internal", "acme", "--token-stdin", stdout=out, stderr=err)
    monkeypatch.setenv("NOTION_API_KEY", f"{DEAD} {DEAD}")
    with pytest.raises(CommandError) as malformed:
        call_command("connect_internal", "acme", stdout=out, stderr=err)
    text = "\n".join([out.getvalue(), err.getvalue(), str(refusal.value), str(malformed.value), *logged])
    assert [form for form in forms_of(DEAD) if form in text] == []
