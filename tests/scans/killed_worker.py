"""A worker that is killed at each of its commits in turn, until a scan survives them all.

Run as a process: ``python -m tests.scans.killed_worker NOTION ORGANIZATION SCAN [SEED]``. It prints how often
it was killed; NOTION is the stand-in's address. With a seed it is killed at random moments instead.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
import time
from contextlib import suppress
from uuid import UUID

import django

LEASE_SECONDS = 0.2


def main(notion: str, organization_id: UUID, scan_id: UUID, seed: str = "") -> None:
    from django.conf import settings

    from integrations.notion import client

    settings.SCAN_LEASE_SECONDS = LEASE_SECONDS
    settings.NOTION_API_BASE_URL = notion
    client.PAGE_SIZE = 10
    dice = random.Random(seed)
    for number in itertools.count(1):
        child = os.fork()
        if child == 0:
            run_until_commit(organization_id, scan_id, 0 if seed else number)
            os._exit(0)
        if seed:
            # Later and later, so that it comes to an end.
            time.sleep(dice.uniform(0, 0.02 * number))
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if status == 0:
            print(number - 1)  # noqa: T201  (its result)
            return
        time.sleep(LEASE_SECONDS * 1.5)


def run_until_commit(organization_id: UUID, scan_id: UUID, fatal: int) -> None:
    """Run the scan's job, and die right after the commit of this number; of 0, never."""
    from notionscan import rls
    from notionscan.postgresql.base import DatabaseWrapper
    from scans.services.run import run_scan

    commit, commits = DatabaseWrapper._commit, itertools.count(1)

    def commit_and_die(self: DatabaseWrapper) -> None:
        commit(self)
        if next(commits) == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    DatabaseWrapper._commit = commit_and_die
    with rls.scope(rls.job_scope(organization_id)):
        run_scan(organization_id=organization_id, scan_id=scan_id)


if __name__ == "__main__":
    django.setup()
    main(sys.argv[1], UUID(sys.argv[2]), UUID(sys.argv[3]), *sys.argv[4:])
