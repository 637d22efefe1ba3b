"""The sandbox as a whole: workspaces, tokens, OAuth, limits and faults behind one address.

with Sandbox(pages=300, seed=7) as sandbox:
    requests.get(f"{sandbox.url}/v1/users/me", headers=sandbox.headers(sandbox.tokens["acme-atlas/internal"]))
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

from integrations.sandbox.call import Depths
from integrations.sandbox.consent import ConsentPage
from integrations.sandbox.faults import Faults
from integrations.sandbox.gate import Gate
from integrations.sandbox.ids import Kind, code_of, kind_of
from integrations.sandbox.limits import RateLimiter
from integrations.sandbox.oauth import Authorizer, OAuthClient
from integrations.sandbox.paging import Sessions
from integrations.sandbox.plan import WorkspacePlan, now_truncated
from integrations.sandbox.reddit import Reddit
from integrations.sandbox.requestlog import RequestLog
from integrations.sandbox.server import Listener
from integrations.sandbox.shapes import NEWEST_VERSION, render
from integrations.sandbox.tokens import EVERYTHING, Capability, Token, TokenKind, TokenRegistry, demo_secret
from integrations.sandbox.views import Views
from integrations.sandbox.workspace import Workspace

WORKSPACE_NAMES = ("Acme Atlas", "Globex Works")
DEMO_REDIRECT_URI = "http://localhost:8000/api/integrations/notion/callback"
DEMO_CLIENT = OAuthClient(
    client_id="5a4db0c5-0000-4000-8000-0000000d3300",
    client_secret=demo_secret("oauth client", prefix="secret_", length=43),
    redirect_uris=(DEMO_REDIRECT_URI,),
)

DEMO_REDDIT_CLIENT = OAuthClient(
    client_id="demo-reddit-client",
    client_secret=demo_secret("reddit client", prefix="", length=30),
    redirect_uris=(DEMO_REDIRECT_URI.replace("/notion/", "/reddit/"),),
)


def demo_token(workspace: str, kind: TokenKind = TokenKind.INTERNAL) -> str:
    """Return the token that every sandbox accepts for a workspace of this name."""
    return demo_secret(f"{workspace}/{kind}")


class Sandbox:
    """A stand-in for api.notion.com and Reddit on loopback.

    Use as a context manager, or `start()` and `close()`.
    """

    def __init__(
        self,
        *,
        pages: int = 300,
        databases: int | None = None,
        rows: int | None = None,
        users: int | None = None,
        seed: int = 1,
        as_of: datetime | None = None,
        workspaces: Sequence[str | WorkspacePlan] = WORKSPACE_NAMES,
        host: str = "127.0.0.1",
        port: int = 0,
        latency_ms: float = 0,
        rate_limit: int | None = None,
        rate_window_seconds: float = 60.0,
        clients: Sequence[OAuthClient] = (DEMO_CLIENT,),
        reddit_clients: Sequence[OAuthClient] = (DEMO_REDDIT_CLIENT,),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._is_ticking = as_of is None  # a moment that was asked for stands still
        as_of = as_of or now_truncated()
        self._plans = [
            WorkspacePlan(
                name=w, pages=pages, databases=databases, rows=rows, users=users, seed=seed, as_of=as_of
            )
            if isinstance(w, str)
            else w
            for w in workspaces
        ]
        self._clients = tuple(clients)
        self._reddit_clients = tuple(reddit_clients)
        self._clock = clock
        self._defaults = (latency_ms, rate_limit, rate_window_seconds)
        self.faults = Faults()
        self.requests = RequestLog()
        self._listener = Listener(host, port, Gate(self).answer)
        self.reset()

    def reset(self) -> None:
        """Go back to the beginning: workspaces, tokens, limits, faults, log and cursors."""
        latency_ms, rate_limit, window = self._defaults
        self.latency_ms = latency_ms
        self.limiter = RateLimiter(rate_limit, window_seconds=window, clock=self._clock)
        self.depths = Depths()
        self.workspaces: dict[str, Workspace] = {
            plan.slug: Workspace(plan, is_ticking=self._is_ticking) for plan in self._plans
        }
        self.registry = TokenRegistry()
        self.oauth = Authorizer(self._clients, self.registry, self._clock)
        self.consent = ConsentPage(self.oauth, self.workspaces)
        self.reddit: Reddit = Reddit(self._reddit_clients, self._clock)
        self.sessions, self.views = Sessions(), Views()
        self.faults.clear()
        self.requests.clear()
        self.tokens: dict[str, str] = {}
        for workspace in self.workspaces.values():
            for kind in (TokenKind.INTERNAL, TokenKind.PERSONAL):
                made = self.add_token(workspace, kind, secret=demo_token(workspace.name, kind))
                self.tokens[made.label] = made.secret

    @property
    def url(self) -> str:
        """Return the base address, which stands in for https://api.notion.com and for both of Reddit's."""
        host = f"[{self._listener.host}]" if ":" in self._listener.host else self._listener.host
        return f"http://{host}:{self._listener.port}"

    @property
    def client(self) -> OAuthClient:
        """Return the (first) OAuth client."""
        return self._clients[0]

    @property
    def reddit_client(self) -> OAuthClient:
        """Return the (first) OAuth client at the stand-in for Reddit."""
        return self._reddit_clients[0]

    @property
    def workspace(self) -> Workspace:
        """Return the (first) workspace."""
        return next(iter(self.workspaces.values()))

    def headers(self, token: str, *, version: str = NEWEST_VERSION) -> dict[str, str]:
        """Return the headers of an API request."""
        return {"Authorization": f"Bearer {token}", "Notion-Version": version}

    def add_token(
        self,
        workspace: Workspace,
        kind: TokenKind = TokenKind.INTERNAL,
        *,
        secret: str,
        label: str | None = None,
        capabilities: frozenset[Capability] = EVERYTHING,
        share: Sequence[str] | None = None,
    ) -> Token:
        """Accept another token. A personal one sees all, others what is shared."""
        label = label or f"{workspace.plan.slug}/{kind}"
        personal = kind is TokenKind.PERSONAL
        shared = (
            None if personal else workspace.open_roots() if share is None else self._codes(workspace, share)
        )
        person = code_of(Kind.USER, 0)
        return self.registry.add(
            Token(
                secret=secret,
                label=label,
                kind=kind,
                workspace=workspace,
                bot=self.registry.bot_number(workspace, label),
                bot_name="Personal access token" if personal else "Notion Scan (internal)",
                owner=person if personal else None,
                capabilities=capabilities,
                shared=shared,
            )
        )

    def revoke(self, token: str) -> None:
        """Kill a token (given by secret or label) and its refresh token, as if disconnected in Notion."""
        self.oauth.kill(self.registry.find(token))

    def expire(self, token: str) -> None:
        """Let an access token run out; its refresh token goes on working."""
        self.registry.find(token).active = False

    def share(self, token: str, uuid: str) -> None:
        """Share a page or database, and all below it, with a token."""
        found = self.registry.find(token)
        (code,) = self._codes(found.workspace, [uuid])
        found.unshared.discard(code)
        if found.shared is not None:
            found.shared.add(code)
        found.shares_version += 1

    def unshare(self, token: str, uuid: str) -> None:
        """Take a page or database, and all below it, away from a token."""
        found = self.registry.find(token)
        (code,) = self._codes(found.workspace, [uuid])
        if found.shared is not None:
            found.shared.discard(code)
        found.unshared.add(code)
        found.shares_version += 1

    @staticmethod
    def _codes(workspace: Workspace, uuids: Sequence[str]) -> set[int]:
        kinds = (Kind.PAGE, Kind.DATABASE, Kind.DATA_SOURCE)
        found = [next((c for k in kinds if (c := workspace.find(u, k)) is not None), None) for u in uuids]
        if None in found:
            raise KeyError(f"Not every one of these is a page or database of {workspace.name}.")
        return {code for code in found if code is not None}

    def visible(self, token: str, kind: Kind, *, in_trash: bool = False) -> list[str]:
        """Return the ids of every page or data source that search reports to a token, newest edit first."""
        found = self.registry.find(token)
        view = self.views.of(found)
        return [found.workspace.uuid(c) for c in view.searchable(kind, trashed=in_trash, newest_first=True)]

    def warm(self) -> None:
        """Render every object, rows also with titles only: a benchmark should measure its client."""
        for workspace in self.workspaces.values():
            for code in workspace.ordered():
                render(workspace, code, version=NEWEST_VERSION)
                if kind_of(code) is Kind.PAGE and workspace.is_row(code):
                    render(workspace, code, version=NEWEST_VERSION, only=("title",))

    def start(self) -> Self:
        """Serve in the background."""
        self._listener.start()
        return self

    def close(self) -> None:
        """Stop serving; `start()` serves again on the same port with everything as it was."""
        self._listener.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
