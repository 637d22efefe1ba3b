"""``manage.py remove_member SLUG EMAIL``"""

from __future__ import annotations

import json
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.db import transaction

from tenants import commands, selectors
from tenants.services.members import LastAdmin, remove_member


class Command(BaseCommand):
    help = "End a membership; the person's open sessions lose the organization at once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("email")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, slug: str, email: str, **options: Any) -> None:
        with commands.organization(slug) as organization, transaction.atomic():
            membership = selectors.members(organization).filter(user__email__iexact=email).first()
            if membership is None:
                raise CommandError(f"{email} is not a member of {slug}.")
            try:
                remove_member(membership=membership, actor=None)
            except LastAdmin as refusal:
                raise CommandError(str(refusal)) from None
        if options["json"]:
            self.stdout.write(json.dumps({"organization": slug, "email": membership.user.email}))
        else:
            self.stdout.write(f"{membership.user.email} is no longer a member of {slug}.")
