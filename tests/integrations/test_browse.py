"""Browse: members find and read what is shared; every read is on record, and nothing is kept or run."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest
from django.http import HttpResponse

from audit.models import Event
from integrations.browse import shown
from integrations.browse.values import words_of
from integrations.models import Integration
from integrations.sandbox import Kind, Sandbox, demo_token, planted
from integrations.sandbox.shapes import data_source_json
from integrations.services.connect import connect_internal
from notionscan.secret import Secret
from tests import database
from tests.factories import World, make_world, run_jobs, within
from tests.integrations.gateway.test_perform import time_that_is_told

BROWSE = "/orgs/acme/browse/"
TOKEN = demo_token("Acme Atlas")
NOWHERE = "00000000-0000-4000-8000-000000000000"
HTMX = {"HX-Request": "true"}
HOSTILE = "<img src=x onerror=alert(1)>"
Look = Callable[..., HttpResponse]


@pytest.fixture
def connected(world: World, sandbox: Sandbox) -> World:
    connect(world)
    sandbox.requests.clear()
    return world


@pytest.fixture
def look(connected: World) -> Look:
    """Ask for a place of the browse pages as the viewer."""
    client = connected.client(connected.viewer)

    def look(place: str = "", **more: Any) -> HttpResponse:
        return client.get(f"{BROWSE}{place}", more.pop("query", None), **more)  # type: ignore[return-value]

    return look


def connect(world: World) -> None:
    with within(world.acme):
        connect_internal(organization=world.acme, actor=None, token=Secret(TOKEN))
    run_jobs()


def text_of(answer: HttpResponse) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))


def make_page(world: World, title: str, *blocks: dict[str, Any], **properties: Any) -> str:
    """Create a page in Notion, below one that is shared."""
    editor = world.client(world.editor)
    found = editor.post("/api/orgs/acme/notion/search", {}, content_type="application/json").json()
    parent = next(each["id"] for each in found["results"] if each["object"] == "page")
    body = {
        "parent": {"page_id": parent},
        "properties": {"title": {"title": [{"type": "text", "text": {"content": title}}]}, **properties},
        "children": list(blocks),
    }
    made = editor.post("/api/orgs/acme/notion/pages", body, content_type="application/json")
    assert made.status_code == 200, made.content
    return str(made.json()["id"])


def paragraph(text: str) -> dict[str, Any]:
    rich_text = [{"type": "text", "text": {"content": text}}]
    return {"object": "block", "type": "paragraph", "paragraph": {"rich_text": rich_text}}


@dataclass(frozen=True)
class Source:
    """A shared data source, and the database that it is of."""

    id: str
    database: str
    title: str


@pytest.fixture
def source(sandbox: Sandbox) -> Source:
    workspace = sandbox.registry.find(TOKEN).workspace
    found = sandbox.visible(TOKEN, Kind.DATA_SOURCE)[0]
    code = workspace.find(found, Kind.DATA_SOURCE)
    return Source(found, data_source_json(workspace, code)["parent"]["database_id"], workspace.title(code))


# Finding ------------------------------------------------------------------------------------------------


def test_the_newest_edits_are_shown_and_the_list_goes_on(look: Look) -> None:
    first = look().content.decode()
    links = re.findall(rf'href="({BROWSE}[^"?]+/)[^"]*"', first)
    assert len(links) == 25
    onward = re.search(r'rel="next" href="([^"]+)"', first)
    assert onward is not None
    address = html.unescape(onward[1]).removeprefix(BROWSE)
    second = re.findall(rf'href="({BROWSE}[^"?]+/)[^"]*"', look(address).content.decode())
    assert second
    assert not set(second) & set(links)


def test_titles_are_searched(connected: World, look: Look) -> None:
    page_id = make_page(connected, "Zebra crossing")
    answer = look(query={"q": "  zebra "})
    assert f'href="{BROWSE}{page_id}/"' in answer.content.decode()
    assert "Zebra crossing" in text_of(answer)
    assert 'value="zebra"' in answer.content.decode()
    none = look(query={"q": "nothing has this title"})
    assert none.status_code == 200
    assert "No title has these words" in text_of(none)


def test_results_say_what_they_are_and_lead_into_notion(look: Look, source: Source) -> None:
    page = look().content.decode()
    ours = re.findall(r'<a class="beside out" href="([^"]+)" rel="([^"]+)"', page)
    assert len(ours) == 25
    assert {rel for _, rel in ours} == {"noreferrer noopener"}
    assert all(address.startswith("https://app.notion.com/p/") for address, _ in ours)
    with_sources = look(query={"q": source.title}).content.decode()
    assert f"{BROWSE}databases/{source.database}/?source={source.id}" in with_sources


def test_a_fragment_is_the_results_alone(look: Look) -> None:
    fragment = look(headers=HTMX).content.decode()
    assert fragment.lstrip().startswith('<section id="browse"')
    assert "<html" not in fragment
    # Notion's cursors are of one list each.
    cursor = re.compile(r'cursor=[^"]+')
    assert cursor.sub("", fragment.strip()) in cursor.sub("", look().content.decode())
    assert 'data-announce="25 results shown"' in fragment


# Reading ------------------------------------------------------------------------------------------------


def test_a_page_is_read_as_text_with_its_properties(connected: World, look: Look) -> None:
    page_id = make_page(connected, "Minutes", paragraph("We met on Monday."), paragraph("שלום עולם"))
    answer = look(f"{page_id}/")
    assert answer.status_code == 200
    assert "<h1><bdi>Minutes</bdi></h1>" in answer.content.decode()
    assert '<bdi class="text">We met on Monday.\nשלום עולם</bdi>' in answer.content.decode()
    assert answer.headers["Cache-Control"] == "no-store"


def test_long_pages_go_on(connected: World, look: Look) -> None:
    page_id = make_page(connected, "Long", *(paragraph(f"Line {n}.") for n in range(100)))
    editor = connected.client(connected.editor)
    more = {"children": [paragraph("The very end.")]}
    place = f"/api/orgs/acme/notion/pages/{page_id}/blocks"
    assert editor.post(place, more, content_type="application/json").status_code == 200
    first = look(f"{page_id}/")
    assert "The very end." not in text_of(first)
    onward = re.search(r'rel="next" href="([^"]+)"', first.content.decode())
    assert onward is not None
    assert "The very end." in text_of(look(html.unescape(onward[1]).removeprefix(BROWSE)))


def test_what_stands_in_a_page_is_linked(connected: World, look: Look, sandbox: Sandbox) -> None:
    inner = make_page(connected, "Inner")
    page = connected.client(connected.viewer).get(f"/api/orgs/acme/notion/pages/{inner}").json()
    outer = look(f"{page['parent']['page_id']}/").content.decode()
    assert f'href="{BROWSE}{inner}/"' in outer


def test_a_databases_rows_are_a_table(look: Look, source: Source) -> None:
    for answer in (
        look(f"databases/{source.database}/"),
        look(f"databases/{source.database}/", query={"source": source.id}),
    ):
        page = answer.content.decode()
        assert answer.status_code == 200
        assert source.title in text_of(answer)
        assert page.count('<th scope="row">') >= 1
        assert len(re.findall(r'<th scope="col">', page)) == 6
        assert "left out" in page or "rows shown" in page
    assert planted.OPTION in page


def test_a_database_with_several_data_sources_asks_which(
    look: Look, sandbox: Sandbox, source: Source
) -> None:
    workspace = sandbox.registry.find(TOKEN).workspace
    _, other = workspace.add_database("Archive", parent=sandbox.visible(TOKEN, Kind.PAGE)[0])
    sandbox.faults.add("second_data_source", "GET /v1/databases/*", times=None, id=other)
    page = look(f"databases/{source.database}/").content.decode()
    for each in (source.id, other):
        assert f'href="{BROWSE}databases/{source.database}/?source={each}"' in page
    assert "<table" not in page
    assert "<table" in look(f"databases/{source.database}/", query={"source": source.id}).content.decode()


# What Notion says is data ---------------------------------------------------------------------------------


def test_hostile_words_are_text(connected: World, look: Look) -> None:
    page_id = make_page(connected, HOSTILE, paragraph(HOSTILE), paragraph("javascript:alert(1)"))
    for answer in (look(query={"q": "onerror"}), look(f"{page_id}/"), look(query={"q": HOSTILE + "x"})):
        assert answer.status_code == 200
        assert HOSTILE not in answer.content.decode()
        assert html.escape(HOSTILE) in answer.content.decode()
        assert 'href="javascript' not in answer.content.decode()


class Elements(HTMLParser):
    """What a browser would make of a page: names of attributes, and what scripts and images load."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: set[str] = set()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes |= {name for name, _ in attrs}
        if tag in ("script", "img", "iframe", "object", "embed"):
            self.loaded.append(dict(attrs).get("src") or "")


TITLES = {
    "closing": "</title></bdi><script>alert(1)</script>",
    "attribute": "\" onfocus=alert(1) autofocus x='><img src=x onerror=alert(1)>",
    "template": "{{ 7|add:42 }}{% debug %}",
    "turned": "\u202egnp.exe\u2066",
    "long": "x" * 2_000,
}


@pytest.mark.parametrize("title", TITLES.values(), ids=list(TITLES))
@pytest.mark.parametrize("who", ["viewer", "editor", "admin", "outsider"])
def test_any_title_is_text_to_members_and_nothing_to_others(
    connected: World, sandbox: Sandbox, who: str, title: str
) -> None:
    page_id = make_page(connected, title, paragraph(title))
    sandbox.requests.clear()
    browser = connected.client(getattr(connected, who))
    for place in ("", f"{page_id}/"):
        answer = browser.get(f"{BROWSE}{place}")
        page = answer.content.decode()
        if who == "outsider":
            assert answer.status_code == 404
            assert html.escape(title) not in page
            continue
        assert answer.status_code == 200
        assert html.escape(title) in page
        found = Elements()
        found.feed(page)
        assert not [name for name in found.attributes if name.startswith("on")]
        assert {address.partition("?")[0].rpartition(".")[2] for address in found.loaded} <= {"js", "svg"}
        assert all(address.startswith("/static/") for address in found.loaded)
    assert (sandbox.requests.count("* /*") == 0) is (who == "outsider")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "java\nscript:alert(1)",
        "http://www.notion.so/x",
        "https://notion.so.evil.example/x",
        "https://app.notion.com@evil.example/x",
        "https://app.notion.com:8443/x",
        "//evil.example",
        "data:text/html,x",
        "https://[",
        "",
        None,
        7,
    ],
)
def test_an_address_that_is_not_notions_is_no_link(url: Any) -> None:
    found = {"object": "page", "id": NOWHERE, "url": url}
    assert shown.address_of(found) == f"https://www.notion.so/{UUID(NOWHERE).hex}"
    parent = {"type": "database_id", "database_id": str(UUID(int=7))}
    source = {"object": "data_source", "id": NOWHERE, "url": url, "parent": parent}
    assert shown.address_of(source) == f"https://www.notion.so/{UUID(int=7).hex}"


def test_notions_own_addresses_are_kept() -> None:
    for url in (
        "https://app.notion.com/p/Plan-1",
        "https://acme.notion.site/x?v=1",
        "https://www.notion.so/x",
    ):
        assert shown.address_of({"object": "page", "id": NOWHERE, "url": url}) == url


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"type": "rich_text", "rich_text": [{"plain_text": "a"}, {"plain_text": "b"}]}, "ab"),
        ({"type": "number", "number": 12345.5}, "12,345.5"),
        ({"type": "number", "number": None}, ""),
        ({"type": "select", "select": {"name": "Red"}}, "Red"),
        ({"type": "multi_select", "multi_select": [{"name": "Red"}, {"name": "Blue"}]}, "Red, Blue"),
        ({"type": "people", "people": [{"name": "Ada"}, {"id": NOWHERE}]}, "Ada, somebody"),
        ({"type": "date", "date": {"start": "2027-01-31", "end": None}}, "31 Jan 2027"),
        (
            {"type": "date", "date": {"start": "2027-01-31T23:30:00.000-01:00", "end": "2027-02-02"}},
            "1 Feb 2027, 00:30 UTC – 2 Feb 2027",
        ),
        ({"type": "checkbox", "checkbox": False}, "No"),
        ({"type": "url", "url": "javascript:alert(1)"}, "javascript:alert(1)"),
        ({"type": "files", "files": [{"name": "a.pdf", "file": {"url": "https://x"}}]}, "a.pdf"),
        ({"type": "relation", "relation": [{"id": NOWHERE}]}, "1 page"),
        ({"type": "unique_id", "unique_id": {"prefix": "BUG", "number": 7}}, "BUG-7"),
        ({"type": "created_by", "created_by": {"id": NOWHERE}}, "somebody"),
        ({"type": "verification", "verification": {"state": "verified"}}, "Verified"),
        ({"type": "formula", "formula": {"type": "boolean", "boolean": True}}, "Yes"),
        ({"type": "formula", "formula": {"type": "unsupported", "unsupported": {}}}, ""),
        (
            {
                "type": "rollup",
                "rollup": {
                    "type": "array",
                    "array": [
                        {"type": "select", "select": {"name": "Red"}},
                        {"type": "title", "title": [{"plain_text": "x"}]},
                    ],
                },
            },
            "Red, x",
        ),
        ({"type": "rollup", "rollup": {"type": "number", "number": 3}}, "3"),
        ({"type": "place", "place": {"lat": 1}}, ""),
        ({"type": "date", "date": "x"}, ""),
        ({"type": "people", "people": "x"}, ""),
        ({"type": ["x"]}, ""),
        ("x", ""),
    ],
)
def test_values_are_words(value: Any, words: str) -> None:
    assert words_of(value) == words


def test_a_value_within_values_within_values_ends() -> None:
    value: dict[str, Any] = {"type": "string", "string": "deep"}
    for _ in range(50_000):
        value = {"type": "formula", "formula": value}
    assert words_of(value) == ""


# The record, and what is kept ------------------------------------------------------------------------------


def test_every_read_is_on_record_without_its_words(connected: World, look: Look, source: Source) -> None:
    page_id = make_page(connected, "Minutes", paragraph("We met."))
    look(query={"q": "Minutes"})
    look(f"{page_id}/")
    look(f"databases/{source.database}/")
    with within(connected.acme):
        found = list(
            Event.objects.filter(
                organization_id=connected.acme.pk, action="notion.read", actor_id=connected.viewer.pk
            ).order_by("sequence")
        )
    called = [event.metadata["call"] for event in found]
    assert called == ["search", "get_page", "get_page_content", "get_database", "query_database"]
    assert page_id in found[1].metadata["objects"]
    assert "Minutes" not in json.dumps([event.metadata for event in found])


def test_nothing_that_was_read_is_kept(committed: None, source: Source) -> None:
    world = make_world()
    connect(world)
    page_id = make_page(world, "Kestrel acquisition", paragraph("Kestrel costs a lot."))
    viewer = world.client(world.viewer)
    for place in ("", "?q=Kestrel", f"{page_id}/", f"databases/{source.database}/"):
        assert viewer.get(f"{BROWSE}{place}").status_code == 200
    assert "Kestrel" in viewer.get(f"{BROWSE}{page_id}/").content.decode()
    with database.superuser() as owner:
        tables = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        kept = str([owner.execute(f'SELECT t::text FROM "{name}" t').fetchall() for (name,) in tables])
    assert str(world.acme.pk) in kept
    for words in ("Kestrel", planted.BODY, planted.VALUE, planted.OPTION):
        assert words not in kept


# Refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "options", "status", "says", "leads"),
    [
        ("object_not_found", {}, 404, "••• → Connections", ""),
        ("restricted_resource", {}, 403, "lacks a capability", "Try again"),
        ("rate_limited", {"retry_after": "150"}, 429, "Try again in 3 minutes.", "Try again"),
        ("bad_gateway", {}, 502, "could not be reached", "Try again"),
        ("unauthorized", {}, 409, "an admin reconnects or updates the token", "Go to integrations"),
    ],
)
@pytest.mark.parametrize("place", ["", "page", "database"])
def test_refusals_are_our_sentences_with_the_next_step(
    look: Look,
    sandbox: Sandbox,
    source: Source,
    place: str,
    fault: str,
    options: Any,
    status: int,
    says: str,
    leads: str,
) -> None:
    page_id = sandbox.visible(TOKEN, Kind.PAGE)[0]
    sandbox.faults.add(fault, "* /v1/*", times=None, **options)
    answer = look({"": "", "page": f"{page_id}/", "database": f"databases/{source.database}/"}[place])
    assert answer.status_code == status
    assert says in text_of(answer)
    assert not leads or leads in text_of(answer)
    if fault == "rate_limited":
        assert 120 < int(answer.headers["Retry-After"]) <= 150
    if fault == "unauthorized":
        assert "/orgs/acme/integrations/" in answer.content.decode()


def test_a_page_is_answered_in_time_however_many_requests_it_takes(
    connected: World, look: Look, source: Source, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_id = make_page(connected, "Plan")
    time = time_that_is_told(monkeypatch)
    for place, calls in ((f"{page_id}/", "/v1/pages/*"), (f"databases/{source.database}/", "/v1/data*")):
        sandbox.requests.clear()
        # The first of its calls takes all the time that there is for the second.
        sandbox.faults.add("act", f"GET {calls}", action=lambda: time.sleep(21))
        answer = look(place)
        assert answer.status_code == 503
        assert "took too long" in text_of(answer)
        assert sandbox.requests.count("GET /v1/blocks/*") + sandbox.requests.count("POST /*") == 0


def test_a_fragment_is_refused_in_its_place(look: Look, sandbox: Sandbox) -> None:
    sandbox.faults.add("restricted_resource", "POST /v1/search", times=None)
    answer = look(headers=HTMX)
    assert answer.status_code == 403
    assert answer.content.decode().lstrip().startswith('<section id="browse"')
    assert "data-focus" in answer.content.decode()


def test_a_connection_in_error_is_not_called(connected: World, look: Look, sandbox: Sandbox) -> None:
    with within(connected.acme):
        Integration.objects.update(status=Integration.Status.ERROR, error_code="notion_unauthorized")
    answer = look()
    assert answer.status_code == 409
    assert "Go to integrations" in text_of(answer)
    assert sandbox.requests.total == 0


def test_without_a_connection_the_page_says_what_to_do(world: World, sandbox: Sandbox) -> None:
    viewer = world.client(world.viewer)
    answer = viewer.get(BROWSE)
    assert answer.status_code == 200
    assert "Nothing can be read yet" in text_of(answer)  # type: ignore[arg-type]
    assert "An admin can make one." in text_of(answer)  # type: ignore[arg-type]
    assert '<form class="filters"' not in answer.content.decode()
    for place in (f"{NOWHERE}/", f"databases/{NOWHERE}/"):
        answer = viewer.get(f"{BROWSE}{place}")
        assert answer.status_code == 404
        assert "Notion is not connected to this organization." in text_of(answer)  # type: ignore[arg-type]


def test_in_local_only_mode_nothing_is_asked(look: Look, sandbox: Sandbox, settings: Any) -> None:
    settings.NOTIONSCAN_LOCAL_ONLY = True
    for place in ("", f"{NOWHERE}/", f"databases/{NOWHERE}/"):
        answer = look(place)
        assert answer.status_code == 503
        assert "local-only mode" in text_of(answer)
    assert sandbox.requests.total == 0


@pytest.mark.parametrize("query", [{"cursor": "ü"}, {"cursor": "x" * 5_000}, {"q": "x" * 1_001}])
def test_what_cannot_be_asked_is_400_before_any_call(
    look: Look, sandbox: Sandbox, query: dict[str, str]
) -> None:
    answer = look(query=query)
    assert answer.status_code == 400
    assert "From the start" in text_of(answer)
    assert sandbox.requests.total == 0


def test_another_workspaces_page_is_like_none(look: Look, sandbox: Sandbox) -> None:
    foreign = sandbox.visible(demo_token("Globex Works"), Kind.PAGE)[0]
    mask = re.compile(rf"{foreign}|{NOWHERE}|csrfmiddlewaretoken\" value=\"\w+")
    theirs, none = (look(f"{each}/") for each in (foreign, NOWHERE))
    assert theirs.status_code == none.status_code == 404
    assert mask.sub("", theirs.content.decode()) == mask.sub("", none.content.decode())
