"""``manage.py scan SLUG [--full] [--wait]``"""

from __future__ import annotations

import json
import time
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.db import transaction

from integrations.errors import IntegrationError
from integrations.http.errors import LocalOnly
from scans.models import Scan
from scans.selectors import progress
from scans.services.start import start_scan
from tenants import commands

_POLL_SECONDS = 0.5


class Command(BaseCommand):
    help = "Start a scan of an organization's workspace; a worker carries it out."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument(
            "--full", action="store_true", help="read everything, and not only what was edited since"
        )
        parser.add_argument("--wait", action="store_true", help="show the progress, and print the result")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, slug: str, full: bool, wait: bool, **options: Any) -> None:
        with commands.organization(slug) as organization:
            try:
                scan = start_scan(organization=organization, actor=None, full=full)
            except (IntegrationError, LocalOnly) as refusal:
                raise CommandError(refusal.sentence) from None
            if wait:
                scan = self._ended(scan)
        if options["json"]:
            result = {"id": str(scan.pk), "number": scan.number, "status": scan.status, **scan.coverage}
            self.stdout.write(json.dumps(result))
        else:
            self._print(scan)
        if wait and scan.status != Scan.Status.COMPLETE:
            raise CommandError(f"Scan {scan.number} ended {scan.get_status_display().lower()}.")

    def _ended(self, scan: Scan) -> Scan:
        while scan.status in Scan.LIVE:
            time.sleep(_POLL_SECONDS)
            with transaction.atomic():
                scan = Scan.objects.get(organization_id=scan.organization_id, pk=scan.pk)
            if self.stderr.isatty():
                self._show(scan)
        if self.stderr.isatty():
            self.stderr.write("")
        return scan

    def _show(self, scan: Scan) -> None:
        now = progress(scan)
        done = 30 * min(now.objects, now.about) // now.about if now.about else 0
        about = f" of about {now.about:,}" if now.about else ""
        until = f", waiting until {scan.waiting_until:%H:%M} UTC" if scan.waiting_until else ""
        line = f"[{'#' * done:.<30}] {now.objects:,}{about} objects, {scan.requests:,} requests{until}"
        # Without Django's style of errors.
        self.stderr.write(f"\r{line:<90}", str, ending="")

    def _print(self, scan: Scan) -> None:
        self.stdout.write(f"Scan {scan.number}: {scan.get_status_display().lower()}")
        for kind, count in scan.coverage.get("objects", {}).items():
            self.stdout.write(f"  {kind:<16} {count:>10,}")
        for sentence in scan.coverage.get("reasons", []):
            self.stdout.write(f"  {sentence}")
        if caveat := scan.coverage.get("caveat"):
            self.stdout.write(f"  {caveat}")
