"""Logging in with an e-mail address and a password."""

from __future__ import annotations

from allauth.account.auth_backends import AuthenticationBackend

from tenants.models import User
from tenants.own_scope import own_scope


class PasswordBackend(AuthenticationBackend):  # type: ignore[misc]  # allauth ships no types
    def _check_password(self, user: User | None, password: str) -> User | None:
        if user is None:
            return None
        # A right password whose hash is of an older strength is hashed anew here, which writes the row.
        with own_scope(user):
            checked: User | None = super()._check_password(user, password)
            return checked
