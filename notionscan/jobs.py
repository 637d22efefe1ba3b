"""Background jobs: deferred with the transaction, stamped with the organization by the database.

The web's role cannot read or write the job tables; it calls the definer function ``defer_job``, which
takes the organization from the scope of the transaction. A job without that stamp is refused. Jobs
carry ids and nothing else.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.jobs import Status

from notionscan import rls

# A worker that has not said anything for this long is taken for dead, and its jobs are started again.
STALLED_AFTER_SECONDS = 30
MAX_STARTS = 5
# A database that restarts costs a job its try. Without another one, a schedule would end there for good.
_DATABASE_AWAY = RetryStrategy(
    max_attempts=MAX_STARTS, wait=10, retry_exceptions=(OperationalError, InterfaceError)
)


class UnstampedJob(Exception):
    """A job for an organization that did not come through ``defer``."""


def defer(task: str, *, delay_seconds: int = 0, **ids: UUID) -> None:
    """Queue a job for the organization in scope; it exists only if the open transaction commits."""
    arguments = json.dumps({name: str(value) for name, value in ids.items()})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT defer_job(%s, %s::jsonb, make_interval(secs => %s))", [task, arguments, delay_seconds]
        )


def organization_task(
    name: str, *, retry: RetryStrategy | None = None, asks_whether_to_stop: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a job that runs in the scope of the organization it was stamped with.

    One that ``asks_whether_to_stop`` is given ``should_stop``, which says True when the worker is to end.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(*context: JobContext, organization_id: str = "", **ids: str) -> None:
            if not organization_id:
                raise UnstampedJob(name)
            stamp = UUID(organization_id)
            more: dict[str, Any] = {"should_stop": context[0].should_abort} if context else {}
            with rls.scope(rls.job_scope(stamp)):
                function(stamp, **{key: UUID(value) for key, value in ids.items()}, **more)

        # procrastinate types the two ways of ``pass_context`` apart; a job here may have either.
        task: Any = app.task
        task(name=name, retry=retry or _DATABASE_AWAY, pass_context=asks_whether_to_stop)(run)
        return function

    return register


@app.periodic(cron="* * * * *")
@app.task(name="jobs.recover_stalled", queueing_lock="jobs.recover_stalled", pass_context=True)
async def recover_stalled(context: JobContext, timestamp: int) -> None:
    """Start again what a killed worker left ``doing``; such a job would otherwise stay so for good."""
    jobs: Any = app.job_manager
    for job in await jobs.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_SECONDS):
        if job.attempts >= MAX_STARTS:
            await jobs.finish_job_by_id_async(job_id=job.id, status=Status.FAILED, delete_job=False)
        else:
            await jobs.retry_job(job)
