"""A member looks for a page, reads it, and is told what to do where nothing can be read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from integrations.sandbox import Kind, demo_token
from tests.browser.conftest import Site, log_in_on
from tests.browser.test_pages import check

pytestmark = pytest.mark.browser
BROWSE = "/orgs/acme/browse/"
TOKEN = demo_token("Acme Atlas")
LONG = "A title that goes on and on because nobody ever dared to cut what the founders once wrote, " * 2


def connect(page: Page) -> None:
    page.goto("/orgs/acme/integrations/?dialog=connect")
    page.fill("[name=token]", TOKEN)
    page.get_by_role("dialog").get_by_role("button", name="Connect").click()
    expect(page.locator("main")).to_contain_text("Notion is connected.")


def fill(site: Site) -> str:
    """Put pages with awkward titles into the workspace; returns the id of one with much in it."""
    workspace = site.sandbox.registry.find(TOKEN).workspace
    parent = next(
        each
        for each in site.sandbox.visible(TOKEN, Kind.PAGE)
        if not workspace.is_row(workspace.find(each, Kind.PAGE))
    )
    for title in (LONG, "דוח רבעוני של צוות הכספים (טיוטה)", "<script>alert(1)</script>", "a" * 300):
        workspace.add_page(title, parent=parent)
    return str(parent)


def title_of_a_database(site: Site) -> str:
    workspace = site.sandbox.registry.find(TOKEN).workspace
    source = site.sandbox.visible(TOKEN, Kind.DATA_SOURCE)[0]
    return workspace.title(workspace.find(source, Kind.DATA_SOURCE))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_browsing_is_accessible_in_every_state(browser: Browser, acme: Site, scheme: str, width: int) -> None:
    context = browser.new_context(
        base_url=acme.url,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    log_in_on(page, "admin@acme.example")
    page.goto(BROWSE)
    expect(page.locator("main")).to_contain_text("Nothing can be read yet")
    check(page, "browse without a connection")
    connect(page)
    parent = fill(acme)
    page.goto(BROWSE)
    expect(page.locator("#browse")).to_contain_text("A title that goes on")
    check(page, "browse")
    page.get_by_label("Words of the title").fill("no such title")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#browse")).to_contain_text("No title has these words")
    check(page, "browse nothing found")
    page.goto(f"{BROWSE}{parent}/")
    expect(page.locator("main")).to_contain_text("In this page")
    check(page, "browse a page")
    page.goto(f"{BROWSE}?q={title_of_a_database(acme)}")
    page.get_by_role("row").filter(has_text="Database").first.get_by_role("link").first.click()
    expect(page.locator("main")).to_contain_text("A database in Notion")
    check(page, "browse a database")
    page.locator("tbody").get_by_role("link").first.click()
    expect(page.locator("main")).to_contain_text("Properties")
    check(page, "browse a row")
    acme.sandbox.faults.add("rate_limited", "POST /v1/search", times=None, retry_after="150")
    page.goto(BROWSE)
    expect(page.locator("#browse")).to_contain_text("Try again in 3 minutes.")
    check(page, "browse limited")
    page.goto(f"{BROWSE}00000000-0000-4000-8000-000000000000/")
    expect(page.locator("main")).to_contain_text("This could not be read")
    check(page, "browse refused")
    context.close()


def test_a_search_keeps_its_place_and_can_be_gone_back_from(
    acme: Site, log_in: Callable[[str], Page]
) -> None:
    page = log_in("admin@acme.example")
    connect(page)
    fill(acme)
    page.goto(BROWSE)
    page.get_by_label("Words of the title").fill("goes on and on")
    page.keyboard.press("Enter")
    expect(page.locator("#browse tbody tr")).to_have_count(1)
    assert "?q=goes" in page.url
    expect(page.get_by_label("Words of the title")).to_be_focused()
    page.locator("#browse tbody").get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("A title that goes on")
    page.go_back()
    expect(page.locator("#browse tbody tr")).to_have_count(1)
    acme.sandbox.faults.add("restricted_resource", "POST /v1/search", times=None)
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#browse")).to_contain_text("lacks a capability")
    expect(page.locator("#browse [data-focus]")).to_be_focused()


def test_browsing_works_without_javascript(acme: Site, without_javascript: Callable[[str], Page]) -> None:
    page = without_javascript("admin@acme.example")
    connect(page)
    fill(acme)
    page.goto(BROWSE)
    page.get_by_role("link", name="Next").click()
    page.get_by_role("link", name="From the start").click()
    page.get_by_label("Words of the title").fill("goes on and on")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#browse tbody tr")).to_have_count(1)
    page.locator("#browse tbody").get_by_role("link").first.click()
    expect(page.get_by_role("link", name="Open in Notion")).to_have_attribute("rel", "noreferrer noopener")
    page.get_by_role("link", name="Back to the search").click()
    expect(page.locator("#browse tbody tr")).to_have_count(25)
