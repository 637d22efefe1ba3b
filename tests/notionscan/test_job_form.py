"""SQL in the app's connection queues jobs of its own organization, and none that a worker cannot survive."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg
import pytest

from notionscan import rls
from tests import database
from tests.factories import World, make_world

ID = "3f0c2a54-8c8e-4a51-9d0b-1f2e3d4c5b6a"
REFUSED = {
    "a list": "'[]'",
    "a list with an object": "'[{}]'",
    "a number": "'1'",
    "a text": "'\"x\"'",
    "null": "'null'",
    "nothing": "NULL",
    "no id": '\'{"scan_id": "x"}\'',
    "a number for an id": "'{\"scan_id\": 5}'",
    "a list for an id": f'\'{{"scan_id": ["{ID}"]}}\'',
    "null for an id": "'{\"scan_id\": null}'",
    "a number that ends a worker": "('{\"scan_id\": 1' || repeat('0', 5000) || '}')",
    "a name without end": f"('{{\"' || repeat('x', 5000) || '\": \"{ID}\"}}')",
    "an id and more": f'\'{{"scan_id": "{ID}\\n"}}\'',
}


@pytest.fixture
def world(committed: None) -> World:
    return make_world()


def queue(world: World, task: str, ids: str, delay: str = "0") -> None:
    with psycopg.connect(database.url("default")) as app:
        app.execute("SELECT scope_bind(%s, %s)", rls.organization_scope(world.acme.pk).signed())
        app.execute(f"SELECT defer_job('{task}', {ids}::jsonb, interval '{delay}')")


@pytest.mark.parametrize("name", REFUSED)
def test_a_job_that_carries_anything_but_ids_is_refused(world: World, name: str) -> None:
    with pytest.raises(psycopg.Error):
        queue(world, "integrations.count_shared", REFUSED[name])
    queue(world, "integrations.count_shared", f'\'{{"integration_id": "{ID}"}}\'')
    assert len(jobs()) == 1, "the control"


@pytest.mark.parametrize(
    "task", ["builtin:procrastinate.builtin.remove_old_jobs", "", "x", "scans.run; --", "x" * 300 + ".y"]
)
def test_a_job_has_the_name_of_a_task_of_ours(world: World, task: str) -> None:
    with pytest.raises(psycopg.Error):
        queue(world, task, "'{}'")


def test_a_worker_outlives_every_job_that_can_be_queued(world: World) -> None:
    """Of names and ids alone, as wrong as they can be: each job fails by itself."""
    for task, ids in (
        ("no.such", "{}"),
        ("jobs.recover_stalled", "{}"),
        ("notionscan.forget", json.dumps({"timestamp": ID})),
        ("scans.run", json.dumps({"self": ID, "context": ID, "": ID})),
        ("integrations.count_shared", json.dumps({"organization_id": str(uuid.uuid4())})),
    ):
        queue(world, task, f"'{ids}'")
    queue(world, "integrations.count_shared", f'\'{{"integration_id": "{ID}"}}\'')
    ran = subprocess.run(
        [sys.executable, "manage.py", "worker", "--once"],
        cwd=Path(__file__).parents[2],
        env=database.process_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    # What was right is done and gone; what was wrong has failed, and waits for nobody.
    assert {status for _, status in jobs()} == {"failed"}
    assert len(jobs()) == 5


def jobs() -> list[tuple[str, str]]:
    query = "SELECT task_name, status FROM procrastinate_jobs WHERE args ? 'organization_id' ORDER BY id"
    with database.superuser() as owner:
        return owner.execute(query).fetchall()  # type: ignore[return-value]
