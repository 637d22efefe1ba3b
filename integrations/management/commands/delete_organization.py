"""``manage.py delete_organization SLUG --yes``"""

from __future__ import annotations

import json
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from integrations.services.deletion import Receipt, delete_organization
from integrations.services.revocation import Revoked
from tenants import commands

_BACKUPS = (
    "The data key is destroyed here. Backups stay readable until they expire or the keys of "
    "FIELD_ENCRYPTION_KEYS that they were made under are destroyed."
)


class Command(BaseCommand):
    help = "Delete an organization with everything but its audit chain, and print a receipt."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--yes", action="store_true", help="really; there is no way back")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, slug: str, yes: bool, **options: Any) -> None:
        with commands.organization(slug) as organization:
            if not yes:
                raise CommandError(
                    f"This deletes {slug} for good, with its connection and members; repeat it with --yes."
                )
            receipt = delete_organization(organization)
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {
                        "id": str(receipt.organization_id),
                        "rows": receipt.rows,
                        "revocations": receipt.revocations,
                        "note": _BACKUPS,
                    }
                )
            )
        else:
            self._print(slug, receipt)

    def _print(self, slug: str, receipt: Receipt) -> None:
        self.stdout.write(f"{slug} ({receipt.organization_id}) is deleted.")
        for table, count in receipt.rows.items():
            self.stdout.write(f"  {table:<40} {count:>8,} rows")
        self.stdout.write(
            f"Tokens revoked: {receipt.revocations.get(Revoked.ACCESS, 0)}. Not revoked, and "
            f"erased here: {_not_revoked(receipt)}; these end in Notion's settings."
        )
        self.stdout.write(f"The audit chain is kept: manage.py verify_audit {receipt.organization_id}.")
        self.stdout.write(_BACKUPS)


def _not_revoked(receipt: Receipt) -> int:
    return sum(count for outcome, count in receipt.revocations.items() if outcome != Revoked.ACCESS)
