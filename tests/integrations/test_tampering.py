"""A token that was altered in the database is never sent: the connection fails closed, and says so."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import IntegrityError, connection

from integrations.models import Integration, PendingRevocation
from integrations.sandbox import Sandbox
from integrations.services.revocation import keep_for_revocation
from notionscan import embedded_postgres
from notionscan.secret import Secret
from tests.factories import World, make_world, the_integration, within
from tests.integrations.test_budget import make_budget
from tests.integrations.test_canary import CANARY, server_log, shows
from tests.integrations.test_oauth import connect

Alter = Callable[[World, str], str]


def stored(world: World, table: str, column: str, organization: object) -> str:
    with within(organization), connection.cursor() as cursor:  # type: ignore[arg-type]
        cursor.execute(f"SELECT {column} FROM {table} WHERE organization_id = %s", [organization.pk])  # type: ignore[attr-defined]
        return str(cursor.fetchone()[0])


def of_another_organization(world: World, value: str) -> str:
    make_budget(world.globex)
    return stored(world, "integrations_integration", "access_token", world.globex)


def of_another_row(world: World, value: str) -> str:
    with within(world.acme):
        keep_for_revocation(organization_id=world.acme.pk, provider="notion", token=Secret("ntn_other"))
    return stored(world, PendingRevocation._meta.db_table, "token", world.acme)


def of_another_field(world: World, value: str) -> str:
    both = [
        stored(world, "integrations_integration", column, world.acme)
        for column in ("access_token", "refresh_token")
    ]
    return next(one for one in both if one != value)


def flipped(world: World, value: str) -> str:
    return value[:-3] + ("A" if value[-3] != "A" else "B") + value[-2:]


def without_its_tag(world: World, value: str) -> str:
    return value[:-22]


def plain(world: World, value: str) -> str:
    return "ntn_plain"


def of_an_unknown_key(world: World, value: str) -> str:
    return value.replace(".org-", ".org-0", 1)


ALTERATIONS: list[Alter] = [
    of_another_organization,
    of_another_row,
    of_another_field,
    flipped,
    without_its_tag,
    plain,
    of_an_unknown_key,
]


def tamper(world: World, column: str, alter: Alter) -> None:
    value = stored(world, "integrations_integration", column, world.acme)
    altered = alter(world, value)
    assert altered != value
    with within(world.acme), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE integrations_integration SET {column} = %s WHERE organization_id = %s",
            [altered, world.acme.pk],
        )


def in_error(world: World) -> None:
    integration = the_integration(world.acme)
    assert integration is not None
    assert (integration.status, integration.error_code) == ("error", "decrypt_failed")
    browser = world.client(world.admin)
    page = browser.get("/orgs/acme/integrations/")
    assert page.status_code == 200
    shown = browser.get("/api/orgs/acme/integrations").json()["integrations"][0]
    assert shown["status"] == "error"
    assert shown["error"]["code"] == "decrypt_failed"
    assert shown["error"]["remedy"] in html.unescape(page.content.decode())


@pytest.mark.parametrize("alter", ALTERATIONS, ids=lambda alter: alter.__name__)
def test_an_altered_access_token_is_not_sent(committed: None, sandbox: Sandbox, alter: Alter) -> None:
    world = make_world()
    connect(world.client(world.admin))
    tamper(world, "access_token", alter)
    sandbox.requests.clear()
    answer = world.client(world.admin).post("/orgs/acme/integrations/notion/test")
    assert answer.status_code == 200
    assert sandbox.requests.count("* /*") == 0
    in_error(world)


@pytest.mark.parametrize("alter", ALTERATIONS, ids=lambda alter: alter.__name__)
def test_an_altered_refresh_token_is_not_sent(committed: None, sandbox: Sandbox, alter: Alter) -> None:
    world = make_world()
    connect(world.client(world.admin))
    tamper(world, "refresh_token", alter)
    with within(world.acme):
        sandbox.expire(Integration.objects.get().access_token.reveal().expose())
    sandbox.requests.clear()
    world.client(world.admin).post("/orgs/acme/integrations/notion/test")
    assert sandbox.requests.count("POST /v1/oauth/token") == 0
    in_error(world)


@pytest.mark.parametrize("alter", [flipped, plain, of_another_organization], ids=lambda alter: alter.__name__)
def test_an_altered_internal_token_is_not_sent(committed: None, sandbox: Sandbox, alter: Alter) -> None:
    world = make_world()
    make_budget(world.acme)
    tamper(world, "access_token", alter)
    world.client(world.admin).post("/orgs/acme/integrations/notion/test")
    assert sandbox.requests.count("* /*") == 0
    in_error(world)


def test_an_altered_token_can_be_disconnected(committed: None, sandbox: Sandbox) -> None:
    world = make_world()
    connect(world.client(world.admin))
    tamper(world, "access_token", flipped)
    sandbox.requests.clear()
    assert world.client(world.admin).delete("/api/orgs/acme/integrations/notion").status_code == 200
    assert sandbox.requests.count("* /*") == 0
    assert the_integration(world.acme) is None


def log_failing_statements() -> None:
    """Let the embedded server log what it keeps silent about, as a server with the defaults does."""
    if settings.DATABASES["default"].get("EMBEDDED_ROLE"):
        server = embedded_postgres.ensure_running(Path(settings.NOTIONSCAN_DATA_DIR))
        name = connection.settings_dict["NAME"]
        with psycopg.connect(**server.superuser_connection(name), autocommit=True) as superuser:
            for setting, value in {
                "log_min_messages": "warning",
                "log_min_error_statement": "error",
                "log_error_verbosity": "default",
            }.items():
                superuser.execute(f"ALTER DATABASE \"{name}\" SET {setting} = '{value}'")
        connection.close()


def test_the_servers_log_of_a_failing_statement_holds_no_token(committed: None, sandbox: Sandbox) -> None:
    log_failing_statements()
    world = make_world()
    make_budget(world.acme)
    second = Integration(
        organization=world.acme,
        provider="notion",
        connection_type="internal",
        workspace_id=world.acme.pk,
        account_id=world.acme.pk,
        connected_by_label="someone",
    )
    second.access_token = Secret(CANARY)
    with pytest.raises(IntegrityError) as failure, within(world.acme):
        second.save(force_insert=True)
    assert not shows(str(failure.value), CANARY)
    log = server_log()
    assert not shows(log, CANARY)
    # Where the log can be read, the failure is in it.
    assert not log or ("INSERT INTO" in log and "VALUES ($1" in log)
