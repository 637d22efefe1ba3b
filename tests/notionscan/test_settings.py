"""What stops the process, and what it says then; and that every name is documented."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from notionscan.local import ensure_secrets

ROOT = Path(__file__).resolve().parent.parent.parent
ENVIRONMENT = {
    "SECRET_KEY": "tests-only-" + "x" * 50,
    "FIELD_ENCRYPTION_KEYS": "test1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "SCOPE_SIGNING_KEY": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "SIGNING_KEY": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    # A folder without secrets of its own.
    "NOTIONSCAN_DATA_DIR": "/nonexistent",
    "PATH": os.environ["PATH"],
    "DJANGO_SETTINGS_MODULE": "notionscan.settings",
}
_SECRETS = ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "SCOPE_SIGNING_KEY", "SIGNING_KEY")


def manage(*arguments: str, without: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in (ENVIRONMENT | more).items() if name != without}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def stopped(result: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence with which the process ended."""
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, result.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("allowed", "sentence"),
    [
        (
            "notion",
            (
                'INTEGRATIONS_ALLOWED: "notion" is no longer supported; '
                'use "notion_public" and/or "notion_internal".'
            ),
        ),
        (
            "notion_internal,notion",
            (
                'INTEGRATIONS_ALLOWED: "notion" is no longer supported; '
                'use "notion_public" and/or "notion_internal".'
            ),
        ),
        (
            "reddit",
            'INTEGRATIONS_ALLOWED has "reddit"; set REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET.',
        ),
        (
            "slack",
            'INTEGRATIONS_ALLOWED: "slack" is unknown; use "notion_public", "notion_internal", "reddit".',
        ),
        (
            "notion_public",
            'INTEGRATIONS_ALLOWED has "notion_public"; set NOTION_CLIENT_ID and NOTION_CLIENT_SECRET.',
        ),
    ],
)
def test_what_is_not_allowed_stops_the_process(allowed: str, sentence: str) -> None:
    assert stopped(manage("check", INTEGRATIONS_ALLOWED=allowed)) == sentence


@pytest.mark.parametrize("only", ["NOTION_CLIENT_ID", "NOTION_CLIENT_SECRET"])
def test_half_of_the_oauth_client_stops_the_process(only: str) -> None:
    sentence = stopped(manage("check", INTEGRATIONS_ALLOWED="notion_public", **{only: "half-of-it"}))
    assert sentence.endswith("set NOTION_CLIENT_ID and NOTION_CLIENT_SECRET.")
    assert "half-of-it" not in sentence


@pytest.mark.parametrize("only", ["REDDIT_CLIENT_ID", "REDDIT_CLIENT_SECRET"])
def test_half_of_reddits_client_stops_the_process(only: str) -> None:
    sentence = stopped(manage("check", INTEGRATIONS_ALLOWED="reddit", **{only: "half-of-it"}))
    assert sentence.endswith("set REDDIT_CLIENT_ID and REDDIT_CLIENT_SECRET.")
    assert "half-of-it" not in sentence


def test_reddit_is_allowed_with_its_client_and_stands_at_its_own_addresses() -> None:
    code = (
        "from django.conf import settings as s; from integrations.providers import PROVIDERS; "
        "print(s.REDDIT_WWW_BASE_URL, s.REDDIT_OAUTH_BASE_URL, PROVIDERS['reddit'].oauth_app().redirect_uri)"
    )
    result = manage(
        *("shell", "-v", "0", "-c", code),
        INTEGRATIONS_ALLOWED="reddit",
        REDDIT_CLIENT_ID="id",
        REDDIT_CLIENT_SECRET="secret",
        BASE_URL="https://scan.example.com",
    )
    assert result.stdout.split() == [
        "https://www.reddit.com",
        "https://oauth.reddit.com",
        "https://scan.example.com/api/integrations/reddit/callback",
    ], result.stderr


def test_both_ways_are_allowed_with_an_oauth_client() -> None:
    result = manage(
        "check",
        INTEGRATIONS_ALLOWED=" notion_public , notion_internal,",
        NOTION_CLIENT_ID="id",
        NOTION_CLIENT_SECRET="secret",
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("word", ["maybe", "ture", "2"])
def test_local_only_mode_is_never_taken_for_off_by_mistake(word: str) -> None:
    sentence = stopped(manage("check", NOTIONSCAN_LOCAL_ONLY=word))
    assert sentence == 'NOTIONSCAN_LOCAL_ONLY: use "true" or "false".'


@pytest.mark.parametrize(
    ("word", "is_on"), [("true", "True"), (" On ", "True"), ("false", "False"), ("", "False")]
)
def test_local_only_mode_is_on_or_off(word: str, is_on: str) -> None:
    code = "from django.conf import settings; print(settings.NOTIONSCAN_LOCAL_ONLY)"
    result = manage("shell", "-v", "0", "-c", code, NOTIONSCAN_LOCAL_ONLY=word)
    assert result.stdout.strip() == is_on, result.stderr


def test_only_internal_tokens_are_allowed_by_default() -> None:
    code = "from django.conf import settings; print(sorted(settings.INTEGRATIONS_ALLOWED))"
    result = manage("shell", "-v", "0", "-c", code)
    assert result.stdout.strip() == "['notion_internal']", result.stderr


@pytest.mark.parametrize("name", _SECRETS)
def test_a_missing_secret_stops_the_process_with_its_name(name: str) -> None:
    assert name in stopped(manage("check", without=name))


@pytest.mark.parametrize("name", _SECRETS)
def test_an_empty_secret_is_a_missing_one(name: str) -> None:
    assert name in stopped(manage("check", **{name: ""}))


@pytest.mark.parametrize(
    "keys",
    [
        "no-colon-canary",
        "a:canary",
        "a:Y2FuYXJ5",
        ":AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "a b:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ",".join(["a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] * 2),
    ],
    ids=["no id", "not base64", "short", "empty id", "odd id", "same id twice"],
)
def test_an_unusable_key_ring_stops_the_process_and_is_not_shown(keys: str) -> None:
    sentence = stopped(manage("check", FIELD_ENCRYPTION_KEYS=keys))
    assert sentence.startswith("FIELD_ENCRYPTION_KEYS")
    for shown in ("canary", "Y2FuYXJ5", "AAAA"):
        assert shown not in sentence


_ADDRESSES = ["NOTION_API_BASE_URL", "REDDIT_WWW_BASE_URL", "REDDIT_OAUTH_BASE_URL"]


@pytest.mark.parametrize("name", _ADDRESSES)
@pytest.mark.parametrize("address", ["http://api.example.com", "junk", "ftp://127.0.0.1", "https://"])
def test_an_address_that_no_token_may_be_sent_to_stops_the_process(name: str, address: str) -> None:
    assert name in stopped(manage("check", **{name: address}))


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8765", "http://localhost:1", "https://api.notion.com/"]
)
def test_loopback_may_be_plain_http(address: str) -> None:
    assert manage("check", **dict.fromkeys(_ADDRESSES, address)).returncode == 0


def test_a_base_url_without_a_host_stops_the_process() -> None:
    assert "BASE_URL" in stopped(manage("check", BASE_URL="example.com"))


DATABASE = "postgres://app:secret-word@127.0.0.1:1/none"


def test_migrate_without_the_owner_says_so() -> None:
    sentence = stopped(manage("migrate", DATABASE_URL=DATABASE))
    assert "DATABASE_OWNER_URL" in sentence
    assert "secret-word" not in sentence


@pytest.mark.parametrize("alias", ["default", "worker", "owner"])
def test_a_process_with_all_three_roles_knows_each(alias: str) -> None:
    code = f"from django.db import connections; print(connections[{alias!r}].settings_dict['USER'])"
    given = {
        name: DATABASE.replace("app:", f"{user}:")
        for name, user in (
            ("DATABASE_URL", "default"),
            ("WORKER_DATABASE_URL", "worker"),
            ("DATABASE_OWNER_URL", "owner"),
        )
    }
    assert manage("shell", "-v", "0", "-c", code, **given).stdout.strip() == alias


def test_the_worker_without_its_role_says_so() -> None:
    assert "WORKER_DATABASE_URL" in stopped(manage("worker", DATABASE_URL=DATABASE))


def test_https_makes_cookies_host_bound_and_secure() -> None:
    code = (
        "from django.conf import settings as s; "
        "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, "
        "s.SECURE_HSTS_SECONDS > 0)"
    )
    result = manage("shell", "-v", "0", "-c", code, BASE_URL="https://scan.example.com")
    assert result.stdout.strip() == "__Host-sessionid __Host-csrftoken True True True", result.stderr


_ASK = """
from django.test import Client
browser = Client()
page = browser.get("/accounts/login/", secure={secure}, headers={{"host": {host!r}}})
print(page.status_code)
print(page.headers.get("Strict-Transport-Security"))
print(page.cookies.output(header="").strip())
for path in ("/accounts/login/", "/healthz"):
    print(browser.get(path, headers={{"host": {host!r}}}).status_code)
"""


def test_https_is_told_to_the_browser() -> None:
    code = _ASK.format(secure=True, host="scan.example.com")
    lines = manage("shell", "-v", "0", "-c", code, BASE_URL="https://scan.example.com").stdout.splitlines()
    assert lines[:2] == ["200", "max-age=31536000; includeSubDomains; preload"]
    assert lines[2].startswith("__Host-csrftoken=")
    attributes = {part.strip() for part in lines[2].split(";")[1:]}
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=Lax"} <= attributes
    # What __Host- forbids.
    assert "Domain" not in lines[2]
    # Plain http is sent on to https, except for the probes, which speak to the process itself.
    assert lines[3:] == ["301", "200"]


def test_plain_http_sends_neither() -> None:
    code = _ASK.format(secure=False, host="localhost")
    lines = manage("shell", "-v", "0", "-c", code).stdout.splitlines()
    assert lines[:2] == ["200", "None"]
    assert lines[2].startswith("csrftoken=")
    assert "Secure" not in lines[2]
    assert lines[3:] == ["200", "200"]


def test_another_host_is_not_answered() -> None:
    code = _ASK.format(secure=True, host="evil.example")
    lines = manage("shell", "-v", "0", "-c", code, BASE_URL="https://scan.example.com").stdout.splitlines()
    assert lines[0] == "400"


def test_every_name_that_is_read_is_documented_and_the_other_way_round() -> None:
    read = set()
    for module in ("notionscan/settings.py", "notionscan/databases.py"):
        source = (ROOT / module).read_text()
        read |= set(re.findall(r'(?:env(?:\.\w+)?\(\s*|names = \{.*)"([A-Z_]+)"', source))
        read |= set(re.findall(r'"([A-Z_]*DATABASE_[A-Z_]*URL|DATABASE_URL)"', source))
    example = (ROOT / ".env.example").read_text()
    documented = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    assert documented == read | {"NOTION_API_KEY"}
    for name in documented:
        assert re.search(rf"^# .+\n(?:[A-Z_]+=.*\n)*{name}=.*$", example, re.MULTILINE), name


def test_the_example_is_a_working_start() -> None:
    example = (ROOT / ".env.example").read_text()
    values = dict(re.findall(r"^([A-Z_]+)=(.*)$", example, re.MULTILINE))
    secrets = {name: ENVIRONMENT[name] for name in _SECRETS}
    result = manage("check", **(values | secrets))
    assert result.returncode == 0, result.stderr


def test_an_older_installation_gets_the_secrets_it_lacks_and_keeps_its_own(tmp_path: Path) -> None:
    path = ensure_secrets(tmp_path)
    first = dict(line.split("=", 1) for line in path.read_text().splitlines())
    path.write_text(f"SECRET_KEY={first['SECRET_KEY']}\n")
    second = dict(line.split("=", 1) for line in ensure_secrets(tmp_path).read_text().splitlines())
    assert second["SECRET_KEY"] == first["SECRET_KEY"]
    assert second.keys() == first.keys() == set(_SECRETS)
    assert path.stat().st_mode & 0o777 == 0o600
