"""``manage.py verify_audit [SLUG] [--checkpoint FILE]``"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from audit import chain, checkpoints, selectors
from tenants.commands import require_owner
from tenants.selectors import organization_id


class Command(BaseCommand):
    help = "Check the audit log's chains; exit 1, naming the first bad event, where one is broken."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "slug", nargs="?", default="", help="one organization, by slug or id (default: every chain)"
        )
        parser.add_argument(
            "--checkpoint",
            metavar="FILE",
            help="also hold the log against this checkpoint (- reads it from input)",
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, slug: str, checkpoint: str | None, **options: Any) -> None:
        if checkpoint and not slug:
            raise CommandError("A checkpoint is one organization's: name its slug as well.")
        ids = [_named(slug)] if slug else _all()
        known = _known(checkpoint, ids[0]) if checkpoint else chain.START
        results = [self._verified(one, known) for one in ids]
        broken = [result for result in results if result["problem"]]
        if options["json"]:
            self.stdout.write(json.dumps(results))
        elif not broken:
            events = sum(int(str(result["events"])) for result in results)
            chains = "chain" if len(results) == 1 else "chains"
            self.stdout.write(f"{len(results):,} {chains} with {events:,} events: whole.")
        if broken:
            raise CommandError(
                " ".join(f"Organization {result['organization']}: {result['problem']}" for result in broken)
            )

    def _verified(self, organization_id: UUID, known: chain.Link) -> dict[str, object]:
        try:
            end = chain.verify(organization_id, known=known, advance=self._advance)
        except chain.Broken as broken:
            return {
                "organization": str(organization_id),
                "events": broken.sequence - 1,
                "firstBad": broken.sequence,
                "problem": str(broken),
            }
        return {
            "organization": str(organization_id),
            "events": end.sequence,
            "hash": end.hash,
            "problem": None,
        }

    def _advance(self, sequence: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{sequence:,} events", ending="")


def _all() -> list[UUID]:
    require_owner()
    return selectors.chains()


def _named(slug: str) -> UUID:
    # A slug may have the form of an id.
    if found := organization_id(slug):
        return found
    with suppress(ValueError):
        if (named := UUID(slug)) in _all():
            return named
    raise CommandError(
        f"There is no organization with the slug {slug}, and no chain with this id; a deleted organization "
        "is named by its id."
    )


def _known(checkpoint: str, organization_id: UUID) -> chain.Link:
    try:
        text = sys.stdin.read() if checkpoint == "-" else Path(checkpoint).read_text()
        return checkpoints.read(text, organization_id)
    except (OSError, UnicodeDecodeError):
        raise CommandError(f"The checkpoint {checkpoint} cannot be read.") from None
    except checkpoints.CheckpointRefused as refusal:
        raise CommandError(str(refusal)) from None
