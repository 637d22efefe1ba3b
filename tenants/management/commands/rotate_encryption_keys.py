"""``manage.py rotate_encryption_keys [--dry-run]``"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.db import DatabaseError

from notionscan import keyring
from notionscan.keyring import DecryptFailed
from tenants import commands
from tenants.services.keys import rewrap, ring_keys_in_use


class Command(BaseCommand):
    help = (
        "Wrap every organization's data key by the first key of FIELD_ENCRYPTION_KEYS. May be interrupted "
        "and run again; the site may run meanwhile."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count by key id, and change nothing")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        commands.require_owner()
        rotated, failed = (0, 0) if dry_run else self._rotate()
        in_use = ring_keys_in_use()
        current = keyring.ring().current.id
        retired = (
            []
            if dry_run
            else [key for key in settings.FIELD_ENCRYPTION_KEYS if key not in {*in_use, current}]
        )
        unknown = sorted(set(in_use) - set(settings.FIELD_ENCRYPTION_KEYS))
        left = {key: count for key, count in in_use.items() if key != current}
        if options["json"]:
            self._print_json(rotated, in_use, current, retired)
        else:
            self._print(rotated, in_use, retired, dry_run=dry_run)
        if "" in in_use:
            raise CommandError(
                f"{in_use['']:,} data keys were altered and name no key; restore them from a backup."
            )
        if unknown:
            raise CommandError(
                f"{sum(in_use[key] for key in unknown):,} data keys are wrapped by {', '.join(unknown)}, "
                "which FIELD_ENCRYPTION_KEYS lacks; add that key again and repeat the command."
            )
        if failed:
            raise CommandError(
                f"{failed:,} data keys did not open; put the right bytes under their key's id into "
                "FIELD_ENCRYPTION_KEYS and run the command again."
            )
        if left and not dry_run:
            raise CommandError(f"{', '.join(left)} stays in use; run the command again.")

    def _rotate(self) -> tuple[int, int]:
        rotated = failed = 0
        ids = commands.all_organization_ids()
        for organization_id in self._with_progress(ids):
            try:
                rotated += rewrap(organization_id)
            except DecryptFailed:
                failed += 1
            except DatabaseError:
                # Somebody holds the row: the others come first, and this one is told of at the end.
                continue
        return rotated, failed

    def _with_progress(self, ids: list[UUID]) -> Iterator[UUID]:
        for number, organization_id in enumerate(ids, start=1):
            yield organization_id
            if self.stderr.isatty():
                done = 30 * number // len(ids)
                bar = "#" * done + "." * (30 - done)
                self.stderr.write(f"\r[{bar}] {number:,} of {len(ids):,}", ending="")

    def _print(self, rotated: int, in_use: dict[str, int], retired: list[str], *, dry_run: bool) -> None:
        for key, count in in_use.items():
            self.stdout.write(f"{key or 'no key'}: {count:,} data keys")
        if not dry_run:
            self.stdout.write(f"{rotated:,} data keys were wrapped anew.")
        for key in retired:
            self.stdout.write(f"{key} wraps nothing any more; it may be removed from FIELD_ENCRYPTION_KEYS.")

    def _print_json(self, rotated: int, in_use: dict[str, int], current: str, retired: list[str]) -> None:
        found = {"rotated": rotated, "inUse": in_use, "current": current, "retired": retired}
        self.stdout.write(json.dumps(found))
