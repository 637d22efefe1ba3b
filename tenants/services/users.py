"""Create users and set their passwords; sign-up is closed, so this is the only way in."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.validators import validate_email
from django.db import transaction

from tenants.models import User


def find_or_create_user(email: str) -> User:
    """Return the user with this address, in any case.

    Raises: ValidationError if it is not an e-mail address.
    """
    validate_email(email)
    User(email=email).clean_fields(exclude=["password"])
    found = User.objects.filter(email__iexact=email).first()
    return found or User.objects.create_user(email)


@transaction.atomic
def set_password(*, user: User, password: str) -> None:
    """Set a user's password and mark the address verified.

    Raises: ValidationError if the password is too weak.
    """
    validate_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    EmailAddress.objects.update_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )
