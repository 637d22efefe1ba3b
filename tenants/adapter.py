"""allauth as we use it: sign-up is closed, and logging in and out is audited."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.db import transaction
from django.http import HttpRequest

from audit.actions import Action, Result
from audit.record import record
from tenants.models import User


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Say no: members come by ``add_member``."""
        return False

    def login(self, request: HttpRequest, user: User) -> None:
        with transaction.atomic():
            super().login(request, user)
            record(action=Action.LOGIN, organization=None, actor=user, target=user)

    def logout(self, request: HttpRequest) -> None:
        user = request.user
        with transaction.atomic():
            super().logout(request)
            if isinstance(user, User):
                record(action=Action.LOGOUT, organization=None, actor=user, target=user)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        super().authentication_failed(request, **credentials)
        # The address is not kept: what people type there is sometimes the password.
        with transaction.atomic():
            record(
                action=Action.LOGIN_FAILED,
                organization=None,
                actor=None,
                result=Result.DENIED,
                known=User.objects.filter(email__iexact=credentials.get("email", "")).exists(),
            )
