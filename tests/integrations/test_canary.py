"""A token is encrypted in its column, and nowhere else at all."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.http import HttpResponse
from django.test import Client

from audit.actions import Action
from audit.models import DEPLOYMENT
from audit.record import record
from integrations.models import Integration, OAuthState, PendingRevocation
from integrations.sandbox import Sandbox, demo_token
from notionscan import embedded_postgres, grants, rls
from notionscan.jobs import defer
from tenants.models import User
from tenants.own_scope import own_scope
from tests import database
from tests.factories import World, make_world, within
from tests.integrations.test_oauth import CALLBACK, ask, decide

CANARY = "ntn_CANARYwcR7tq0xJ2mVbKz5"
DEAD = "ntn_CANARYdeadT9pLs3hYg8Qn"
ROTATED = "ntn_CANARYrotatedE4uZk6fWx"
ACME = demo_token("Acme Atlas")
OTHER = demo_token("Globex Works")


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
        return dumped_by_roles()
    server = embedded_postgres.ensure_running(Path(settings.NOTIONSCAN_DATA_DIR))
    name = connections["default"].settings_dict["NAME"]
    found = []
    with psycopg.connect(**server.superuser_connection(name)) as db:
        tables = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            found += [row[0] for row in db.execute(f'SELECT t::text FROM "{table}" t').fetchall()]
        found += [str(row) for row in db.execute("SELECT query FROM pg_stat_activity").fetchall()]
    return "\n".join(found)


def dumped_by_roles() -> str:
    """Return the same without a superuser: fenced tables in each scope, the others as the owner."""
    found = []
    with psycopg.connect(database.url("owner"), autocommit=True) as db:
        tables = [row[0] for row in db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        for table in set(tables) - grants.SCOPED.keys():
            found += [row[0] for row in db.execute(f'SELECT t::text FROM "{table}" t')]
    with psycopg.connect(database.url("default"), autocommit=True) as db:
        slugs = [
            db.execute("SELECT organization_id_of(%s)", [slug]).fetchone() for slug in ("acme", "globex")
        ]
        for organization_id in [DEPLOYMENT, *(row[0] for row in slugs if row and row[0])]:
            with db.transaction():
                db.execute("SELECT scope_bind(%s, %s)", rls.organization_scope(organization_id).signed())
                for table in grants.SCOPED:
                    found += [row[0] for row in db.execute(f'SELECT t::text FROM "{table}" t')]
    return "\n".join(found)


def server_log() -> str:
    if settings.DATABASES["default"].get("EMBEDDED_ROLE") is None:
        return ""
    return (Path(settings.NOTIONSCAN_DATA_DIR) / "postgres.log").read_text(errors="replace")


def shows(text: str, secret: str) -> list[str]:
    """Return the forms of the secret that are in the text."""
    return [form for form in forms_of(secret) if form in text]


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz"])
def test_the_search_finds_what_is_there(before: str) -> None:
    raw = f"{before}{CANARY}{before}".encode()
    for hidden in (raw.decode(), quote(raw), raw.hex(), base64.b64encode(raw).decode()):
        assert shows(f"… {hidden} …", CANARY)
        assert not shows(f"… {hidden} …", DEAD)


@pytest.mark.parametrize("dump", [dumped, dumped_by_roles])
def test_the_dump_has_every_place(committed: None, sandbox: Sandbox, dump: Callable[[], str]) -> None:
    world = make_world()
    world.client(world.admin).post("/orgs/acme/integrations/notion/connect", {"token": ACME})
    with own_scope(world.viewer):
        User.objects.filter(pk=world.viewer.pk).update(name=CANARY)
    with within(world.acme):
        integration = Integration.objects.get()
        Integration.objects.update(workspace_name=DEAD)
        record(action=Action.LOGIN, organization=None, actor=None, note=ROTATED)
        defer("integrations.count_shared", integration_id=UUID(int=7))
    text = dump()
    assert shows(text, CANARY)
    assert shows(text, DEAD)
    assert shows(text, ROTATED)
    assert str(UUID(int=7)) in text, "the arguments of a job"
    assert "v1." + integration.access_token.ciphertext().split(".")[1] in text


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
    pages += bad_bodies(browser)
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
        broken.setattr("integrations.api.update_token", burst)
        answer = patch(browser, {"token": CANARY})
        assert answer.status_code == 500
        pages.append(answer.content)
    for faults, token, status in (((), DEAD, 400), (("edge_block",), CANARY, 502), ((), OTHER, 409)):
        for fault in faults:
            sandbox.faults.add(fault)
        answer = patch(browser, {"token": token})
        assert answer.status_code == status
        pages.append(answer.content)
    assert patch(browser, {"token": CANARY}).status_code == 200
    pages.append(browser.post(f"{form}/test", headers=fragment).content)
    pages.append(browser.post(f"{form}/token", {"token": ROTATED}, follow=True).content)
    for page in ("/orgs/acme/integrations/", "/orgs/acme/audit/", "/api/orgs/acme/integrations"):
        pages.append(browser.get(page).content)
    with within(world.acme):
        integration = Integration.objects.get()
        pages.append(repr([integration, integration.access_token, vars(integration)]).encode())
        pages.append(f"{integration} {integration.access_token} {integration.access_token!r}".encode())
    return [page.decode() for page in pages]


def patch(browser: Client, body: dict[str, str]) -> HttpResponse:
    return browser.patch(
        "/api/orgs/acme/integrations/notion/token", data=json.dumps(body), content_type="application/json"
    )


def bad_bodies(browser: Client) -> list[bytes]:
    """Send a token in bodies that no schema fits, and return the answers."""
    token = json.dumps(CANARY)
    bodies = [
        f'{{"token": {token[:-1]}',
        f'{{"token": [{token}]}}',
        f'{{"token": {{"value": {token}}}}}',
        f'{{"token": {token}, "workspaceId": [{token}]}}',
        f'{{"token": {token}, "workspaceId": 5, "more": {token}}}',
        f"[{token}]",
        token,
        CANARY,
        f"token={CANARY}",
    ]
    answers = []
    for body in bodies:
        for method, path in (("post", "internal-connect"), ("patch", "token")):
            address = f"/api/orgs/acme/integrations/notion/{path}"
            answer = getattr(browser, method)(address, data=body, content_type="application/json")
            # Nothing is connected yet: a body that fits is a 404 for the token.
            assert answer.status_code in (400, 404), (body, answer.status_code)
            answers.append(answer.content)
    return answers


def test_a_canary_token_is_nowhere_but_encrypted(
    committed: None, sandbox: Sandbox, logged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for secret in (CANARY, ROTATED):
        sandbox.add_token(sandbox.workspace, secret=secret, label=secret[-6:])
    world = make_world()
    shown = a_life(world, sandbox, monkeypatch)
    sinks = {
        "shown": "\n".join(shown),
        "logged": "\n".join(logged),
        "dump": dumped(),
        "server": server_log(),
    }

    # The search itself works: what is really there is found.
    assert "acme" in sinks["dump"]
    assert "v1.org" in sinks["dump"]
    assert "notionscan.notion" in sinks["logged"]
    assert "RuntimeError: burst with {" in sinks["logged"], "the traceback of a 500 is logged"
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


def held(world: World) -> list[str]:
    with within(world.acme):
        integration = Integration.objects.get()
        return [integration.access_token.reveal().expose(), integration.refresh_token.reveal().expose()]


def test_a_public_life_shows_no_secret(committed: None, sandbox: Sandbox, logged: list[str]) -> None:
    world = make_world()
    browser = world.client(world.admin)
    form = "/orgs/acme/integrations/notion"
    answers = [decide(ask(browser)) for _ in range(4)]
    secrets = [answer[name] for answer in answers for name in ("state", "code")]
    pages = [
        browser.get(CALLBACK, answers[0] | {"state": answers[0]["state"][:-1]}).content,
        world.client(world.outsider).get(CALLBACK, answers[1]).content,
        browser.get(CALLBACK, answers[1] | {"code": answers[1]["code"] + "x"}, follow=True).content,
        browser.get(CALLBACK, answers[2], follow=True).content,
    ]
    secrets += held(world)
    sandbox.expire(held(world)[0])
    pages.append(browser.post(f"{form}/test").content)
    assert held(world)[0] not in secrets, "it was refreshed"
    secrets += held(world)
    pages.append(browser.get("/api/orgs/acme/integrations").content)
    pages.append(browser.get(CALLBACK, answers[3], follow=True).content)
    secrets += held(world)
    sandbox.faults.add("edge_block", match="* /v1/oauth/revoke", times=None)
    pages.append(browser.post(f"{form}/disconnect", follow=True).content)
    with within(world.acme):
        pending = PendingRevocation.objects.get()
        pages.append(repr([pending, vars(pending), str(pending), pending.token]).encode())
        pages.append(repr([vars(state) for state in OAuthState.objects.all()]).encode())
    pages.append(browser.get("/orgs/acme/audit/").content)
    connection.close()
    sinks = {
        "shown": b"\n".join(pages).decode(),
        "logged": "\n".join(logged),
        "dump": dumped(),
        "server": server_log(),
    }
    assert "integrations.revoke_pending" in sinks["dump"]
    assert "integration.disconnected" in sinks["logged"]
    secrets.append(sandbox.client.client_secret)
    for name, text in sinks.items():
        for secret in secrets:
            assert shows(text, secret) == [], name


@pytest.mark.parametrize("way", ["stdin", "environment"])
def test_the_commands_success_shows_no_token(
    committed: None, sandbox: Sandbox, logged: list[str], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    make_world()
    sandbox.add_token(sandbox.workspace, secret=CANARY, label="canary")
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{CANARY}\n"))
    if way == "environment":
        monkeypatch.setenv("NOTION_API_KEY", CANARY)
    arguments = ["--token-stdin"] if way == "stdin" else []
    call_command("connect_internal", "acme", *arguments, "--json", stdout=out, stderr=err)
    assert json.loads(out.getvalue())["ok"] is True
    text = "\n".join([out.getvalue(), err.getvalue(), *logged, dumped(), server_log()])
    assert "integration.connected" in text
    assert shows(text, CANARY) == []


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
