"""Versions: any past scan is read back exactly, and what did not change is not written."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scans import references
from scans.metadata import COLUMNS, Metadata, read
from scans.models import Scan, Version
from scans.storage import merge, objects_of
from tenants.models import Organization
from tests.factories import World, within

IDS = [UUID(int=number) for number in range(6)]
PLAIN = Metadata(
    object_id=str(IDS[0]),
    kind="page",
    state="live",
    title="A page",
    parent_kind="workspace",
    parent_id=None,
    created_at="2026-01-01T00:00:00.000Z",
    edited_at="2026-01-02T00:00:00.000Z",
    created_by=str(UUID(int=7)),
    edited_by=None,
    is_archived=False,
    is_locked=False,
    is_public=False,
    icon="",
    structure=None,
)


def make_scan(organization: Organization, number: int) -> Scan:
    with within(organization):
        return Scan.objects.create(
            organization=organization,
            number=number,
            integration_id=uuid.uuid4(),
            status=Scan.Status.COMPLETE,
            started_by_label="someone",
        )


def stored(organization: Organization, number: int) -> dict[UUID, tuple[Any, ...]]:
    with within(organization):
        return {
            version.object_id: tuple(getattr(version, name) for name in COLUMNS)
            for version in objects_of(organization.pk, number)
        }


def as_stored(seen: Metadata) -> tuple[Any, ...]:
    ids = {name: UUID(getattr(seen, name)) for name in ("object_id", "created_by")}
    times = {name: datetime.fromisoformat(getattr(seen, name) or "") for name in ("created_at", "edited_at")}
    return tuple((seen._asdict() | ids | times).values())


OBJECTS = st.builds(
    lambda object_id, title, state, locked: PLAIN._replace(
        object_id=str(object_id), title=title, state=state, is_locked=locked
    ),
    st.sampled_from(IDS),
    st.sampled_from(["", "A", "NULL", "é\u2028", '{",\\']),
    st.sampled_from(["live", "trashed", "vanished"]),
    st.booleans(),
)
SCANS = st.lists(st.lists(st.lists(OBJECTS, max_size=5), max_size=3), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SCANS)
def test_any_past_scan_is_read_back_exactly(world: World, scans: list[list[list[Metadata]]]) -> None:
    with transaction.atomic():
        expected: list[dict[UUID, tuple[Any, ...]]] = []
        now: dict[UUID, tuple[Any, ...]] = {}
        for number, batches in enumerate(scans, start=1):
            scan = make_scan(world.acme, number)
            for batch in batches:
                with within(world.acme):
                    merge(scan, batch)
                now |= {UUID(seen.object_id): as_stored(seen) for seen in batch}
            expected.append(dict(now))
        for number, objects in enumerate(expected, start=1):
            assert stored(world.acme, number) == objects
        assert stored(world.globex, len(scans)) == {}
        transaction.set_rollback(True)


def test_what_did_not_change_is_not_written(world: World) -> None:
    batch = [PLAIN._replace(object_id=str(one)) for one in IDS]
    with within(world.acme):
        assert merge(make_scan(world.acme, 1), batch) == 6
        before = list(Version.objects.order_by("pk").values_list())
        assert merge(make_scan(world.acme, 2), batch) == 0
        assert list(Version.objects.order_by("pk").values_list()) == before
        assert merge(make_scan(world.acme, 3), [*batch[1:], batch[0]._replace(title="new")]) == 1
        assert Version.objects.count() == 7


@pytest.mark.parametrize("name", [name for name in COLUMNS if name != "object_id"])
def test_a_change_of_anything_is_a_new_version(world: World, name: str) -> None:
    changed = {
        "parent_id": str(IDS[1]), "created_by": str(IDS[1]), "edited_by": str(IDS[1]),
        "created_at": None, "edited_at": None, "structure": "[]",
        "is_archived": True, "is_locked": True, "is_public": True,
    }.get(name, "other")  # fmt: skip
    with within(world.acme):
        assert merge(make_scan(world.acme, 1), [PLAIN]) == 1
        assert merge(make_scan(world.acme, 2), [PLAIN._replace(**{name: changed})]) == 1


def test_an_organization_has_one_live_scan_of_a_connection(world: World) -> None:
    integration = uuid.uuid4()
    with within(world.acme), pytest.raises(IntegrityError, match="one_live_scan_per_integration"):
        for number in (1, 2):
            Scan.objects.create(
                organization=world.acme, number=number, integration_id=integration, started_by_label="x"
            )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (
            {"parent": {"type": "page_id", "page_id": str(IDS[3])}},
            {"parent_kind": "page_id", "parent_id": str(IDS[3])},
        ),
        (
            {"parent": {"type": "workspace", "workspace": True}},
            {"parent_kind": "workspace", "parent_id": None},
        ),
        ({"parent": {"type": "something_new", "something_new": "x"}}, {"parent_kind": "something_new"}),
        ({"parent": None}, {"parent_kind": "", "parent_id": None}),
        ({"in_trash": True}, {"state": "trashed"}),
        ({"public_url": "https://x.notion.site/y"}, {"is_public": True}),
        ({"created_time": "2026-01-01T00:00:00.000Z"}, {"created_at": "2026-01-01T00:00:00.000Z"}),
        ({"created_time": "2026-01-01T00:00:00.000+00:00"}, {"created_at": "2026-01-01T00:00:00.000Z"}),
        ({"created_time": "yesterday"}, {"created_at": None}),
        ({"title": "x" * 1_000_000}, {"title": "x" * 2_000}),
        (
            {"schema": [{"type": "title", "name": "Name"}]},
            {"structure": '[{"name": "Name", "type": "title"}]'},
        ),
        ({"data_sources": [str(IDS[1])]}, {"structure": f'["{IDS[1]}"]'}),
        ({"object": "something_longer_than_the_column"}, {"kind": "something_longer"}),
    ],
)
def test_what_the_door_gives_is_read(found: dict[str, Any], expected: dict[str, Any]) -> None:
    seen = read({"object": "page", "id": str(IDS[0])} | found)
    assert {name: getattr(seen, name) for name in expected} == expected


@pytest.mark.parametrize(("since", "planned"), [(None, "off"), (datetime(2026, 1, 1, tzinfo=UTC), "on")])
def test_a_scan_of_everything_compares_no_object_with_each(
    world: World, since: datetime | None, planned: str
) -> None:
    scan = make_scan(world.acme, 1)
    scan.since = since
    with within(world.acme), connection.cursor() as cursor:
        references.unseen(scan, "user", at_most=10)
        cursor.execute("SHOW enable_nestloop")
        assert cursor.fetchone() == (planned,)


def test_no_index_stops_at_the_organization(world: World) -> None:
    """Of a new organization, which no statistics know, such an index seemed as good as that of the object:
    each look-up then read all that was stored so far, 27 s for 20,000 objects instead of 1.5."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexdef FROM pg_indexes WHERE tablename IN ('scans_version', 'scans_seen')"
            " AND indexdef LIKE '%(organization_id%'"
        )
        keys = [definition.partition("(")[2] for (definition,) in cursor.fetchall()]
    assert len(keys) == 3
    assert all("object_id" in key for key in keys), keys
