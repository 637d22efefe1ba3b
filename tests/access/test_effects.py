"""Each change that a request can make leaves an event; and where no event can be written, nothing changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from django.http import HttpResponse
from psycopg import sql

from audit.models import Event
from integrations.sandbox import Sandbox, demo_token
from notionscan import grants
from scans.models import CalibrationVersion, Scan, Share
from tests import database
from tests.access.matrix import ACCOUNT, ACCOUNTS, GATEWAY, NEW_ACCOUNT, ROWS
from tests.access.test_ids import address
from tests.access.test_matrix import ask
from tests.access.whole import Whole, make_whole, state, until
from tests.factories import within


@dataclass(frozen=True)
class Act:
    """A request of an admin that is granted; ``changes`` says whether any row differs afterwards."""

    method: str
    route: str
    body: dict[str, str | bool] = field(default_factory=dict)
    changes: bool = True
    # The action that its event has; it need only be named where others leave one beside it.
    leaves: str = ""


ORG = "orgs/<slug:slug>/"
API = "api/orgs/<slug>/"
NOTION = f"{ORG}integrations/notion/"
PROVIDER = f"{ORG}integrations/<slug:provider>/"
CALIBRATION = f"{ORG}calibration/"
TOKEN: dict[str, str | bool] = {"token": demo_token("Acme Atlas")}
SHARE: dict[str, str | bool] = {"recipient": "The board", "days": "30", "redaction": "initials"}
# In this order, because each finds what the ones before it left.
ACTS = (
    Act("POST", f"{PROVIDER}test"),
    Act("POST", f"{NOTION}token", TOKEN),
    Act("PATCH", f"{API}integrations/notion/token", TOKEN),
    Act("POST", f"{ORG}scans/start"),
    Act("POST", f"{ORG}scans/<uuid:scan_id>/cancel"),
    Act("POST", f"{API}scans", {"full": True}),
    Act("POST", f"{ORG}shares/create", SHARE),
    Act("POST", f"{API}scans/<scan_id>/shares", {"recipient": "A script"}),
    Act("DELETE", f"{API}shares/<share_id>"),
    Act("POST", f"{ORG}scans/schedule", {"every": "daily"}),
    Act("POST", f"{CALIBRATION}preview", {"thresholds.T1.warn": "0"}, changes=False),
    Act("POST", f"{CALIBRATION}save", {"weights.structure": "7"}),
    Act("POST", f"{CALIBRATION}pin", {"object": "{object}", "pin": "core"}),
    Act("POST", f"{CALIBRATION}person", {"person": "{person}", "is": "left"}),
    Act("POST", f"{CALIBRATION}mute", {"rule": "V1", "scope": "{object}", "reason": "x", "until": until()}),
    Act("POST", f"{CALIBRATION}unmute", {"rule": "V1", "scope": "{object}"}),
    Act("POST", f"{CALIBRATION}label", {"key": "{finding}", "label": "accepted"}),
    Act("POST", f"{CALIBRATION}back", {"number": "0"}),
    Act("POST", f"{ORG}findings/<uuid:finding_id>/assign", {"owner": "{user}", "due_on": until()}),
    Act("POST", f"{ORG}shares/<uuid:share_id>/revoke"),
    Act("POST", f"{ORG}members/<uuid:membership_id>/role", {"role": "editor"}),
    Act("POST", f"{ORG}members/<uuid:membership_id>/remove", leaves="member.removed"),
    Act("POST", f"{ACCOUNTS}create", NEW_ACCOUNT),
    Act("POST", f"{ACCOUNT}maturity", {"maturity": "supervised"}),
    Act("POST", f"{ACCOUNT}confirm"),
    Act("POST", f"{ACCOUNT}revoke"),
    Act("POST", f"{ORG}audit/export", {"format": "jsonl"}, changes=False),
    Act("POST", f"{ORG}audit/checkpoint", changes=False),
    Act("POST", f"{PROVIDER}disconnect"),
    Act("POST", f"{PROVIDER}authorize"),
    Act("POST", f"{API}integrations/<provider>/authorize"),
    Act("POST", f"{NOTION}connect", TOKEN),
    Act("DELETE", f"{API}integrations/<provider>"),
    Act("POST", f"{API}integrations/notion/internal-connect", TOKEN),
)
# These need a database that can be written to: tests/integrations/test_mirror.py, and gateway/ beside it.
APART = {("POST", f"{NOTION}mirror/{name}") for name in ("set", "create", "retry", "stop")} | {
    (row.method, row.route) for row in ROWS if row.route.startswith((GATEWAY, "mcp"))
}


@pytest.fixture
def whole(committed: None, sandbox: Sandbox) -> Whole:
    return make_whole()


def test_every_change_that_a_person_can_ask_for_is_an_act() -> None:
    asked = {(row.method, row.route) for row in ROWS if row.method != "GET"}
    tried = {(act.method, act.route) for act in ACTS}
    assert asked - tried - APART == set(), (
        "Add the request to ACTS, with what it needs in tests/access/whole.py."
    )


def test_whatever_changes_leaves_an_event(whole: Whole) -> None:
    silent, idle = [], []
    for act in ACTS:
        before, known = state(whole.world.acme), events(whole)
        answer = perform(whole, act)
        changed = state(whole.world.acme) != before
        assert answer.status_code in (200, 302), (act, answer.status_code, answer.content[-2000:])
        if changed != act.changes:
            idle.append(act)
        if changed and not [each for each in events(whole)[len(known) :] if act.leaves in ("", each)]:
            silent.append(act)
    assert idle == [], "the control: these changed nothing"
    assert silent == []


def test_nothing_changes_where_no_event_can_be_written(whole: Whole) -> None:
    # A scan can be cancelled that was started, and a connection made where there is none.
    for first in ("", f"{ORG}scans/start", f"{PROVIDER}disconnect"):
        for act in ACTS:
            if act.route == first:
                perform(whole, act)
        with without_a_log():
            before = state(whole.world.acme)
            for act in ACTS:
                answer = perform(whole, act)
                assert state(whole.world.acme) == before, (act, answer.status_code)


def perform(whole: Whole, act: Act) -> HttpResponse:
    body = {
        name: value.format(**whole.own) if isinstance(value, str) else value
        for name, value in act.body.items()
    }
    if act.route.startswith(CALIBRATION):
        # What the preview of the change adds to the form.
        body |= {"confirm": "1", "based_on": calibration_in_force(whole)}
    newest = {
        f"{ORG}scans/<uuid:scan_id>/cancel": newest_scan,
        f"{ORG}shares/<uuid:share_id>/revoke": newest_share,
    }
    ids = whole.own | newest[act.route](whole) if act.route in newest else whole.own
    client = whole.world.client(whole.world.admin)
    client.raise_request_exception = False
    answer = ask(client, act.method, address(act.route, ids), body)
    if answer.streaming:
        b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    return answer


def calibration_in_force(whole: Whole) -> str:
    with within(whole.world.acme):
        return str(CalibrationVersion.objects.count())


def newest_scan(whole: Whole) -> dict[str, str]:
    with within(whole.world.acme):
        return {"scan_id": str(Scan.objects.latest("number").pk)}


def newest_share(whole: Whole) -> dict[str, str]:
    with within(whole.world.acme):
        return {"share_id": str(Share.objects.latest("created_at").pk)}


def events(whole: Whole) -> list[str]:
    """Return the actions of the organization's events, the oldest first."""
    with within(whole.world.acme):
        return list(Event.objects.order_by("sequence").values_list("action", flat=True))


@contextmanager
def without_a_log() -> Iterator[None]:
    """Let no event be appended, as when the disk is full."""
    role = sql.Identifier(grants.role_of("default"))
    with database.superuser() as owner:
        owner.execute(sql.SQL("REVOKE EXECUTE ON FUNCTION audit_append(text) FROM {}").format(role))
        try:
            yield
        finally:
            owner.execute(sql.SQL("GRANT EXECUTE ON FUNCTION audit_append(text) TO {}").format(role))
