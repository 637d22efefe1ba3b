"""``manage.py worker``: run background jobs; any number, on any machine."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.db import connections
from procrastinate.contrib.django import app
from procrastinate.worker import Worker

# After these, jobs that can be handed back are asked to end; the others end by themselves, soon.
_SHUTDOWN_SECONDS = 2
_POLL_SECONDS = 0.2
# Ours that run, and anybody's that are due. ``wait=False`` looks at the queue once: what it took up had two
# seconds then, and what that queued was left.
_IS_BUSY = """
SELECT EXISTS (
    SELECT FROM procrastinate_jobs WHERE status = 'doing' AND worker_id = %(worker)s
    OR status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())
) AS is_busy
"""


class Command(BaseCommand):
    help = "Run background jobs until interrupted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--concurrency", type=int, default=16, help="jobs at a time (default 16)")
        parser.add_argument("--once", action="store_true", help="end when nothing is due and nothing runs")

    def handle(self, *args: Any, concurrency: int, once: bool, **options: Any) -> None:
        if concurrency < 1:
            raise CommandError("--concurrency is how many jobs run at a time; give 1 or more.")
        if "worker" not in connections:
            raise CommandError("The worker connects as its own role; set WORKER_DATABASE_URL.")
        # Everything in this process speaks as the worker: it is the app's role plus the job tables.
        connections.settings["default"].update(connections.settings["worker"])
        with app.replace_connector(app.connector.get_worker_connector()) as jobs:  # type: ignore[attr-defined]
            asyncio.run(_work(jobs, concurrency=concurrency, once=once))


async def _work(jobs: Any, *, concurrency: int, once: bool) -> None:
    # A job waits in a thread of its own, and the loop would have few more of them than there are processors.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(concurrency))
    async with jobs.open_async():
        jobs.perform_import_paths()
        options = {
            "concurrency": concurrency,
            "delete_jobs": "successful",
            "shutdown_graceful_timeout": _SHUTDOWN_SECONDS,
            # New jobs are announced; those whose time comes are found by looking, and a scan waits for that.
            "fetch_job_polling_interval": 0.5,
        }
        # Its defaults close what jobs leave open.
        worker: Any = Worker(jobs, **(jobs.worker_defaults | options))
        if once:
            idle = asyncio.create_task(_until_idle(worker))
            idle.add_done_callback(lambda _: worker.stop())
        await worker.run()


async def _until_idle(worker: Any) -> None:
    is_busy = True
    while is_busy:
        await asyncio.sleep(_POLL_SECONDS)
        found = await worker.app.connector.execute_query_one_async(_IS_BUSY, worker=worker.worker_id)
        is_busy = worker.worker_id is None or bool(found["is_busy"])
