"""Service accounts: made with a key that is shown once, changed, suspended, confirmed and revoked."""

from __future__ import annotations

import hashlib
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audit.actions import Action
from audit.record import record
from tenants.models import Membership, Organization, ServiceAccount, User
from tenants.roles import Maturity

PREFIX = "nscan_"
DEFAULT_DAYS = 90
MOST_DAYS = 366
MOST_ROOTS = 50
MOST_REQUESTS_PER_MINUTE = 600
_ALPHABET = string.ascii_letters + string.digits
# 43 of 62 characters: 256 bits.
_KEY_CHARACTERS = 43
_SHOWN_CHARACTERS = len(PREFIX) + 6


class AccountRefused(Exception):
    """What was asked for cannot be; the sentence says what to correct."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NoSuchAccount(Exception):
    """There is no such service account in this organization, or it was revoked."""


@dataclass(frozen=True)
class NewAccount:
    """A new service account, and its key, which is shown now and never again."""

    account: ServiceAccount
    key: str


def create_service_account(
    *,
    organization: Organization,
    actor: User,
    name: str,
    maturity: Maturity,
    roots: Sequence[UUID] = (),
    requests_per_minute: int = 60,
    expires_at: datetime | None = None,
) -> NewAccount:
    """Make a service account that its maker answers for.

    Raises: AccountRefused for an empty name, a bad end, a budget or roots out of bounds, and for a maker who
    left meanwhile.
    """
    until = expires_at or timezone.now() + timedelta(days=DEFAULT_DAYS)
    _refuse(name.strip(), roots, requests_per_minute, until)
    key = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_KEY_CHARACTERS))
    with transaction.atomic():
        _keep_member(organization, actor)
        account = ServiceAccount.objects.create(
            organization=organization,
            name=name.strip(),
            maturity=maturity,
            key_prefix=key[:_SHOWN_CHARACTERS],
            key_hash=hash_of(key),
            roots=list(dict.fromkeys(roots)),
            requests_per_minute=requests_per_minute,
            expires_at=until,
            sponsor_id=actor.pk,
            sponsor_label=str(actor),
        )
        record(
            action=Action.SERVICE_ACCOUNT_CREATED,
            organization=organization.pk,
            actor=actor,
            target=account,
            maturity=maturity.value,
            roots=len(account.roots),
            requests_per_minute=requests_per_minute,
            expires_at=until.isoformat(timespec="seconds"),
        )
    return NewAccount(account, key)


@transaction.atomic
def change_maturity(
    *, organization: Organization, actor: User, account_id: UUID, maturity: Maturity
) -> ServiceAccount:
    """Trust an account more or less, from its next request on; the same again changes nothing.

    Raises: NoSuchAccount.
    """
    account = _locked(organization, account_id)
    before = account.maturity
    if before != maturity:
        account.maturity = maturity
        account.save(update_fields=["maturity"])
        record(
            action=Action.SERVICE_ACCOUNT_CHANGED,
            organization=organization.pk,
            actor=actor,
            target=account,
            before=before,
            maturity=maturity.value,
        )
    return account


@transaction.atomic
def revoke_service_account(*, organization: Organization, actor: User, account_id: UUID) -> ServiceAccount:
    """End an account for good; its key is refused from the next request on.

    Raises: NoSuchAccount, also for one that was revoked before.
    """
    account = _locked(organization, account_id)
    account.revoked_at = timezone.now()
    account.save(update_fields=["revoked_at"])
    record(action=Action.SERVICE_ACCOUNT_REVOKED, organization=organization.pk, actor=actor, target=account)
    return account


@transaction.atomic
def confirm_service_account(*, organization: Organization, actor: User, account_id: UUID) -> ServiceAccount:
    """Answer for a suspended account from now on, so that its key works again.

    Raises: NoSuchAccount; AccountRefused for who left meanwhile.
    """
    _keep_member(organization, actor)
    account = _locked(organization, account_id)
    if account.suspended_at is None:
        return account
    account.suspended_at = None
    account.sponsor_id, account.sponsor_label = actor.pk, str(actor)
    account.save(update_fields=["suspended_at", "sponsor_id", "sponsor_label"])
    record(action=Action.SERVICE_ACCOUNT_CONFIRMED, organization=organization.pk, actor=actor, target=account)
    return account


def suspend_accounts_of(user: User, organization_id: UUID, *, actor: User | None) -> None:
    """Suspend, in the open transaction, the accounts that a leaving member answers for."""
    theirs = ServiceAccount.objects.select_for_update().filter(
        organization_id=organization_id, sponsor_id=user.pk, revoked_at=None, suspended_at=None
    )
    for account in theirs:
        account.suspended_at = timezone.now()
        account.save(update_fields=["suspended_at"])
        record(
            action=Action.SERVICE_ACCOUNT_SUSPENDED,
            organization=organization_id,
            actor=actor,
            target=account,
            reason="its sponsor left the organization",
        )


def hash_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _keep_member(organization: Organization, actor: User) -> None:
    """Let who will answer for an account leave only after the open transaction, and so suspend it too.

    Raises: AccountRefused if they left already.
    """
    # The lock that whoever removes a member takes first.
    Organization.objects.select_for_update().get(pk=organization.pk)
    if not Membership.objects.filter(organization=organization, user_id=actor.pk).exists():
        raise AccountRefused("You are not a member of this organization any more.")


def _locked(organization: Organization, account_id: UUID) -> ServiceAccount:
    found = ServiceAccount.objects.select_for_update().filter(
        organization=organization, pk=account_id, revoked_at=None
    )
    account = found.first()
    if account is None:
        raise NoSuchAccount
    return account


def _refuse(name: str, roots: Sequence[UUID], requests_per_minute: int, until: datetime) -> None:
    if not name or len(name) > 100 or not name.isprintable():
        raise AccountRefused("Give the service account a name of one line, in at most 100 characters.")
    if len(roots) > MOST_ROOTS:
        raise AccountRefused(f"A service account has at most {MOST_ROOTS} roots; choose pages further up.")
    if not 1 <= requests_per_minute <= MOST_REQUESTS_PER_MINUTE:
        raise AccountRefused(f"A budget is 1 to {MOST_REQUESTS_PER_MINUTE} requests a minute.")
    if not timezone.now() < until <= timezone.now() + timedelta(days=MOST_DAYS):
        raise AccountRefused(f"A key ends after now, and within {MOST_DAYS} days.")
