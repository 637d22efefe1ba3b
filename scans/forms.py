from django import forms

from scans.models import Schedule


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
