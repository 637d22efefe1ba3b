"""What people forget: routes, rights, templates, migrations, health."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connections, transaction
from django.template.loader import get_template
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from notionscan import grants, health
from tests.factories import World

ROOT = Path(__file__).resolve().parent.parent.parent
# Each of these is public for a reason: no person is there yet, or no customer's data is.
PUBLIC = {
    "healthz": "probes",
    "readyz": "probes",
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


def test_a_table_without_its_policy_stops_migrate(committed: None) -> None:
    with pytest.raises(RuntimeError, match="tenants_membership"), transaction.atomic(using="owner"):
        with connections["owner"].cursor() as cursor:
            cursor.execute("ALTER TABLE tenants_membership NO FORCE ROW LEVEL SECURITY")
        grants.apply("owner")


def test_no_migration_is_missing(committed: None) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_the_process_is_up_and_ready(db: None) -> None:
    assert Client().get("/healthz").json() == {"status": "ok"}
    assert Client().get("/readyz").json() == {"status": "ok"}


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
