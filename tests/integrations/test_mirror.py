"""The audit mirror: events in a Notion database, in order, each once; and nothing else hurt when it fails."""

from __future__ import annotations

import html
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.test import Client
from django.utils import timezone

from audit.actions import Action
from audit.models import Event
from audit.record import record
from integrations import mirror_rows, selectors
from integrations.models import Integration, Mirror, RateBudget
from integrations.notion.budget import Priority
from integrations.notion.content import NotionContent
from integrations.notion.links import id_of
from integrations.notion.transport import CheckedResponse
from integrations.sandbox import Sandbox, demo_token
from integrations.sandbox.ids import Kind
from integrations.sandbox.tokens import EVERYTHING, Capability
from integrations.services import mirroring
from integrations.services.connect import connect_internal
from integrations.services.disconnect import disconnect
from integrations.services.mirroring import mirror_events
from notionscan import rls
from notionscan.secret import Secret
from tests import database
from tests.factories import World, events, make_world, queued, run_jobs, within
from tests.integrations.notion.doors import NoBudget

ACME = demo_token("Acme Atlas")
PAGE = "/orgs/acme/integrations/"
MIRROR = f"{PAGE}notion/mirror"
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def world(committed: None, sandbox: Sandbox) -> World:
    """Acme connected by a token that may write; nothing queued."""
    world = make_world()
    with rls.scope(rls.organization_scope(world.acme.pk)):
        connect_internal(organization=world.acme, actor=world.admin, token=Secret(ACME))
    run_jobs()
    sandbox.requests.clear()
    return world


class Notion:
    """The workspace of acme as its people see it, without any limit."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.client = NotionContent(
            Secret(ACME),
            base_url=sandbox.url,
            notion_version="2026-03-11",
            budget=NoBudget(),
            priority=Priority.PEOPLE,
        )
        self.page = sandbox.visible(ACME, Kind.PAGE)[0]

    def database(self, **columns: str) -> tuple[str, str]:
        """Make a database with the columns of a mirror, or others; returns its id and its data source's."""
        wanted = {name: types[0] for name, types in mirror_rows.COLUMNS.items()} | columns
        properties = {name: {kind: {}} for name, kind in wanted.items()}
        made = self.client.create_database(parent_page_id=self.page, title="Log", properties=properties)
        return made["id"], made["data_sources"][0]["id"]

    def rows(self, source: str | UUID) -> list[dict[str, Any]]:
        found = self.client.query(source)["results"]
        return sorted(found, key=lambda row: number_of(title(row)))


@pytest.fixture
def notion(sandbox: Sandbox) -> Notion:
    return Notion(sandbox)


def title(row: dict[str, Any]) -> str:
    return "".join(part["plain_text"] for part in row["properties"]["Action"]["title"])


def number_of(text: str) -> int:
    return int(text.rpartition(" ")[2])


def choose(world: World, link: str, **more: str) -> Mirror:
    answer = world.client(world.admin).post(f"{MIRROR}/set", {"link": link} | more)
    assert answer.status_code == 302, html.unescape(answer.content.decode())
    return current(world)


def current(world: World) -> Mirror:
    with within(world.acme):
        return Mirror.objects.get()


def change(world: World, **values: object) -> None:
    with within(world.acme):
        Mirror.objects.update(**values)


def happen(world: World, count: int = 1, **more: Any) -> None:
    with within(world.acme):
        for _ in range(count):
            record(action=Action.LOGIN, organization=world.acme.pk, actor=world.admin, **more)


def work(world: World) -> Mirror:
    """Let a worker's job run now, whatever wait there is."""
    change(world, next_at=None)
    with rls.scope(rls.job_scope(world.acme.pk)):
        mirror_events(organization_id=world.acme.pk)
    return current(world)


def to_mirror(world: World) -> list[str]:
    """Return the titles that the rows should have: all events since the mirror began, but of its own work."""
    with within(world.acme):
        mirror = Mirror.objects.get()
        found = Event.objects.filter(sequence__gt=mirror.started_after).order_by("sequence")
        return [mirror_rows.title_of(event) for event in found if event.action not in mirroring._OWN]


# Events become rows -------------------------------------------------------------------------------------


def test_events_are_mirrored_in_order_each_once_and_then_it_rests(world: World, notion: Notion) -> None:
    database_id, source = notion.database()
    choose(world, database_id)
    happen(world, 5)
    assert queued() == [("integrations.mirror", {"organization_id": str(world.acme.pk)})]
    run_jobs()
    rows = notion.rows(source)
    assert [title(row) for row in rows] == to_mirror(world)
    assert len(rows) == 6
    mirror = current(world)
    assert mirror.last_page_id == UUID(rows[-1]["id"])
    # The batch's own event is not mirrored, so that there is an end.
    assert events(world.acme)[-1] == ("mirror.written", "success")
    assert queued() == []
    asked = notion.sandbox.requests.count("* /*")
    work(world)
    assert notion.sandbox.requests.count("* /*") == asked
    with psycopg.connect(database.url("worker")) as worker:
        assert worker.execute("SELECT mirrors_behind(false)").fetchall() == []


def test_a_row_says_who_did_what_to_what_with_what_result_and_when(world: World, notion: Notion) -> None:
    database_id, source = notion.database()
    choose(world, database_id)
    run_jobs()
    [row] = notion.rows(source)
    with within(world.acme):
        event = Event.objects.get(action="mirror.configured")
    values = row["properties"]
    assert title(row) == f"mirror.configured · event {event.sequence}"
    assert values["User"]["rich_text"][0]["plain_text"] == "admin@acme.example"
    assert values["Result"]["select"]["name"] == "success"
    assert values["Resource"]["rich_text"][0]["plain_text"] == "mirror Log"
    assert values["Timestamp"]["date"]["start"].startswith(event.created_at.strftime("%Y-%m-%dT%H:%M:%S"))


HOSTILE = [
    "=1+1",
    "@Ada",
    "[x](https://evil.example)",
    "**bold** `code`",
    "<script>",
    "{{formula}}",
    "\u202eabc",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_markup_in_a_name_stays_the_text_that_it_is(world: World, notion: Notion, name: str) -> None:
    database_id, source = notion.database()
    choose(world, database_id)
    with within(world.acme):
        world.acme.name = name
        record(action=Action.LOGIN, organization=world.acme.pk, actor=None, target=world.acme)
        kept = Event.objects.order_by("-sequence")[0].target_label
    run_jobs()
    [part] = notion.rows(source)[-1]["properties"]["Resource"]["rich_text"]
    assert (part["type"], part["text"], part["href"]) == (
        "text",
        {"content": f"organization {kept}", "link": None},
        None,
    )


def test_texts_may_stand_where_a_select_could(world: World, notion: Notion) -> None:
    database_id, source = notion.database(Result="rich_text")
    choose(world, database_id)
    run_jobs()
    assert notion.rows(source)[0]["properties"]["Result"]["rich_text"][0]["plain_text"] == "success"


def test_more_than_a_batch_is_written_by_the_next_jobs(
    world: World, notion: Notion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "_ROWS_AT_MOST", 3)
    database_id, source = notion.database()
    choose(world, database_id)
    happen(world, 7)
    for _ in range(4):
        run_jobs()
    assert queued() == []
    assert [title(row) for row in notion.rows(source)] == to_mirror(world)


@pytest.mark.parametrize("fault", ["service_unavailable", "service_unavailable_saved", "restricted_resource"])
def test_a_mirror_that_fails_again_and_again_comes_to_an_end(
    world: World, notion: Notion, fault: str
) -> None:
    database_id, source = notion.database()
    choose(world, database_id)
    happen(world, 5)
    # Of each batch the first row is written and the second one fails.
    for _ in range(9):
        notion.sandbox.faults.clear()
        notion.sandbox.faults.add(fault, match="POST /v1/pages", at=2)
        mirror = work(world)
    assert [title(row) for row in notion.rows(source)] == to_mirror(world)
    assert len(to_mirror(world)) == 6
    assert (mirror.error_code, mirror.lease) == ("", None)
    recorded, asked = len(events(world.acme)), notion.sandbox.requests.count("* /*")
    work(world)
    assert (len(events(world.acme)), notion.sandbox.requests.count("* /*")) == (recorded, asked)


ENDLESS = ["=HYPERLINK(1)" * 400, "a\x00b\r\nc", "\u202e\u2066evil\u2069", "\ud800half", "\U0001f600" * 3_000]


@pytest.mark.parametrize("name", ENDLESS, ids=["long", "nul", "turned", "half", "wide"])
def test_any_name_fits_and_is_one_plain_line(world: World, notion: Notion, name: str) -> None:
    database_id, source = notion.database()
    choose(world, database_id)
    with within(world.acme):
        world.acme.name = name
        record(action=Action.LOGIN, organization=world.acme.pk, actor=world.acme, target=world.acme)
    run_jobs()
    values = notion.rows(source)[-1]["properties"]
    for column in ("User", "Resource"):
        [part] = values[column]["rich_text"]
        assert (part["type"], part["text"]["link"], part["href"]) == ("text", None, None)
        assert 0 < len(part["plain_text"].encode("utf-16-le")) // 2 <= 2_000
        assert part["plain_text"].isprintable()
    assert current(world).error_code == ""


# Each once ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", ["service_unavailable_saved", "service_unavailable", "reset_unsaved", "reset"]
)
def test_a_failing_write_leaves_each_row_once(world: World, notion: Notion, fault: str) -> None:
    database_id, source = notion.database()
    choose(world, database_id)
    happen(world, 3)
    notion.sandbox.faults.add(fault, match="POST /v1/pages", times=2, after=1)
    for _ in range(4):
        work(world)
    assert [title(row) for row in notion.rows(source)] == to_mirror(world)


def test_a_row_that_a_killed_worker_made_is_found_again(
    world: World, notion: Notion, monkeypatch: pytest.MonkeyPatch
) -> None:
    database_id, source = notion.database()
    choose(world, database_id)
    happen(world, 2)
    kept = mirroring._keep

    def killed(mirror: Mirror, **values: object) -> None:
        if "last_page_id" in values:
            raise KeyboardInterrupt
        kept(mirror, **values)

    with monkeypatch.context() as patch:
        patch.setattr(mirroring, "_keep", killed)
        with pytest.raises(KeyboardInterrupt):
            work(world)
    assert len(notion.rows(source)) == 1
    # Its claim is still there, and ends by itself.
    work(world)
    assert len(notion.rows(source)) == 1
    change(world, leased_until=timezone.now() - timedelta(seconds=1))
    work(world)
    assert [title(row) for row in notion.rows(source)] == to_mirror(world)


@pytest.mark.parametrize(("age", "rows"), [(timedelta(days=1), 2), (timedelta(seconds=5), 1)])
def test_a_row_of_another_log_in_the_same_database_is_not_taken_for_ones_own(
    world: World, notion: Notion, age: timedelta, rows: int
) -> None:
    database_id, source = notion.database()
    choose(world, database_id)
    with within(world.acme):
        event = Event.objects.get(action="mirror.configured")
    types = {name: kinds[0] for name, kinds in mirror_rows.COLUMNS.items()}
    change(world, begun_sequence=event.sequence)
    event.created_at -= age
    parent = {"type": "data_source_id", "data_source_id": source}
    notion.client.create_page(parent=parent, properties=mirror_rows.row(event, types))
    work(world)
    assert [title(row) for row in notion.rows(source)] == [mirror_rows.title_of(event)] * rows


def test_a_mirror_that_is_stopped_meanwhile_writes_no_more(
    world: World, notion: Notion, monkeypatch: pytest.MonkeyPatch
) -> None:
    database_id, source = notion.database()
    choose(world, database_id)
    happen(world, 3)
    row = mirroring._row

    def stopped(*arguments: Any) -> UUID:
        made = row(*arguments)
        assert world.client(world.admin).post(f"{MIRROR}/stop").status_code == 302
        return made

    monkeypatch.setattr(mirroring, "_row", stopped)
    mirror = work(world)
    assert len(notion.rows(source)) == 1
    assert (mirror.is_stopped, mirror.error_code) == (True, "")
    work(world)
    assert len(notion.rows(source)) == 1


def test_the_limit_keeps_it_waiting_and_is_no_failure(world: World, notion: Notion) -> None:
    database_id, source = notion.database()
    choose(world, database_id)
    with within(world.acme):
        RateBudget.objects.update(used=173, limit=180, window_started_at=timezone.now())
    mirror = work(world)
    assert (mirror.error_code, mirror.lease) == ("", None)
    assert mirror.next_at is not None
    assert notion.rows(source) == []
    with within(world.acme):
        RateBudget.objects.update(used=0)
    assert work(world).mirrored_at is not None


# What goes wrong ----------------------------------------------------------------------------------------


def not_shared(world: World, notion: Notion, database_id: str) -> None:
    notion.sandbox.unshare(ACME, notion.page)


def may_not_insert(world: World, notion: Notion, database_id: str) -> None:
    notion.sandbox.add_token(
        notion.sandbox.workspace,
        secret="ntn_reads",
        label="reads",
        capabilities=EVERYTHING - {Capability.INSERT_CONTENT},
    )
    browser = world.client(world.admin)
    assert browser.post(f"{PAGE}notion/token", {"token": "ntn_reads"}).status_code == 302


def column_renamed(world: World, notion: Notion, database_id: str) -> None:
    source = notion.client.database(database_id)["data_sources"][0]["id"]
    notion.client._call(
        "PATCH", f"data_sources/{source}", dict, body={"properties": {"User": {"name": "Who"}}}, is_read=False
    )


def in_the_trash(world: World, notion: Notion, database_id: str) -> None:
    source = notion.client.database(database_id)["data_sources"][0]["id"]
    notion.client._call("PATCH", f"data_sources/{source}", dict, body={"in_trash": True}, is_read=False)


def disconnected(world: World, notion: Notion, database_id: str) -> None:
    with rls.scope(rls.organization_scope(world.acme.pk)):
        disconnect(organization=world.acme, actor=world.admin, provider="notion")


def token_dead(world: World, notion: Notion, database_id: str) -> None:
    notion.sandbox.revoke(ACME)


TROUBLES = [
    (not_shared, "notion_not_shared", "choose ••• → Connections"),
    (may_not_insert, "notion_capability_missing", "add Insert content"),
    (column_renamed, "mirror_columns", "User (text)"),
    (in_the_trash, "mirror_in_trash", "in Notion's trash"),
    (disconnected, "mirror_disconnected", "Notion is not connected."),
    (token_dead, "notion_unauthorized", "Repair the connection above"),
]


@pytest.mark.parametrize(("trouble", "code", "remedy"), TROUBLES, ids=[t[0].__name__ for t in TROUBLES])
def test_a_failure_shows_with_its_remedy_is_recorded_once_and_tried_ever_more_seldom(
    world: World, notion: Notion, trouble: Any, code: str, remedy: str
) -> None:
    database_id, _ = notion.database()
    choose(world, database_id)
    trouble(world, notion, database_id)
    run_jobs()
    mirror = current(world)
    assert (mirror.error_code, mirror.lease) == (code, None)
    assert mirror.next_at is not None
    # Soon at first, by a job that waits for it.
    assert mirror.error_since is not None
    assert timedelta(seconds=4) < mirror.next_at - mirror.error_since <= timedelta(seconds=5)
    [(task, at)] = waiting()
    assert task == "integrations.mirror"
    assert mirror.next_at <= at <= mirror.next_at + timedelta(seconds=2)
    assert events(world.acme).count(("mirror.failed", "error")) == 1
    # Before its time nobody is asked.
    asked = notion.sandbox.requests.count("* /*")
    with rls.scope(rls.job_scope(world.acme.pk)):
        mirror_events(organization_id=world.acme.pk)
    assert notion.sandbox.requests.count("* /*") == asked
    for seconds in (10, 20, 40, 80, 160, 320, 600, 600, 600):
        before = timezone.now()
        again = work(world)
        assert again.next_at is not None
        assert before <= again.next_at - timedelta(seconds=seconds) <= timezone.now()
    assert (again.error_since, again.mirrored_at) == (mirror.error_since, None)
    assert events(world.acme).count(("mirror.failed", "error")) == 1
    page = shown(world)
    assert 'data-state="failing"' in page
    assert remedy in page
    assert "minutes from now" in page
    change(world, next_at=timezone.now())
    assert "tried again by itself any moment now" in shown(world)
    assert f"Mirrored up to event {mirror.mirrored_sequence}" in page


def waiting() -> list[tuple[str, datetime]]:
    """Return the queued jobs that have to wait, as (task, until when); only the owner may look."""
    with database.superuser() as cursor:
        cursor.execute(
            "SELECT task_name, scheduled_at FROM procrastinate_jobs "
            "WHERE status = 'todo' AND scheduled_at IS NOT NULL"
        )
        return list(cursor)


def shown(world: World) -> str:
    page = world.client(world.admin).get(PAGE)
    assert page.status_code == 200
    return html.unescape(page.content.decode())


def test_after_a_repair_it_goes_on_from_where_it_stopped(world: World, notion: Notion) -> None:
    database_id, source = notion.database()
    choose(world, database_id)
    happen(world, 2)
    run_jobs()
    notion.sandbox.unshare(ACME, notion.page)
    happen(world, 2)
    assert work(world).error_code == "notion_not_shared"
    notion.sandbox.share(ACME, notion.page)
    happen(world)
    assert world.client(world.admin).post(f"{MIRROR}/retry").status_code == 302
    run_jobs()
    mirror = current(world)
    assert (mirror.error_code, mirror.failures, mirror.error_since) == ("", 0, None)
    assert [title(row) for row in notion.rows(source)] == to_mirror(world)
    assert 'data-state="on"' in shown(world)


def test_another_database_gets_the_events_that_follow(world: World, notion: Notion) -> None:
    first, _ = notion.database()
    choose(world, first)
    happen(world)
    run_jobs()
    in_the_trash(world, notion, first)
    happen(world, 2)
    assert work(world).error_code == "mirror_in_trash"
    second, other = notion.database()
    choose(world, second)
    run_jobs()
    mirrored = to_mirror(world)
    assert [title(row) for row in notion.rows(other)] == mirrored[2:]
    assert len(mirrored) == 5
    # Chosen again it goes on; after a stop it begins anew.
    choose(world, second)
    run_jobs()
    assert [title(row) for row in notion.rows(other)] == to_mirror(world)[2:]
    assert world.client(world.admin).post(f"{MIRROR}/stop").status_code == 302
    happen(world)
    choose(world, second)
    run_jobs()
    assert [title(row) for row in notion.rows(other)][-1] == to_mirror(world)[-1]
    assert len(to_mirror(world)) == 1


def test_a_failing_mirror_hurts_nothing_else(world: World, notion: Notion) -> None:
    database_id, _ = notion.database()
    choose(world, database_id)
    notion.sandbox.faults.add("edge_block", match="* /*", times=None)
    before = len(events(world.acme))
    assert work(world).error_code == "notion_unavailable"
    notion.sandbox.faults.clear()
    with within(world.acme):
        assert Integration.objects.get().status == "connected"
    assert len(events(world.acme)) == before + 2
    assert world.client(world.admin).get("/orgs/acme/").status_code == 200


# Choosing -----------------------------------------------------------------------------------------------


def refused(world: World, address: str, status: int, sentence: str, **posted: str) -> str:
    """Post a form both ways, and expect the sentence in the page and in the fragment."""
    browser = world.client(world.admin)
    for headers in ({}, FRAGMENT):
        answer = browser.post(address, posted, headers=headers)
        text = html.unescape(answer.content.decode())
        assert (answer.status_code, sentence in text) == (status, True), text
        assert ("<html" in text) is (not headers)
    return text


def test_a_database_is_made_on_request_with_its_columns(world: World, notion: Notion) -> None:
    answer = world.client(world.admin).post(f"{MIRROR}/create", {"link": notion.page}, headers=FRAGMENT)
    assert answer.status_code == 200
    assert "The database was made" in answer.content.decode()
    mirror = current(world)
    source = notion.client.data_source(mirror.data_source_id or "")
    types = {name: value["type"] for name, value in source["properties"].items()}
    assert types == {
        "Action": "title",
        "User": "rich_text",
        "Result": "select",
        "Resource": "rich_text",
        "Timestamp": "date",
    }
    assert mirror.title == "Audit log of Notion Scan"
    run_jobs()
    assert [title(row) for row in notion.rows(source["id"])] == to_mirror(world)
    with within(world.acme):
        steps = Event.objects.filter(correlation_id__isnull=False).order_by("sequence")
        assert [event.action for event in steps] == ["notion.write", "mirror.configured"]
        assert len({event.correlation_id for event in steps}) == 1


def test_a_database_that_notion_saved_and_failed_to_show_is_used(world: World, notion: Notion) -> None:
    notion.sandbox.faults.add("service_unavailable_saved", match="POST /v1/databases", times=1)
    assert world.client(world.admin).post(f"{MIRROR}/create", {"link": notion.page}).status_code == 302
    assert notion.sandbox.requests.count("POST /v1/databases") == 1
    run_jobs()
    assert current(world).mirrored_at is not None


def test_a_data_source_is_taken_for_the_database_it_is_of(world: World, notion: Notion) -> None:
    database_id, source = notion.database()
    mirror = choose(world, source)
    assert (str(mirror.database_id), str(mirror.data_source_id)) == (database_id, source)


def test_of_several_data_sources_the_admin_is_asked_which(
    world: World, notion: Notion, monkeypatch: pytest.MonkeyPatch
) -> None:
    database_id, source = notion.database()
    _, other = notion.database(User="date")
    whole = NotionContent.database

    def with_two(self: NotionContent, wanted: str | UUID) -> dict[str, Any]:
        sources = [{"id": source, "name": "Log <1>"}, {"id": other, "name": "Other"}]
        return whole(self, wanted) | {"data_sources": sources}

    monkeypatch.setattr(NotionContent, "database", with_two)
    page = refused(world, f"{MIRROR}/set", 409, "This database has several data sources.", link=database_id)
    assert "Log <1>" in page
    assert f'value="{other}"' in page
    assert f'value="{database_id}"' in page
    refused(world, f"{MIRROR}/set", 409, "lacks columns", link=database_id, source=other)
    refused(world, f"{MIRROR}/set", 409, "several data sources", link=database_id, source=str(uuid4()))
    assert str(choose(world, database_id, source=source).data_source_id) == source


def test_what_cannot_hold_events_is_refused_and_recorded(world: World, notion: Notion) -> None:
    wrong, _ = notion.database(Timestamp="rich_text")
    refused(world, f"{MIRROR}/set", 409, "Timestamp (date)", link=wrong)
    refused(world, f"{MIRROR}/set", 404, "not shared with this connection", link=str(uuid4()))
    refused(world, f"{MIRROR}/create", 404, "not shared with this connection", link=str(uuid4()))
    assert events(world.acme)[-1] == ("mirror.configured", "error")
    with within(world.acme):
        assert not Mirror.objects.exists()


@pytest.mark.parametrize("act", ["set", "create"])
@pytest.mark.parametrize(
    "pasted", ["ntn_a_token_in_the_wrong_field", "https://evil.example/" + "0" * 32, "", "../x"]
)
def test_what_is_no_link_is_refused_before_any_call_and_not_shown_again(
    world: World, notion: Notion, act: str, pasted: str
) -> None:
    text = refused(world, f"{MIRROR}/{act}", 400, "Copy link", link=pasted)
    assert not pasted or pasted not in text
    assert notion.sandbox.requests.count("* /*") == 0


ID = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "text",
    [
        ID,
        str(UUID(ID)),
        f"  {ID.upper()} ",
        f"https://app.notion.com/p/Audit-log-{ID}",
        f"https://app.notion.com/p/{ID}?v=fedcba9876543210fedcba9876543210&pvs=4",
        f"https://www.notion.so/acme/Audit-log-{ID}?v=fedcba9876543210fedcba9876543210",
        f"https://www.notion.so/{ID}",
        f"https://acme.notion.site/Audit-log-{ID}#fedcba9876543210fedcba9876543210",
        f"www.notion.so/acme/{ID}/",
        f"https://app.notion.com/p/{UUID(ID)}",
    ],
)
def test_links_to_notion_are_understood(text: str) -> None:
    assert id_of(text) == UUID(ID)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        ID[:-1],
        f"https://evil.example/{ID}",
        f"https://notion.so.evil.example/{ID}",
        f"https://evilnotion.so/{ID}",
        f"http://www.notion.so/{ID}",
        f"https://www.notion.so/?v={ID}",
        f"https://www.notion.so/x{ID}",
        f"javascript://www.notion.so/{ID}",
        f"https://[notion.so/{ID}",
        "https://www.notion.so/" + "a" * 3_000 + f"-{ID}",
    ],
)
def test_other_texts_are_not(text: str) -> None:
    with pytest.raises(ValueError, match="neither an id"):
        id_of(text)


def test_the_part_is_for_admins_alone(world: World, notion: Notion) -> None:
    assert "Audit log in Notion" in shown(world)
    for user in (world.viewer, world.editor):
        assert "Audit log in Notion" not in world.client(user).get(PAGE).content.decode()
        for act in ("set", "create", "retry", "stop"):
            assert world.client(user).post(f"{MIRROR}/{act}", {"link": ID}).status_code == 403


def test_stopping_is_recorded_and_nothing_is_to_be_stopped_twice(world: World, notion: Notion) -> None:
    database_id, _ = notion.database()
    choose(world, database_id)
    browser = world.client(world.admin)
    assert browser.post(f"{MIRROR}/stop").status_code == 302
    assert events(world.acme)[-1] == ("mirror.stopped", "success")
    assert 'data-state="stopped"' in shown(world)
    refused(world, f"{MIRROR}/stop", 404, "Choose a database first.")
    refused(world, f"{MIRROR}/retry", 404, "Choose a database first.")


def test_in_local_only_mode_nothing_is_written_or_chosen(world: World, notion: Notion, settings: Any) -> None:
    database_id, _ = notion.database()
    choose(world, database_id)
    notion.sandbox.requests.clear()
    settings.NOTIONSCAN_LOCAL_ONLY = True
    before = len(events(world.acme))
    mirror = work(world)
    assert (mirror.error_code, mirror.lease) == ("", None)
    refused(world, f"{MIRROR}/set", 503, "local-only mode", link=database_id)
    refused(world, f"{MIRROR}/create", 503, "local-only mode", link=notion.page)
    assert len(events(world.acme)) == before
    assert notion.sandbox.requests.count("* /*") == 0
    assert (
        'id="notion-mirror" class="card" aria-labelledby="mirror-title" data-fragment data-state="blocked"'
        in (shown(world))
    )
    assert world.client(world.admin).post(f"{MIRROR}/stop").status_code == 302


# The deployment's default, and who asks -----------------------------------------------------------------


def test_the_deployments_database_is_for_whoever_chose_nothing(
    world: World, notion: Notion, settings: Any
) -> None:
    database_id, source = notion.database()
    settings.NOTION_AUDIT_DB_ID = UUID(database_id)
    with psycopg.connect(database.url("worker")) as worker:
        assert worker.execute("SELECT mirrors_behind(true)").fetchall() == [(world.acme.pk,)]
        assert worker.execute("SELECT mirrors_behind(false)").fetchall() == []
    with rls.scope(rls.job_scope(world.acme.pk)):
        mirror_events(organization_id=world.acme.pk)
    assert [title(row) for row in notion.rows(source)] == to_mirror(world)
    assert ("mirror.configured", "success") in events(world.acme)
    # Whoever stops it is not asked again.
    assert world.client(world.admin).post(f"{MIRROR}/stop").status_code == 302
    happen(world)
    work(world)
    assert len(notion.rows(source)) == 1
    with psycopg.connect(database.url("worker")) as worker:
        assert worker.execute("SELECT mirrors_behind(true)").fetchall() == []


def test_the_worker_alone_learns_whose_mirror_is_behind(world: World, notion: Notion) -> None:
    database_id, _ = notion.database()
    choose(world, database_id)
    with psycopg.connect(database.url("worker")) as worker:
        assert worker.execute("SELECT mirrors_behind(false)").fetchall() == [(world.acme.pk,)]
    change(world, next_at=timezone.now() + timedelta(minutes=1))
    with psycopg.connect(database.url("worker")) as worker:
        assert worker.execute("SELECT mirrors_behind(false)").fetchall() == []
    with (
        psycopg.connect(database.url("default")) as app,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        app.execute("SELECT mirrors_behind(false)")


def test_each_mirror_that_is_behind_gets_a_job_of_its_own(
    world: World, notion: Notion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selectors, "mirrors_behind", lambda: [world.acme.pk, world.globex.pk])
    mirroring.mirror_all_later()
    assert [arguments["organization_id"] for _, arguments in queued()] == [
        str(world.acme.pk),
        str(world.globex.pk),
    ]
    run_jobs()


def test_the_page_asks_notion_nothing(world: World, notion: Notion) -> None:
    browser: Client = world.client(world.admin)
    database_id, _ = notion.database()
    choose(world, database_id)
    notion.sandbox.requests.clear()
    browser.get(PAGE)
    assert notion.sandbox.requests.count("* /*") == 0


def test_an_odd_title_is_no_title(world: World, notion: Notion, monkeypatch: pytest.MonkeyPatch) -> None:
    database_id, _ = notion.database()
    real = CheckedResponse.json
    odd = {"title": ["x", {"plain_text": "Log"}]}
    monkeypatch.setattr(CheckedResponse, "json", lambda response: real(response) | odd)
    assert choose(world, database_id).title == "Log"
