"""`manage.py sandbox`: serve the stand-in Notion on loopback until stopped."""

import json
import os
import signal
import threading
from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.sandbox import (
    DEMO_CLIENT,
    DEMO_REDDIT_CLIENT,
    DEMO_REDIRECT_URI,
    WORKSPACE_NAMES,
    OAuthClient,
    Sandbox,
)

CALLBACK_PATH = "/api/integrations/notion/callback"


class Command(BaseCommand):
    """Serve the sandbox in the foreground; SIGTERM and Ctrl-C end it."""

    help = (
        "Serve the stand-in for api.notion.com on loopback, with invented workspaces and known demo tokens."
    )
    requires_system_checks = []  # it needs neither the database nor the product's settings

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command's options."""
        parser.add_argument("--host", default="127.0.0.1", help="A loopback address.")
        parser.add_argument("--port", type=int, default=8765, help="0 picks a free one.")
        parser.add_argument(
            "--pages", type=int, default=600, help="Per workspace, rows of databases included."
        )
        parser.add_argument("--databases", type=int, help="Per workspace; by default a share of the pages.")
        parser.add_argument(
            "--rows", type=int, help="How many of the pages are rows; by default three in five."
        )
        parser.add_argument("--users", type=int, help="Members per workspace; guests come on top.")
        parser.add_argument("--seed", type=int, default=1, help="Another seed, another company.")
        parser.add_argument(
            "--as-of", type=_moment, help="The newest possible edit (ISO 8601); by default now."
        )
        parser.add_argument("--workspace", action="append", metavar="NAME", help="Repeatable.")
        parser.add_argument("--latency-ms", type=float, default=0, help="Added to every answer.")
        parser.add_argument(
            "--rate-limit", type=int, help="Requests per token and window; by default no limit."
        )
        parser.add_argument("--rate-window-seconds", type=float, default=60)
        parser.add_argument("--redirect-uri", action="append", help="For OAuth, exact; repeatable.")
        parser.add_argument("--warm", action="store_true", help="Render everything first, for benchmarks.")
        parser.add_argument("--json", action="store_true", help="Print address and tokens as one JSON line.")

    def handle(self, *args: object, **options: Any) -> None:
        """Serve until told to stop."""
        sandbox = _sandbox(options)
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        if options["warm"]:
            sandbox.warm()
        try:
            sandbox.start()
        except OSError as error:
            raise CommandError(
                f"The sandbox cannot listen on port {options['port']}: {error.strerror}."
            ) from error
        self.stdout.write(json.dumps(_facts(sandbox)) if options["json"] else _greeting(sandbox))
        self.stdout.flush()  # whoever started this waits for the address
        stop.wait()
        sandbox.close()


def _sandbox(options: dict[str, Any]) -> Sandbox:
    names = (
        "host",
        "port",
        "pages",
        "databases",
        "rows",
        "users",
        "seed",
        "as_of",
        "latency_ms",
        "rate_limit",
    )
    try:
        return Sandbox(
            **{name: options[name] for name in names},
            rate_window_seconds=options["rate_window_seconds"],
            workspaces=options["workspace"] or WORKSPACE_NAMES,
            clients=[_client(options["redirect_uri"])],
            reddit_clients=[_reddit_client()],
        )
    except ValueError as error:
        raise CommandError(str(error)) from error


def _client(redirect_uris: list[str] | None) -> OAuthClient:
    """Return the OAuth client that the product itself is configured with, or the demo one."""
    base_url = os.environ.get("BASE_URL")
    fallback = f"{base_url.rstrip('/')}{CALLBACK_PATH}" if base_url else DEMO_REDIRECT_URI
    return OAuthClient(
        client_id=os.environ.get("NOTION_CLIENT_ID") or DEMO_CLIENT.client_id,
        client_secret=os.environ.get("NOTION_CLIENT_SECRET") or DEMO_CLIENT.client_secret,
        redirect_uris=tuple(redirect_uris or [os.environ.get("NOTION_REDIRECT_URI") or fallback]),
    )


def _reddit_client() -> OAuthClient:
    """Return the Reddit client that the product itself is configured with, or the demo one."""
    base_url = os.environ.get("BASE_URL")
    redirect_uri = f"{base_url.rstrip('/')}/api/integrations/reddit/callback" if base_url else None
    return OAuthClient(
        client_id=os.environ.get("REDDIT_CLIENT_ID") or DEMO_REDDIT_CLIENT.client_id,
        client_secret=os.environ.get("REDDIT_CLIENT_SECRET") or DEMO_REDDIT_CLIENT.client_secret,
        redirect_uris=(redirect_uri,) if redirect_uri else DEMO_REDDIT_CLIENT.redirect_uris,
    )


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError("it is not an ISO 8601 time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _facts(sandbox: Sandbox) -> dict[str, Any]:
    return {
        "url": sandbox.url,
        "tokens": sandbox.tokens,
        "client_id": sandbox.client.client_id,
        # A secret that came from the environment may be a real one, and whoever set it knows it.
        "client_secret": sandbox.client.client_secret if _is_demo(sandbox) else None,
        "redirect_uris": list(sandbox.client.redirect_uris),
    }


def _is_demo(sandbox: Sandbox) -> bool:
    return sandbox.client.client_secret == DEMO_CLIENT.client_secret


def _greeting(sandbox: Sandbox) -> str:
    tokens = "\n".join(f"  {label:<24} {secret}" for label, secret in sandbox.tokens.items())
    secret = sandbox.client.client_secret if _is_demo(sandbox) else "(from NOTION_CLIENT_SECRET)"
    return (
        f"Sandbox Notion at {sandbox.url} (switches: {sandbox.url}/_sandbox/)\n\n"
        f"Tokens it accepts:\n{tokens}\n\n"
        f"OAuth:\n  client id                {sandbox.client.client_id}\n"
        f"  client secret            {secret}\n"
        f"  redirect URI             {', '.join(sandbox.client.redirect_uris)}"
    )
