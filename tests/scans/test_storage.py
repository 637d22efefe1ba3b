"""Versions: any past scan is read back exactly, and what did not change is not written."""

from __future__ import annotations

import contextlib
import uuid
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.notion.errors import NotionUnavailable
from integrations.notion.replies import read_object
from scans import metadata, references
from scans.metadata import COLUMNS, Metadata, read, vanished
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
        ({"created_time": "2026-01-01T00:00:00,000Z"}, {"created_at": "2026-01-01T00:00:00.000Z"}),
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


TEXTS = st.text(max_size=6) | st.sampled_from(
    ["\x00", "\ud800", '"', "\\", '\\"', "{}", "{NULL,", "NULL", "null", "%s", "\u2028", "a" * 3_000]
)
TIMES = st.sampled_from(
    [
        "2026-01-01T00:00:00,000Z", "2026-01-01T000000.00000Z", "2026-W01-1", "20260101", "infinity", "now",
        "0001-01-01T00:00:00.000Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999-14:00",
        "2026-01-01T00:00:60.000Z", "2026-01-01T24:00:00.000Z", "2026-01-01T00:00:00+23:59:59.999999",
    ]
)  # fmt: skip
UUIDS = st.uuids().flatmap(lambda one: st.sampled_from([str(one), one.hex, f"{{{one}}}".upper(), one.urn]))
ANYTHING = st.recursive(
    TEXTS | TIMES | UUIDS | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional={name: ANYTHING | of for name, of in fields.items()}) | ANYTHING


PROPERTY = some(
    id=TEXTS,
    type=st.sampled_from(["title", "select", "relation", "rollup"]),
    title=st.lists(some(plain_text=TEXTS), max_size=2),
    select=some(options=ANYTHING),
    relation=some(data_source_id=UUIDS, type=TEXTS),
    rollup=some(relation_property_id=TEXTS),
)
REPLIES = st.fixed_dictionaries(
    {
        "object": st.sampled_from(["page", "data_source", "database", "block", "canvas"]) | ANYTHING,
        "id": UUIDS | ANYTHING,
    },
    optional={
        "created_time": TIMES | ANYTHING,
        "last_edited_time": TIMES | ANYTHING,
        "in_trash": ANYTHING,
        "public_url": ANYTHING,
        "parent": some(type=st.sampled_from(["page_id", "workspace", "type"]), page_id=UUIDS),
        "created_by": some(id=UUIDS),
        "icon": some(type=TEXTS),
        "title": st.lists(some(plain_text=TEXTS), max_size=2) | ANYTHING,
        "properties": st.dictionaries(TEXTS, PROPERTY, max_size=2) | ANYTHING,
        "data_sources": st.lists(some(id=UUIDS), max_size=2) | ANYTHING,
    },
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(REPLIES, min_size=1, max_size=4))
def test_whatever_notion_says_is_stored_and_read_back(world: World, replies: list[dict[str, Any]]) -> None:
    """A batch that PostgreSQL refuses would be refused again, by whoever takes the scan up."""
    batch = []
    for reply in replies:
        with contextlib.suppress(NotionUnavailable):
            batch.append(read(read_object(reply)))
    with transaction.atomic():
        first, second = make_scan(world.acme, 1), make_scan(world.acme, 2)
        with within(world.acme):
            merge(first, batch)
            assert merge(second, batch) == 0
            found = {str(each.object_id): vanished(each) for each in objects_of(world.acme.pk, 1)}
        assert found == {each.object_id: each._replace(state="vanished") for each in batch}
        transaction.set_rollback(True)


def test_what_is_no_id_is_not_kept_in_memory() -> None:
    before = metadata._cached_id.cache_info().currsize
    seen = read({"object": "page", "id": str(IDS[0]), "created_by": "x" * 1_000_000})
    assert seen.created_by is None
    assert metadata._cached_id.cache_info().currsize == before


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
