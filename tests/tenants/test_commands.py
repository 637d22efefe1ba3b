"""The operators' commands for organizations and members."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tenants.models import Membership, User
from tenants.roles import Role
from tests import database
from tests.factories import PASSWORD, World, events, make_member, within

ROOT = Path(__file__).resolve().parent.parent.parent


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
    assert events(world.acme)[-1] == ("member.added", "success")
    assert ("auth.password_changed", "success") in events(None)


def test_a_weak_password_leaves_nothing_half_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    refused("add_member", "acme", "new@acme.example", "--role", "editor", "--password-stdin")
    assert not User.objects.filter(email="new@acme.example").exists()


@pytest.mark.parametrize("password", ["", "\n", "short\n", "1234567890\n", "password123\n"])
def test_a_weak_password_changes_nothing_about_a_member(
    world: World, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    make_member(world.acme, Role.VIEWER, "old@acme.example", password=True)
    before = events(world.acme)
    monkeypatch.setattr("sys.stdin", io.StringIO(password))
    refused("add_member", "acme", "old@acme.example", "--role", "admin", "--password-stdin")
    with within(world.acme):
        assert Membership.objects.get(user__email="old@acme.example").role == "viewer"
    assert events(world.acme) == before
    browser = Client()
    browser.post("/accounts/login/", {"login": "old@acme.example", "password": PASSWORD})
    assert browser.get("/orgs/acme/integrations/").status_code == 200


def test_a_member_without_a_password_cannot_log_in(db: None) -> None:
    run("create_organization", "acme", "--name", "Acme")
    assert (
        run("add_member", "acme", "new@acme.example", "--role", "viewer")
        == "new@acme.example is viewer of acme."
    )
    for password in ("", "!", PASSWORD):
        browser = Client()
        browser.post("/accounts/login/", {"login": "new@acme.example", "password": password})
        assert browser.get("/orgs/acme/integrations/").status_code == 302


def test_one_person_may_be_in_two_organizations(world: World) -> None:
    run("add_member", "globex", "ADMIN@acme.example", "--role", "viewer")
    assert User.objects.filter(email__iexact="admin@acme.example").count() == 1
    with within(world.globex):
        assert Membership.objects.get(user=world.admin).role == "viewer"
    with within(world.acme):
        assert Membership.objects.get(user=world.admin).role == "admin"


@pytest.mark.parametrize("name", ["", "x" * 121])
def test_a_name_that_is_none_is_refused(db: None, name: str) -> None:
    refused("create_organization", "acme", "--name", name)
    assert "no organization" in refused("add_member", "acme", "a@b.example", "--role", "viewer")


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


def test_removal_takes_the_open_sessions_access_and_answers_in_json(world: World) -> None:
    browser = world.client(world.viewer)
    assert browser.get("/orgs/acme/integrations/").status_code == 200
    assert json.loads(run("remove_member", "acme", "viewer@acme.example", "--json")) == {
        "organization": "acme",
        "email": "viewer@acme.example",
    }
    assert browser.get("/orgs/acme/integrations/").status_code == 404
    assert events(world.acme)[-1] == ("member.removed", "success")


def test_a_member_of_another_organization_is_none_here(world: World) -> None:
    assert "is not a member" in refused("remove_member", "acme", "admin@globex.example")
    with within(world.globex):
        assert Membership.objects.count() == 1


def test_the_commands_end_as_a_script_expects(committed: None) -> None:
    created = process("create_organization", "acme", "--name", "Acme", "--json")
    assert created.returncode == 0, created.stderr
    assert json.loads(created.stdout)["slug"] == "acme"
    member = ("add_member", "acme", "admin@acme.example", "--role", "admin")
    added = process(*member, "--password-stdin", "--json", stdin=f"{PASSWORD}\n")
    assert added.returncode == 0, added.stderr
    assert json.loads(added.stdout)["role"] == "admin"
    for refusal in (
        process("create_organization", "acme", "--name", "Acme"),
        process(*member, "--password-stdin", stdin="short\n"),
        process("remove_member", "acme", "admin@acme.example"),
        process("connect_internal", "acme", "--token-stdin", stdin="\n"),
        process("connect_internal", "nowhere", "--token-stdin", stdin="ntn_x\n"),
    ):
        assert refusal.returncode == 1
        assert refusal.stdout == ""
        assert len(refusal.stderr.strip().splitlines()) == 1, refusal.stderr
        assert refusal.stderr.strip().endswith(".")


def process(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=database.process_environment(),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_unknown_organization_is_told(db: None) -> None:
    for arguments in (
        ("add_member", "nowhere", "a@b.example", "--role", "viewer"),
        ("remove_member", "nowhere", "a@b.example"),
        ("connect_internal", "nowhere"),
    ):
        refused(*arguments)


def test_a_superuser_can_log_in(committed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    run("createsuperuser", "--noinput", "--email", "staff@example.com")
    browser = Client()
    browser.post("/accounts/login/", {"login": "staff@example.com", "password": PASSWORD})
    assert browser.get("/admin/").status_code == 200
