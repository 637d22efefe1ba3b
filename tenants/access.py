"""Who may come in: slug → membership or key, or 404 → permission or 403, in one call.

Pages and the API use the same getters. They enter the organization's scope for the rest of the request.
"""

from __future__ import annotations

import re
from typing import cast

from django.db import transaction
from django.http import HttpRequest

from notionscan import rls
from tenants import policy, selectors
from tenants.models import ServiceAccount, User
from tenants.policy import Agent, Caller, Member, Outsider
from tenants.roles import Permission

# The API's router lets any text through, NUL included, which PostgreSQL refuses.
_SLUG = re.compile(r"[a-z0-9-]{1,50}")


def person(request: HttpRequest) -> User:
    """Return who is logged in; LoginRequiredMiddleware and the API's auth let nobody else through."""
    return cast(User, request.user)


def account(request: HttpRequest) -> ServiceAccount | None:
    """Return the service account whose key the API's auth accepted, if the caller is one."""
    found = getattr(request, "auth", None)
    return found if isinstance(found, ServiceAccount) else None


def member(request: HttpRequest, slug: str, permission: Permission) -> Member:
    """Return the caller as a person who holds the permission, and enter the organization's scope.

    Raises: Outsider (404) if not a member; Forbidden (403) if the role does not allow it, and for service
    accounts: this getter guards what is for people alone.
    """
    found = caller(request, slug, permission)
    if isinstance(found, Agent):
        raise policy.Forbidden(found, permission, policy.Reason.MATURITY)
    return found


def caller(request: HttpRequest, slug: str, permission: Permission, *, everywhere: bool = True) -> Caller:
    """Return the caller, a person or a service account, who holds the permission; enter the scope.

    Raises: Outsider (404) if it is not the caller's organization; Forbidden (403).
    """
    agent = account(request)
    actor = agent or person(request)
    found = _of_key(agent, slug) if agent else _of_person(person(request), slug)
    # Raised outside the transaction, which a refusal must not spoil for whoever called us inside theirs.
    if found is None:
        raise Outsider(actor, slug)
    policy.authorize(found, permission, everywhere=everywhere)
    return found


def _of_key(agent: ServiceAccount, slug: str) -> Agent | None:
    # The scope was entered when the key was checked.
    return Agent(agent) if agent.organization.slug == slug else None


def _of_person(user: User, slug: str) -> Member | None:
    if not _SLUG.fullmatch(slug):
        return None
    with transaction.atomic(savepoint=False):
        rls.enter(rls.user_scope(user.pk))
        membership = selectors.membership_with_grants(user, slug)
    if membership is None:
        return None
    membership.user = user
    rls.enter(rls.organization_scope(membership.organization_id, user_id=user.pk))
    # The grants and not has_perm(): that says yes to every superuser, and staff have no standing access here.
    return Member(membership, frozenset(membership.codenames))  # type: ignore[attr-defined]  # annotated
