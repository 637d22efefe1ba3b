"""``manage.py check_connections [--org SLUG]``"""

from __future__ import annotations

import json
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.db import transaction

from integrations.http.errors import LocalOnly
from integrations.services.checks import Check, Outcome, check_connections
from notionscan import rls
from tenants import commands, selectors
from tenants.models import Organization

_SAYS = {
    Outcome.WORKING: "works",
    Outcome.RECOVERED: "works again",
    Outcome.DEAD: "no longer works",
    Outcome.IN_ERROR: "is in error",
    Outcome.UNCHECKED: "could not be checked",
}


class Command(BaseCommand):
    help = "Ask whether the token of each connection is still accepted; one that is dead is erased."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--org", default=None, metavar="SLUG", help="this organization alone")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, org: str | None, **options: Any) -> None:
        ids = commands.all_organization_ids() if org is None else [selectors.organization_id(org)]
        if ids == [None]:
            raise CommandError(f"There is no organization with the slug {org}.")
        found: list[tuple[str, Check]] = []
        for organization_id in filter(None, ids):
            with rls.scope(rls.organization_scope(organization_id)):
                with transaction.atomic():
                    organization = Organization.objects.filter(pk=organization_id).first()
                # Deleted since the list was made, there is nothing to check.
                if organization is not None:
                    found += [(organization.slug, check) for check in self._checks(organization)]
        self._print(found, as_json=options["json"])
        unchecked = [slug for slug, check in found if check.outcome is Outcome.UNCHECKED]
        if unchecked:
            raise CommandError(f"Not checked, and left as they are: {', '.join(unchecked)}.")

    def _checks(self, organization: Organization) -> list[Check]:
        try:
            return check_connections(organization_id=organization.pk)
        except LocalOnly as refusal:
            raise CommandError(refusal.sentence) from None

    def _print(self, found: list[tuple[str, Check]], *, as_json: bool) -> None:
        if as_json:
            rows = [
                {
                    "organization": slug,
                    "provider": check.provider,
                    "result": check.outcome.value,
                    "code": check.code or None,
                    "message": check.sentence or None,
                }
                for slug, check in found
            ]
            self.stdout.write(json.dumps(rows))
            return
        for slug, check in found:
            said = f"{slug}: {check.provider} {_SAYS[check.outcome]}. {check.sentence}"
            self.stdout.write(said.rstrip())
        if not found:
            self.stdout.write("There is no connection to check.")
