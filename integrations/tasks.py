"""The background jobs of connections."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from integrations.http.errors import LocalOnly
from integrations.services import checks, mirror, mirroring, notices, revocation, shared, state
from notionscan.jobs import organization_task


@organization_task(shared.TASK)
def count_shared(organization_id: UUID, *, integration_id: UUID) -> None:
    shared.count_shared(organization_id=organization_id, integration_id=integration_id)


@organization_task(revocation.TASK)
def revoke_pending(organization_id: UUID, *, revocation_id: UUID) -> None:
    revocation.revoke_again(organization_id=organization_id, revocation_id=revocation_id)


@organization_task(checks.TASK)
def check(organization_id: UUID) -> None:
    # In local-only mode nothing is to be asked.
    with suppress(LocalOnly):
        checks.check_connections(organization_id=organization_id, idle_for=checks.IDLE)


@app.periodic(cron="23 */6 * * *")
@app.task(name="periodic.check_connections", queueing_lock="periodic.check_connections")
def check_all(timestamp: int) -> None:
    checks.check_all_later()


# A mail server that is down is tried for some hours: after 4, 16, 64, … seconds.
@organization_task(state.MAIL, retry=RetryStrategy(max_attempts=8, exponential_wait=4))
def mail_of_error(organization_id: UUID, *, integration_id: UUID) -> None:
    notices.mail_of_error(organization_id=organization_id, integration_id=integration_id)


@organization_task(mirror.TASK)
def mirror_events(organization_id: UUID) -> None:
    mirroring.mirror_events(organization_id=organization_id)


@app.periodic(cron="* * * * *")
@app.task(name="periodic.mirror_events", queueing_lock="periodic.mirror_events")
def mirror_all(timestamp: int) -> None:
    mirroring.mirror_all_later()
