"""The background jobs of scans."""

from __future__ import annotations

from uuid import UUID

from notionscan.jobs import organization_task
from scans.services import run, start


@organization_task(start.TASK)
def run_scan(organization_id: UUID, *, scan_id: UUID) -> None:
    run.run_scan(organization_id=organization_id, scan_id=scan_id)
