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
