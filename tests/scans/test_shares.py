"""Links to reports: who makes them, what they show, and how they end."""

from __future__ import annotations

import json
import logging
import re
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notionscan import rls
from notionscan.logs import JsonFormatter
from scans.models import Report, Share, ShareView
from scans.redaction import HIDDEN, initials, redacted
from scans.services.report import make_report
from tests import database
from tests.factories import World, events, make_world, within
from tests.scans.conftest import connect_acme, finish, start

SHARES = "/orgs/acme/shares/"


@pytest.fixture
def reported(connected: World) -> World:
    scan = finish(start(connected))
    with within(connected.acme):
        make_report(organization_id=connected.acme.pk, scan_id=scan.pk)
    return connected


def share(world: World, **sent: str) -> str:
    """Make a link as the page does; returns its path."""
    answer = world.client(world.admin).post(f"{SHARES}create", {"recipient": "The board", **sent})
    assert answer.status_code == 200, answer.content
    found = re.search(r'value="http://testserver(/r/\w+)"', answer.content.decode())
    assert found, "the link is shown"
    return found[1]


def the_share(world: World) -> Share:
    with within(world.acme):
        return Share.objects.get()


def test_a_link_shows_the_report_without_a_login_and_its_token_leaves_the_address(reported: World) -> None:
    link = share(reported)
    visitor = Client()
    entered = visitor.get(link)
    assert entered.status_code == 302
    assert entered.headers["Location"] == f"/r/view/{the_share(reported).pk}/"
    cookie = next(iter(entered.cookies.values()))
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/r/")
    page = visitor.get(entered.headers["Location"])
    assert page.status_code == 200
    assert "of 100:" in page.content.decode()
    for answer in (entered, page):
        assert "no-store" in answer.headers["Cache-Control"]
        assert "noindex" in answer.headers["X-Robots-Tag"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    # The address alone opens nothing.
    assert Client().get(entered.headers["Location"]).status_code == 404


def test_a_link_hides_titles_and_names_unless_it_is_told_not_to(reported: World) -> None:
    with within(reported.acme):
        analysis = Report.objects.get().analysis
    titles = {row["title"] for each in analysis["findings"] for row in each["evidence"] if row["title"]}
    listed = analysis["people"]["persons"][:10]
    names = {each["name"] for each in listed if " " in each["name"]}
    assert titles
    assert names
    hidden = Client().get(share(reported), follow=True).content.decode()
    assert not [each for each in (*titles, *names) if f">{each}<" in hidden]
    assert initials(min(names)) in hidden
    assert HIDDEN in hidden
    shown = Client().get(share(reported, redaction="nothing"), follow=True).content.decode()
    assert all(each in shown for each in names)


def test_nothing_that_a_customer_wrote_survives_redaction(reported: World) -> None:
    with within(reported.acme):
        content = json.loads(Report.objects.get().content)
    canary = "Canary Words"

    def plant(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {each: plant(found, each) for each, found in value.items()}
        if isinstance(value, list):
            return [plant(each, name) for each in value]
        return canary if isinstance(value, str) and name in PLANTED else value

    planted = plant(content)
    planted["analysis"]["findings"] = [
        {**own, "evidence": each["evidence"]}
        for own, each in zip(content["analysis"]["findings"], planted["analysis"]["findings"], strict=True)
    ]
    for name in ("metrics", "dimensions"):
        planted["analysis"][name] = content["analysis"][name]
    planted["organization"] = content["organization"]
    planted["analysis"]["unknown_field"] = canary
    assert canary in json.dumps(planted), "the control"
    assert canary not in json.dumps(redacted(planted))


# Ids are no words, and nobody is shown them.
PLANTED = {"title", "name", "team", "note", "names", "stand_in"}


def test_unknown_revoked_and_expired_links_are_the_same_404(reported: World) -> None:
    link, other = share(reported), share(reported, recipient="Another")
    with within(reported.acme):
        first = Share.objects.get(recipient="The board")
        Share.objects.filter(recipient="Another").update(expires_at=timezone.now() - timedelta(seconds=1))
    visitor = Client()
    inside = visitor.get(link).headers["Location"]
    assert visitor.get(inside).status_code == 200
    revoked = reported.client(reported.admin).post(f"{SHARES}{first.pk}/revoke")
    assert revoked.status_code == 302
    assert visitor.get(inside).status_code == 404, "dead on the next request"
    pages = {_without_ids(Client().get(path)) for path in (link, other, "/r/" + "x" * 43, "/r/x")}
    assert len(pages) == 1
    assert events(reported.acme)[-1] == ("share.revoked", "success")


def _without_ids(answer: Any) -> tuple[int, str]:
    return answer.status_code, re.sub(r"[0-9a-f-]{32,36}", "", answer.content.decode())


def test_a_ticket_opens_its_own_link_alone(reported: World) -> None:
    visitor = Client()
    visitor.get(share(reported))
    with within(reported.acme):
        other = Share.objects.create(
            organization=reported.acme,
            report=Report.objects.get(),
            recipient="x",
            token_hash="0" * 64,
            expires_at=timezone.now() + timedelta(days=1),
        )
    [(name, ticket)] = visitor.cookies.items()
    visitor.cookies[f"share-{other.pk.hex}"] = ticket.value
    assert visitor.get(f"/r/view/{other.pk}/").status_code == 404
    visitor.cookies[name] = "forged"
    assert visitor.get(f"/r/view/{the_first(reported).pk}/").status_code == 404


def the_first(world: World) -> Share:
    with within(world.acme):
        return Share.objects.get(recipient="The board")


def test_a_passcode_is_asked_and_guessing_it_locks_out_nobody_else(reported: World) -> None:
    link = share(reported, passcode="open-sesame")
    visitor, guesser = Client(), Client(REMOTE_ADDR="10.0.0.9")
    inside = visitor.get(link).headers["Location"]
    guesser.get(link)
    page = visitor.get(inside)
    assert "Enter the passcode" in page.content.decode()
    assert "of 100" not in page.content.decode()
    for _ in range(10):
        assert guesser.post(inside, {"passcode": "wrong-one"}).status_code == 403
    refused = guesser.post(inside, {"passcode": "open-sesame"})
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert visitor.post(inside, {"passcode": "open-sesame"}).status_code == 302
    assert "of 100" in visitor.get(inside).content.decode()
    assert the_share(reported).views == 1, "a link that was not opened was not viewed"


def test_each_opening_is_counted_and_recorded(reported: World) -> None:
    link = share(reported)
    for _ in range(2):
        Client(HTTP_USER_AGENT="Mozilla/5.0 Firefox/150.0").get(link, follow=True)
    found = the_share(reported)
    assert found.views == 2
    with within(reported.acme):
        log = list(ShareView.objects.values_list("browser", "source"))
    assert [browser for browser, _ in log] == ["Firefox", "Firefox"]
    assert "127.0.0.1" not in str(log)
    assert events(reported.acme)[-2:] == [("share.viewed", "success")] * 2
    page = reported.client(reported.admin).get(SHARES).content.decode()
    assert "Alive" in page
    assert page.count("Firefox, from <code>") == 2


def test_the_views_of_many_links_are_read_in_as_many_queries_as_of_one(reported: World) -> None:
    browser, counts = reported.client(reported.admin), []
    for _ in range(3):
        Client().get(share(reported), follow=True)
        with CaptureQueriesContext(connection) as asked:
            browser.get(SHARES)
        counts.append(len(asked))
    assert len(set(counts)) == 1


def test_the_overview_counts_the_links_that_are_alive_for_admins(reported: World) -> None:
    share(reported)
    share(reported, recipient="Another")
    with within(reported.acme):
        Share.objects.filter(recipient="Another").update(revoked_at=timezone.now())
    page = reported.client(reported.admin).get("/orgs/acme/").content.decode()
    assert re.search(r"Shares alive</dt><dd><a [^>]*>1</a>", page)
    assert "Shares alive" not in reported.client(reported.viewer).get("/orgs/acme/").content.decode()


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"recipient": ""}, "Say whom the link is for."),
        ({"days": "0"}, "A link lives for 1 to 365 days."),
        ({"days": "366"}, "A link lives for 1 to 365 days."),
        ({"days": "soon"}, "A link lives for 1 to 365 days."),
        ({"passcode": "short"}, "A passcode has 6 to 128 characters."),
        ({"redaction": "some"}, "Choose what the link hides."),
    ],
)
def test_a_link_that_cannot_be_made_is_explained(
    reported: World, sent: dict[str, str], sentence: str
) -> None:
    answer = reported.client(reported.admin).post(f"{SHARES}create", {"recipient": "x", **sent})
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    with within(reported.acme):
        assert not Share.objects.exists()


def test_the_token_is_stored_nowhere_and_logged_as_a_hash(reported: World) -> None:
    link = share(reported)
    token = link.removeprefix("/r/")
    with within(reported.acme):
        stored = str([vars(each) for each in Share.objects.all()])
    assert token not in stored
    line = JsonFormatter().format(
        logging.LogRecord("django.request", logging.WARNING, "", 0, "Not Found: %s", (link,), None)
    )
    assert token not in line
    assert "/r/sha256-" in line


def test_a_share_scope_shows_one_report_and_writes_nothing(committed: None, sandbox: Any) -> None:
    world = make_world()
    connect_acme(world)
    for _ in range(2):
        scan = finish(start(world))
        with within(world.acme):
            make_report(organization_id=world.acme.pk, scan_id=scan.pk)
    share(world)
    one = the_share(world)
    with psycopg.connect(database.url("default")) as app:
        assert app.execute("SELECT scope_bind(%s, %s)", rls.share_scope(one.pk).signed()).fetchone() == (
            True,
        )
        assert app.execute("SELECT id FROM scans_report").fetchall() == [(one.report_id,)], "the control"
        for model in rls.scoped_models():
            table = model._meta.db_table
            if table in ("scans_share", "scans_report"):
                continue
            assert app.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
        assert app.execute("UPDATE scans_share SET views = 99").rowcount == 0
        assert app.execute("DELETE FROM scans_report").rowcount == 0


# The API -------------------------------------------------------------------------------------------------


def ask(world: World, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    content = json.dumps(body) if body is not None else b""
    browser = world.client(world.admin)
    return browser.generic(method, f"/api/orgs/acme/{path}", content, content_type="application/json")


def the_scan(world: World) -> Any:
    with within(world.acme):
        return Report.objects.select_related("scan").get().scan


def test_the_api_shares_and_revokes(reported: World) -> None:
    scan = the_scan(reported)
    made = ask(reported, "POST", f"scans/{scan.pk}/shares", {"recipient": "A script", "redact": False}).json()
    path = made["url"].removeprefix("http://testserver")
    assert Client().get(path).status_code == 302
    assert the_share(reported).redaction == "nothing"
    assert ask(reported, "DELETE", f"shares/{made['id']}").json() == {"ok": True}
    assert Client().get(path).status_code == 404
    random = "00000000-0000-4000-8000-000000000000"
    assert ask(reported, "DELETE", f"shares/{random}").status_code == 404


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"recipient": " "}, "Say whom the link is for"),
        ({"recipient": "x", "expiresAt": "2020-01-01T00:00:00"}, "A link ends after today"),
        ({"recipient": "x", "expiresAt": "2999-01-01T00:00:00Z"}, "A link ends after today"),
        ({"recipient": "x", "passcode": "12345"}, "A passcode has 6 to 128"),
    ],
)
def test_the_api_explains_what_it_refuses(reported: World, sent: dict[str, str], sentence: str) -> None:
    answer = ask(reported, "POST", f"scans/{the_scan(reported).pk}/shares", sent)
    assert (answer.status_code, answer.json()["code"]) == (400, "share_refused")
    assert sentence in answer.json()["error"]


def test_the_api_tells_scores_and_findings(reported: World) -> None:
    scan = the_scan(reported)
    told = ask(reported, "GET", f"scans/{scan.pk}").json()
    assert 0 < told["score"] <= 100
    assert set(told["scores"]) == {"structure", "schema", "vitality", "ownership", "adoption", "exposure"}
    found = ask(reported, "GET", f"scans/{scan.pk}/findings").json()["findings"]
    assert found
    assert {"key", "severity", "title", "status", "firstScan"} <= found[0].keys()
