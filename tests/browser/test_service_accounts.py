"""A service account is made, its key copied, trusted less and revoked; with a script and without."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from notionscan import rls
from tenants.models import Membership, Organization, ServiceAccount, User
from tenants.roles import Maturity, Role
from tenants.selectors import admins, organization_id
from tenants.services.members import remove_member
from tests.browser.conftest import Site, log_in_on
from tests.browser.test_pages import check
from tests.factories import make_account, make_member, within

pytestmark = pytest.mark.browser
PAGE = "/orgs/acme/service-accounts/"


def acme_and_its_admin() -> tuple[Organization, User]:
    found = organization_id("acme")
    assert found is not None
    with rls.scope(rls.organization_scope(found)), transaction.atomic():
        organization = Organization.objects.get(pk=found)
        return organization, admins(organization)[0].user


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_is_accessible_in_every_state(browser: Browser, acme: Site, scheme: str, width: int) -> None:
    context = browser.new_context(
        base_url=acme.url,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type]
        permissions=["clipboard-write"],
    )
    page = context.new_page()
    log_in_on(page, "admin@acme.example")
    page.goto(PAGE)
    check(page, "no account")
    page.get_by_role("link", name="Create service account").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name")).to_be_focused()
    check(page, "the form")
    dialog.get_by_label("Name").fill("Meeting notes librarian")
    dialog.get_by_label("Limit it to").fill("not a page")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog).to_contain_text("Line 1 names no page or database of Notion.")
    expect(dialog.get_by_label("Limit it to")).to_be_focused()
    check(page, "the refused form")
    dialog.get_by_label("Limit it to").fill(f"https://app.notion.com/p/Notes-{uuid4().hex}")
    dialog.get_by_role("button", name="Create").click()
    expect(page.locator("#made-title")).to_be_focused()
    key = page.get_by_label("Key", exact=True).input_value()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    check(page, "the key")
    page.get_by_role("link", name="Create service account").click()
    dialog.get_by_label("Name").press("Control+V")
    expect(dialog.get_by_label("Name")).to_have_value(key)
    fill_the_page()
    page.reload()
    expect(page.locator("main")).to_contain_text("Suspended")
    assert key not in page.content()
    for more in page.locator("main summary:visible").all():
        more.click()
    check(page, "many accounts")
    page.get_by_role("link", name="Revoke Meeting notes librarian").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    check(page, "the question")
    context.close()


def fill_the_page() -> None:
    organization, _ = acme_and_its_admin()
    second = make_member(organization, Role.ADMIN, "second-admin-with-a-long-address@acme.example")
    long = "An account whose name nobody could be bothered to keep short, for the weekly digest of everything"
    make_account(organization, second, name=long[:100], roots=[uuid4() for _ in range(5)])
    make_account(organization, second, name="חשבון השירות של צוות הכספים", maturity=Maturity.SUPERVISED)
    for name in ("Old digest", "Spring cleaning"):
        make_account(organization, second, name=name, maturity=Maturity.AUTONOMOUS)
    with within(organization):
        accounts = ServiceAccount.objects.filter(organization=organization)
        accounts.filter(name="Old digest").update(revoked_at=timezone.now())
        accounts.filter(name="Spring cleaning").update(expires_at=timezone.now() - timedelta(days=3))
        accounts.filter(name=long[:100]).update(last_used_at=timezone.now() - timedelta(hours=3))
        remove_member(membership=Membership.objects.get(user=second), actor=None)


def test_an_account_is_demoted_and_revoked(acme: Site, log_in: Callable[[str], Page]) -> None:
    make_account(*acme_and_its_admin())
    page = log_in("admin@acme.example")
    page.goto(PAGE)
    page.get_by_label("Maturity of Librarian", exact=True).select_option("student")
    page.get_by_role("button", name="Save the maturity of Librarian").click()
    expect(page.locator("#service-accounts")).to_contain_text("is now student.")
    page.get_by_role("link", name="Revoke Librarian").click()
    expect(page.get_by_role("dialog").get_by_role("link", name="Cancel")).to_be_focused()
    # Only a settled dialog: no person presses Escape within the same few milliseconds.
    expect(page.locator("dialog:modal")).to_be_visible()
    expect(page.locator(".htmx-settling")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("link", name="Revoke Librarian")).to_be_focused()
    page.get_by_role("link", name="Revoke Librarian").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.locator("#service-accounts")).to_contain_text("Its key opens nothing any more.")
    expect(page.get_by_role("link", name="Revoke Librarian")).to_have_count(0)


def test_everything_works_without_javascript(acme: Site, without_javascript: Callable[[str], Page]) -> None:
    page = without_javascript("admin@acme.example")
    page.goto(PAGE)
    page.get_by_role("link", name="Create service account").click()
    page.get_by_label("Name").fill("Librarian")
    page.get_by_label("Supervised").check()
    page.get_by_label("Last day of the key").fill((datetime.now(UTC) + timedelta(days=9)).date().isoformat())
    page.get_by_role("button", name="Create", exact=True).click()
    key = page.get_by_label("Key", exact=True).input_value()
    assert key.startswith("nscan_")
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
    page.goto(PAGE)
    assert key not in page.content()
    page.get_by_label("Maturity of Librarian", exact=True).select_option("intern")
    page.get_by_role("button", name="Save the maturity of Librarian").click()
    expect(page.locator("main")).to_contain_text("is now intern.")
    page.get_by_role("link", name="Revoke Librarian").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.locator("main")).to_contain_text("Its key opens nothing any more.")
    expect(page.locator("main")).to_contain_text("Ended: 1")
