"""A connected workspace and callers of each kind, in this process and served for others' clients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from audit.models import Event
from integrations.sandbox import Kind, Sandbox, demo_token
from integrations.services.connect import connect_internal
from notionscan.secret import Secret
from tenants.roles import Maturity
from tests.factories import World, bearer, make_account, make_world, run_jobs, within
from tests.site import Site

AT = "/api/orgs/acme/notion"
TOKEN = demo_token("Acme Atlas")


@dataclass(frozen=True)
class Gateway:
    """The ten calls of one caller."""

    client: Client
    world: World
    sandbox: Sandbox

    def get(self, path: str, **query: Any) -> HttpResponse:
        return self.client.get(f"{AT}{path}", query)

    def post(self, path: str, **body: Any) -> HttpResponse:
        return self.client.post(f"{AT}{path}", body, content_type="application/json")

    def patch(self, path: str, **body: Any) -> HttpResponse:
        return self.client.patch(f"{AT}{path}", body, content_type="application/json")

    def delete(self, path: str) -> HttpResponse:
        return self.client.delete(f"{AT}{path}")

    @property
    def calls(self) -> list[str]:
        """What reached Notion."""
        return [f"{entry.method} {entry.path}" for entry in self.sandbox.requests.entries()]

    def events(self, prefix: str = "notion.") -> list[Event]:
        with within(self.world.acme):
            found = Event.objects.filter(organization_id=self.world.acme.pk, action__startswith=prefix)
            return list(found.order_by("sequence"))

    def page(self, number: int = 0) -> str:
        """The id of a shared page that is no row, newest edit first."""
        token = self.sandbox.registry.find(TOKEN)
        workspace = token.workspace
        ids = self.sandbox.visible(TOKEN, Kind.PAGE)
        return [i for i in ids if not workspace.is_row(workspace.find(i, Kind.PAGE))][number]

    def source(self) -> str:
        return self.sandbox.visible(TOKEN, Kind.DATA_SOURCE)[0]


@pytest.fixture
def connected(world: World, sandbox: Sandbox) -> World:
    with within(world.acme):
        connect_internal(organization=world.acme, actor=None, token=Secret(TOKEN))
    run_jobs()
    sandbox.requests.clear()
    return world


@pytest.fixture
def gateway(connected: World, sandbox: Sandbox) -> Callable[..., Gateway]:
    """Return the calls of a person by role, or of a service account by maturity."""

    def of(who: str, **account: Any) -> Gateway:
        if who in Maturity.values:
            made = make_account(connected.acme, connected.admin, maturity=Maturity(who), **account)
            return Gateway(bearer(made.key), connected, sandbox)
        return Gateway(connected.client(getattr(connected, who)), connected, sandbox)

    return of


@dataclass(frozen=True)
class Served:
    """The product as it is served, with a connected organization."""

    site: Site
    world: World

    def key(self, maturity: str, **account: Any) -> str:
        made = make_account(self.world.acme, self.world.admin, maturity=Maturity(maturity), **account)
        return made.key


@pytest.fixture(scope="package")
def site(django_db_setup: None, django_db_blocker: Any) -> Iterator[Site]:
    with django_db_blocker.unblock():
        site = Site(worker=False)
        try:
            yield site
        finally:
            site.close()


@pytest.fixture
def served(site: Site, committed: None, settings: Any) -> Served:
    site.sandbox.reset()
    settings.NOTION_API_BASE_URL = site.sandbox.url
    world = make_world()
    with within(world.acme):
        connect_internal(organization=world.acme, actor=None, token=Secret(TOKEN))
    return Served(site, world)
