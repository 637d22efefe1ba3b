"""allauth as we use it: sign-up is closed, logins are limited, and logging in and out is audited."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase

from audit.actions import Action, Result
from audit.record import record
from notionscan import limits
from tenants.known_browser import login_limits, remember
from tenants.models import User
from tenants.own_scope import own_scope


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Say no: members come by ``add_member``."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        super().send_mail(template_prefix, email, context | {"site_url": settings.BASE_URL})

    def get_reset_password_from_key_url(self, key: str) -> str:
        return _at_our_address(super().get_reset_password_from_key_url(key))

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:
        return _at_our_address(super().get_email_confirmation_url(request, emailconfirmation))

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Raises: LimitReached, before the password is looked at, so that guessing on tells nothing."""
        with limits.attempt(login_limits(request, credentials.get("email", ""))) as attempt:
            user: User | None = super().authenticate(request, **credentials)
            if user is None:
                attempt.failed()
        return user

    def post_login(
        self, request: HttpRequest, user: User, *, email: str | None, **details: Any
    ) -> HttpResponseBase:
        response: HttpResponseBase = super().post_login(request, user, email=email, **details)
        remember(response, email or user.email)
        return response

    def login(self, request: HttpRequest, user: User) -> None:
        # Django writes last_login.
        with own_scope(user):
            super().login(request, user)
            record(action=Action.LOGIN, organization=None, actor=user, target=user)

    def logout(self, request: HttpRequest) -> None:
        user = request.user
        with transaction.atomic():
            super().logout(request)
            if isinstance(user, User):
                record(action=Action.LOGOUT, organization=None, actor=user, target=user)

    def set_password(self, user: User, password: str) -> None:
        user.set_password(password)
        with own_scope(user):
            user.save(update_fields=["password"])
            record(action=Action.PASSWORD_CHANGED, organization=None, actor=user, target=user)

    def confirm_email(self, request: HttpRequest, email_address: Any) -> bool:
        """Return False for the address that another person logs in with, verified or not."""
        others = User.objects.exclude(pk=email_address.user_id)
        if others.filter(email__iexact=email_address.email).exists():
            return False
        with own_scope(email_address.user):
            confirmed: bool = super().confirm_email(request, email_address)
            return confirmed

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


def _at_our_address(url: str) -> str:
    """Return a mail's link with our own address in it, whatever Host the request named."""
    return f"{settings.BASE_URL}{urlsplit(url).path}"
