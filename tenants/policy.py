"""What a caller may do: one rule for people, scripts and agents, on every way in. Deny is the default."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404

from tenants.models import Actor, Membership, Organization, ServiceAccount, User
from tenants.roles import OF_MATURITY, Maturity, Permission


class Reason(enum.StrEnum):
    """Why something is denied, as the audit log has it."""

    ROLE = "role"
    MATURITY = "maturity"
    SUSPENDED = "suspended"
    ROOTS = "roots"


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
    def actor(self) -> Actor:
        return self.membership.user

    @property
    def role(self) -> str:
        return self.membership.role

    @property
    def may_write(self) -> bool:
        return Permission.WRITE in self.permissions

    @property
    def may_delete(self) -> bool:
        return Permission.DELETE in self.permissions

    @property
    def may_manage(self) -> bool:
        return Permission.MANAGE in self.permissions


@dataclass(frozen=True)
class Agent:
    """A service account in its organization; its key was checked."""

    account: ServiceAccount

    @property
    def organization(self) -> Organization:
        return self.account.organization

    @property
    def actor(self) -> Actor:
        return self.account

    @property
    def permissions(self) -> frozenset[str]:
        return frozenset(OF_MATURITY[Maturity(self.account.maturity)])


Caller = Member | Agent


class Outsider(Http404):
    """The organization does not exist, or is not the caller's: the same answer."""

    def __init__(self, actor: Actor, slug: str) -> None:
        super().__init__("There is nothing here, or you are not a member of it.")
        self.actor = actor
        self.slug = slug


class Forbidden(PermissionDenied):
    """The caller belongs to the organization, and may not do this."""

    def __init__(self, caller: Caller, permission: Permission, reason: Reason) -> None:
        super().__init__(_sentence(caller, reason))
        self.caller = caller
        self.permission = permission
        self.reason = reason


def authorize(caller: Caller, permission: Permission, *, everywhere: bool = True) -> None:
    """Let a caller do something in its organization, or refuse.

    ``everywhere`` where it is about the whole organization, which an account with roots never is.
    Raises: Forbidden.
    """
    if isinstance(caller, Agent) and caller.account.suspended_at is not None:
        raise Forbidden(caller, permission, Reason.SUSPENDED)
    if permission not in caller.permissions:
        raise Forbidden(caller, permission, Reason.ROLE if isinstance(caller, Member) else Reason.MATURITY)
    if everywhere and roots_of(caller):
        raise Forbidden(caller, permission, Reason.ROOTS)


def authorize_object(caller: Caller, permission: Permission, lineage: Iterable[UUID]) -> None:
    """Let a caller use an object of Notion's, given its id and the ids of all that it stands in, or refuse.

    Raises: Forbidden.
    """
    roots = roots_of(caller)
    if roots and roots.isdisjoint(lineage):
        raise Forbidden(caller, permission, Reason.ROOTS)


def roots_of(caller: Caller) -> frozenset[UUID]:
    """Return what a caller is limited to, with all below it; empty where there is no such limit."""
    return frozenset(caller.account.roots) if isinstance(caller, Agent) else frozenset()


def _sentence(caller: Caller, reason: Reason) -> str:
    whom = f"Ask an admin of {caller.organization.name}."
    if isinstance(caller, Member):
        role = caller.membership.get_role_display().lower()
        return f"Your role in this organization ({role}) does not allow this. {whom}"
    if reason is Reason.SUSPENDED:
        return (
            "This service account is suspended, because whoever answered for it left the organization. "
            f"An admin of {caller.organization.name} confirms it on the page Service accounts."
        )
    if reason is Reason.ROOTS:
        return f"This service account is limited to some parts of Notion, and this is outside of them. {whom}"
    maturity = caller.account.get_maturity_display().lower()
    return f"This service account's maturity ({maturity}) does not allow this. {whom}"
