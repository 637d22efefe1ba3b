"""Outsiders get 404, wrong roles 403, and both leave an event."""

from __future__ import annotations

import re

import pytest

from tenants.services.organizations import create_organization
from tests.factories import World, events, make_staff, make_world


def _unmasked(page: bytes) -> bytes:
    """Return a page without its CSRF token, which is masked anew each time."""
    return re.sub(rb'name="csrfmiddlewaretoken" value="\w+"', b"", page)


PAGES = ["/orgs/{}/integrations/", "/orgs/{}/members/", "/orgs/{}/audit/", "/orgs/{}/"]


@pytest.mark.parametrize("page", PAGES)
def test_foreign_and_unknown_organizations_are_the_same_404(world: World, page: str) -> None:
    browser = world.client(world.outsider)
    foreign, unknown = browser.get(page.format("acme")), browser.get(page.format("nowhere"))
    assert foreign.status_code == unknown.status_code == 404
    assert _unmasked(foreign.content) == _unmasked(unknown.content)
    assert foreign.headers.keys() == unknown.headers.keys()


def test_foreign_and_unknown_organizations_are_the_same_404_in_the_api(world: World) -> None:
    browser = world.client(world.outsider)
    foreign, unknown = (browser.get(f"/api/orgs/{slug}/integrations") for slug in ("acme", "nowhere"))
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.content == unknown.content
    assert foreign.json()["code"] == "not_found"


def test_an_outsiders_attempt_is_the_deployments_event(world: World) -> None:
    before = events(world.acme)
    world.client(world.outsider).get("/orgs/acme/integrations/")
    assert events(None)[-1] == ("access.denied", "denied")
    assert events(world.acme) == before


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_a_wrong_role_is_403_and_the_organizations_event(world: World, role: str) -> None:
    response = world.client(getattr(world, role)).get("/orgs/acme/audit/")
    assert response.status_code == 403
    assert events(world.acme)[-1] == ("access.denied", "denied")


def test_a_superuser_who_is_no_member_is_an_outsider(committed: None) -> None:
    world = make_world()
    make_staff(world.outsider)
    assert world.client(world.outsider).get("/orgs/acme/integrations/").status_code == 404


def test_a_superuser_who_is_a_viewer_may_do_what_a_viewer_may(committed: None) -> None:
    world = make_world()
    make_staff(world.viewer)
    browser = world.client(world.viewer)
    assert browser.get("/orgs/acme/integrations/").status_code == 200
    assert browser.get("/orgs/acme/audit/").status_code == 403


@pytest.mark.parametrize("page", ["/", "/orgs/acme/integrations/", "/orgs/acme/members/", "/admin/"])
def test_anonymous_people_are_sent_to_the_login(world: World, page: str) -> None:
    response = world.client(None).get(page)
    assert response.status_code == 302
    assert response.url.startswith("/accounts/login/?next=")


def test_an_expired_login_moves_the_page_and_not_the_fragment(world: World) -> None:
    response = world.client(None).get("/orgs/acme/integrations/", headers={"HX-Request": "true"})
    assert response.headers["HX-Redirect"].startswith("/accounts/login/")
    assert not response.content


def test_anonymous_api_calls_are_401(world: World) -> None:
    response = world.client(None).get("/api/orgs/acme/integrations")
    assert response.status_code == 401
    assert response.json() == {
        "error": "Log in first, or send a service account's key as a bearer token.",
        "code": "not_authenticated",
    }


def test_home_leads_into_the_only_organization(world: World) -> None:
    assert world.client(world.viewer).get("/").url == "/orgs/acme/"


def test_home_offers_a_choice_of_several(world: World) -> None:
    from tenants.roles import Role
    from tests.factories import make_member

    make_member(world.globex, Role.VIEWER, world.admin.email)
    page = world.client(world.admin).get("/").content.decode()
    assert "Acme Atlas" in page
    assert "Globex Works" in page


def test_home_tells_people_without_an_organization_whom_to_ask(world: World) -> None:
    from tenants.services.users import find_or_create_user

    page = world.client(find_or_create_user("lost@example.com")).get("/").content.decode()
    assert "lost@example.com" in page


def test_staff_see_the_directory_and_no_member_page(committed: None) -> None:
    world = make_world()
    make_staff(world.outsider)
    browser = world.client(world.outsider)
    assert b"acme" in browser.get("/admin/tenants/organizationentry/").content
    assert browser.get("/admin/tenants/user/").status_code == 200
    assert browser.get("/admin/integrations/connectionstatus/").status_code == 200
    assert browser.get("/orgs/acme/members/").status_code == 404


def test_members_do_not_get_into_the_admin(world: World) -> None:
    assert world.client(world.admin).get("/admin/", follow=True).status_code == 403


def test_a_scope_does_not_outlive_its_request(world: World) -> None:
    from notionscan import rls

    world.client(world.admin).get("/orgs/acme/integrations/")
    assert rls.current() is None


def test_a_second_organization_with_the_slug_is_refused(world: World) -> None:
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        create_organization(slug="acme", name="Another", actor=None)
