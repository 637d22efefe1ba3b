"""What the tests stand on: a real PostgreSQL as the app's role, and the sandbox Notion."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from integrations.sandbox import OAuthClient, Sandbox
from notionscan.secret import Secret
from tests import database
from tests.factories import World, make_world

REDDIT_CLIENT = OAuthClient(
    client_id="reddit-of-the-tests",
    client_secret="replaced-by-nothing",
    redirect_uris=("http://testserver/api/integrations/reddit/callback",),
)


@pytest.fixture(scope="session")
def django_db_setup(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[None]:
    """Create the database as the owner; pytest-django would try as the app's role, which may not."""
    # Two runs at once need two databases.
    suffix = os.environ.get("NOTIONSCAN_TEST_DATABASE_SUFFIX", "")
    suffix += getattr(request.config, "workerinput", {}).get("workerid", "")
    with django_db_blocker.unblock():
        name = database.create(suffix=suffix, keep=False)
    yield
    with django_db_blocker.unblock():
        database.drop(name)


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Let a test commit, as threads and other processes need; everything is emptied afterwards."""
    with django_db_blocker.unblock():
        yield
        database.empty()


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[Sandbox]:
    with Sandbox(pages=60, seed=7, reddit_clients=[REDDIT_CLIENT]) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_sandbox: Sandbox, settings: Any) -> Sandbox:
    """The stand-in Notion, as new, and the settings that point at it."""
    _sandbox.reset()
    settings.NOTION_API_BASE_URL = _sandbox.url
    settings.NOTION_CLIENT_ID = _sandbox.client.client_id
    settings.NOTION_CLIENT_SECRET = Secret(_sandbox.client.client_secret)
    settings.NOTION_REDIRECT_URI = _sandbox.client.redirect_uris[0]
    return _sandbox


@pytest.fixture
def reddit(sandbox: Sandbox, settings: Any) -> Sandbox:
    """The stand-in for Reddit, as new, allowed, and the settings that point at it."""
    settings.INTEGRATIONS_ALLOWED |= {"reddit"}
    settings.REDDIT_CLIENT_ID = REDDIT_CLIENT.client_id
    settings.REDDIT_CLIENT_SECRET = Secret(REDDIT_CLIENT.client_secret)
    settings.REDDIT_WWW_BASE_URL = settings.REDDIT_OAUTH_BASE_URL = sandbox.url
    return sandbox


@pytest.fixture
def world(db: None) -> World:
    """Two organizations: acme with an admin, an editor and a viewer; globex with an admin."""
    return make_world()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Any:
    """Where nothing may be missing, a skipped test is a failed one."""
    report = yield
    if report.skipped and os.environ.get("NOTIONSCAN_FORBID_SKIPS"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and skips are forbidden here: {report.longrepr}"
    return report
