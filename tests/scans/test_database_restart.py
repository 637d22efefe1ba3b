"""PostgreSQL is killed in the middle of a scan, on a server of this test's own; the scan goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from integrations.sandbox import Sandbox, demo_token
from notionscan import rls
from notionscan.embedded_postgres import ensure_running, stop
from notionscan.embedded_postgres.postmaster import read_pid_file

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 90


class Installation:
    """An installation with its own data directory, used through its commands alone."""

    def __init__(self, data_dir: Path, sandbox: Sandbox) -> None:
        self.data_dir = data_dir
        self.sandbox = sandbox
        self._environment = {
            "PATH": os.environ["PATH"],
            "NOTIONSCAN_DATA_DIR": str(data_dir),
            "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
            "SITE_URL": "http://localhost:1",
            "SITE_NOTION_URL": sandbox.url,
            "SITE_CLIENT_SECRET": sandbox.client.client_secret,
            "SITE_LEASE_SECONDS": "1",
        }
        self.worker: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str, text: str = "") -> str:
        ran = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self._environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr[-500:]
        return ran.stdout

    def keep_working(self) -> None:
        """Start the worker, again if it ended, as a supervisor does."""
        if self.worker is None or self.worker.poll() is not None:
            self.worker = subprocess.Popen(
                [sys.executable, "manage.py", "worker"],
                cwd=ROOT,
                env=self._environment,
                stderr=subprocess.DEVNULL,
            )

    def kill_database(self) -> None:
        """End the server as ``pg_ctl stop -m immediate`` does: without a checkpoint."""
        [pgdata] = [each for each in self.data_dir.glob("postgres-*") if each.name[9:].isdecimal()]
        found = read_pid_file(pgdata)
        assert found is not None
        os.kill(found.pid, signal.SIGQUIT)

    def scan(self, organization: UUID, number: int) -> tuple[str, dict[str, Any]]:
        """Return a scan's status and coverage."""
        status, coverage, _ = self._scan(organization, number)
        return status, coverage

    def has_stored(self, organization: UUID, number: int) -> bool:
        """Say whether a checkpoint of a scan is stored."""
        return self._scan(organization, number)[2] > 0

    def _scan(self, organization: UUID, number: int) -> tuple[str, dict[str, Any], int]:
        with psycopg.connect(**ensure_running(self.data_dir).connection("app")) as db:  # type: ignore[arg-type]
            db.execute("SELECT scope_bind(%s, %s)", rls.organization_scope(organization).signed())
            query = "SELECT status, coverage, requests FROM scans_scan WHERE number = %s"
            found = db.execute(query, [number]).fetchone()
        assert found is not None
        return str(found[0]), dict(found[1]), int(found[2])


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    with Sandbox(pages=900, databases=12, seed=3, latency_ms=300) as sandbox:
        found = Installation(tmp_path / "data", sandbox)
        yield found
        if found.worker is not None:
            found.worker.kill()
            found.worker.wait(timeout=30)
        stop(found.data_dir)


def test_a_scan_survives_the_databases_death(installation: Installation) -> None:
    sandbox = installation.sandbox
    installation.manage("migrate", "--verbosity", "0")
    made = json.loads(installation.manage("create_organization", "acme", "--name", "Acme", "--json"))
    acme = UUID(made["id"])
    installation.manage("connect_internal", "acme", "--token-stdin", text=demo_token("Acme Atlas"))
    wholes = []
    for number in (1, 2):
        installation.manage("scan", "acme", "--full", "--json")
        sandbox.requests.clear()
        installation.keep_working()
        until = time.monotonic() + PATIENCE_SECONDS
        killed = number == 1
        while (now := installation.scan(acme, number))[0] in ("queued", "running", "waiting"):
            if not killed and installation.has_stored(acme, number):
                installation.kill_database()
                killed = True
            installation.keep_working()
            assert time.monotonic() < until, now
            time.sleep(0.05)
        assert killed
        wholes.append(now)
    assert wholes[0][0] == "complete", wholes[0]
    assert wholes[1] == wholes[0]
