"""``manage.py verify_report FILE --public-key KEY``"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from scans import seal


class Command(BaseCommand):
    help = "Check a report's seal, without the database; exit 1 where it was altered or signed by another."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the report as JSON (- reads it from input)")
        parser.add_argument("--public-key", required=True, help="the site's, as the report's page shows it")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, file: str, public_key: str, **options: Any) -> None:
        try:
            text = sys.stdin.read() if file == "-" else Path(file).read_text()
        except (OSError, UnicodeDecodeError):
            raise CommandError(f"The file {file} cannot be read.") from None
        try:
            report = seal.verify(text, public_key=public_key)
        except seal.SealBroken as broken:
            raise CommandError(str(broken)) from None
        named = {name: report[name] for name in ("organization", "scan", "calibration", "engine")}
        if options["json"]:
            self.stdout.write(json.dumps(named))
        else:
            self.stdout.write(
                f"The report on scan {named['scan']['number']} of {named['organization']['name']} is as it "
                f"was sealed: calibration {named['calibration']['number']}, engine {named['engine']}."
            )
