"""Django's ``createsuperuser`` on the owner's connection: the app's role cannot make anyone staff."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import createsuperuser
from django.core.management import CommandError
from django.core.management.base import CommandParser
from django.db import connections


class Command(createsuperuser.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def execute(self, *args: Any, **options: Any) -> Any:
        if "owner" not in connections:
            raise CommandError("createsuperuser needs the owner role; set DATABASE_OWNER_URL.")
        return super().execute(*args, **options)
