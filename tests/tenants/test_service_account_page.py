"""The page of service accounts: a key is shown once, and admins alone make, change, confirm and revoke."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenants.models import Membership, ServiceAccount
from tenants.roles import Maturity, Role
from tenants.roots import root_of
from tenants.services.members import remove_member
from tests.factories import World, bearer, events, make_account, make_member, within

PAGE = "/orgs/acme/service-accounts/"
HTMX = {"HX-Request": "true"}
SCANS = "/api/orgs/acme/scans"
ROOT = UUID("59833787-2cf9-4fdf-8782-e53db20768a5")
OTHER = UUID("16bed097-4748-4220-8c35-3a72f6dd1c2f")
KEY = re.compile(rb"nscan_[0-9A-Za-z]{43}")


def asked_for(**changes: str) -> dict[str, str]:
    last_day = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    values = {"name": "Librarian", "maturity": "intern", "requests_per_minute": "60", "last_day": last_day}
    return values | changes


def the_account(world: World) -> ServiceAccount:
    with within(world.acme):
        return ServiceAccount.objects.get()


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_a_key_is_in_the_answer_that_makes_it_and_nowhere_after(
    world: World, headers: dict[str, str]
) -> None:
    admin = world.client(world.admin)
    made = admin.post(f"{PAGE}create", asked_for(), headers=headers)
    keys = set(KEY.findall(made.content))
    assert made.status_code == 200
    assert len(keys) == 1
    assert "shown this once" in made.content.decode()
    assert made.headers["Cache-Control"] == "no-store"
    key = keys.pop().decode()
    assert bearer(key).get(SCANS).status_code == 200
    for later in (admin.get(PAGE), admin.get(PAGE, headers=HTMX), admin.get("/orgs/acme/audit/")):
        assert key not in later.content.decode()
    assert key[13:] not in str(dict(admin.session))
    assert not any(key[13:] in str(session.get_decoded()) for session in Session.objects.all())
    assert key[13:] not in str(admin.cookies)
    assert key[13:] not in str(the_account(world).__dict__)


def test_an_account_is_made_as_asked_for(world: World) -> None:
    last_day = datetime.now(UTC).date() + timedelta(days=10)
    form = asked_for(
        maturity="supervised",
        requests_per_minute="7",
        last_day=last_day.isoformat(),
        roots=f"{ROOT}\r\n\r\n https://www.notion.so/acme/Handbook-{ROOT.hex}?pvs=4 \r\n{ROOT.hex}",
    )
    assert world.client(world.admin).post(f"{PAGE}create", form).status_code == 200
    account = the_account(world)
    assert (account.name, account.maturity, account.requests_per_minute) == ("Librarian", "supervised", 7)
    assert account.roots == [ROOT]
    # Its last day is one of use, to its end.
    assert account.expires_at == datetime(last_day.year, last_day.month, last_day.day, 23, 59, 59, tzinfo=UTC)
    assert account.sponsor_id == world.admin.pk


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": " "}, "Give the service account a name."),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"name": "right\u202eleft"}, "a name of one line"),
        ({"maturity": "king"}, "Choose student, intern, supervised or autonomous."),
        ({"requests_per_minute": "0"}, "1 to 600 requests a minute"),
        ({"requests_per_minute": "601"}, "1 to 600 requests a minute"),
        ({"last_day": "soon"}, "Say on which day the key ends"),
        ({"last_day": "2020-01-01"}, "A key ends after now"),
        ({"last_day": "9999-12-31"}, "within 366 days"),
        ({"roots": f"{ROOT}\nhttps://evil.example/{ROOT.hex}"}, "Line 2 names no page or database"),
        ({"roots": "\n".join(str(UUID(int=n)) for n in range(51))}, "at most 50 roots"),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_what_cannot_be_is_said_beside_what_was_sent(
    world: World, wrong: dict[str, str], sentence: str, headers: dict[str, str]
) -> None:
    answer = world.client(world.admin).post(f"{PAGE}create", asked_for(**wrong), headers=headers)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert 'data-modal="create"' in answer.content.decode()
    with within(world.acme):
        assert not ServiceAccount.objects.exists()


@pytest.mark.parametrize(
    "link",
    [
        str(ROOT),
        ROOT.hex.upper(),
        f"https://app.notion.com/p/{ROOT.hex}",
        f"https://app.notion.com/p/Plan-for-2027-{ROOT.hex}?pvs=4#{OTHER.hex}",
        f"https://www.notion.so/{ROOT.hex}",
        f"https://www.notion.so/acme/{ROOT.hex}?v={OTHER.hex}",
        f"https://acme.notion.site/Handbook-{ROOT.hex}/",
        f"https://www.notion.so/acme/{OTHER.hex}?v={OTHER.hex}&p={ROOT.hex}&pm=s",
        f"  https://www.notion.so/{ROOT}  ",
    ],
)
def test_a_root_is_named_by_id_or_by_link(link: str) -> None:
    assert root_of(link) == ROOT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        ROOT.hex[1:],
        f"{ROOT.hex}0",
        f"{ROOT} {ROOT}",
        f"http://www.notion.so/{ROOT.hex}",
        f"javascript://www.notion.so/{ROOT.hex}",
        f"https://notion.so.evil.example/{ROOT.hex}",
        f"https://evilnotion.so/{ROOT.hex}",
        f"https://evil.example/https://www.notion.so/{ROOT.hex}",
        f"https://www.notion.so@evil.example/{ROOT.hex}",
        "https://www.notion.so/",
        f"https://www.notion.so/{ROOT.hex}/edit",
        f"https://www.notion.so/title{ROOT.hex}",
        "https://[www.notion.so/",
    ],
)
def test_what_names_no_page_is_no_root(text: str) -> None:
    assert root_of(text) is None


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_a_maturity_is_changed(world: World, headers: dict[str, str]) -> None:
    made = make_account(world.acme, world.admin)
    admin = world.client(world.admin)
    address = f"{PAGE}{made.account.pk}/maturity"
    answer = admin.post(address, {"maturity": "student"}, headers=headers, follow=True)
    assert "is now student." in answer.content.decode()
    assert bearer(made.key).get(SCANS).status_code == 403
    assert admin.post(address, {"maturity": "king"}, headers=headers).status_code == 400
    assert the_account(world).maturity == "student"


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_a_suspended_account_is_confirmed(world: World, headers: dict[str, str]) -> None:
    second = make_member(world.acme, Role.ADMIN, "second@acme.example")
    made = make_account(world.acme, second)
    admin = world.client(world.admin)
    assert "Confirm" not in admin.get(PAGE).content.decode()
    with within(world.acme):
        remove_member(membership=Membership.objects.get(user=second), actor=world.admin)
    page = admin.get(PAGE).content.decode()
    assert "Suspended" in page
    assert f"{PAGE}{made.account.pk}/confirm" in page
    answer = admin.post(f"{PAGE}{made.account.pk}/confirm", headers=headers, follow=True)
    assert "You answer for Librarian" in answer.content.decode()
    assert "Suspended" not in answer.content.decode()
    assert bearer(made.key).get(SCANS).status_code == 200


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_an_account_is_revoked_after_a_question(world: World, headers: dict[str, str]) -> None:
    made = make_account(world.acme, world.admin)
    admin = world.client(world.admin)
    asked = admin.get(f"{PAGE}?revoke={made.account.pk}", headers=headers).content.decode()
    assert f'data-modal="revoke-{made.account.pk}"' in asked
    assert bearer(made.key).get(SCANS).status_code == 200
    address = f"{PAGE}{made.account.pk}/revoke"
    answer = admin.post(address, headers=headers, follow=True).content.decode()
    assert "is revoked. Its key opens nothing any more." in answer
    assert "Ended: 1" in answer
    assert "No service account yet" in answer
    assert bearer(made.key).get(SCANS).status_code == 401
    assert admin.post(address, headers=headers).status_code == 404


def test_nothing_is_asked_of_a_foreign_or_ended_account(world: World) -> None:
    foreign = make_account(world.globex, world.outsider, name="Theirs").account
    admin = world.client(world.admin)
    for account_id in (foreign.pk, uuid4()):
        page = admin.get(f"{PAGE}?revoke={account_id}").content.decode()
        assert "<dialog" not in page
        assert "Theirs" not in page
        for place in ("maturity", "confirm", "revoke"):
            assert admin.post(f"{PAGE}{account_id}/{place}", {"maturity": "intern"}).status_code == 404
    with within(world.globex):
        assert ServiceAccount.objects.get().state == "active"


def test_the_list_says_what_each_may_do_and_until_when(world: World) -> None:
    until = timezone.now() + timedelta(days=5)
    make_account(world.acme, world.admin, roots=[ROOT, uuid4()], requests_per_minute=1, expires_at=until)
    make_account(world.acme, world.admin, name="Old", maturity=Maturity.AUTONOMOUS)
    with within(world.acme):
        ServiceAccount.objects.filter(name="Old").update(expires_at=timezone.now() - timedelta(seconds=1))
    page = world.client(world.admin).get(PAGE).content.decode()
    live, _, ended = page.partition("Ended: 1")
    for words in (
        "Librarian",
        "Active",
        "2 roots",
        "1 request a minute",
        "not used yet",
        "admin@acme.example",
    ):
        assert words in live
    assert f"https://www.notion.so/{ROOT.hex}" in live
    assert f"{until:%-d %b %Y}" in live
    assert "Old" not in live
    for words in ("Old", "Expired", "Autonomous", "All that is shared", "60 requests a minute"):
        assert words in ended


def test_names_are_text(world: World) -> None:
    name = "<img src=x onerror=alert(1)>"
    made = make_account(world.acme, world.admin, name=name)
    admin = world.client(world.admin)
    page = admin.get(f"{PAGE}?revoke={made.account.pk}").content.decode()
    assert name not in page
    assert page.count("&lt;img src=x") >= 3
    answer = admin.post(f"{PAGE}create", asked_for(name=name, roots="<script>x"), headers=HTMX)
    assert "<script>x" not in answer.content.decode()


def test_an_organization_without_accounts_is_told_what_to_do(world: World) -> None:
    page = world.client(world.admin).get(PAGE).content.decode()
    assert "No service account yet" in page
    assert page.count(f'href="{PAGE}?dialog=create"') == 1


def test_the_place_is_shown_to_admins_alone(world: World) -> None:
    assert PAGE in world.client(world.admin).get("/orgs/acme/").content.decode()
    assert PAGE not in world.client(world.editor).get("/orgs/acme/").content.decode()


def test_the_list_costs_the_same_for_one_account_and_for_many(world: World) -> None:
    admin = world.client(world.admin)

    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            admin.get(PAGE)
        return len(captured)

    make_account(world.acme, world.admin)
    one = cost()
    for _ in range(4):
        make_account(world.acme, world.admin, roots=[ROOT])
    assert cost() == one


@pytest.mark.parametrize("place", ["create", "{}/maturity", "{}/confirm", "{}/revoke"])
def test_an_editors_attempt_changes_nothing_and_is_recorded(world: World, place: str) -> None:
    made = make_account(world.acme, world.admin)
    before = the_account(world).__dict__ | {"_state": None}
    editor: Client = world.client(world.editor)
    data: dict[str, Any] = asked_for(maturity="autonomous")
    assert editor.post(PAGE + place.format(made.account.pk), data, headers=HTMX).status_code == 403
    assert the_account(world).__dict__ | {"_state": None} == before
    assert events(world.acme)[-1] == ("access.denied", "denied")
