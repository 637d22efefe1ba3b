"""`manage.py sandbox` as a process: prints what it accepts, refuses what it must, ends when told to."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from integrations.sandbox import demo_token

ROOT = Path(__file__).parents[3]
# The command alone, with empty settings: the sandbox must not need the product's.
RUN = """
import sys
from django.conf import settings
settings.configure()
from integrations.management.commands.sandbox import Command
Command().run_from_argv(["manage.py", "sandbox", *sys.argv[1:]])
"""


@contextmanager
def run(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    hidden = ("NOTION_", "DJANGO_", "BASE_URL")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    with subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments],
        cwd=ROOT,
        env=inherited | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_told_to_stop(how: signal.Signals) -> None:
    with run("--port", "0", "--pages", "50", "--json") as process:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        headers = {"Authorization": f"Bearer {demo_token('Acme Atlas')}", "Notion-Version": "2026-03-11"}
        reply = requests.get(f"{facts['url']}/v1/users/me", headers=headers, timeout=5)
        assert reply.json()["bot"]["workspace_name"] == "Acme Atlas"
        process.send_signal(how)
        assert process.wait(10) == 0


def test_it_takes_the_oauth_client_from_the_environment_and_keeps_its_secret() -> None:
    with run(
        "--port", "0", "--json", NOTION_CLIENT_ID="mine", NOTION_CLIENT_SECRET="hush", BASE_URL="http://localhost:9"
    ) as process:  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()
    facts = json.loads(line)
    assert facts["client_id"] == "mine"
    assert "hush" not in line
    assert facts["redirect_uris"] == ["http://localhost:9/api/integrations/notion/callback"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["--host", "0.0.0.0"], "loopback only"), (["--pages", "0"], "at least one page")],  # noqa: S104
)
def test_it_refuses_in_one_sentence(arguments: list[str], sentence: str) -> None:
    with run(*arguments) as process:
        out, error = process.communicate(timeout=20)
    assert process.returncode == 1
    assert out == ""
    assert sentence in error
    assert error.count("\n") == 1


def test_a_taken_port_is_named() -> None:
    with run("--port", "0", "--pages", "5", "--json") as first:
        assert first.stdout is not None
        port = json.loads(first.stdout.readline())["url"].rpartition(":")[2]
        with run("--port", port, "--pages", "5") as second:
            _, error = second.communicate(timeout=20)
        first.terminate()
    assert second.returncode == 1
    assert f"port {port}" in error
