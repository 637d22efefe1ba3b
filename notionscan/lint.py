"""The checks of ``make lint`` that need Django: production settings are safe, and no migration is missing."""

from __future__ import annotations

import os
import sys

# A production-like environment with throw-away keys; nothing of it is used for anything else.
_PRODUCTION = {
    "SECRET_KEY": "lint-only-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789-ABCDEFG",
    "FIELD_ENCRYPTION_KEYS": "lint1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "SCOPE_SIGNING_KEY": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "SIGNING_KEY": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "BASE_URL": "https://scan.example.com",
    "DEBUG": "false",
    "DJANGO_SETTINGS_MODULE": "notionscan.settings",
}


def main() -> int:
    os.environ.update(_PRODUCTION)
    from django.core.management import execute_from_command_line

    for command in (
        ["check", "--deploy", "--fail-level", "WARNING"],
        ["makemigrations", "--check", "--dry-run"],
    ):
        execute_from_command_line(["manage.py", *command])
    return 0


if __name__ == "__main__":
    sys.exit(main())
