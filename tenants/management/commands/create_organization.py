"""``manage.py create_organization SLUG --name NAME``"""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.db import IntegrityError

from tenants.services.organizations import create_organization


class Command(BaseCommand):
    help = "Create an organization and print its id and slug."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="lower-case letters, digits and hyphens; part of its addresses")
        parser.add_argument("--name", required=True)
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, slug: str, name: str, **options: Any) -> None:
        try:
            organization = create_organization(slug=slug, name=name, actor=None)
        except ValidationError as problem:
            raise CommandError(" ".join(problem.messages)) from None
        except IntegrityError:
            raise CommandError(f"An organization with the slug {slug} exists already.") from None
        if options["json"]:
            self.stdout.write(json.dumps({"id": str(organization.pk), "slug": slug}))
        else:
            self.stdout.write(f"{organization.pk} {slug}")
