"""The operators' commands for organizations and members."""

from __future__ import annotations

import io
import json
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tenants.models import Membership, User
from tests.factories import PASSWORD, World, events, within


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().strip()


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as refusal:
        run(*arguments)
    sentence = str(refusal.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def test_an_organization_is_created_with_its_key(db: None) -> None:
    organization_id, slug = run("create_organization", "acme", "--name", "Acme Atlas").split()
    assert UUID(organization_id)
    assert slug == "acme"
    assert json.loads(run("create_organization", "other", "--name", "Other", "--json"))["slug"] == "other"


@pytest.mark.parametrize("slug", ["", "Acme", "a b", "acme-", "ac/me", "é", "x" * 51])
def test_a_slug_that_is_no_address_is_refused(db: None, slug: str) -> None:
    refused("create_organization", slug, "--name", "Acme")


def test_a_slug_is_taken_once(world: World) -> None:
    assert refused("create_organization", "acme", "--name", "A") == (
        "An organization with the slug acme exists already."
    )


def test_a_member_is_added_with_a_password_and_can_log_in(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    run("add_member", "acme", "New@Acme.example", "--role", "editor", "--password-stdin")
    browser = Client()
    browser.post("/accounts/login/", {"login": "new@acme.example", "password": PASSWORD})
    assert browser.get("/", follow=True).status_code == 200
    with within(world.acme):
        assert Membership.objects.get(user__email="new@acme.example").role == "editor"


def test_a_weak_password_leaves_nothing_half_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    refused("add_member", "acme", "new@acme.example", "--role", "editor", "--password-stdin")
    assert not User.objects.filter(email="new@acme.example").exists()


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "a b@c.example"])
def test_what_is_no_address_is_refused(world: World, email: str) -> None:
    refused("add_member", "acme", email, "--role", "viewer")


def test_adding_a_member_again_changes_the_role(world: World) -> None:
    assert json.loads(run("add_member", "acme", "viewer@acme.example", "--role", "admin", "--json")) == {
        "organization": "acme",
        "email": "viewer@acme.example",
        "role": "admin",
    }
    assert events(world.acme)[-1] == ("member.role_changed", "success")


def test_the_last_admin_can_neither_be_demoted_nor_removed(world: World) -> None:
    assert "last admin" in refused("add_member", "acme", "admin@acme.example", "--role", "viewer")
    assert "last admin" in refused("remove_member", "acme", "admin@acme.example")


def test_a_member_is_removed(world: World) -> None:
    run("remove_member", "acme", "VIEWER@acme.example")
    with within(world.acme):
        assert not Membership.objects.filter(user=world.viewer).exists()
    assert "is not a member" in refused("remove_member", "acme", "viewer@acme.example")


def test_an_unknown_organization_is_told(db: None) -> None:
    for arguments in (
        ("add_member", "nowhere", "a@b.example", "--role", "viewer"),
        ("remove_member", "nowhere", "a@b.example"),
        ("connect_internal", "nowhere"),
    ):
        refused(*arguments)


def test_a_superuser_can_log_in(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    run("createsuperuser", "--noinput", "--email", "staff@example.com")
    browser = Client()
    browser.post("/accounts/login/", {"login": "staff@example.com", "password": PASSWORD})
    assert browser.get("/admin/").status_code == 200
