"""Figure: the card page against an empty page that needs a login too."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

from django.test import Client
from django.test.utils import override_settings

from tenants.models import User
from tests.bench import urls
from tests.bench.figure import Figure
from tests.bench.pairs import Timed, compare
from tests.bench.world import Place
from tests.factories import log_in

_TARGET = 3.0
_PAIRS = 500
_HOW = (
    "Django's test client in this process, committed data, DEBUG off; the empty page passes the same "
    "middleware, session and login and returns «ok»; interleaved pairs, bootstrap interval of the median."
)


def measure(connected: Place, unconnected: Place) -> Iterator[Figure]:
    with override_settings(ROOT_URLCONF=urls.__name__):
        yield _figure("connected, admin", connected, connected.admin)
        yield _figure("not connected, viewer", unconnected, unconnected.viewer)


def _figure(name: str, place: Place, user: User) -> Figure:
    client = Client()
    log_in(client, user)
    card = f"/orgs/{place.organization.slug}/integrations/"
    found = compare(_get(client, card), _get(client, urls.EMPTY), pairs=_PAIRS, warm_up=50)
    return Figure(
        name=f"card page time against an empty page: {name}",
        values=found.values(),
        target=f"median ratio at most {_TARGET}",
        met=found.ratio <= _TARGET,
        how=_HOW,
    )


def _get(client: Client, path: str) -> Timed:
    def timed(number: int) -> float:
        started = perf_counter()
        response = client.get(path)
        seconds = perf_counter() - started
        if response.status_code != 200:
            raise AssertionError(f"{path} answered {response.status_code}.")
        return seconds

    return timed
