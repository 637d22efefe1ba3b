from django import forms

from scans.models import Schedule, Share
from scans.services.share import DEFAULT_DAYS, MOST_DAYS


class ScheduleForm(forms.Form):
    every = forms.ChoiceField(
        choices=[("", "Off"), *Schedule.Every.choices],
        required=False,
        error_messages={"invalid_choice": "Choose off, daily or weekly."},
    )


class StartForm(forms.Form):
    full = forms.BooleanField(required=False)


class MuteForm(forms.Form):
    """Why something is muted, and until when; a mute without an end would hide it for good."""

    rule = forms.CharField(max_length=8)
    scope = forms.UUIDField(required=False, error_messages={"invalid": "Name the object by its id."})
    reason = forms.CharField(max_length=500, error_messages={"required": "Say why it is muted."})
    until = forms.DateField(
        error_messages={
            "required": "Say until when it is muted.",
            "invalid": "Give a day such as 2027-01-31.",
        }
    )

    def clean_scope(self) -> str:
        return str(self.cleaned_data["scope"] or "")


class AssignForm(forms.Form):
    owner = forms.UUIDField(required=False, error_messages={"invalid": "Choose a member."})
    due_on = forms.DateField(required=False, error_messages={"invalid": "Give a day such as 2027-01-31."})


class ShareForm(forms.Form):
    recipient = forms.CharField(max_length=254, error_messages={"required": "Say whom the link is for."})
    days = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_DAYS,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value"), f"A link lives for 1 to {MOST_DAYS} days."
        ),
    )
    passcode = forms.CharField(required=False, max_length=128, strip=False)
    redaction = forms.ChoiceField(
        choices=Share.Redaction.choices,
        required=False,
        error_messages={"invalid_choice": "Choose what the link hides."},
    )

    def clean_days(self) -> int:
        return int(self.cleaned_data["days"] or DEFAULT_DAYS)

    def clean_redaction(self) -> str:
        return str(self.cleaned_data["redaction"] or Share.Redaction.INITIALS)
