"""The filters and the downloads of the audit page."""

from __future__ import annotations

from django import forms
from django.db.models import QuerySet

from audit.actions import Action, Result
from audit.exports import Format
from audit.models import Event


class EventFilter(forms.Form):
    action = forms.ChoiceField(choices=[("", "Any action"), *Action.choices], required=False)
    actor = forms.UUIDField(required=False)
    result = forms.ChoiceField(choices=[("", "Any result"), *Result.choices], required=False)

    def apply(self, events: QuerySet[Event]) -> QuerySet[Event]:
        """Return the events that match; a value that is not offered matches nothing."""
        if not self.is_valid():
            return events.none()
        wanted = {"action": "action", "actor": "actor_id", "result": "result"}
        return events.filter(
            **{
                column: self.cleaned_data[name]
                for name, column in wanted.items()
                if self.cleaned_data[name] not in ("", None)
            }
        )


class ExportForm(forms.Form):
    format = forms.ChoiceField(choices=Format.choices)
