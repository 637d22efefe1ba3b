"""``manage.py disconnect_all --reason TEXT [--org SLUG]``: the kill switch."""

from __future__ import annotations

import json
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from integrations.services.shutdown import Ended, disconnect_all
from tenants import commands, selectors

_REASON_CHARACTERS = 200


class Command(BaseCommand):
    help = (
        "End every connection at once, also while Notion is down. Workers then revoke the tokens at Notion; "
        "nothing else is sent."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", required=True, help="goes into every organization's audit log")
        parser.add_argument("--org", default=None, metavar="SLUG", help="this organization alone")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, reason: str, org: str | None, **options: Any) -> None:
        if not reason.strip() or len(reason) > _REASON_CHARACTERS:
            raise CommandError(f"Give a reason of 1 to {_REASON_CHARACTERS} characters.")
        ids = commands.all_organization_ids() if org is None else [selectors.organization_id(org)]
        if ids == [None]:
            raise CommandError(f"There is no organization with the slug {org}.")
        ended = disconnect_all([one for one in ids if one], reason=reason.strip())
        missed = [str(organization_id) for organization_id in ended.missed]
        if options["json"]:
            found = {
                "connections": ended.connections,
                "revocationsQueued": ended.revocations,
                "missed": missed,
            }
            self.stdout.write(json.dumps(found))
        else:
            self._print(ended)
        if missed:
            raise CommandError(
                "Still connected, because another transaction held their rows, or they cannot be read: "
                f"{', '.join(missed)}. Run the command again."
            )

    def _print(self, ended: Ended) -> None:
        self.stdout.write(
            f"{ended.connections:,} connections ended. {ended.revocations:,} revocations are queued for the "
            f"worker; {ended.connections - ended.revocations:,} tokens were erased here without one: "
            "internal ones end only in Notion's own settings."
        )
