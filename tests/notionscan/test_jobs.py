"""Background jobs: deferred with the transaction, stamped by the database, taken over from the dead."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from procrastinate.contrib.django import app

from integrations.budget import DatabaseBudget
from integrations.models import Integration
from integrations.notion.budget import Priority
from integrations.sandbox import Sandbox, demo_token
from integrations.services.connect import connect_internal
from notionscan import jobs, rls
from notionscan.secret import Secret
from tests import database
from tests.factories import World, make_world, queued, run_jobs, the_integration, within

ROOT = Path(__file__).resolve().parent.parent.parent


def connect(world: World) -> Integration:
    with rls.scope(rls.organization_scope(world.acme.pk)):
        return connect_internal(
            organization=world.acme, actor=world.admin, token=Secret(demo_token("Acme Atlas"))
        )


def worker(sandbox: Sandbox, *arguments: str) -> subprocess.Popen[bytes]:
    environment = database.process_environment() | {
        "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
        "SITE_URL": "http://localhost:1",
        "SITE_NOTION_URL": sandbox.url,
        "SITE_CLIENT_SECRET": sandbox.client.client_secret,
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", "worker", *arguments],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.DEVNULL,
    )


def test_a_job_exists_only_if_the_transaction_commits(committed: None) -> None:
    world = make_world()
    with pytest.raises(ValueError, match="rolled back"), within(world.acme):
        jobs.defer("integrations.count_shared", integration_id=uuid4())
        raise ValueError("rolled back")
    assert queued() == []
    with within(world.acme):
        jobs.defer("integrations.count_shared", integration_id=uuid4())
    assert len(queued()) == 1


def test_the_stamp_is_the_scopes_and_not_the_callers(committed: None) -> None:
    world = make_world()
    with within(world.acme):
        jobs.defer("integrations.count_shared", organization_id=world.globex.pk)
    assert queued() == [("integrations.count_shared", {"organization_id": str(world.acme.pk)})]


@pytest.mark.parametrize("scope", ["none", "user", "staff"])
def test_a_job_needs_an_organizations_scope(world: World, scope: str) -> None:
    scopes = {"none": None, "user": rls.user_scope(world.admin.pk), "staff": rls.staff_scope(world.admin.pk)}
    with (
        rls.scope(scopes[scope]),
        pytest.raises(ProgrammingError, match="needs the scope of an organization"),
        transaction.atomic(),
    ):
        jobs.defer("integrations.count_shared", integration_id=uuid4())


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM procrastinate_jobs",
        "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('default', 'x', '{}')",
        "UPDATE procrastinate_jobs SET args = '{}'",
        "DELETE FROM procrastinate_jobs",
        "SELECT * FROM procrastinate_workers",
    ],
)
def test_the_webs_role_cannot_touch_the_job_tables(db: None, statement: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.parametrize(
    "call",
    [
        (
            "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('default', 'integrations.count_shared', 0, NULL, "
            "NULL, '{}'::jsonb, NULL)::procrastinate_job_to_defer_v1])"
        ),
        "SELECT procrastinate_retry_job_v1(1, now(), NULL, NULL, NULL)",
        "SELECT procrastinate_prune_stalled_workers_v1(0)",
    ],
)
def test_the_webs_role_gets_past_defer_job_by_no_function(world: World, call: str) -> None:
    with (
        within(world.acme),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(call)


def test_ids_given_to_the_database_cannot_replace_the_stamp(committed: None) -> None:
    world = make_world()
    ids = json.dumps({"organization_id": str(world.globex.pk), "integration_id": str(uuid.uuid4())})
    with within(world.acme), connection.cursor() as cursor:
        cursor.execute("SELECT defer_job('integrations.count_shared', %s::jsonb, NULL)", [ids])
    [(_, arguments)] = queued()
    assert arguments["organization_id"] == str(world.acme.pk)


def test_the_workers_role_is_fenced_too(committed: None) -> None:
    world = make_world()
    with psycopg.connect(database.url("worker")) as db:
        assert db.execute("SELECT count(*) FROM tenants_membership").fetchone() == (0,)
        db.execute("SELECT scope_bind(%s, %s)", rls.job_scope(world.globex.pk).signed())
        assert db.execute("SELECT count(*) FROM tenants_membership").fetchone() == (1,)
        found = db.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert found.fetchone() == (False,)


def test_an_unstamped_job_is_refused(db: None) -> None:
    with pytest.raises(jobs.UnstampedJob):
        app.tasks["integrations.count_shared"].func(integration_id=str(uuid4()))


def test_a_job_runs_in_the_scope_of_its_stamp(committed: None, sandbox: Sandbox) -> None:
    world = make_world()
    connect(world)
    assert run_jobs() == 1
    integration = the_integration(world.acme)
    assert integration is not None
    assert integration.shared_counted_at is not None
    assert rls.current() is None


def test_a_job_for_another_organizations_row_finds_nothing(committed: None, sandbox: Sandbox) -> None:
    world = make_world()
    integration = connect(world)
    run_jobs()
    with within(world.acme):
        Integration.objects.update(shared_counted_at=None)
    with within(world.globex):
        jobs.defer("integrations.count_shared", integration_id=integration.pk)
    run_jobs()
    found = the_integration(world.acme)
    assert found is not None
    assert found.shared_counted_at is None


def test_a_count_that_notion_refuses_is_told(committed: None, sandbox: Sandbox) -> None:
    world = make_world()
    connect(world)
    sandbox.faults.add("edge_block", times=None)
    run_jobs()
    found = the_integration(world.acme)
    assert found is not None
    assert found.shared_error_code == "notion_unavailable"


def test_the_worker_process_runs_what_is_queued(committed: None, sandbox: Sandbox) -> None:
    world = make_world()
    connect(world)
    process = worker(sandbox, "--once")
    assert process.wait(timeout=60) == 0
    found = the_integration(world.acme)
    assert found is not None
    assert found.shared_counted_at is not None
    assert queued() == []


def test_the_worker_leaves_a_delayed_and_fails_an_unstamped_job(committed: None, sandbox: Sandbox) -> None:
    world = make_world()
    with within(world.acme):
        jobs.defer("integrations.count_shared", delay_seconds=3600, integration_id=uuid4())
    with psycopg.connect(database.url("worker"), autocommit=True) as db:
        db.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args) "
            "VALUES ('default', 'integrations.count_shared', %s)",
            [json.dumps({"integration_id": str(uuid4())})],
        )
    assert worker(sandbox, "--once").wait(timeout=60) == 0
    assert statuses() == ["todo", "failed"]
    assert sandbox.requests.count() == 0


def test_a_connection_ended_while_it_is_counted_ends_the_count(
    committed: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    connect(world)
    acquire = DatabaseBudget.acquire

    def after_the_disconnect(self: DatabaseBudget, priority: Priority) -> None:
        with within(world.acme):
            Integration.objects.all().delete()
        acquire(self, priority)

    monkeypatch.setattr(DatabaseBudget, "acquire", after_the_disconnect)
    assert run_jobs() == 1
    assert the_integration(world.acme) is None
    assert sandbox.requests.count("POST /v1/search") == 0


def test_a_killed_workers_job_is_taken_over(committed: None, sandbox: Sandbox) -> None:
    world = make_world()
    connect(world)
    asked = sandbox.requests.count("POST /v1/search")
    sandbox.faults.add("hang", match="* /v1/search", seconds=30)
    process = worker(sandbox)
    try:
        give_up_at = time.monotonic() + 30
        while statuses() != ["doing"] and time.monotonic() < give_up_at:
            time.sleep(0.05)
        assert statuses() == ["doing"]
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    sandbox.faults.clear()
    assert asked == 0

    recover()
    assert statuses() == ["doing"], "a worker that spoke just now is not dead"
    with database.superuser() as cursor:
        cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '31 seconds'")
    recover()
    assert statuses() == ["todo"]
    assert worker(sandbox, "--once").wait(timeout=60) == 0
    found = the_integration(world.acme)
    assert found is not None
    assert found.shared_counted_at is not None


@pytest.mark.parametrize(("starts", "status"), [(jobs.MAX_STARTS - 1, "todo"), (jobs.MAX_STARTS, "failed")])
def test_a_job_that_kills_its_workers_is_given_up(committed: None, starts: int, status: str) -> None:
    world = make_world()
    with within(world.acme):
        jobs.defer("integrations.count_shared", integration_id=uuid4())
    with database.superuser() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing', attempts = %s", [starts])
    recover()
    assert statuses() == [status]


def statuses() -> list[str]:
    with database.superuser() as cursor:
        cursor.execute(
            "SELECT status::text FROM procrastinate_jobs WHERE task_name LIKE 'integrations.%' ORDER BY id"
        )
        return [row[0] for row in cursor]


def recover() -> None:
    """Run the recovery as the worker does: on its own connector, as its own role."""
    from procrastinate import PsycopgConnector

    connector = PsycopgConnector(conninfo=database.url("worker").replace("postgres://", "postgresql://"))

    async def run() -> None:
        with app.replace_connector(connector):
            async with app.open_async():
                await app.tasks["jobs.recover_stalled"].func(None, 0)

    asyncio.run(run())
