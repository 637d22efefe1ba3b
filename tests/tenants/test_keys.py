"""Rotating the key ring: resumable, audited, and while the site goes on."""

from __future__ import annotations

import io
import json
import threading
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from integrations.models import Integration
from notionscan.keyring import KeyRing, wrapped_by
from notionscan.postgresql import base
from notionscan.secret import Secret
from tenants.models import DataKey, Organization
from tenants.services.keys import rewrap, ring_keys_in_use
from tests import database
from tests.factories import World, events, make_organization, make_world, within
from tests.integrations.test_budget import make_budget


@pytest.fixture
def world(committed: None) -> World:
    world = make_world()
    for organization in (world.acme, world.globex):
        make_budget(organization)
    return world


@pytest.fixture
def ring(world: World, settings: Any) -> dict[str, bytes]:
    """A ring with a new first key."""
    settings.FIELD_ENCRYPTION_KEYS = {"new": b"n" * 32} | settings.FIELD_ENCRYPTION_KEYS
    return dict(settings.FIELD_ENCRYPTION_KEYS)


def rotate(*arguments: str) -> str:
    out = io.StringIO()
    call_command("rotate_encryption_keys", *arguments, stdout=out)
    return out.getvalue()


def token_of(organization: Organization) -> str:
    with within(organization):
        return Integration.objects.get().access_token.reveal().expose()


def test_every_data_key_comes_under_the_current_one(ring: dict[str, bytes], world: World) -> None:
    said = rotate()
    assert "2 data keys were wrapped anew." in said
    assert "test1 wraps nothing any more; it may be removed" in said
    assert ring_keys_in_use() == {"new": 2}
    assert token_of(world.acme) == token_of(world.globex) == "ntn_x"
    assert events(world.acme)[-1] == ("encryption.rotated", "success")


def test_the_old_key_may_really_go(ring: dict[str, bytes], world: World, settings: Any) -> None:
    rotate()
    settings.FIELD_ENCRYPTION_KEYS = {"new": ring["new"]}
    assert token_of(world.acme) == "ntn_x"


def test_a_dry_run_counts_and_changes_nothing(ring: dict[str, bytes], world: World) -> None:
    found = json.loads(rotate("--dry-run", "--json"))
    assert found == {"rotated": 0, "inUse": {"test1": 2}, "current": "new", "retired": []}
    assert ring_keys_in_use() == {"test1": 2}


def test_it_goes_on_where_it_was_interrupted(ring: dict[str, bytes], world: World) -> None:
    assert rewrap(world.acme.pk)
    before = len(events(world.acme))
    assert json.loads(rotate("--json"))["rotated"] == 1
    assert len(events(world.acme)) == before
    assert json.loads(rotate("--json"))["rotated"] == 0


def test_a_key_in_use_is_not_called_retired(ring: dict[str, bytes], world: World, settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = {"new": ring["new"]}
    rewrapped = make_organization("third", "Third")
    out = io.StringIO()
    with pytest.raises(
        CommandError, match="2 data keys are wrapped by test1, which FIELD_ENCRYPTION_KEYS lacks"
    ):
        call_command("rotate_encryption_keys", stdout=out)
    assert "may be removed" not in out.getvalue()
    with within(rewrapped):
        assert wrapped_by(DataKey.objects.get().wrapped) == "new"


def test_a_damaged_data_key_stops_nobody_else(ring: dict[str, bytes], world: World) -> None:
    with within(world.acme):
        DataKey.objects.update(wrapped="v1.test1.AAAA.AAAA")
    with pytest.raises(CommandError, match="1 data keys did not open"):
        rotate()
    assert token_of(world.globex) == "ntn_x"
    assert ring_keys_in_use() == {"new": 1, "test1": 1}


@pytest.mark.parametrize("way", ["held", "unreadable"])
def test_a_row_that_is_not_to_be_had_stops_nobody_else(
    ring: dict[str, bytes], world: World, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    for name in ("_BOUNDS", "_BIND"):
        monkeypatch.setattr(base, name, getattr(base, name).replace("10s", "200ms"))
    change = {"held": "wrapped = wrapped", "unreadable": "created_at = 'infinity'"}[way]
    with database.as_app(world.acme) as other:
        other.execute(f"UPDATE tenants_datakey SET {change}")
        if way == "unreadable":
            other.commit()
        with pytest.raises(CommandError, match="test1 stays in use; run the command again"):
            rotate()
    assert ring_keys_in_use() == {"new": 1, "test1": 1}
    assert token_of(world.globex) == "ntn_x"


def test_a_data_key_that_names_no_key_is_told_from_a_missing_key(
    ring: dict[str, bytes], world: World
) -> None:
    with within(world.globex):
        DataKey.objects.update(wrapped="junk")
    with pytest.raises(CommandError, match="1 data keys were altered and name no key; restore them"):
        rotate()
    assert ring_keys_in_use() == {"": 1, "new": 1}


def test_other_bytes_under_a_known_id_are_found(world: World, settings: Any) -> None:
    [current, *_] = settings.FIELD_ENCRYPTION_KEYS
    settings.FIELD_ENCRYPTION_KEYS = settings.FIELD_ENCRYPTION_KEYS | {current: b"o" * 32}
    with pytest.raises(CommandError, match="2 data keys did not open"):
        rotate()


def test_the_current_key_is_never_called_retired(ring: dict[str, bytes], committed: None) -> None:
    database.empty()
    assert "new wraps nothing" not in rotate()


def test_tokens_are_read_and_written_all_the_while(ring: dict[str, bytes], world: World) -> None:
    wrong: list[str] = []
    stop = threading.Event()

    def use() -> None:
        try:
            while not stop.is_set():
                with within(world.acme):
                    integration = Integration.objects.select_for_update().get()
                    integration.access_token = Secret(integration.access_token.reveal().expose() + "x")
                    integration.save()
        except BaseException as problem:
            wrong.append(repr(problem))
        finally:
            connection.close()

    users = [threading.Thread(target=use) for _ in range(3)]
    for user in users:
        user.start()
    for _ in range(5):
        with within(world.acme):
            DataKey.objects.update(wrapped=_under(ring, world.acme))
        rotate()
    stop.set()
    for user in users:
        user.join()
    assert wrong == []
    assert set(token_of(world.acme)) <= set("ntn_x")


def _under(ring: dict[str, bytes], organization: Organization) -> str:
    """Return the organization's data key as the older ring key wraps it."""
    raw = KeyRing(ring).unwrap(DataKey.objects.get().wrapped, organization_id=organization.pk)
    return KeyRing({"test1": ring["test1"]}).wrap(raw, organization_id=organization.pk)


def test_the_app_cannot_list_organizations_and_the_owner_reads_their_rows_alone(world: World) -> None:
    with database.superuser() as owner:
        assert len(owner.execute("SELECT id FROM tenants_organization").fetchall()) == 2
        assert owner.execute("SELECT count(*) FROM integrations_integration").fetchone() == (0,)
