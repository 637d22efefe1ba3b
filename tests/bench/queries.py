"""Figure: a page issues the same number of queries however many organizations and rows there are."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tenants.models import Organization, User
from tests.bench import world
from tests.bench.figure import Figure
from tests.bench.world import Place
from tests.factories import log_in

_LIMIT = 12
_HOW = (
    "CaptureQueriesContext around one GET by Django's test client, warmed by one before; without BEGIN and "
    "COMMIT; the binding of the scope does not pass there. Savepoints count. {data}"
)
_ORGANIZATIONS = f"The same person in the same organization, alone and among {world.ORGANIZATIONS}."
_ROWS = "Organizations of 3 and 100 members, each with that many events besides those of its making."
_CHOOSER = f"People who belong to 3, 100 and {world.ORGANIZATIONS} organizations."

_Counts = dict[str, dict[str, int]]


def measure(place: Place) -> Iterator[Figure]:
    """Measure with ``place`` as the only organization; leaves ``world.ORGANIZATIONS`` of them behind."""
    alone = _in_organization(place)
    others = world.make_others(world.ORGANIZATIONS - 3)
    few, many = world.make_place("few"), world.make_place("many")
    world.fill(few, members=3, events=3)
    world.fill(many, members=100, events=100)
    among = _in_organization(place)
    for name in alone:
        yield _figure(
            name, {"organizations_1": alone[name], "organizations_1000": among[name]}, _ORGANIZATIONS
        )
    of_few, of_many = _lists(few), _lists(many)
    for name in of_few:
        yield _figure(f"{name}, rows", {"rows_3": of_few[name], "rows_100": of_many[name]}, _ROWS)
    yield _figure(
        "home chooser, rows",
        _chooser([*others, few.organization, many.organization, place.organization]),
        _CHOOSER,
    )


def _in_organization(place: Place) -> dict[str, int]:
    card = f"/orgs/{place.organization.slug}/integrations/"
    return {
        "card page, admin": count(place.admin, card),
        "card page, viewer": count(place.viewer, card),
        **_lists(place),
        "home": count(place.admin, "/", status=302),
    }


def _lists(place: Place) -> dict[str, int]:
    below = f"/orgs/{place.organization.slug}"
    return {
        "members page": count(place.admin, f"{below}/members/"),
        "audit page": count(place.admin, f"{below}/audit/"),
    }


def _chooser(organizations: list[Organization]) -> dict[str, int]:
    counts = {}
    for rows in (3, 100, world.ORGANIZATIONS):
        counts[f"rows_{rows}"] = count(world.make_person_in(organizations[:rows]), "/")
    return counts


def count(user: User, path: str, *, status: int = 200) -> int:
    """Return the number of queries of one page."""
    client = Client()
    log_in(client, user)
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        response = client.get(path)
    if response.status_code != status:
        raise AssertionError(f"{path} answered {response.status_code}.")
    return sum(query["sql"] not in ("BEGIN", "COMMIT") for query in captured)


def _figure(name: str, counts: dict[str, int], data: str) -> Figure:
    same = len(set(counts.values())) == 1
    return Figure(
        name=f"queries: {name}",
        values=counts,
        target=f"equal, and at most {_LIMIT}",
        met=same and max(counts.values()) <= _LIMIT,
        how=_HOW.format(data=data),
    )
