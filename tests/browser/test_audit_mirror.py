"""The audit mirror in a browser: a database is made, events arrive, it stops; with and without script."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from integrations.notion.budget import Priority
from integrations.notion.content import NotionContent
from integrations.sandbox import demo_token
from integrations.sandbox.ids import Kind
from notionscan.secret import Secret
from tests.browser.conftest import Site
from tests.browser.test_notion_card import connect_by_token
from tests.browser.test_pages import check
from tests.integrations.notion.doors import NoBudget

pytestmark = pytest.mark.browser
ACME = demo_token("Acme Atlas")
LogIn = Callable[[str], Page]


def notion(site: Site) -> NotionContent:
    return NotionContent(
        Secret(ACME),
        base_url=site.sandbox.url,
        notion_version="2026-03-11",
        budget=NoBudget(),
        priority=Priority.PEOPLE,
    )


def a_page(site: Site) -> str:
    return f"https://app.notion.com/p/Handbook-{site.sandbox.visible(ACME, Kind.PAGE)[0].replace('-', '')}"


def choose(page: Page, heading: str, link: str) -> None:
    part = page.locator("#notion-mirror")
    if part.locator("details").get_attribute("open") is None:
        part.locator("summary").click()
    form = part.locator("form", has=page.get_by_role("heading", name=heading))
    form.locator("[name=link]").fill(link)
    form.get_by_role("button").click()


def test_an_admin_has_a_database_made_and_sees_events_arrive(acme: Site, log_in: LogIn) -> None:
    page = log_in("admin@acme.example")
    part = page.locator("#notion-mirror")
    expect(part).to_contain_text("Connect Notion first.")
    connect_by_token(page)
    expect(page.locator("#notion-card")).to_contain_text("Type: Internal")
    page.reload()
    check(page, "mirror off")

    choose(page, "A new one", "ntn_not_a_link")
    expect(part).to_contain_text("neither a link to a page or database in Notion nor an id")
    check(page, "mirror refused")
    choose(page, "A new one", a_page(acme))
    expect(part).to_contain_text("The database was made")
    check(page, "mirror on")
    # The worker writes; the page says how far it is.
    expect(page.locator("#notion-mirror .facts")).to_contain_text("Audit log of Notion Scan")
    for _ in range(200):
        page.reload()
        if "Mirrored up to the newest event" in part.inner_text():
            break
    expect(part).to_contain_text("Mirrored up to the newest event")
    [found] = notion(acme).search(query="Audit log of Notion Scan", kind="data_source")["results"]
    rows = notion(acme).query(found["id"])["results"]
    titles = [row["properties"]["Action"]["title"][0]["plain_text"] for row in rows]
    assert [title.partition(" ")[0] for title in titles] == ["mirror.configured"]

    part.get_by_role("button", name="Stop").click()
    expect(part).to_contain_text("Nothing more is written to Notion.")
    check(page, "mirror stopped")


def test_the_mirror_works_without_javascript(acme: Site, without_javascript: LogIn) -> None:
    page = without_javascript("admin@acme.example")
    page.goto("/orgs/acme/integrations/?dialog=connect")
    page.fill("[name=token]", ACME)
    page.get_by_role("dialog").get_by_role("button", name="Connect").click()
    expect(page.locator("#notion-card")).to_contain_text("Type: Internal")
    choose(page, "One that you have", a_page(acme))
    expect(page.locator("#notion-mirror")).to_contain_text("not shared with this connection")
    choose(page, "A new one", a_page(acme))
    expect(page.locator("body")).to_contain_text("The database was made")
    page.locator("#notion-mirror").get_by_role("button", name="Stop").click()
    expect(page.locator("#notion-mirror")).to_contain_text("Stopped")
