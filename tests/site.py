"""The whole product as it is served: gunicorn, a worker, and the sandbox that stands in for Notion."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from urllib.request import urlopen

from integrations.sandbox import OAuthClient, Sandbox
from tests import database


class Site:
    """A running product over the test database, and the Notion it talks to."""

    def __init__(self, *, worker: bool = True, threads: int = 8, is_quiet: bool = False) -> None:
        port = _free_port()
        self.url = f"http://localhost:{port}"
        redirect_uri = f"{self.url}/api/integrations/notion/callback"
        client = OAuthClient(
            client_id="5a4db0c5-0000-4000-8000-0000000d3300",
            client_secret="demo",
            redirect_uris=(redirect_uri,),
        )
        reddit = OAuthClient(
            client_id="reddit-of-the-tests",
            client_secret=client.client_secret,
            redirect_uris=(f"{self.url}/api/integrations/reddit/callback",),
        )
        self.sandbox = Sandbox(pages=60, seed=7, clients=[client], reddit_clients=[reddit]).start()
        environment = database.process_environment() | {
            "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
            "SITE_URL": self.url,
            "SITE_NOTION_URL": self.sandbox.url,
            "SITE_CLIENT_SECRET": client.client_secret,
        }
        web = ["-m", "gunicorn", "notionscan.wsgi", "--bind", f"127.0.0.1:{port}"]
        commands = [[*web, "--workers", "1", "--threads", str(threads), "--log-level", "warning"]]
        commands += [["manage.py", "worker"]] if worker else []
        errors = subprocess.DEVNULL if is_quiet else None
        self._processes = [
            subprocess.Popen([sys.executable, *each], env=environment, stderr=errors) for each in commands
        ]
        _wait_for(f"{self.url}/healthz")

    def close(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(timeout=30)
        self.sandbox.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str) -> None:
    give_up_at = time.monotonic() + 30
    while True:
        try:
            urlopen(url, timeout=2).close()
            return
        except OSError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.05)
