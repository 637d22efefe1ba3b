"""Processes killed in the middle of audited actions: state and events agree exactly.

``make test`` tries one seed, ``make soak`` many (``NOTIONSCAN_SOAK_SEEDS``).
"""

from __future__ import annotations

import os
import random
import signal
import time
from typing import NoReturn
from uuid import UUID

import pytest
from django.db import connections, transaction

from audit import chain
from audit.actions import Action
from audit.models import Event
from notionscan import rls
from tenants.models import Membership, Organization
from tenants.roles import Role
from tenants.services.members import change_role
from tests.factories import make_member, make_organization, within

ACTIONS = 500
SEEDS = int(os.environ.get("NOTIONSCAN_SOAK_SEEDS", "1"))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_state_and_events_agree_after_random_kills(committed: None, seed: int) -> None:
    acme = make_organization("acme", "Acme")
    for number in range(8):
        make_member(acme, Role.VIEWER, f"person-{number}@acme.example")
    dice = random.Random(seed)
    kills, done, patience = 0, 0, 1.0
    while (now := len(changes(acme))) < ACTIONS:
        # On a busy machine they were killed again and again before they began.
        patience = 1.0 if now > done else 1.5 * patience
        done = now
        workers = [start_worker(acme, dice.random()) for _ in range(2)]
        for worker in workers:
            time.sleep(patience * dice.uniform(0.001, 0.06))
            kills += was_killed(worker)
    assert kills > 20
    # Whatever was under way when a process died left no gap.
    assert chain.verify(acme.pk).sequence == len(changes(acme)) + len(roles(acme)) + 1
    told = {person: replayed(acme, person) for person in roles(acme)}
    assert told == roles(acme)


def start_worker(organization: Organization, seed: float) -> int:
    """Fork a process that changes roles until it is killed; returns its id."""
    # A child must not talk over its parent's connection.
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        work(organization, random.Random(seed))
    return pid


def work(organization: Organization, dice: random.Random) -> NoReturn:
    status = 1
    try:
        with rls.scope(rls.organization_scope(organization.pk)):
            with transaction.atomic():
                members = list(Membership.objects.all())
            for _ in range(ACTIONS):
                change_role(
                    membership=dice.choice(members),
                    role=dice.choice([Role.EDITOR, Role.VIEWER]),
                    actor=None,
                )
        status = 0
    finally:
        # Not through pytest's own end.
        os._exit(status)


def was_killed(pid: int) -> bool:
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert status == signal.SIGKILL or os.waitstatus_to_exitcode(status) == 0
    return status == signal.SIGKILL


def changes(organization: Organization) -> list[Event]:
    with within(organization):
        found = Event.objects.filter(
            organization_id=organization.pk, action=Action.MEMBER_ROLE_CHANGED
        ).order_by("sequence")
        return list(found)


def roles(organization: Organization) -> dict[UUID, str]:
    with within(organization):
        return dict(Membership.objects.values_list("user_id", "role"))


def replayed(organization: Organization, person: UUID) -> str:
    """Return the role that the events lead to; each begins where the one before it ended."""
    role = Role.VIEWER.value
    for event in changes(organization):
        if event.target_id == str(person):
            assert event.metadata["before"] == role
            role = event.metadata["role"]
    return role
