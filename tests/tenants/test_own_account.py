"""A person's account: changed by themselves in every way the site offers, and by nobody else in SQL."""

from __future__ import annotations

import re

import psycopg
import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db.utils import ProgrammingError
from django.test import Client

from notionscan import rls
from tenants.models import User
from tenants.own_scope import own_scope
from tenants.roles import Role
from tenants.services.users import find_or_create_user
from tests import database
from tests.factories import PASSWORD, World, events, make_member, make_organization, make_world

NEW_PASSWORD = "another-battery-staple"


@pytest.fixture
def person(committed: None) -> User:
    return make_member(make_organization("acme", "Acme"), Role.VIEWER, password=True)


def logged_in(login: str, password: str) -> Client | None:
    browser = Client()
    browser.post("/accounts/login/", {"login": login, "password": password})
    return browser if browser.get("/").status_code != 302 or browser.get("/").url == "/orgs/acme/" else None


def link_in(message: mail.EmailMessage) -> str:
    found = re.search(r"http://testserver(/\S+)", str(message.body))
    assert found
    return found[1]


def test_logging_in_is_remembered(person: User) -> None:
    assert logged_in(person.email, PASSWORD)
    person.refresh_from_db()
    assert person.last_login is not None


def test_an_old_hash_is_renewed_by_the_right_password(person: User, settings: object) -> None:
    settings.PASSWORD_HASHERS = [  # type: ignore[attr-defined]
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    assert person.password.startswith("md5")
    assert logged_in(person.email, PASSWORD)
    person.refresh_from_db()
    assert person.password.startswith("pbkdf2_sha256")


def test_the_password_is_changed_by_its_owner(person: User) -> None:
    browser = logged_in(person.email, PASSWORD)
    assert browser
    form = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert browser.post("/accounts/password/change/", form).status_code == 302
    assert logged_in(person.email, NEW_PASSWORD)
    assert not logged_in(person.email, PASSWORD)


def test_a_forgotten_password_is_set_by_the_mailed_link(person: User) -> None:
    browser = Client()
    browser.post("/accounts/password/reset/", {"email": person.email})
    page = browser.get(link_in(mail.outbox[-1]), follow=True)
    form = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert browser.post(page.redirect_chain[-1][0], form).status_code == 302
    assert logged_in(person.email, NEW_PASSWORD)


def test_a_person_without_a_password_gets_one_by_mail_and_confirms_the_address(committed: None) -> None:
    person = make_member(make_organization("acme", "Acme"), Role.VIEWER)
    browser = Client()
    browser.post("/accounts/password/reset/", {"email": person.email})
    page = browser.get(link_in(mail.outbox[-1]), follow=True)
    browser.post(page.redirect_chain[-1][0], {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    if not logged_in(person.email, NEW_PASSWORD):
        browser.post("/accounts/login/", {"login": person.email, "password": NEW_PASSWORD})
        browser.post(link_in(mail.outbox[-1]))
    assert logged_in(person.email, NEW_PASSWORD)


def test_every_way_to_a_new_password_is_recorded(person: User) -> None:
    before = events(None).count(("auth.password_changed", "success"))
    browser = logged_in(person.email, PASSWORD)
    assert browser
    browser.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
    )
    Client().post("/accounts/password/reset/", {"email": person.email})
    reset = Client()
    page = reset.get(link_in(mail.outbox[-1]), follow=True)
    reset.post(page.request["PATH_INFO"], {"password1": PASSWORD + "3", "password2": PASSWORD + "3"})
    assert logged_in(person.email, PASSWORD + "3")
    assert events(None).count(("auth.password_changed", "success")) == before + 2


def test_the_address_that_another_person_logs_in_with_is_not_confirmed(person: User) -> None:
    [newcomer] = [find_or_create_user("newcomer@acme.example")]
    browser = logged_in(person.email, PASSWORD)
    assert browser
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    browser.post("/accounts/email/", {"action_add": "", "email": newcomer.email})
    sent = [message for message in mail.outbox if newcomer.email in message.to]
    for message in sent:
        if found := re.search(r"http://testserver(/accounts/confirm-email/\S+)", str(message.body)):
            browser.post(found[1])
    assert not EmailAddress.objects.filter(email=newcomer.email, user=person, verified=True).exists()
    assert sent


def test_an_address_is_added_confirmed_and_made_primary(person: User) -> None:
    browser = logged_in(person.email, PASSWORD)
    assert browser
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    browser.post("/accounts/email/", {"action_add": "", "email": "new@acme.example"})
    assert EmailAddress.objects.filter(user=person, email="new@acme.example", verified=False).exists()
    browser.post(link_in(mail.outbox[-1]))
    browser.post("/accounts/email/", {"action_primary": "", "email": "new@acme.example"})
    person.refresh_from_db()
    assert person.email == "new@acme.example"
    browser.post("/accounts/email/", {"action_remove": "", "email": "viewer@acme.example"})
    assert [address.email for address in EmailAddress.objects.filter(user=person)] == ["new@acme.example"]


ATTACKS = {
    "a password": "UPDATE tenants_user SET password = 'md5$x$y' WHERE id = %(victim)s",
    "an address": "UPDATE tenants_user SET email = 'evil@globex.example' WHERE id = %(victim)s",
    "a mailbox": (
        'INSERT INTO account_emailaddress (user_id, email, verified, "primary") '
        "VALUES (%(victim)s, 'evil@globex.example', true, false)"
    ),
    "a mailbox taken over": (
        "UPDATE account_emailaddress SET user_id = %(victim)s, verified = true WHERE user_id = %(attacker)s"
    ),
    "a deletion": "DELETE FROM account_emailaddress WHERE user_id = %(victim)s",
    "a person's deletion": "DELETE FROM tenants_user WHERE id = %(victim)s",
    "the staff flag": "UPDATE tenants_user SET is_staff = true WHERE id = %(attacker)s",
    "a person of one's own making": (
        "INSERT INTO tenants_user "
        "(id, password, is_superuser, email, name, is_staff, is_active, date_joined) "
        "VALUES (gen_random_uuid(), '', true, 'staff@globex.example', '', true, true, now())"
    ),
}


@pytest.mark.parametrize("scope_of", ["nobody", "attacker", "organization"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_injected_sql_takes_no_account(committed: None, attack: str, scope_of: str) -> None:
    world = make_world()
    before = accounts(world)
    ids = {"victim": world.admin.pk, "attacker": world.outsider.pk}
    scopes = {
        "nobody": None,
        "attacker": rls.user_scope(world.outsider.pk),
        "organization": rls.organization_scope(world.globex.pk, user_id=world.outsider.pk),
    }
    scope = scopes[scope_of]
    with psycopg.connect(database.url("default")) as app:
        if scope:
            app.execute("SELECT scope_bind(%s, %s)", scope.signed())
        try:
            app.execute(ATTACKS[attack], ids)
        except psycopg.errors.InsufficientPrivilege:
            app.rollback()
    assert accounts(world) == before


def test_nobody_is_born_as_staff(committed: None) -> None:
    person = User(email="new@acme.example", is_staff=True)
    with pytest.raises(ProgrammingError, match="row-level security"), own_scope(person):
        person.save(force_insert=True)


def test_the_control_changes_its_own_account(committed: None) -> None:
    world = make_world()
    with psycopg.connect(database.url("default")) as app:
        app.execute("SELECT scope_bind(%s, %s)", rls.user_scope(world.outsider.pk).signed())
        ids = {"victim": world.outsider.pk}
        assert app.execute(ATTACKS["a password"], ids).rowcount == 1
        assert app.execute(ATTACKS["a mailbox"], ids).rowcount == 1


def accounts(world: World) -> list[tuple[object, ...]]:
    with database.superuser() as owner:
        people = owner.execute("SELECT * FROM tenants_user ORDER BY id").fetchall()
        addresses = owner.execute("SELECT * FROM account_emailaddress ORDER BY id").fetchall()
    assert len(people) == 4
    return people + addresses
