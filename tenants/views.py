"""The way into an organization, and its members page."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from notionscan import rls
from notionscan.http import Request
from tenants import access, selectors
from tenants.forms import RoleForm
from tenants.models import Membership
from tenants.policy import Member
from tenants.roles import Permission, Role
from tenants.services.members import LastAdmin, change_role, remove_member


@require_safe
@transaction.atomic
def home(request: Request) -> HttpResponse:
    user = access.person(request)
    rls.enter(rls.user_scope(user.pk))
    memberships = list(selectors.memberships_of(user))
    if len(memberships) == 1:
        return redirect("overview", memberships[0].organization.slug)
    return render(request, "tenants/home.html", {"memberships": memberships})


@require_safe
def members(request: Request, slug: str) -> HttpResponse:
    return _members(request, access.member(request, slug, Permission.READ))


@require_POST
def member_role(request: Request, slug: str, membership_id: UUID) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    form = RoleForm(request.POST)
    if not form.is_valid():
        return _members(request, member, error=str(form.errors["role"][0]), status=400)
    try:
        changed = change_role(
            membership=_membership(member, membership_id),
            role=Role(form.cleaned_data["role"]),
            actor=member.user,
        )
    except LastAdmin as refusal:
        return _members(request, member, error=str(refusal))
    except Membership.DoesNotExist:
        raise Http404 from None
    return _done(request, member, f"{changed.user} is now {changed.get_role_display().lower()}.")


@require_POST
def member_remove(request: Request, slug: str, membership_id: UUID) -> HttpResponse:
    member = access.member(request, slug, Permission.MANAGE)
    membership = _membership(member, membership_id)
    try:
        remove_member(membership=membership, actor=member.user)
    except LastAdmin as refusal:
        return _members(request, member, error=str(refusal))
    except Membership.DoesNotExist:
        raise Http404 from None
    if membership.user == member.user:
        return redirect("home")
    return _done(request, member, f"{membership.user} is no longer a member.")


@transaction.atomic
def _membership(member: Member, membership_id: UUID) -> Membership:
    found = selectors.members(member.organization).filter(pk=membership_id).first()
    if found is None:
        raise Http404
    found.organization = member.organization
    return found


def _done(request: Request, member: Member, sentence: str) -> HttpResponse:
    # Who gave up their own role of admin, or was changed meanwhile, must not be shown stale buttons.
    member = access.member(request, member.organization.slug, Permission.READ)
    if request.htmx:
        return _members(request, member, success=sentence)
    messages.success(request, sentence)
    return redirect("tenants:members", member.organization.slug)


@transaction.atomic
def _members(
    request: Request, member: Member, *, error: str = "", success: str = "", status: int = 409
) -> HttpResponse:
    """Render the list; ``status`` is the one of an error."""
    people = list(selectors.members(member.organization))
    for person in people:
        person.is_self = person.user_id == member.user.pk  # type: ignore[attr-defined]
    removing = next((person for person in people if str(person.pk) == request.GET.get("remove")), None)
    context = {
        "organization": member.organization,
        "member": member,
        "members": people,
        "roles": Role.choices,
        "dialog": {"kind": "remove", "membership": removing} if removing and member.may_manage else None,
        "message": {"level": "error", "text": error}
        if error
        else {"level": "success", "text": success}
        if success
        else None,
    }
    template = "tenants/_members.html" if request.htmx else "tenants/members.html"
    return render(request, template, context, status=status if error else 200)
