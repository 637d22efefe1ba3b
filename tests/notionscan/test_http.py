"""What every answer carries, whatever was asked: headers, shapes, addresses."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from tenants.roles import Role
from tests.factories import World, log_in, make_member


@pytest.mark.parametrize(
    "address", ["/", "/orgs/acme/integrations/", "/orgs/nowhere/", "/static/nothing.css", "/api/nothing"]
)
def test_no_page_of_a_person_is_kept_by_a_cache(world: World, address: str) -> None:
    answer = world.client(world.admin).get(address)
    assert "no-store" in answer.headers["Cache-Control"]
    assert "HX-Request" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "address",
    ["/", "/accounts/login/", "/nothing", "/static/nothing", "/api/nothing", "/api/docs", "/healthz"],
)
def test_every_answer_carries_the_security_headers(world: World, address: str) -> None:
    headers = Client().get(address).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert len(headers["X-Request-Id"]) == 32


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
