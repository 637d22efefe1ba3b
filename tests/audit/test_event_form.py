"""What cannot be read back is not appended; and where the database's owner put it there, it is named."""

from __future__ import annotations

import io
import json
import sys
import uuid
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit import chain, exports
from audit.models import Event
from notionscan import rls
from tests import database
from tests.audit.test_chain import add, last_of
from tests.factories import World, make_world


def nested(depth: int) -> Any:
    return {"more": nested(depth - 1)} if depth else 1


def event(world: World, **changes: Any) -> str:
    """Return an event of acme as SQL could append it: in the form of ours, but for the changes."""
    texts = ("actor_label", "target_type", "target_id", "target_label", "request_id", "result")
    content = dict.fromkeys(texts, "x") | {
        "id": str(uuid.uuid4()),
        "organization_id": str(world.acme.pk),
        "action": "made.up",
        "created_at": timezone.now().isoformat(),
        "metadata": {},
    }
    return json.dumps(content | changes)


def append(world: World, content: str) -> None:
    with psycopg.connect(database.url("default")) as app:
        app.execute("SELECT scope_bind(%s, %s)", rls.organization_scope(world.acme.pk).signed())
        app.execute("SELECT audit_append(%s)", [content])


UNREADABLE = {
    "an endless date": {"created_at": "infinity"},
    "a date before Christ": {"created_at": "0044-03-15 BC"},
    "a date of another millennium": {"created_at": "20000-01-01"},
    "last year": {"created_at": "2001-01-01"},
    "no date": {"created_at": None},
    "a list": {"metadata": [1]},
    "a text": {"metadata": "x"},
    "nothing": {"metadata": None},
    "depth": {"metadata": nested(60)},
    "depth elsewhere": {"actor_label": nested(60)},
    "length": {"metadata": {"note": "x" * 40_000}},
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_event_that_could_not_be_read_is_not_appended(committed: None, name: str) -> None:
    world = make_world()
    before = last_of(world.acme)
    with pytest.raises(psycopg.Error):
        append(world, event(world, **UNREADABLE[name]))
    assert last_of(world.acme) == before
    append(world, event(world))
    assert last_of(world.acme) == before + 1, "the control"


@pytest.mark.parametrize("number", ["1" + "0" * 5000, "-1" + "0" * 5000, "1e400"])
def test_a_number_that_is_none_of_pythons_is_not_appended(committed: None, number: str) -> None:
    world = make_world()
    content = event(world, metadata={"number": 7})
    with pytest.raises(psycopg.Error):
        append(world, content.replace("7}", f"{number}}}"))
    append(world, content)


def test_the_page_is_shown_whatever_was_appended(committed: None) -> None:
    world = make_world()
    for metadata in (nested(10), {"x": [1, None, {"y": 1e17}]}, {"": ""}, {"a b": False}):
        append(world, event(world, metadata=metadata, action="no.such", result="neither"))
    assert world.client(world.admin).get("/orgs/acme/audit/").status_code == 200


def tamper(statement: str, world: World, sequence: int) -> None:
    """Change an event of acme's, as the database's owner can."""
    with database.superuser() as owner:
        owner.execute("ALTER TABLE audit_event NO FORCE ROW LEVEL SECURITY")
        assert owner.execute(statement, [world.acme.pk, sequence]).rowcount == 1
        owner.execute("ALTER TABLE audit_event FORCE ROW LEVEL SECURITY")


TAMPERED = {
    "an endless date": "created_at = 'infinity'",
    "a date before Christ": "created_at = '0044-03-15 BC'",
    "a huge number": "metadata = jsonb_build_object('x', ('1' || repeat('0', 5000))::numeric)",
    "depth": "metadata = (repeat('[', 3000) || repeat(']', 3000))::jsonb",
}


@pytest.mark.parametrize("name", TAMPERED)
def test_an_event_that_cannot_be_read_is_named_and_what_follows_is_verified(
    committed: None, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "_PAGE", 8)
    world = make_world()
    for number in range(20):
        add(world.acme, number=number)
    bad = last_of(world.acme) - 7
    edit = f"UPDATE audit_event SET {TAMPERED[name]} WHERE organization_id = %s AND sequence = %s"
    tamper(edit, world, bad)
    out = io.StringIO()
    with pytest.raises(CommandError, match=rf"Event {bad} \(.*\) cannot be read") as refusal:
        call_command("verify_audit", "--json", stdout=out)
    assert "more after it" not in str(refusal.value)
    # Every other chain was verified too.
    told = {each["organization"]: each["problem"] for each in json.loads(out.getvalue())}
    assert told[str(world.globex.pk)] is None
    tamper("UPDATE audit_event SET result = 'x' WHERE organization_id = %s AND sequence = %s", world, bad + 3)
    with pytest.raises(CommandError, match="1 more after it do not fit"):
        call_command("verify_audit", stdout=io.StringIO())


@pytest.mark.parametrize("kind", exports.Format)
def test_an_export_says_where_it_cannot_go_on(committed: None, kind: exports.Format) -> None:
    world = make_world()
    for number in range(20):
        add(world.acme, number=number)
    bad = last_of(world.acme) - 7
    tamper(
        "UPDATE audit_event SET created_at = 'infinity' WHERE organization_id = %s AND sequence = %s",
        world,
        bad,
    )
    out = io.StringIO()
    with pytest.raises(CommandError, match=f"cannot be read after event {bad - 1}; manage.py verify_audit"):
        call_command("export_audit", "acme", "--format", kind.value, stdout=out)
    with pytest.raises(CommandError, match=f"cannot be read after event {bad - 1}; manage.py verify_audit"):
        call_command(
            "export_audit", "acme", "--format", kind.value, "--since", "2020-01-01", stdout=io.StringIO()
        )
    assert len(out.getvalue().splitlines()) == bad - 1 + (kind is exports.Format.CSV)
    page = world.client(world.admin).post("/orgs/acme/audit/export", {"format": kind.value})
    *_, last = b"".join(page.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert f"cannot be read after event {bad - 1}" in last


def test_the_hash_covers_every_column() -> None:
    columns = {field.column for field in Event._meta.concrete_fields}
    assert columns == {*chain.CONTENT, "sequence", "hash"}


def test_pythons_limit_is_what_the_number_was_chosen_for() -> None:
    assert sys.get_int_max_str_digits() < 5000
