"""The pages and the API of scans, as members meet them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone
from procrastinate.contrib.django import app as jobs
from procrastinate.jobs import Job

from integrations.sandbox import Sandbox
from notionscan import rls
from scans.models import Scan, Schedule
from scans.services import run
from scans.services.run import run_scan
from scans.services.schedule import run_scheduled
from tests import database
from tests.factories import World, events, make_world, queued, run_jobs, within
from tests.scans.conftest import again, connect_acme, finish, start, work

SCANS = "/orgs/acme/scans/"
API = "/api/orgs/acme/scans"


@pytest.fixture
def connected(committed: None, sandbox: Sandbox) -> World:
    """Committed, so that what is queued can be seen and run."""
    world = make_world()
    connect_acme(world)
    return world


def test_an_editor_scans_watches_and_reads_the_result(connected: World) -> None:
    editor = connected.client(connected.editor)
    assert "Start the first scan" in editor.get(SCANS).content.decode()
    started = editor.post(f"{SCANS}start")
    assert started.status_code == 302
    live = editor.get(started.url).content.decode()
    assert 'hx-trigger="every 2s"' in live
    assert "Waiting for a worker" in live
    run_jobs()
    assert "The report is being made." in editor.get(started.url).content.decode()
    run_jobs()
    done = editor.get(started.url, headers={"HX-Request": "true"}).content.decode()
    assert "hx-trigger" not in done
    assert "100 % covered" in done
    assert "POST /v1/search" in done
    assert "<html" not in done
    history = editor.get(SCANS).content.decode()
    assert "Scan 1" in history
    assert "100 %" in history


def test_a_scan_that_a_worker_has_taken_up_does_not_wait_for_one(connected: World) -> None:
    scan = start(connected)
    with within(connected.acme):
        Scan.objects.filter(pk=scan.pk).update(status=Scan.Status.RUNNING)
    page = connected.client(connected.editor).get(f"{SCANS}{scan.pk}/").content.decode()
    assert "Starting" in page
    assert "Waiting for a worker" not in page


def test_a_viewer_reads_and_starts_nothing(connected: World) -> None:
    viewer = connected.client(connected.viewer)
    page = viewer.get(SCANS).content.decode()
    assert "Start the first scan" not in page
    assert "An editor or an admin can start it." in page
    assert "schedule-every" not in page
    scan = start(connected)
    assert f"{scan.pk}/cancel" not in viewer.get(f"{SCANS}{scan.pk}/").content.decode()


def test_what_runs_can_be_cancelled_and_what_ended_cannot(connected: World) -> None:
    editor = connected.client(connected.editor)
    scan = start(connected)
    page = editor.post(f"{SCANS}{scan.pk}/cancel", follow=True).content.decode()
    assert "The scan was cancelled." in page
    assert again(scan).status == Scan.Status.CANCELLED
    page = editor.post(f"{SCANS}{scan.pk}/cancel", follow=True).content.decode()
    assert "has ended already" in page
    run_jobs()
    assert again(scan).status == Scan.Status.CANCELLED


def test_a_second_scan_is_refused_in_a_sentence(connected: World) -> None:
    editor = connected.client(connected.editor)
    start(connected)
    refused = editor.post(f"{SCANS}start")
    assert refused.status_code == 409
    assert "A scan is under way." in refused.content.decode()
    answer = editor.post(API, {}, content_type="application/json")
    assert answer.status_code == 409
    assert answer.json()["code"] == "scan_under_way"


def test_nothing_is_offered_without_a_connection(world: World) -> None:
    page = world.client(world.admin).get(SCANS).content.decode()
    assert "Go to integrations" in page
    refused = world.client(world.admin).post(f"{SCANS}start")
    assert refused.status_code == 404
    assert "Notion is not connected" in refused.content.decode()


def test_waiting_says_until_when(connected: World, sandbox: Sandbox) -> None:
    sandbox.faults.add("rate_limited", match="POST /v1/search", times=None, retry_after=300)
    scan = work(start(connected))
    assert scan.waiting_until
    page = connected.client(connected.viewer).get(f"{SCANS}{scan.pk}/").content.decode()
    assert "waiting until <time" in page
    assert f"{scan.waiting_until:%H:%M} UTC" in page
    answer = connected.client(connected.viewer).get(f"{API}/{scan.pk}").json()
    assert answer["status"] == "waiting"
    assert answer["waitingUntil"]
    assert answer["progress"]["objects"] > 0


def test_what_is_missing_is_said_with_what_to_do(connected: World, sandbox: Sandbox) -> None:
    sandbox.faults.add("object_not_found", match="GET /v1/databases/*", times=1)
    scan = finish(start(connected))
    page = connected.client(connected.viewer).get(f"{SCANS}{scan.pk}/").content.decode()
    assert "Incomplete" in page
    assert "At least 1 document that others stand in or relate to is not shared" in page
    assert "••• → Connections" in page
    assert scan.coverage["percent"] < 100


def test_the_api_gives_the_same(connected: World) -> None:
    editor = connected.client(connected.editor)
    started = editor.post(API, {"full": True}, content_type="application/json").json()
    assert (started["status"], started["full"], started["number"]) == ("queued", True, 1)
    run_jobs()
    done = editor.get(f"{API}/{started['id']}").json()
    assert (done["status"], done["progress"]) == ("complete", None)
    assert done["coverage"]["objects"]["page"] > 10
    assert done["coverage"]["reasons"] == []
    listed = editor.get(API).json()
    assert [scan["id"] for scan in listed["scans"]] == [started["id"]]
    assert listed["nextCursor"] is None
    assert editor.get(f"{API}?cursor=nonsense").json() == listed
    wrong = editor.post(API, {"fulll": True}, content_type="application/json")
    assert (wrong.status_code, "fulll" in wrong.json()["error"]) == (400, True)


def test_a_long_history_has_pages(connected: World) -> None:
    with within(connected.acme):
        for number in range(1, 31):
            Scan.objects.create(
                organization=connected.acme,
                number=number,
                integration_id=connected.acme.pk,
                status=Scan.Status.COMPLETE,
                started_by_label="someone",
            )
    viewer = connected.client(connected.viewer)
    first = viewer.get(API).json()
    second = viewer.get(f"{API}?cursor={first['nextCursor']}").json()
    assert [scan["number"] for scan in first["scans"] + second["scans"]] == list(range(30, 0, -1))
    assert second["nextCursor"] is None
    assert "Older" in viewer.get(SCANS).content.decode()
    assert "Scan 1<" in viewer.get(f"{SCANS}?cursor={first['nextCursor']}").content.decode()


@pytest.mark.parametrize(("every", "days"), [("daily", 1), ("weekly", 7)])
def test_a_schedule_starts_scans_and_queues_the_next(connected: World, every: str, days: int) -> None:
    admin = connected.client(connected.admin)
    page = admin.post(f"{SCANS}schedule", {"every": every}, follow=True).content.decode()
    assert "The schedule was saved." in page
    assert [task for task, _ in queued()] == ["scans.scheduled"]
    # Before its time it does nothing.
    run_jobs()
    assert queued() == []
    come_due(connected)
    tasks = [task for task, _ in queued()]
    assert sorted(tasks) == ["scans.run", "scans.scheduled"]
    with within(connected.acme):
        wait = Schedule.objects.get().next_at - timezone.now()
        assert Scan.objects.get().started_by_label == "Notion Scan"
    assert timedelta(days=days) - timedelta(minutes=1) < wait <= timedelta(days=days)
    # A scan that is under way keeps nothing from being queued.
    come_due(connected)
    assert [task for task, _ in queued()].count("scans.scheduled") == 2
    admin.post(f"{SCANS}schedule", {"every": ""})
    before = len(queued())
    come_due(connected)
    assert len(queued()) == before
    assert ("scan.scheduled", "success") in events(connected.acme)


def come_due(world: World) -> None:
    with within(world.acme):
        Schedule.objects.update(next_at=timezone.now())
    with rls.scope(rls.job_scope(world.acme.pk)):
        run_scheduled(organization_id=world.acme.pk)


def test_a_job_that_finds_the_scan_locked_comes_again(connected: World) -> None:
    """It looks after the lease; without it, nobody would take the scan of a killed worker up."""
    scan = start(connected)
    with rls.scope(rls.job_scope(connected.acme.pk)):
        claimed = run._claimed(connected.acme.pk, scan.pk, None)
    assert claimed is not None
    forget_jobs()
    with database.as_app(connected.acme) as writer:
        writer.execute("SELECT FROM scans_scan FOR UPDATE")
        with rls.scope(rls.job_scope(connected.acme.pk)):
            run_scan(organization_id=connected.acme.pk, scan_id=scan.pk, lease=claimed.lease)
    [(task, arguments)] = queued()
    assert (task, arguments["lease"]) == ("scans.run", str(claimed.lease))


def forget_jobs() -> None:
    """Forget what is queued."""
    with database.superuser() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


def test_a_database_that_is_away_costs_a_job_no_more_than_time(connected: World) -> None:
    for name in ("scans.scheduled", "scans.run", "scans.report"):
        task = jobs.tasks[name]
        job = Job(
            id=1, status="doing", queue="default", lock=None, queueing_lock=None, task_name=name, attempts=0
        )
        assert task.get_retry_exception(exception=OperationalError("terminating connection"), job=job)
        assert task.get_retry_exception(exception=ValueError("a mistake of ours"), job=job) is None


def test_a_schedule_that_is_none_is_refused(connected: World) -> None:
    refused = connected.client(connected.admin).post(f"{SCANS}schedule", {"every": "hourly"})
    assert refused.status_code == 400
    assert "Choose off, daily or weekly." in refused.content.decode()
    with within(connected.acme), transaction.atomic():
        assert not Schedule.objects.exists()


def test_nothing_of_a_token_is_in_the_answers(connected: World) -> None:
    scan = finish(start(connected))
    text = json.dumps(connected.client(connected.viewer).get(f"{API}/{scan.pk}").json())
    assert "ntn_" not in text
    assert "lease" not in text
