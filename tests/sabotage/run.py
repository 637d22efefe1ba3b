"""Take one guard away at a time, in copies of the tree, and see whether the tests notice."""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tests.sabotage.guard import ROOT, Guard
from tests.sabotage.guards import EXPLAINED, GUARDS

_COPIES = 2
_NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".local", ".*_cache", ".hypothesis", "__pycache__")
_TARGET = 0.95
# But for the test of the list of sabotages, which notices every one.
_EVERYTHING = ["tests", "--ignore=tests/sabotage"]
# Named tests that hang without a guard have noticed; all together only take long on a busy machine.
_TIMEOUT_SECONDS, _EVERYTHING_SECONDS = 900, 3_600
_LAST_WORDS_SECONDS = 60


@dataclass(frozen=True)
class Verdict:
    guard: Guard
    caught_by: str
    seconds: float

    def line(self) -> str:
        what = self.caught_by or f"MISSED ({EXPLAINED.get(self.guard.name, 'not explained')})"
        return f"{self.seconds:5.1f} s  {self.guard.name:<58} {what}"


def main(names: list[str]) -> int:
    """Run the sabotages whose name contains one of ``names``, or all. Returns the exit status."""
    chosen = [guard for guard in GUARDS if not names or any(name in guard.name for name in names)]
    with _copies() as copies:
        if broken := _red(copies[0], sorted({test for guard in chosen for test in guard.tests})):
            sys.stderr.write(f"The tests are red before any sabotage: {broken}\n")
            return 1
        verdicts = list(_all(chosen, copies))
    caught = sum(bool(verdict.caught_by) for verdict in verdicts)
    print(f"{caught} of {len(verdicts)} sabotages were caught.")  # noqa: T201
    unexplained = [v for v in verdicts if not v.caught_by and v.guard.name not in EXPLAINED]
    return 1 if unexplained or caught < _TARGET * len(verdicts) else 0


def _all(chosen: list[Guard], copies: list[Path]) -> Iterator[Verdict]:
    waiting: queue.SimpleQueue[Guard] = queue.SimpleQueue()
    done: queue.SimpleQueue[Verdict] = queue.SimpleQueue()
    for guard in chosen:
        waiting.put(guard)
    threads = [threading.Thread(target=_work, args=(copy, waiting, done), daemon=True) for copy in copies]
    for thread in threads:
        thread.start()
    for _ in chosen:
        verdict = done.get()
        print(verdict.line(), flush=True)  # noqa: T201
        yield verdict


def _work(copy: Path, waiting: queue.SimpleQueue[Guard], done: queue.SimpleQueue[Verdict]) -> None:
    while True:
        try:
            guard = waiting.get_nowait()
        except queue.Empty:
            return
        started = monotonic()
        text = guard.remove(copy)
        try:
            caught_by = _red(copy, list(guard.tests))
            # What another guard makes up for is not looked for in everything, which takes long.
            if not caught_by and guard.name not in EXPLAINED:
                caught_by = _red(copy, _EVERYTHING)
        finally:
            guard.restore(copy, text)
        done.put(Verdict(guard, caught_by, monotonic() - started))


def _red(copy: Path, tests: list[str]) -> str:
    """Return the first test that fails in the copy, or nothing."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--show-capture=no", "--tb=no", *tests]
    environment = os.environ | {
        "NOTIONSCAN_DATA_DIR": os.environ.get("NOTIONSCAN_DATA_DIR", str(ROOT / ".local")),
        "NOTIONSCAN_TEST_DATABASE_SUFFIX": f"{copy.name}_{os.getpid()}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    is_everything = tests is _EVERYTHING
    with subprocess.Popen(
        command,
        cwd=copy,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        seconds = _EVERYTHING_SECONDS if is_everything else _TIMEOUT_SECONDS
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            _end(process)
            return "" if is_everything else "hangs"
    if process.returncode == 0:
        return ""
    found = re.search(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE)
    return found[1] if found else output.strip().splitlines()[-1][:100]


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt the tests, so that they end the servers that they started; if they do not, kill them."""
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=_LAST_WORDS_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


@contextmanager
def _copies() -> Iterator[list[Path]]:
    with tempfile.TemporaryDirectory(prefix="sabotage-") as folder:
        # Tests start processes as an unprivileged user, who must reach the copy.
        Path(folder).chmod(0o755)
        copies = [Path(folder) / f"sabotage{number}" for number in range(_COPIES)]
        for copy in copies:
            shutil.copytree(ROOT, copy, ignore=_NOT_COPIED)
        yield copies
