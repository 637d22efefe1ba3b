"""What every answer carries, whatever was asked: headers, shapes, addresses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from tenants.roles import Role
from tests.database import process_environment
from tests.factories import World, log_in, make_member, make_organization


@pytest.mark.parametrize(
    "address", ["/", "/orgs/acme/integrations/", "/orgs/nowhere/", "/static/nothing.css", "/api/nothing"]
)
def test_no_page_of_a_person_is_kept_by_a_cache(world: World, address: str) -> None:
    answer = world.client(world.admin).get(address)
    assert "no-store" in answer.headers["Cache-Control"]
    assert "HX-Request" in answer.headers["Vary"]


def assert_safe(answer: Any) -> None:
    headers = answer.headers
    assert headers["Content-Security-Policy"] == (
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    )
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert {"camera=()", "microphone=()", "geolocation=()", "payment=()", "usb=()"} <= set(
        headers["Permissions-Policy"].split(", ")
    )
    assert "*" not in headers["Permissions-Policy"]
    assert "HX-Request" in headers["Vary"]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/", 302),
        ("/accounts/login/", 200),
        ("/nothing", 404),
        ("/static/nothing", 404),
        ("/static/css/app.css", 200),
        ("/api/nothing", 404),
        ("/api/docs", 200),
        ("/api/workspaces", 401),
        ("/api/orgs/acme/integrations", 401),
        ("/healthz", 200),
        ("/readyz", 200),
    ],
)
def test_every_answer_carries_the_security_headers(world: World, address: str, status: int) -> None:
    answer = Client().get(address)
    assert answer.status_code == status
    assert_safe(answer)
    assert len(answer.headers["X-Request-Id"]) == 32


def test_refusals_carry_them_too(world: World) -> None:
    browser = Client(enforce_csrf_checks=True)
    login = {"login": "admin@acme.example", "password": "x"}
    without_token = browser.post("/accounts/login/", login)
    assert (without_token.status_code, b"csrf" in without_token.content.lower()) == (403, False)
    assert_safe(without_token)
    too_often = [Client().post("/accounts/login/", login) for _ in range(11)][-1]
    assert too_often.status_code == 429
    assert_safe(too_often)
    other_host = Client().get("/", headers={"Host": "evil.example"})
    assert other_host.status_code == 400
    assert_safe(other_host)
    assert "no-store" in other_host.headers["Cache-Control"]


@pytest.mark.parametrize(
    "address", ["/accounts/login/", "/api/orgs/acme/integrations", "/static/css/app.css"]
)
@pytest.mark.parametrize(
    "place",
    [
        "notionscan.middleware.ScopeMiddleware",
        "notionscan.middleware.ApiProblemMiddleware",
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "tenants.middleware.DenialMiddleware",
    ],
)
def test_a_failure_in_any_middleware_carries_them(
    world: World, monkeypatch: pytest.MonkeyPatch, place: str, address: str
) -> None:
    def burst(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("a secret reason")

    monkeypatch.setattr(f"{place}.__call__", burst)
    browser = Client(raise_request_exception=False)
    answer = browser.get(address)
    if answer.status_code == 200:
        assert address.startswith("/static/")  # Files are served before the inner ones.
    else:
        assert answer.status_code == 500
        assert b"a secret reason" not in answer.content
        assert "no-store" in answer.headers["Cache-Control"]
    assert_safe(answer)


def test_a_failing_page_carries_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("a secret reason")

    monkeypatch.setattr("integrations.views.cards", burst)
    browser = world.client(world.admin)
    browser.raise_request_exception = False
    answer = browser.get("/orgs/acme/integrations/")
    assert answer.status_code == 500
    assert "Something went wrong here" in answer.content.decode()
    assert_safe(answer)


# Run in a process of its own, because the settings of a site with https are made when it starts.
_OVER_HTTPS = """
import json
from django.conf import settings
from django.test import Client

settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
browser = Client(headers={"host": "scan.example.com"}, raise_request_exception=False)
def told(answer):
    cookies = [morsel.OutputString() for morsel in answer.cookies.values()]
    return [answer.status_code, dict(answer.headers), cookies]
login = {"login": "admin@acme.example", "password": "correct-horse-battery"}
print(json.dumps([
    told(browser.get("/accounts/login/", secure=True)),
    told(browser.post("/accounts/login/", login, secure=True)),
    told(browser.get("/orgs/acme/integrations/", secure=True)),
    told(browser.get("/nothing", secure=True)),
    told(browser.get("/static/css/app.css", secure=True)),
    told(browser.get("/", secure=True, headers={"host": "evil.example"})),
    told(browser.get("/", headers={"host": "evil.example"})),
]))
"""


def test_over_https_the_browser_is_held_to_it_and_every_cookie_is_bound_to_the_host(committed: None) -> None:
    make_member(make_organization("acme", "Acme"), Role.ADMIN, password=True)
    environment = process_environment() | {
        "BASE_URL": "https://scan.example.com",
        "DJANGO_SETTINGS_MODULE": "notionscan.settings",
    }
    result = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", _OVER_HTTPS],
        cwd=Path(__file__).resolve().parent.parent.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answers = json.loads(result.stdout.splitlines()[-1])
    assert [status for status, _, _ in answers] == [200, 302, 200, 404, 200, 400, 400]
    for _, headers, _ in answers[:-1]:
        assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    for _, headers, _ in answers:
        assert_safe(SimpleNamespace(headers=headers))
    cookies = [cookie for _, _, given in answers for cookie in given]
    assert {cookie.partition("=")[0] for cookie in cookies} == {
        "__Host-sessionid",
        "__Host-csrftoken",
        "__Host-browser",
    }
    for cookie in cookies:
        attributes = {part.strip() for part in cookie.split(";")[1:]}
        assert {"HttpOnly", "Secure", "Path=/", "SameSite=Lax"} <= attributes
        assert "domain" not in cookie.lower()


def shape(answer: Any) -> tuple[int, str]:
    body = answer.json()
    assert set(body) == {"error", "code"}
    assert body["error"].endswith(".")
    return answer.status_code, body["code"]


def test_every_refusal_of_the_api_has_its_one_shape(world: World) -> None:
    browser = world.client(world.admin)
    browser.raise_request_exception = False
    base = "/api/orgs/acme/integrations"
    assert shape(browser.get("/api/nothing")) == (404, "not_found")
    assert shape(browser.get("/api/orgs/%00/integrations")) == (404, "not_found")
    assert shape(browser.put(base)) == (405, "method_not_allowed")
    assert browser.put(base).headers["Allow"]
    too_large = browser.post(
        f"{base}/notion/internal-connect", data=b"{" + b" " * 1_100_000, content_type="application/json"
    )
    assert shape(too_large)[0] == 400
    assert shape(Client().get(base)) == (401, "not_authenticated")


def test_who_is_not_logged_in_is_told_that_and_not_about_csrf(world: World) -> None:
    browser = Client(enforce_csrf_checks=True)
    assert shape(browser.delete("/api/orgs/acme/integrations/notion")) == (401, "not_authenticated")
    log_in(browser, world.admin)
    assert shape(browser.delete("/api/orgs/acme/integrations/notion")) == (403, "csrf_failed")


def test_a_failure_of_ours_is_told_in_the_same_shape(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("a secret reason")

    monkeypatch.setattr("integrations.api.disconnect", burst)
    browser = world.client(world.admin)
    browser.raise_request_exception = False
    answer = browser.delete("/api/orgs/acme/integrations/notion")
    assert shape(answer) == (500, "internal_error")
    assert b"a secret reason" not in answer.content


def test_the_link_in_a_mail_is_our_own_address(world: World, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.ALLOWED_HOSTS = ["testserver"]
    make_member(world.acme, Role.ADMIN, password=True)
    Client().post(
        "/accounts/password/reset/", {"email": "admin@acme.example"}, headers={"Host": "testserver:9999"}
    )
    [message] = mail.outbox
    assert "http://testserver/accounts/password/reset/key/" in message.body
    assert "9999" not in message.body


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_the_login_leads_nowhere_else(world: World, address: str) -> None:
    from tests.factories import PASSWORD

    make_member(world.acme, Role.ADMIN, password=True)
    answer = Client().post(
        "/accounts/login/", {"login": "admin@acme.example", "password": PASSWORD, "next": address}
    )
    assert answer.status_code == 302
    assert answer.url == "/"


def test_logging_in_gives_a_new_session(world: World) -> None:
    from tests.factories import PASSWORD

    make_member(world.acme, Role.ADMIN, password=True)
    browser = Client()
    browser.cookies["sessionid"] = "planted-by-somebody-else"
    browser.post("/accounts/login/", {"login": "admin@acme.example", "password": PASSWORD})
    assert browser.cookies["sessionid"].value != "planted-by-somebody-else"
    assert len(browser.cookies["sessionid"].value) == 32


@pytest.mark.parametrize("path", ["/api/nothing", "/api/orgs/acme/notion/pages/a%0A/blocks"])
def test_a_problem_below_the_api_says_its_own_length(db: None, path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 404
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert answer.json()["code"] == "not_found"
