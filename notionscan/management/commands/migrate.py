"""``migrate`` on the owner's connection, then the scope's key and the rights of the other two roles."""

from __future__ import annotations

from typing import Any

from django.core.management import CommandError, call_command
from django.core.management.base import CommandParser
from django.core.management.commands import migrate
from django.db import connections, transaction

from notionscan import catalogue, grants, scope_key


class Command(migrate.Command):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def execute(self, *args: Any, **options: Any) -> Any:
        # Before the system checks, which would ask a connection that is not there.
        if "owner" not in connections:
            raise CommandError("migrate needs the owner role; set DATABASE_OWNER_URL.")
        return super().execute(*args, **options)

    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if options["plan"] or options["check_unapplied"]:
            return
        call_command("createcachetable", database="owner", verbosity=0)
        scope_key.install("owner")
        with transaction.atomic(using="owner"):
            grants.apply("owner")
            self._refuse_holes()

    def _refuse_holes(self) -> None:
        with connections["owner"].cursor() as cursor:
            faults = catalogue.faults(cursor, role=grants.role_of("default"))
        if faults:
            raise CommandError(" ".join(fault.sentence for fault in faults))
