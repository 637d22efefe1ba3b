"""What people type about a connection: checked here once, for the page, the API and the command."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms

from integrations.notion.links import id_of
from notionscan.secret import Secret

TOKEN_CHARACTERS = 2_000


class TokenField(forms.CharField):
    """An opaque token. Notion advises against checking its form; this refuses what no header can carry."""

    def __init__(self) -> None:
        super().__init__(
            label="Integration token",
            strip=True,
            # Never rendered back into the page.
            widget=forms.PasswordInput(
                render_value=False, attrs={"autocomplete": "off", "spellcheck": "false"}
            ),
            error_messages={"required": "Paste the integration's token."},
        )

    def to_python(self, value: object) -> Secret | str:  # type: ignore[override]
        text = super().to_python(value)
        if not text:
            return ""
        if len(text) > TOKEN_CHARACTERS:
            raise forms.ValidationError("This is too long for a token. Paste the token alone.")
        if not text.isascii() or not text.isprintable() or " " in text:
            raise forms.ValidationError(
                "A token has letters, digits and underscores only. Copy it again from Notion."
            )
        return Secret(text)

    def run_validators(self, value: object) -> None:
        """Skip the text validators: the value is a Secret by now."""


class TokenForm(forms.Form):
    token = TokenField()


class ConnectForm(TokenForm):
    workspace_id = forms.UUIDField(
        label="Workspace ID",
        required=False,
        error_messages={
            "invalid": (
                "A workspace ID looks like 231674b6-1f0a-4f1e-9d0b-2f6c1c2b6f3a. "
                "Correct it or leave it empty."
            )
        },
    )

    def full_clean(self) -> None:
        super().full_clean()
        if "workspace_id" in self.errors:
            # What is no workspace ID may well be the token in the wrong field: never show it again.
            self.data = {name: value for name, value in self.data.items() if name != "workspace_id"}


class NotionLinkField(forms.CharField):
    """An id or a link to something in Notion; becomes the id."""

    def __init__(self, *, label: str, help_text: str) -> None:
        super().__init__(
            label=label,
            help_text=help_text,
            widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
            error_messages={"required": "Paste the link, as Notion's Copy link gives it."},
        )

    def to_python(self, value: object) -> UUID | str:  # type: ignore[override]
        text = super().to_python(value)
        if not text:
            return ""
        try:
            return id_of(text)
        except ValueError:
            raise forms.ValidationError(
                "This is neither a link to a page or database in Notion nor an id. In Notion, use Copy link."
            ) from None

    def run_validators(self, value: object) -> None:
        """Skip the text validators: the value is an id by now."""


class _LinkForm(forms.Form):
    # Several stand on one page.
    auto_id = "id_%s"

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id=type(self).auto_id)

    def full_clean(self) -> None:
        super().full_clean()
        if "link" in self.errors:
            # What is no link may well be a token in the wrong field: never show it again.
            self.data = {name: value for name, value in self.data.items() if name != "link"}


class MirrorForm(_LinkForm):
    """The database to mirror events to."""

    auto_id = "mirror_%s"
    link = NotionLinkField(
        label="Link to the database",
        help_text="It needs the columns Action, User, Result, Resource and Timestamp.",
    )
    # Which data source, where the database has several.
    source = forms.UUIDField(required=False)


class ParentForm(_LinkForm):
    """The page below which a database is made."""

    auto_id = "parent_%s"
    link = NotionLinkField(
        label="Link to a page", help_text="The database is made below this page, with the columns it needs."
    )
