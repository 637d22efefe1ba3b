from django import forms

from tenants.roles import Role


class RoleForm(forms.Form):
    role = forms.ChoiceField(
        choices=Role.choices,
        error_messages={
            "required": "Choose a role.",
            "invalid_choice": "Choose admin, editor or viewer.",
        },
    )
