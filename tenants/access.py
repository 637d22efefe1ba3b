"""Who may come in: slug → membership or 404 → permission or 403, in one call.

Pages and the API use the same getter. It enters the organization's scope for the rest of the request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest

from notionscan import rls
from tenants import selectors
from tenants.models import Membership, Organization, User
from tenants.roles import Permission

# The API's router lets any text through, NUL included, which PostgreSQL refuses.
_SLUG = re.compile(r"[a-z0-9-]{1,50}")


@dataclass(frozen=True)
class Member:
    """A person in an organization, with what they may do there."""

    membership: Membership
    permissions: frozenset[str]

    @property
    def organization(self) -> Organization:
        return self.membership.organization

    @property
    def user(self) -> User:
        return self.membership.user

    @property
    def role(self) -> str:
        return self.membership.role

    @property
    def may_write(self) -> bool:
        return Permission.WRITE in self.permissions

    @property
    def may_manage(self) -> bool:
        return Permission.MANAGE in self.permissions


class Outsider(Http404):
    """The organization does not exist, or the person is not a member of it: the same answer."""

    def __init__(self, user: User, slug: str) -> None:
        super().__init__("There is nothing here, or you are not a member of it.")
        self.user = user
        self.slug = slug


class Forbidden(PermissionDenied):
    """The person is a member, and their role does not allow this."""

    def __init__(self, member: Member, permission: Permission) -> None:
        super().__init__(
            f"Your role in this organization ({member.membership.get_role_display().lower()}) does not "
            f"allow this. Ask an admin of {member.organization.name}."
        )
        self.member = member
        self.permission = permission


def person(request: HttpRequest) -> User:
    """Return who is logged in; LoginRequiredMiddleware and the API's auth let nobody else through."""
    return cast(User, request.user)


def member(request: HttpRequest, slug: str, permission: Permission) -> Member:
    """Return the caller as a member who holds the permission, and enter the organization's scope.

    Raises: Outsider (404) if not a member; Forbidden (403) if the role does not allow it.
    """
    user = person(request)
    found = _look_up(user, slug) if _SLUG.fullmatch(slug) else None
    # Raised outside the transaction, which a refusal must not spoil for whoever called us inside theirs.
    if found is None:
        raise Outsider(user, slug)
    if permission not in found.permissions:
        raise Forbidden(found, permission)
    return found


def _look_up(user: User, slug: str) -> Member | None:
    with transaction.atomic(savepoint=False):
        rls.enter(rls.user_scope(user.pk))
        membership = selectors.membership_with_grants(user, slug)
    if membership is None:
        return None
    membership.user = user
    rls.enter(rls.organization_scope(membership.organization_id, user_id=user.pk))
    # The grants and not has_perm(): that says yes to every superuser, and staff have no standing access here.
    return Member(membership, frozenset(membership.codenames))  # type: ignore[attr-defined]  # annotated
