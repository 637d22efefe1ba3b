"""``make run``: database, sandbox, web and worker on this machine, with demo organizations.

    python -m notionscan.run

Everything listens on loopback, and Ctrl-C stops all of it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from notionscan.local import ensure_secrets

BASE_DIR = Path(__file__).resolve().parent.parent
_START_SECONDS = 60
_STOP_SECONDS = 15


def main() -> int:
    port = _port(os.environ.get("PORT") or "8000")
    if port is None:
        print("PORT is a number from 1 to 65534.", file=sys.stderr)  # noqa: T201
        return 1
    data_dir = Path(os.environ.get("NOTIONSCAN_DATA_DIR") or BASE_DIR / ".local").resolve()
    for wanted in (port, port + 1):
        if not _is_free(wanted):
            print(f"Port {wanted} is taken. Choose others: make run PORT=8010.", file=sys.stderr)  # noqa: T201
            return 1
    ensure_secrets(data_dir)
    environment = _environment(port)
    os.environ.update(environment)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    greeting = _prepare()
    processes = {name: _start(name, command) for name, command in _commands(port).items()}
    try:
        for address in _answering(port, processes):
            if not _wait_until_served(address, processes, stop):
                return 0 if stop.is_set() else 1
        print(greeting, flush=True)  # noqa: T201
        if "sandbox" in processes:
            # Beside the rest: the first scans take a while, and nobody should wait for them.
            threading.Thread(target=_tell_the_demos_story, args=(stop,), daemon=True).start()
        return _watch(processes, stop)
    finally:
        # The database ends with its last user: this process.
        _stop(processes)


def _port(text: str) -> int | None:
    # The sandbox takes the next one.
    return int(text) if text.isdecimal() and 0 < int(text) < 65535 else None


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As gunicorn binds: a port that was just closed counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _environment(port: int) -> Mapping[str, str]:
    """Return what the demo sets and the caller did not."""
    from integrations.sandbox import DEMO_CLIENT, DEMO_REDDIT_CLIENT

    base_url = os.environ.get("BASE_URL") or f"http://localhost:{port}"
    demo = {
        "DJANGO_SETTINGS_MODULE": "notionscan.settings",
        "PORT": str(port),
        "BASE_URL": base_url,
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "INTEGRATIONS_ALLOWED": "notion_public,notion_internal,reddit",
        "NOTION_API_BASE_URL": f"http://127.0.0.1:{port + 1}",
        "NOTION_CLIENT_ID": DEMO_CLIENT.client_id,
        "NOTION_CLIENT_SECRET": DEMO_CLIENT.client_secret,
        "NOTION_REDIRECT_URI": f"{base_url}/api/integrations/notion/callback",
        "REDDIT_CLIENT_ID": DEMO_REDDIT_CLIENT.client_id,
        "REDDIT_CLIENT_SECRET": DEMO_REDDIT_CLIENT.client_secret,
        "REDDIT_WWW_BASE_URL": f"http://127.0.0.1:{port + 1}",
        "REDDIT_OAUTH_BASE_URL": f"http://127.0.0.1:{port + 1}",
    }
    return {name: os.environ.get(name) or value for name, value in demo.items()}


def _prepare() -> str:
    """Migrate, make the demo organizations, and return what to print."""
    import django

    django.setup()
    from django.core.management import call_command

    from notionscan import demo

    call_command("migrate", verbosity=0)
    return demo.greeting(demo.ensure())


def _tell_the_demos_story(stop: threading.Event) -> None:
    from django.db import connections

    from notionscan import demo_scans

    try:
        print(demo_scans.tell(stop), flush=True)  # noqa: T201
    finally:
        connections.close_all()


def _commands(port: int) -> dict[str, list[str]]:
    manage = [sys.executable, str(BASE_DIR / "manage.py")]
    commands = {
        "web": [
            *(sys.executable, "-m", "gunicorn", "notionscan.wsgi"),
            *("--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "4"),
            *("--log-level", "warning", "--chdir", str(BASE_DIR)),
        ],
        "worker": [*manage, "worker"],
    }
    if os.environ["NOTION_API_BASE_URL"] == f"http://127.0.0.1:{port + 1}":
        commands["sandbox"] = [*manage, "sandbox", "--port", str(port + 1)]
    return commands


def _answering(port: int, processes: Mapping[str, object]) -> list[str]:
    """Return what must answer before anybody is told that all of it runs."""
    sandbox = [f"http://127.0.0.1:{port + 1}/_sandbox"] if "sandbox" in processes else []
    return [*sandbox, f"http://127.0.0.1:{port}/healthz"]


def _start(name: str, command: list[str]) -> subprocess.Popen[bytes]:
    # The sandbox's greeting would repeat ours. The web's mails are written to its standard output.
    output = subprocess.DEVNULL if name == "sandbox" else None
    # A session of its own: Ctrl-C reaches us alone, and we stop the others in order.
    return subprocess.Popen(command, start_new_session=True, stdout=output)  # noqa: S603


def _wait_until_served(
    url: str, processes: Mapping[str, subprocess.Popen[bytes]], stop: threading.Event
) -> bool:
    give_up_at = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up_at and not stop.wait(0.05):
        if _ended(processes):
            return False
        try:
            with urlopen(url, timeout=2):  # noqa: S310
                return True
        except (URLError, OSError):
            continue
    return False


def _watch(processes: Mapping[str, subprocess.Popen[bytes]], stop: threading.Event) -> int:
    while not stop.wait(0.5):
        if _ended(processes):
            return 1
    return 0


def _ended(processes: Mapping[str, subprocess.Popen[bytes]]) -> bool:
    for name, process in processes.items():
        if process.poll() is not None:
            print(  # noqa: T201
                f"The {name} process ended by itself (status {process.returncode}); "
                "its last lines above say why.",
                file=sys.stderr,
            )
            return True
    return False


def _stop(processes: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for process in processes.values():
        if process.poll() is None:
            process.terminate()
    for process in processes.values():
        try:
            process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
