"""``manage.py connect_internal SLUG [--token-stdin] [--workspace-id ID]``"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser
from django.views.decorators.debug import sensitive_variables

from integrations.errors import IntegrationError
from integrations.forms import ConnectForm
from integrations.http.errors import ProviderError
from integrations.services.connect import connect_internal
from tenants import commands


class Command(BaseCommand):
    help = "Connect Notion by an internal integration's token, from NOTION_API_KEY or standard input."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        # Never as an argument: other users of the machine can read those.
        parser.add_argument(
            "--token-stdin", action="store_true", help="read the token's line from standard input"
        )
        parser.add_argument("--workspace-id", default="", help="refuse a token of any other workspace")
        parser.add_argument("--json", action="store_true")

    @sensitive_variables()
    def handle(self, *args: Any, slug: str, workspace_id: str, **options: Any) -> None:
        token = sys.stdin.readline() if options["token_stdin"] else os.environ.get("NOTION_API_KEY", "")
        form = ConnectForm({"token": token, "workspace_id": workspace_id})
        if not form.is_valid():
            sentence = next(str(messages[0]) for messages in form.errors.values())
            where = "" if token.strip() else " Pass it by --token-stdin or NOTION_API_KEY."
            raise CommandError(sentence + where)
        try:
            with commands.organization(slug) as organization:
                integration = connect_internal(
                    organization=organization,
                    actor=None,
                    token=form.cleaned_data["token"],
                    workspace_id=form.cleaned_data["workspace_id"],
                )
        except (IntegrationError, ProviderError) as refusal:
            raise CommandError(refusal.sentence) from None
        if options["json"]:
            workspace = {"workspaceId": str(integration.workspace_id), "workspaceName": str(integration)}
            self.stdout.write(json.dumps({"ok": True, **workspace}))
        else:
            self.stdout.write(f"{slug} is connected to {integration}.")
