"""The chain: gapless under concurrency, and whatever is done to it afterwards shows."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import ProgrammingError
from django.utils import timezone

from audit import chain
from audit.actions import Action
from audit.models import DEPLOYMENT, Event
from audit.record import record
from notionscan import rls
from tenants.models import Organization
from tests import database
from tests.factories import World, make_organization, make_world, within

EVENTS = 12
ONE = "WHERE organization_id = %s AND sequence = %s"


@pytest.fixture
def log(committed: None) -> World:
    """A world in which both organizations have a dozen events more."""
    world = make_world()
    for organization in (world.acme, world.globex):
        for number in range(EVENTS):
            add(organization, number=number, note="é\u2028\x00\ud800", nested={"a": [1, None, True, 0.1]})
    return world


def add(organization: Organization, **metadata: Any) -> Event:
    with within(organization):
        return record(action=Action.INTEGRATION_TESTED, organization=organization.pk, actor=None, **metadata)


def verify(*arguments: str) -> str:
    out = io.StringIO()
    call_command("verify_audit", *arguments, stdout=out)
    return out.getvalue()


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as refusal:
        verify(*arguments)
    return str(refusal.value)


@contextmanager
def tampering() -> Iterator[psycopg.Cursor]:
    """Give a cursor of somebody who owns the database, and has switched every fence off."""
    with database.superuser() as owner:
        for table in ("audit_event", "audit_chainhead"):
            owner.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        owner.execute("ALTER TABLE audit_event DROP CONSTRAINT IF EXISTS event_sequence_once")
        try:
            yield owner
        finally:
            for table in ("audit_event", "audit_chainhead"):
                owner.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


@pytest.fixture(autouse=True)
def constraint_back(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "log" in request.fixturenames:
        with database.superuser() as owner:
            owner.execute("TRUNCATE audit_event")
            owner.execute("ALTER TABLE audit_event DROP CONSTRAINT IF EXISTS event_sequence_once")
            owner.execute(
                "ALTER TABLE audit_event "
                "ADD CONSTRAINT event_sequence_once UNIQUE (organization_id, sequence)"
            )


def last_of(organization: Organization) -> int:
    with within(organization):
        return int(Event.objects.filter(organization_id=organization.pk).latest("sequence").sequence)


def test_a_whole_log_verifies(log: World) -> None:
    assert "whole." in verify()
    assert json.loads(verify("acme", "--json"))[0]["events"] == last_of(log.acme)


def test_what_is_appended_meanwhile_is_read_as_well(log: World, monkeypatch: pytest.MonkeyPatch) -> None:
    last = last_of(log.acme)
    read = chain.page
    late = [1, 2]

    def read_and_append(organization_id: Any, after: Any) -> Any:
        page = read(organization_id, after)
        if not page and late:
            add(log.acme, number=late.pop())
        return page

    monkeypatch.setattr(chain, "page", read_and_append)
    assert chain.verify(log.acme.pk).sequence == last + 2


def test_the_database_and_python_hash_alike(log: World) -> None:
    end = chain.verify(log.acme.pk)
    assert end.sequence == last_of(log.acme)


EDITS = {
    "action": "'auth.logout'",
    "result": "'denied'",
    "actor_id": "gen_random_uuid()",
    "actor_label": "'someone else'",
    "target_type": "'x'",
    "target_id": "'x'",
    "target_label": "'x'",
    "request_id": "'x'",
    "correlation_id": "gen_random_uuid()",
    "created_at": "created_at + interval '1 microsecond'",
    "metadata": "metadata || '{\"number\": 99}'",
    "hash": "repeat('0', 64)",
    "id": "gen_random_uuid()",
}


@pytest.mark.parametrize("column", EDITS)
def test_an_edit_of_any_column_shows(log: World, column: str) -> None:
    bad = last_of(log.acme) - 5
    with tampering() as owner:
        edit = (
            f"UPDATE audit_event SET {column} = {EDITS[column]} WHERE organization_id = %s AND sequence = %s"
        )
        assert owner.execute(edit, [log.acme.pk, bad]).rowcount == 1
    sentence = refused()
    assert f"Event {bad} " in sentence
    assert str(log.acme.pk) in sentence
    assert str(log.globex.pk) not in sentence


def delete(owner: psycopg.Cursor, world: World, bad: int) -> None:
    owner.execute(
        "DELETE FROM audit_event WHERE organization_id = %s AND sequence = %s", [world.acme.pk, bad]
    )


def insert(owner: psycopg.Cursor, world: World, bad: int) -> None:
    """Put an event of one's own there, and number those after it anew."""
    move = "UPDATE audit_event SET sequence = sequence + 1 WHERE organization_id = %s AND sequence >= %s"
    owner.execute(move, [world.acme.pk, bad])
    _copy(owner, world.acme, bad - 1, world.acme, bad)


def reorder(owner: psycopg.Cursor, world: World, bad: int) -> None:
    swap = (
        "UPDATE audit_event SET sequence = %s + %s + 1 - sequence "
        "WHERE organization_id = %s AND sequence IN (%s, %s + 1)"
    )
    owner.execute(swap, [bad, bad, world.acme.pk, bad, bad])


def swap_with_another_organization(owner: psycopg.Cursor, world: World, bad: int) -> None:
    delete(owner, world, bad)
    _copy(owner, world.globex, bad, world.acme, bad)


def replay(owner: psycopg.Cursor, world: World, bad: int) -> None:
    """Put a true event in the place of another."""
    delete(owner, world, bad)
    _copy(owner, world.acme, bad - 2, world.acme, bad)


def put_twice(owner: psycopg.Cursor, world: World, bad: int) -> None:
    _copy(owner, world.acme, bad, world.acme, bad)


def _copy(owner: psycopg.Cursor, source: Organization, number: int, target: Organization, to: int) -> None:
    owner.execute(
        "INSERT INTO audit_event SELECT (jsonb_populate_record(e, jsonb_build_object("
        "'id', gen_random_uuid(), 'organization_id', %s::text, 'sequence', %s::bigint))).* "
        "FROM audit_event AS e WHERE organization_id = %s AND sequence = %s",
        [str(target.pk), to, source.pk, number],
    )


@pytest.mark.parametrize(
    "tamper", [delete, insert, reorder, swap_with_another_organization, replay, put_twice]
)
def test_every_tampering_names_the_first_bad_event(
    log: World, tamper: Callable[[psycopg.Cursor, World, int], None]
) -> None:
    bad = last_of(log.acme) - 5
    with tampering() as owner:
        tamper(owner, log, bad)
    report = io.StringIO()
    with pytest.raises(CommandError, match=f"Event {bad} "):
        call_command("verify_audit", "acme", "--json", stdout=report)
    assert json.loads(report.getvalue())[0]["firstBad"] == bad
    assert "whole." in verify("globex")


def test_a_tail_cut_off_shows_at_the_head(log: World) -> None:
    end = last_of(log.acme)
    with tampering() as owner:
        cut = "DELETE FROM audit_event WHERE organization_id = %s AND sequence > %s"
        owner.execute(cut, [log.acme.pk, end - 3])
    assert f"The events after {end - 3} were removed; there were {end}." in refused("acme")


@pytest.mark.parametrize("tables", [["audit_chainhead"], ["audit_chainhead", "audit_event"]])
def test_a_chain_without_its_head_shows(log: World, tables: list[str]) -> None:
    with tampering() as owner:
        for table in tables:
            owner.execute(f"DELETE FROM {table} WHERE organization_id = %s", [log.acme.pk])
    for sentence in (refused(), refused("acme")):
        assert f"{log.acme.pk}: Where the chain ends is not recorded any more" in sentence


def test_a_chain_that_nobody_has_is_not_called_whole(log: World) -> None:
    assert "no chain with this id" in refused(str(uuid.uuid4()))
    assert "whole." in verify(str(log.acme.pk))


def test_a_slug_may_look_like_an_id(committed: None) -> None:
    slug = uuid.uuid4().hex
    make_organization(slug, "Hex")
    assert json.loads(verify(slug, "--json"))[0]["organization"] != str(uuid.UUID(slug))


def test_what_is_appended_meanwhile_is_no_fault(log: World, monkeypatch: pytest.MonkeyPatch) -> None:
    page, writes = chain.page, iter(range(5))

    def while_somebody_writes(*arguments: Any) -> list[tuple[Any, ...]]:
        found = page(*arguments)
        if next(writes, None) is not None:
            add(log.acme)
        return found

    monkeypatch.setattr(chain, "page", while_somebody_writes)
    assert "whole." in verify("acme")


HEADS = {
    "rewound": "sequence = e.sequence, hash = e.hash FROM audit_event e "
    "WHERE h.organization_id = e.organization_id AND e.sequence = 5 AND",
    "zero": "sequence = 0, hash = repeat('0', 64) WHERE",
    "negative": "sequence = -7, hash = 'x' WHERE",
    "another hash": "hash = repeat('a', 64) WHERE",
}


@pytest.mark.parametrize("change", HEADS)
def test_a_head_that_was_changed_shows(log: World, change: str) -> None:
    with tampering() as owner:
        edit = f"UPDATE audit_chainhead h SET {HEADS[change]} h.organization_id = %s"
        assert owner.execute(edit, [log.acme.pk]).rowcount == 1
    assert "The chain's end was changed" in refused("acme")


@pytest.mark.parametrize("sequence", [-(2**63), -1, 0, None])
def test_an_event_that_was_put_before_the_first_shows(log: World, sequence: int | None) -> None:
    with tampering() as owner:
        if sequence is None:
            owner.execute("ALTER TABLE audit_event ALTER sequence DROP NOT NULL")
        copy = (
            "INSERT INTO audit_event SELECT (jsonb_populate_record(e, jsonb_build_object("
            "'id', gen_random_uuid(), 'sequence', %s::bigint))).* FROM audit_event AS e "
            "WHERE organization_id = %s AND sequence = 3"
        )
        owner.execute(copy, [sequence, log.acme.pk])
        try:
            assert "put there" in refused("acme")
        finally:
            owner.execute("TRUNCATE audit_event")
            owner.execute("ALTER TABLE audit_event ALTER sequence SET NOT NULL")


def test_an_event_twice_at_the_end_of_a_page_shows(log: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "_PAGE", 5)
    for sequence in (5, 10):
        with tampering() as owner:
            _copy(owner, log.acme, sequence, log.acme, sequence)
        # Twice each: the twin, and what follows it where the twin comes last.
    assert "more after it do not fit" in refused("acme")


def test_the_deployments_chain_and_a_deleted_organizations_are_missed(log: World) -> None:
    call_command("delete_organization", "globex", "--yes", stdout=io.StringIO())
    verify()
    for chain_id in (log.globex.pk, DEPLOYMENT):
        with tampering() as owner:
            for table in ("audit_chainhead", "audit_event"):
                owner.execute(f"DELETE FROM {table} WHERE organization_id = %s", [chain_id])
        assert f"{chain_id}: Where the chain ends is not recorded" in refused()


def test_what_follows_a_bad_event_is_verified_on(log: World) -> None:
    """SQL in the app's connection can append an event of a form that we do not write."""
    content = json.dumps(
        dict.fromkeys(("actor_label", "target_type", "target_id", "target_label", "request_id", "result"), "")
        | {"id": str(uuid.uuid4()), "organization_id": str(log.acme.pk), "action": "made.up"}
        | {"created_at": timezone.now().isoformat(), "metadata": {}}
    )
    with within(log.acme), connection.cursor() as cursor:
        cursor.execute("SELECT audit_append(%s)", [content])
    bad = last_of(log.acme)
    add(log.acme)
    assert f"Event {bad} " in refused("acme")
    assert "more after it" not in refused("acme")
    with tampering() as owner:
        owner.execute(f"UPDATE audit_event SET result = 'x' {ONE}", [log.acme.pk, bad + 1])
    assert "1 more after it do not fit either" in refused("acme")
    page = log.client(log.admin).get("/orgs/acme/audit/")
    assert (page.status_code, b"made.up" in page.content) == (200, True)


def checkpoint(world: World, tmp_path: Path) -> Path:
    answer = world.client(world.admin).post("/orgs/acme/audit/checkpoint")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="acme-audit-checkpoint-')
    path = tmp_path / "checkpoint.json"
    path.write_bytes(answer.content)
    return path


def cut_tail_and_head(owner: psycopg.Cursor, world: World) -> None:
    end = last_of(world.acme) - 3
    owner.execute(
        "DELETE FROM audit_event WHERE organization_id = %s AND sequence > %s", [world.acme.pk, end]
    )
    owner.execute(
        "UPDATE audit_chainhead h SET sequence = e.sequence, hash = e.hash FROM audit_event e "
        "WHERE h.organization_id = e.organization_id AND e.organization_id = %s AND e.sequence = %s",
        [world.acme.pk, end],
    )


def write_anew(owner: psycopg.Cursor, world: World) -> None:
    """Edit an event and compute every hash after it, as only the owner of the database can."""
    columns = ", ".join(chain.CONTENT)
    rows = owner.execute(
        f"SELECT sequence, {columns} FROM audit_event WHERE organization_id = %s ORDER BY sequence",
        [world.acme.pk],
    ).fetchall()
    previous = chain.FIRST_PREVIOUS
    for sequence, *values in rows:
        content = chain.plain(tuple(values))
        if sequence == 3:
            content["actor_label"] = "nobody"
        previous = chain.link_hash(previous, sequence, chain.canonical(content))
        owner.execute(
            "UPDATE audit_event SET hash = %s, actor_label = %s WHERE organization_id = %s AND sequence = %s",
            [previous, content["actor_label"], world.acme.pk, sequence],
        )
    owner.execute(
        "UPDATE audit_chainhead SET hash = %s WHERE organization_id = %s", [previous, world.acme.pk]
    )


@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [(cut_tail_and_head, "but the checkpoint signed"), (write_anew, "are not those the checkpoint signed")],
)
def test_what_the_chain_cannot_show_a_checkpoint_does(
    log: World, tmp_path: Path, tamper: Callable[[psycopg.Cursor, World], None], sentence: str
) -> None:
    path = checkpoint(log, tmp_path)
    assert "whole." in verify("acme", "--checkpoint", str(path))
    add(log.acme)
    assert "whole." in verify("acme", "--checkpoint", str(path))
    with tampering() as owner:
        tamper(owner, log)
    assert "whole." in verify("acme")
    assert sentence in refused("acme", "--checkpoint", str(path))


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": 3},
        {"hash": "0" * 64},
        {"signature": "AAAA"},
        {"signature": "é"},
        {"signature": None},
        {"more": 1},
        {"at": "2020-01-01"},
    ],
)
def test_a_forged_checkpoint_is_refused(log: World, tmp_path: Path, change: dict[str, object]) -> None:
    path = checkpoint(log, tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert "heckpoint" in refused("acme", "--checkpoint", str(path))


def test_a_checkpoint_of_another_key_or_organization_is_refused(
    log: World, tmp_path: Path, settings: Any
) -> None:
    path = checkpoint(log, tmp_path)
    assert "another organization's" in refused("globex", "--checkpoint", str(path))
    settings.SIGNING_KEY = b"z" * 32
    assert "not signed by this site's SIGNING_KEY" in refused("acme", "--checkpoint", str(path))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000])
def test_what_is_no_checkpoint_is_refused(log: World, tmp_path: Path, text: str) -> None:
    path = tmp_path / "junk.json"
    path.write_text(text)
    assert "not a checkpoint" in refused("acme", "--checkpoint", str(path))
    assert "cannot be read" in refused("acme", "--checkpoint", str(tmp_path / "none.json"))
    assert "name its slug" in refused("--checkpoint", str(path))


def test_eight_writers_make_one_gapless_chain(committed: None) -> None:
    acme = make_organization("acme", "Acme")

    def write() -> None:
        for _ in range(25):
            add(acme)
        connection.close()

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert chain.verify(acme.pk).sequence == 1 + 8 * 25


def test_the_app_appends_to_its_own_chain_alone(log: World) -> None:
    content = chain.canonical({"id": str(uuid.uuid4()), "organization_id": str(log.globex.pk)})
    for scope in (None, rls.organization_scope(log.acme.pk), rls.user_scope(log.outsider.pk)):
        with (
            pytest.raises(ProgrammingError, match="needs the scope"),
            rls.scope(scope),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT audit_append(%s)", [content])


@pytest.mark.parametrize("alias", ["default", "worker"])
@pytest.mark.parametrize("table", ["audit_event", "audit_chainhead"])
@pytest.mark.parametrize(
    "statement", ["INSERT INTO {} DEFAULT VALUES", "UPDATE {} SET hash = ''", "DELETE FROM {}"]
)
def test_neither_role_writes_the_log_by_itself(log: World, alias: str, table: str, statement: str) -> None:
    with psycopg.connect(database.url(alias)) as db:
        db.execute("SELECT scope_bind(%s, %s)", rls.organization_scope(log.acme.pk).signed())
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
            db.execute(statement.format(table))


def test_an_event_outside_a_transaction_is_refused(committed: None) -> None:
    with pytest.raises(rls.ScopeMissing):
        record(action=Action.LOGIN, organization=DEPLOYMENT, actor=None)


# Exports ----------------------------------------------------------------------------------------------


def exported(world: World, kind: str) -> str:
    answer = world.client(world.admin).post("/orgs/acme/audit/export", {"format": kind})
    assert answer.headers["Content-Disposition"] == f'attachment; filename="acme-audit.{kind}"'
    return b"".join(answer.streaming_content).decode()  # type: ignore[arg-type]


def test_an_export_is_verified_without_our_code(log: World, tmp_path: Path) -> None:
    document = (Path(__file__).parents[2] / "docs" / "audit-log.md").read_text()
    verifier = tmp_path / "verify.py"
    verifier.write_text(document.partition("```python\n")[2].partition("```")[0])
    lines = exported(log, "jsonl")
    assert len(lines.splitlines()) == last_of(log.acme)
    assert json.loads(lines.splitlines()[-1])["event"]["action"] == "audit.exported"

    def run(text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(verifier)], input=text, capture_output=True, text=True, check=False
        )

    assert run(lines).stdout.startswith(f"{last_of(log.acme)} events are whole")
    for bad in (lines.replace("integration.tested", "auth.login", 1), "".join(lines.splitlines(True)[1:3:2])):
        assert run(bad + lines[:0]).returncode == (1 if "auth.login" in bad else 0)


def test_an_export_since_a_day_begins_where_the_chain_was(log: World) -> None:
    out = io.StringIO()
    call_command("export_audit", "acme", "--format", "jsonl", "--since", "2020-01-01", stdout=out)
    assert json.loads(out.getvalue().splitlines()[0])["previous"] == chain.FIRST_PREVIOUS
    with within(log.acme):
        cut = list(Event.objects.filter(organization_id=log.acme.pk).order_by("sequence"))[5]
    out = io.StringIO()
    call_command(
        "export_audit", "acme", "--format", "jsonl", "--since", cut.created_at.isoformat(), stdout=out
    )
    first = json.loads(out.getvalue().splitlines()[0])
    assert first["sequence"] == cut.sequence
    out = io.StringIO()
    call_command("export_audit", "acme", "--format", "jsonl", "--since", "2999-01-01", stdout=out)
    assert out.getvalue() == ""
    with pytest.raises(CommandError, match="not a date"):
        call_command("export_audit", "acme", "--format", "jsonl", "--since", "yesterday")


def test_a_reader_who_has_enough_is_not_an_error(log: World) -> None:
    for number in range(1500):
        add(log.acme, number=number, note="x" * 200)
    command = f"{sys.executable} manage.py export_audit acme --format jsonl | head -1"
    ran = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=Path(__file__).parents[2],
        env=database.process_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert json.loads(ran.stdout)["sequence"] == 1
    assert "Traceback" not in ran.stderr
    assert "BrokenPipe" not in ran.stderr


def test_a_csv_holds_no_formula(log: World) -> None:
    for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"):
        with within(log.acme):
            record(action=Action.LOGIN, organization=log.acme.pk, actor=_Named(text))
    text = exported(log, "csv")
    assert "'=1+1" in text
    for line in text.splitlines():
        assert not any(cell.startswith(("=", "+", "@")) for cell in line.split(","))


class _Named:
    pk = None

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


@pytest.mark.parametrize("person", ["viewer", "editor", "outsider"])
@pytest.mark.parametrize("place", ["export", "checkpoint"])
def test_only_admins_export(log: World, person: str, place: str) -> None:
    answer = log.client(getattr(log, person)).post(f"/orgs/acme/audit/{place}", {"format": "csv"})
    assert answer.status_code == (404 if person == "outsider" else 403)


def test_an_unknown_format_exports_nothing(log: World) -> None:
    before = last_of(log.acme)
    assert log.client(log.admin).post("/orgs/acme/audit/export", {"format": "exe"}).status_code == 302
    assert last_of(log.acme) == before


# An older installation --------------------------------------------------------------------------------


def test_events_of_an_older_version_become_a_chain(committed: None) -> None:
    """Go back to the version without a chain, put events there, and migrate again."""
    world = make_world()
    owner = MigrationExecutor(connections["owner"])
    latest = owner.loader.graph.leaf_nodes()
    with database.superuser() as cursor:
        cursor.execute("TRUNCATE audit_event, audit_chainhead")
    # The rights of the newest version do not fit the older tables; the tables are what matters here.
    with suppress(ProgrammingError):
        call_command("migrate", "audit", "0001", database="owner", verbosity=0, skip_checks=True)
    assert not column_exists("sequence")
    with database.superuser() as cursor:
        cursor.execute("ALTER TABLE audit_event NO FORCE ROW LEVEL SECURITY")
        for organization_id in (world.acme.pk, world.globex.pk, DEPLOYMENT):
            cursor.execute(
                "INSERT INTO audit_event SELECT gen_random_uuid(), %s, "
                "now() - n * interval '1 s', 'auth.login', 'success', NULL, 'x', '', '', '', '', NULL, "
                "'{\"n\": 1}' FROM generate_series(1, 2500) AS n",
                [organization_id],
            )
        cursor.execute("ALTER TABLE audit_event FORCE ROW LEVEL SECURITY")
    call_command("migrate", database="owner", verbosity=0)
    assert MigrationExecutor(connections["owner"]).migration_plan(latest) == []
    assert chain.verify(world.acme.pk).sequence == 2500
    assert add(world.acme).sequence == 2501
    assert "whole." in verify()


def column_exists(name: str) -> bool:
    with database.superuser() as cursor:
        query = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'audit_event'::regclass AND attname = %s"
        return cursor.execute(query, [name]).fetchone() == (1,)
