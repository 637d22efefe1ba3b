"""Record a refused attempt, after the refused request has rolled back."""

from __future__ import annotations

from django.db import transaction

from audit.actions import Action, Result
from audit.record import label, record
from notionscan.logs import without_keys
from tenants.policy import Forbidden, Outsider


@transaction.atomic
def record_denial(refusal: Forbidden | Outsider, *, path: str, method: str) -> None:
    """Record a member's attempt with the organization, an outsider's with the deployment.

    Whether the organization exists is not asked, so that both answers cost the same.
    """
    if isinstance(refusal, Forbidden):
        record(
            action=Action.ACCESS_DENIED,
            organization=refusal.caller.organization.pk,
            actor=refusal.caller.actor,
            result=Result.DENIED,
            needed=refusal.permission.label,
            reason=refusal.reason,
            method=method,
            path=_without_keys(path),
        )
    else:
        record(
            action=Action.ACCESS_DENIED,
            organization=None,
            actor=refusal.actor,
            result=Result.DENIED,
            method=method,
            path=_without_keys(path),
        )


def _without_keys(path: str) -> str:
    # Whoever takes a key for a part of the address has it refused, and not kept for all admins to read.
    return label(without_keys(path))[:200]
