"""Create users and set their passwords; sign-up is closed, so this is the only way in."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.validators import validate_email

from audit.actions import Action
from audit.record import record
from tenants.models import User
from tenants.own_scope import own_scope


def find_or_create_user(email: str) -> User:
    """Return the user with this address, in any case.

    Raises: ValidationError if it is not an e-mail address.
    """
    validate_email(email)
    User(email=email).clean_fields(exclude=["password"])
    found = User.objects.filter(email__iexact=email).first()
    return found or _create_user(email)


def set_password(*, user: User, password: str) -> None:
    """Set a user's password on an operator's behalf, and mark the address verified.

    Raises: ValidationError if the password is too weak.
    """
    validate_password(password, user)
    user.set_password(password)
    with own_scope(user):
        user.save(update_fields=["password"])
        EmailAddress.objects.filter(user=user, email=user.email).update(verified=True, primary=True)
        record(action=Action.PASSWORD_CHANGED, organization=None, actor=None, target=user)


def _create_user(email: str) -> User:
    user = User(email=User.objects.normalize_email(email).lower())
    user.set_unusable_password()
    with own_scope(user):
        user.save(force_insert=True)
        # Now, because allauth would make a missing one at login, where no scope is entered yet.
        EmailAddress.objects.create(user=user, email=user.email)
    return user
