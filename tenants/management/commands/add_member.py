"""``manage.py add_member SLUG EMAIL --role ROLE [--password-stdin]``"""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.db import transaction

from tenants import commands
from tenants.roles import Role
from tenants.services.members import LastAdmin, add_member
from tenants.services.users import find_or_create_user, set_password


class Command(BaseCommand):
    help = "Make a person a member, creating the user if needed, or change a member's role."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("email")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument(
            "--password-stdin",
            action="store_true",
            help="set the password from the first line of standard input and mark the e-mail verified",
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, slug: str, email: str, role: str, **options: Any) -> None:
        password = sys.stdin.readline().rstrip("\r\n") if options["password_stdin"] else None
        try:
            with commands.organization(slug) as organization, transaction.atomic():
                user = find_or_create_user(email)
                if password is not None:
                    set_password(user=user, password=password)
                add_member(organization=organization, user=user, role=Role(role), actor=None)
        except ValidationError as problem:
            raise CommandError(" ".join(problem.messages)) from None
        except LastAdmin as refusal:
            raise CommandError(str(refusal)) from None
        if options["json"]:
            self.stdout.write(json.dumps({"organization": slug, "email": user.email, "role": role}))
        else:
            self.stdout.write(f"{user.email} is {role} of {slug}.")
