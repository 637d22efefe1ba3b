"""``manage.py worker``: run background jobs; any number, on any machine."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.db import connections
from procrastinate.contrib.django import app

# After these, jobs that can be handed back are asked to end; the others end by themselves, soon.
_SHUTDOWN_SECONDS = 2


class Command(BaseCommand):
    help = "Run background jobs until interrupted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--concurrency", type=int, default=16, help="jobs at a time (default 16)")
        parser.add_argument("--once", action="store_true", help="end when the queue is empty")

    def handle(self, *args: Any, concurrency: int, once: bool, **options: Any) -> None:
        if concurrency < 1:
            raise CommandError("--concurrency is how many jobs run at a time; give 1 or more.")
        if "worker" not in connections:
            raise CommandError("The worker connects as its own role; set WORKER_DATABASE_URL.")
        # Everything in this process speaks as the worker: it is the app's role plus the job tables.
        connections.settings["default"].update(connections.settings["worker"])
        with app.replace_connector(app.connector.get_worker_connector()) as worker:  # type: ignore[attr-defined]
            asyncio.run(_work(worker, concurrency=concurrency, once=once))


async def _work(worker: Any, *, concurrency: int, once: bool) -> None:
    # A job waits in a thread of its own, and the loop would have few more of them than there are processors.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(concurrency))
    async with worker.open_async():
        await worker.run_worker_async(
            concurrency=concurrency,
            wait=not once,
            delete_jobs="successful",
            shutdown_graceful_timeout=_SHUTDOWN_SECONDS,
            fetch_job_polling_interval=2.0,
        )
