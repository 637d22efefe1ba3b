"""The served product that is fuzzed, kept in a state in which a request can get far."""

from __future__ import annotations

import random
from dataclasses import dataclass
from uuid import UUID

import requests
from django.conf import settings
from django.test import Client, override_settings
from django.utils import timezone

from integrations.models import Integration, RateBudget
from integrations.sandbox import Kind, demo_token
from integrations.services.connect import connect_internal
from notionscan.secret import Secret
from scans.models import Scan, Share
from tenants.roles import Maturity
from tests import database
from tests.factories import World, log_in, make_account, make_world, run_jobs, within
from tests.site import Site

TOKEN = demo_token("Acme Atlas")
NO_LIMIT = 1_000_000
# Of ten made-up ids, so many are replaced by one that is there.
_REAL_OF_TEN = 7


@dataclass(frozen=True)
class Fuzzer:
    """Who asks: a session's cookies, and the headers of every request."""

    name: str
    session: requests.Session
    headers: dict[str, str]


class Field:
    """One organization with a connection, a scan, a report and a share, and two who ask."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.world = make_world()
        self._random = random.Random(6)
        self.mend()
        self.fuzzers = [_admin(self.world), _agent(self.world)]
        self._ids = self._things_there()

    def mend(self) -> None:
        """Undo what would make the rest a test of refusals: limits, a lost connection, trashed pages."""
        self.site.sandbox.reset()
        self.site.sandbox.limiter.limit = NO_LIMIT
        with database.superuser() as owner:
            owner.execute("TRUNCATE notionscan_attempt")
        with override_settings(NOTION_API_BASE_URL=self.site.sandbox.url), within(self.world.acme):
            if not Integration.objects.filter(provider="notion", status="connected").exists():
                Integration.objects.all().delete()
                connect_internal(organization=self.world.acme, actor=None, token=Secret(TOKEN))
        self._lift_limits()

    def _lift_limits(self) -> None:
        acme = self.world.acme
        with within(acme):
            now = timezone.now()
            free = {"organization": acme, "window_started_at": now, "used": 0, "limit": NO_LIMIT}
            RateBudget.objects.update_or_create(
                integration=Integration.objects.get(provider="notion"),
                defaults=free | {"limited_at": now, "blocked_until": None},
            )
            acme.service_accounts.update(requests_per_minute=NO_LIMIT)

    def _things_there(self) -> dict[str, list[str]]:
        admin = self.fuzzers[0]
        api = f"{self.site.url}/api/orgs/acme/scans"
        scan_id = admin.session.post(api, json={}, headers=admin.headers, timeout=60).json()["id"]
        with override_settings(NOTION_API_BASE_URL=self.site.sandbox.url):
            # The last job of a scan has its report made.
            while run_jobs():
                pass
        admin.session.post(
            f"{api}/{scan_id}/shares", json={"recipient": "Board"}, headers=admin.headers, timeout=60
        ).raise_for_status()
        address = f"{self.site.url}/api/orgs/acme/notion/databases"
        databases = admin.session.get(address, timeout=60).json()["results"]
        sources = self.site.sandbox.visible(TOKEN, Kind.DATA_SOURCE)
        with within(self.world.acme):
            scans, shares = list(Scan.objects.values_list("pk")), list(Share.objects.values_list("pk"))
        return {
            "slug": ["acme"],
            "provider": ["notion"],
            "page_id": [*self.site.sandbox.visible(TOKEN, Kind.PAGE), *sources],
            "database_id": [*(database["id"] for database in databases), *sources],
            "scan_id": [str(pk) for (pk,) in scans],
            "share_id": [str(pk) for (pk,) in shares] + [str(UUID(int=1))],
        }

    def placed(self, parameters: dict[str, str]) -> dict[str, str]:
        """Return made-up path parameters with most of them replaced by what is there."""
        return {
            name: self._random.choice(self._ids[name])
            if self._random.randrange(10) < (9 if name == "slug" else _REAL_OF_TEN)
            else made_up
            for name, made_up in parameters.items()
        }


def _admin(world: World) -> Fuzzer:
    client, session = Client(), requests.Session()
    log_in(client, world.admin)
    token = "f" * 32
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    session.cookies.update({settings.SESSION_COOKIE_NAME: cookie, settings.CSRF_COOKIE_NAME: token})
    return Fuzzer("admin", session, {"X-CSRFToken": token})


def _agent(world: World) -> Fuzzer:
    key = make_account(world.acme, world.admin, maturity=Maturity.AUTONOMOUS).key
    return Fuzzer("autonomous", requests.Session(), {"Authorization": f"Bearer {key}"})
