"""``manage.py export_audit SLUG --format jsonl|csv [--since DATE]``"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from audit.exports import Format, Unreadable, export
from tenants import commands


class Command(BaseCommand):
    help = "Write an organization's audit log to standard output. The export itself is recorded."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--format", dest="kind", required=True, choices=Format.values)
        parser.add_argument("--since", default="", metavar="DATE", help="such as 2026-11-01")

    def handle(self, *args: Any, slug: str, kind: str, since: str, **options: Any) -> None:
        moment = _moment(since) if since else None
        with commands.organization(slug) as organization:
            lines = export(organization_id=organization.pk, actor=None, kind=Format(kind), since=moment)
            try:
                for line in lines:
                    self.stdout.write(line, ending="")
                self.stdout.flush()
            except Unreadable as failure:
                raise CommandError(failure.sentence) from None
            except BrokenPipeError:
                # Whoever read has enough (`| head`); Python would complain once more at its own end.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                sys.exit(1)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text} is not a date; write it as 2026-11-01, or with a time.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
