"""What a scan gathers is stored at once: of two words on an object, the later one."""

from __future__ import annotations

import uuid

from scans.batch import Batch
from scans.models import Scan, Seen
from tests.factories import World, within
from tests.scans.test_storage import IDS, PLAIN, make_scan, stored


def open_batch(world: World) -> Batch:
    scan = make_scan(world.acme, 1)
    scan.status, scan.lease = Scan.Status.RUNNING, uuid.uuid4()
    with within(world.acme):
        scan.save()
    return Batch(scan)


def states(world: World, batch: Batch) -> list[str]:
    with within(world.acme):
        batch.store(lambda: None)
    return [state for _, _, state, *_ in stored(world.acme, 1).values()]


def test_what_is_met_after_it_was_missed_is_there(world: World) -> None:
    """A page that is shared during a scan was looked up a moment before a list shows it."""
    batch = open_batch(world)
    batch.miss("page", IDS[0])
    batch.add([PLAIN], Seen.SEARCH)
    assert states(world, batch) == ["live"]


def test_what_is_missed_after_it_was_met_has_vanished(world: World) -> None:
    batch = open_batch(world)
    batch.add([PLAIN], Seen.SEARCH)
    batch.miss("page", IDS[0])
    assert states(world, batch) == ["vanished"]


def test_a_person_who_is_missed_and_met_is_a_person(world: World) -> None:
    batch = open_batch(world)
    batch.miss("user", IDS[0])
    batch.add([PLAIN._replace(kind="user", structure='{"standing": "guest"}')], Seen.LOOK_UP)
    assert states(world, batch) == ["live"]
