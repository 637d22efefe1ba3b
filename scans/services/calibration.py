"""Change the calibration, or go back to an earlier one: a new version, and all reports made anew."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from audit.actions import Action
from audit.record import label, record
from notionscan.jobs import defer
from scans import calibrations
from scans.analysis.calibration import Calibration
from scans.errors import CalibrationMovedOn, NoSuchCalibration
from scans.models import CalibrationVersion
from tenants.models import Organization, User

TASK = "scans.report_on_all"


def change_calibration(
    *, organization: Organization, actor: User, content: dict[str, Any], based_on: int, note: str
) -> CalibrationVersion:
    """Put a calibration in force that was made from the one of number ``based_on``.

    Raises: CalibrationRefused for what is out of range; CalibrationMovedOn if another is in force by now.
    """
    checked = Calibration.of(content).as_dict()
    try:
        with transaction.atomic():
            if calibrations.in_force(organization.pk).number != based_on:
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
            )
            defer(TASK)
    except IntegrityError:
        # Another one was saved in the same moment; a constraint let one of them through.
        raise CalibrationMovedOn from None
    return version


def roll_back(*, organization: Organization, actor: User, number: int, based_on: int) -> CalibrationVersion:
    """Put an earlier calibration in force again, as a new version; 0 is the default.

    Raises: NoSuchCalibration; CalibrationMovedOn.
    """
    return change_calibration(
        organization=organization,
        actor=actor,
        content=_content(organization, number),
        based_on=based_on,
        note=f"Back to version {number}" if number else "Back to the default",
    )


@transaction.atomic
def _content(organization: Organization, number: int) -> dict[str, Any]:
    if number == 0:
        return Calibration.default().as_dict()
    version = calibrations.versions(organization.pk).filter(number=number).first()
    if version is None:
        raise NoSuchCalibration
    return dict(version.content)
