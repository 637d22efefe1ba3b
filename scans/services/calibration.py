"""Change the calibration, or go back to an earlier one: a new version, and all reports made anew."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from audit.actions import Action
from audit.record import label, record
from notionscan.jobs import defer
from scans import calibrations
from scans.amendments import Amendment, differences
from scans.analysis.calibration import Calibration
from scans.errors import CalibrationMovedOn, NoSuchCalibration
from scans.models import CalibrationVersion
from scans.services.report import ALL
from tenants.models import Organization, User

# That an event names.
_MOST_CHANGES = 50


def change_calibration(
    *, organization: Organization, actor: User, content: dict[str, Any], based_on: int, note: str
) -> CalibrationVersion:
    """Put a calibration in force that was made from the one of number ``based_on``.

    Raises: CalibrationRefused for what is out of range; CalibrationMovedOn if another is in force by now.
    """
    checked = Calibration.of(content).as_dict()
    try:
        with transaction.atomic():
            now = calibrations.in_force(organization.pk)
            if now.number != based_on:
                raise CalibrationMovedOn
            version = CalibrationVersion.objects.create(
                organization=organization,
                number=based_on + 1,
                content=checked,
                note=note[:254],
                author_label=label(actor),
            )
            record(
                action=Action.CALIBRATION_CHANGED,
                organization=organization.pk,
                actor=actor,
                target=version,
                note=version.note,
                number=version.number,
                changes=differences(now.calibration.as_dict(), checked)[:_MOST_CHANGES],
            )
            defer(ALL)
    except IntegrityError:
        # Another one was saved in the same moment; a constraint let one of them through.
        raise CalibrationMovedOn from None
    return version


def amend(
    *, organization: Organization, actor: User, amendment: Amendment, based_on: int
) -> CalibrationVersion:
    """Put in force what an amendment makes of the calibration of number ``based_on``.

    Raises: CalibrationRefused; CalibrationMovedOn.
    """
    with transaction.atomic():
        now = calibrations.in_force(organization.pk)
    content = now.calibration.as_dict()
    note = amendment(content)
    return change_calibration(
        organization=organization, actor=actor, content=content, based_on=based_on, note=note
    )


@transaction.atomic
def content_of(organization: Organization, number: int) -> dict[str, Any]:
    """Return an earlier calibration; 0 is the default.

    Raises: NoSuchCalibration.
    """
    if number == 0:
        return Calibration.default().as_dict()
    version = calibrations.versions(organization.pk).filter(number=number).first()
    if version is None:
        raise NoSuchCalibration
    return Calibration.of(version.content).as_dict()
