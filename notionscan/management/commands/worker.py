"""``manage.py worker``: run background jobs; any number, on any machine."""

from __future__ import annotations

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
        parser.add_argument("--concurrency", type=int, default=4, help="jobs at a time (default 4)")
        parser.add_argument("--once", action="store_true", help="end when the queue is empty")

    def handle(self, *args: Any, concurrency: int, once: bool, **options: Any) -> None:
        if concurrency < 1:
            raise CommandError("--concurrency is how many jobs run at a time; give 1 or more.")
        if "worker" not in connections:
            raise CommandError("The worker connects as its own role; set WORKER_DATABASE_URL.")
        # Everything in this process speaks as the worker: it is the app's role plus the job tables.
        connections.settings["default"].update(connections.settings["worker"])
        with app.replace_connector(app.connector.get_worker_connector()) as worker:  # type: ignore[attr-defined]
            worker.run_worker(
                concurrency=concurrency,
                wait=not once,
                delete_jobs="successful",
                shutdown_graceful_timeout=_SHUTDOWN_SECONDS,
                fetch_job_polling_interval=2.0,
            )
