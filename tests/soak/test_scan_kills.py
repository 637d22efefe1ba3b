"""A scan whose worker is killed at random moments ends as one that nobody disturbs.

``make test`` tries one seed, ``make soak`` many (``NOTIONSCAN_SOAK_SEEDS``), which makes some hundred kills.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from integrations.sandbox import Sandbox
from scans.models import Scan
from tests import database
from tests.factories import make_world
from tests.scans.conftest import again, connect_acme, finish, seen, start
from tests.soak.test_kills import SEEDS


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_scan_survives_random_kills(
    committed: None, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("integrations.notion.client.PAGE_SIZE", 10)
    world = make_world()
    connect_acme(world)
    clean = finish(start(world))
    scan = start(world)
    killed = subprocess.run(
        [
            *(sys.executable, "-m", "tests.scans.killed_worker"),
            *(sandbox.url, str(world.acme.pk), str(scan.pk), f"seed {seed}"),
        ],
        env=database.process_environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    assert int(killed.stdout) >= 3
    done = again(scan)
    assert done.status == Scan.Status.COMPLETE, done.coverage
    assert seen(world, done.number) == seen(world, clean.number)
    assert done.coverage == clean.coverage
