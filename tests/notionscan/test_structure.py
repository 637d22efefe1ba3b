"""What people forget: routes, rights, templates, migrations, health."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.core.management import call_command
from django.db import connections
from django.template.loader import get_template
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from notionscan import embedded_postgres, grants, health, rls
from tests import database
from tests.factories import World, make_staff, make_world

ROOT = Path(__file__).resolve().parent.parent.parent
# Each of these is public for a reason: no person is there yet, or no customer's data is.
PUBLIC = {
    "trust": "for customers, before they are any",
    "share": "whoever holds a link to a report",
    "shared": "that report, with the ticket that the link gave",
    "healthz": "probes",
    "readyz": "probes",
    "mcp": "asks for a key itself, and knows no session",
    "account_login": "before the login",
    "account_signup": "says that it is closed",
    "account_reset_password": "before the login",
    "account_reset_password_done": "before the login",
    "account_reset_password_from_key": "before the login",
    "account_reset_password_from_key_done": "before the login",
    "account_confirm_email": "the link in a mail",
    "account_email_verification_sent": "before the login",
    "account_confirm_login_code": "before the login",
    "account_inactive": "before the login",
    "account_logout": "ends a session, and needs none",
}


def routes(resolver: URLResolver | None = None, inside: str = "") -> list[tuple[str, URLPattern]]:
    found = []
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            found += routes(pattern, pattern.namespace or inside)
        else:
            found.append((inside, pattern))
    return found


def test_every_route_needs_a_login_or_says_why_not(world: World) -> None:
    public = {
        pattern.name
        for namespace, pattern in routes()
        if namespace not in ("api", "admin") and not getattr(pattern.callback, "login_required", True)
    }
    assert public <= PUBLIC.keys()


# Values for what an address has in it; nothing of it exists for somebody who is not logged in.
VALUES = {
    "slug": "acme",
    "scan_id": UUID(int=1),
    "finding_id": UUID(int=1),
    "share_id": UUID(int=1),
    "account_id": UUID(int=1),
    "database_id": str(UUID(int=1)),
    "page_id": str(UUID(int=1)),
    "token": "x" * 43,
    "name": "structure",
    "provider": "notion",
    "membership_id": UUID(int=1),
    "object_id": "1",
    "content_type_id": "1",
    "app_label": "tenants",
    "url": "x",
    "key": "x",
    "uidb36": "1",
}


# The documentation says nothing of any customer; the root is a 404 for everybody.
PUBLIC_API = ("/api/docs", "/api/openapi.json", "/api/")


def addresses(patterns: Iterable[object], before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield an address for every route, with something in each of its places."""
    for pattern in patterns:
        route = before + str(pattern.pattern)  # type: ignore[attr-defined]
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            filled = re.sub(r"<(?:\w+:)?(\w+)>", lambda place: str(VALUES[place[1]]), route)
            filled = re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda place: str(VALUES[place[1]]), filled)
            yield "/" + re.sub(r"[\^$?\\]|\\Z", "", filled), pattern


def test_nobody_gets_anything_without_a_login(world: World) -> None:
    asked = 0
    for address, pattern in addresses(get_resolver().url_patterns):
        if pattern.name in PUBLIC or address in PUBLIC_API:
            continue
        for method in ("get", "post"):
            answer = getattr(world.client(None), method)(address)
            if address.startswith("/api/") and "callback" not in address:
                # Wrong methods are refused before anybody is asked who they are.
                assert answer.status_code in (401, 405), (address, answer.status_code)
            else:
                assert answer.status_code == 302, (address, answer.status_code)
                assert answer.url.startswith("/accounts/login/?next="), address
            asked += 1
    assert asked > 40


def test_the_staffs_site_is_read_only_even_for_a_superuser(committed: None) -> None:
    world = make_world()
    make_staff(world.outsider)
    assert {model.__name__ for model in admin.site._registry} == {
        "User",
        "OrganizationEntry",
        "ConnectionStatus",
    }
    browser = world.client(world.outsider)
    taken = {"user": str(world.admin.pk), "email": "taken@globex.example", "verified": "on", "primary": "on"}
    assert browser.post("/admin/account/emailaddress/add/", taken).status_code == 404
    assert browser.post("/admin/tenants/user/add/", {"email": "new@globex.example"}).status_code == 403
    assert browser.post(f"/admin/tenants/user/{world.admin.pk}/delete/", {"post": "yes"}).status_code == 403
    assert not EmailAddress.objects.filter(email="taken@globex.example").exists()


@pytest.mark.parametrize("template", sorted((ROOT / "templates").rglob("*.*")), ids=lambda path: path.name)
def test_every_template_parses(template: Path) -> None:
    get_template(str(template.relative_to(ROOT / "templates")))


def test_every_table_has_its_rights_or_is_known_to_have_none(db: None) -> None:
    # guardian's generic tables are not used: the app may not even read them.
    unused = {
        "guardian_userobjectpermission",
        "guardian_groupobjectpermission",
    }
    tables = {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.db_table.startswith("procrastinate_")
    }
    listed = grants.SCOPED.keys() | grants.GLOBAL.keys()
    assert tables - listed == unused


def test_what_is_fenced_is_what_is_scoped() -> None:
    assert {model._meta.db_table for model in rls.scoped_models()} == grants.SCOPED.keys()
    assert not grants.SCOPED.keys() & grants.GLOBAL.keys()


def test_no_migration_is_missing(committed: None) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_the_process_is_up_and_ready(db: None) -> None:
    assert Client().get("/healthz").json() == {"status": "ok"}
    assert Client().get("/readyz").json() == {"status": "ok"}


def readiness(**environment: str) -> subprocess.CompletedProcess[str]:
    code = "from django.test import Client; a = Client().get('/readyz'); print(a.status_code, a.json())"
    return subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", code],
        cwd=ROOT,
        env=database.process_environment() | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_superuser_is_not_ready(committed: None) -> None:
    if "EMBEDDED_ROLE" not in connections["default"].settings_dict:
        return  # Only the embedded server has a superuser for us; the next test stands for the others.
    name = connections["default"].settings_dict["NAME"]
    server = embedded_postgres.ensure_running(Path(settings.NOTIONSCAN_DATA_DIR))
    superuser = server.superuser_connection(name)
    host = quote(superuser["host"], safe="")
    address = f"postgres://{superuser['user']}:{superuser['password']}@{host}:{superuser['port']}/{name}"
    answer = readiness(DATABASE_URL=address)
    assert answer.stdout.startswith("503 "), answer.stderr
    assert "bypasses row security" in answer.stdout


def test_the_owner_of_the_tables_is_not_ready(committed: None) -> None:
    answer = readiness(DATABASE_URL=database.url("owner"))
    assert answer.stdout.startswith("503 "), answer.stderr
    assert "use the app role" in answer.stdout


def test_a_database_that_is_not_there_is_not_ready(committed: None) -> None:
    answer = readiness(DATABASE_URL="postgres://app:secret-word@127.0.0.1:1/none")
    assert answer.stdout.startswith("503 "), answer.stderr
    assert "The database cannot be reached." in answer.stdout
    assert "secret-word" not in answer.stdout + answer.stderr


def test_missing_migrations_are_not_ready(committed: None) -> None:
    with database.superuser() as cursor:
        cursor.execute("UPDATE django_migrations SET app = 'absent' WHERE app = 'integrations'")
        try:
            answer = Client().get("/readyz")
        finally:
            cursor.execute("UPDATE django_migrations SET app = 'integrations' WHERE app = 'absent'")
    assert answer.status_code == 503
    assert "run manage.py migrate" in answer.json()["problem"]


def test_a_role_that_bypasses_row_security_is_not_ready(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Bypassing:
        def __enter__(self) -> Bypassing:
            return self

        def __exit__(self, *failure: object) -> None:
            pass

        def execute(self, query: str) -> None:
            assert "rolbypassrls" in query

        def fetchone(self) -> tuple[bool]:
            return (True,)

    with monkeypatch.context() as bypassed:
        bypassed.setattr(health.connection, "cursor", Bypassing, raising=False)
        answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert "bypasses row security" in answer.json()["problem"]
