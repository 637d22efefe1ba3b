"""What stops the process, and what it says then; and that every name is documented."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
ENVIRONMENT = {
    "SECRET_KEY": "tests-only-" + "x" * 50,
    "FIELD_ENCRYPTION_KEYS": "test1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    # A folder without secrets of its own.
    "NOTIONSCAN_DATA_DIR": "/nonexistent",
    "PATH": os.environ["PATH"],
    "DJANGO_SETTINGS_MODULE": "notionscan.settings",
}


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
        ("reddit", 'INTEGRATIONS_ALLOWED: "reddit" is not available yet.'),
        (
            "slack",
            'INTEGRATIONS_ALLOWED: "slack" is unknown; use "notion_public" and/or "notion_internal".',
        ),
        (
            "notion_public",
            'INTEGRATIONS_ALLOWED has "notion_public"; set NOTION_CLIENT_ID and NOTION_CLIENT_SECRET.',
        ),
    ],
)
def test_what_is_not_allowed_stops_the_process(allowed: str, sentence: str) -> None:
    assert stopped(manage("check", INTEGRATIONS_ALLOWED=allowed)) == sentence


def test_only_internal_tokens_are_allowed_by_default() -> None:
    code = "from django.conf import settings; print(sorted(settings.INTEGRATIONS_ALLOWED))"
    result = manage("shell", "-v", "0", "-c", code)
    assert result.stdout.strip() == "['notion_internal']", result.stderr


@pytest.mark.parametrize("name", ["SECRET_KEY", "FIELD_ENCRYPTION_KEYS"])
def test_a_missing_secret_stops_the_process_with_its_name(name: str) -> None:
    assert name in stopped(manage("check", without=name))


def test_a_base_url_without_a_host_stops_the_process() -> None:
    assert "BASE_URL" in stopped(manage("check", BASE_URL="example.com"))


DATABASE = "postgres://app:secret-word@127.0.0.1:1/none"


def test_migrate_without_the_owner_says_so() -> None:
    sentence = stopped(manage("migrate", DATABASE_URL=DATABASE))
    assert "DATABASE_OWNER_URL" in sentence
    assert "secret-word" not in sentence


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
