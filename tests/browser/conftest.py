"""The whole product as people meet it: gunicorn, worker and sandbox, and a headless Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tenants.roles import Role
from tests import database
from tests.factories import PASSWORD, make_member, make_organization
from tests.site import Site

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


# Not for the session: as long as Playwright runs, this thread has an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("There is no Chromium on this machine; install Debian's package chromium.")
    # Playwright's sync API runs an event loop in this thread, and Django then refuses to be used in it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        flags = ["--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def site(django_db_setup: None, django_db_blocker: Any) -> Iterator[Site]:
    """Serve the product on a free port of loopback for these tests; its worker would do others' jobs."""
    with django_db_blocker.unblock():
        site = Site()
        try:
            yield site
        finally:
            site.close()


@pytest.fixture
def acme(site: Site) -> Iterator[Site]:
    """The site with the organization acme: an admin, an editor and a viewer, who all have passwords."""
    site.sandbox.reset()
    organization = make_organization("acme", "Acme Atlas")
    for role in Role:
        make_member(organization, role, password=True)
    make_member(make_organization("globex", "Globex Works"), Role.ADMIN, password=True)
    yield site
    # Under Playwright's event loop this thread has connections of its own, which nobody else closes.
    connections.close_all()
    database.empty()


@pytest.fixture
def context(browser: Browser, acme: Site) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=acme.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def log_in(context: BrowserContext) -> Callable[[str], Page]:
    """Return a page on which this person has logged in through the login form."""

    def log_in(email: str) -> Page:
        page = context.new_page()
        log_in_on(page, email)
        return page

    return log_in


@pytest.fixture
def without_javascript(browser: Browser, acme: Site) -> Iterator[Callable[[str], Page]]:
    context = browser.new_context(base_url=acme.url, java_script_enabled=False)
    context.set_default_timeout(10_000)

    def log_in(email: str) -> Page:
        page = context.new_page()
        log_in_on(page, email)
        return page

    yield log_in
    context.close()


def log_in_on(page: Page, email: str) -> None:
    page.goto("/accounts/login/")
    page.fill("[name=login]", email)
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url("**/orgs/*/")
    page.goto(f"{page.url}integrations/")
