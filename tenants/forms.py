"""What people send to the pages of members and of service accounts."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.utils import timezone

from tenants.roles import Maturity, Role
from tenants.roots import root_of
from tenants.services.service_accounts import DEFAULT_DAYS, MOST_REQUESTS_PER_MINUTE

_DEFAULT_REQUESTS = 60


class RoleForm(forms.Form):
    role = forms.ChoiceField(
        choices=Role.choices,
        error_messages={
            "required": "Choose a role.",
            "invalid_choice": "Choose admin, editor or viewer.",
        },
    )


class MaturityForm(forms.Form):
    maturity = forms.ChoiceField(
        choices=Maturity.choices,
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"), "Choose student, intern, supervised or autonomous."
        ),
    )


class ServiceAccountForm(MaturityForm):
    name = forms.CharField(
        max_length=100,
        error_messages={
            "required": "Give the service account a name.",
            "max_length": "A name has at most 100 characters.",
        },
    )
    roots = forms.CharField(required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 3}))
    requests_per_minute = forms.IntegerField(
        min_value=1,
        max_value=MOST_REQUESTS_PER_MINUTE,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"),
            f"A budget is 1 to {MOST_REQUESTS_PER_MINUTE} requests a minute.",
        ),
    )
    last_day = forms.DateField(
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages=dict.fromkeys(
            ("required", "invalid"), "Say on which day the key ends, such as 2027-01-31."
        ),
    )

    def clean_roots(self) -> list[UUID]:
        found = []
        for number, line in enumerate(self.cleaned_data["roots"].splitlines(), 1):
            if not line.strip():
                continue
            root = root_of(line)
            if root is None:
                raise forms.ValidationError(
                    f"Line {number} names no page or database of Notion. Paste its link, or its id."
                )
            found.append(root)
        return found

    def clean_last_day(self) -> datetime:
        return datetime.combine(self.cleaned_data["last_day"], time(23, 59, 59), UTC)

    @property
    def asked_for(self) -> dict[str, Any]:
        """What was asked for, as the service takes it."""
        data = self.cleaned_data
        return {
            "name": data["name"],
            "maturity": Maturity(data["maturity"]),
            "roots": data["roots"],
            "requests_per_minute": data["requests_per_minute"],
            "expires_at": data["last_day"],
        }


def new_service_account() -> ServiceAccountForm:
    """Return the form as it opens: an account that reads, for the usual time."""
    last_day = timezone.now() + timedelta(days=DEFAULT_DAYS)
    return ServiceAccountForm(
        initial={
            "maturity": Maturity.INTERN,
            "requests_per_minute": _DEFAULT_REQUESTS,
            "last_day": last_day.date().isoformat(),
        }
    )
