"""Findings across scans: their states follow from the reports, their owners and due dates from people."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from uuid import UUID

from django.db import transaction

from audit.actions import Action
from audit.record import label, record
from scans import calibrations, lifecycle
from scans.analysis import ENGINE_VERSION
from scans.errors import NoSuchFinding
from scans.models import Finding, Report, Scan
from tenants.models import Organization, User

_STATE = ("rule", "severity", "title", "status", "first_number", "last_number", "resolved_number")


def settle(organization_id: UUID) -> None:
    """Bring the findings to what the reports under the calibration in force say, in the open transaction.

    Waits for the last of them: half of the reports would tell half of the story.
    """
    # Of two reports that end at once, one sees both.
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)
    reports = Report.objects.filter(
        organization_id=organization_id,
        calibration_number=calibrations.in_force(organization_id).number,
        engine_version=ENGINE_VERSION,
    ).order_by("scan__number")
    if (
        reports.count()
        < Scan.objects.filter(organization_id=organization_id, status__in=Scan.REPORTED).count()
    ):
        return
    told = [
        lifecycle.Told(number, findings, frozenset(unknown))
        for number, findings, unknown in reports.values_list("scan__number", "findings", "unknown")
    ]
    states = lifecycle.follow(told)
    findings = Finding.objects.filter(organization_id=organization_id)
    known = {finding.key: finding for finding in findings}
    for key, state in states.items():
        finding = known.get(key) or Finding(organization_id=organization_id, key=key)
        for name, value in asdict(state).items():
            setattr(finding, name, value)
        known[key] = finding
    Finding.objects.bulk_create(
        [known[key] for key in states],
        update_conflicts=True,
        unique_fields=["organization", "key"],
        update_fields=_STATE,
    )
    # What no report under this calibration knows is no finding; its owner is kept in case it comes back.
    findings.exclude(key__in=states).update(status=Finding.Status.RESOLVED, resolved_number=None)


@transaction.atomic
def assign(
    *, organization: Organization, actor: User, finding_id: UUID, owner: User | None, due_on: date | None
) -> Finding:
    """Give a finding an owner and a date, or take them from it.

    Raises: NoSuchFinding.
    """
    finding = Finding.objects.select_for_update().filter(organization=organization, pk=finding_id).first()
    if finding is None:
        raise NoSuchFinding
    finding.owner_id = owner.pk if owner else None
    finding.owner_label = label(owner) if owner else ""
    finding.due_on = due_on
    finding.save(update_fields=["owner_id", "owner_label", "due_on"])
    record(
        action=Action.FINDING_ASSIGNED,
        organization=organization.pk,
        actor=actor,
        target=finding,
        owner=finding.owner_label,
        due_on=due_on.isoformat() if due_on else "",
    )
    return finding
