"""Change the calibration, or go back to an earlier one: a new version, and all reports made anew."""

from __future__ import annotations

from collections.abc import Callable
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


def mute(
    *, organization: Organization, actor: User, rule: str, scope: str | None, reason: str, until: str
) -> CalibrationVersion:
    """Mute a rule, or one object of it, until a day.

    Raises: CalibrationRefused; CalibrationMovedOn.
    """
    entry: dict[str, Any] = {
        "rule": rule,
        "scope": scope,
        "reason": reason,
        "until": until,
        "by": label(actor),
    }
    return _amend(
        organization, actor, f"{rule} muted until {until}", lambda content: content["mutes"].append(entry)
    )


def unmute(*, organization: Organization, actor: User, rule: str, scope: str | None) -> CalibrationVersion:
    """End what mutes a rule, or one object of it."""

    def change(content: dict[str, Any]) -> None:
        content["mutes"] = [
            each for each in content["mutes"] if (each["rule"], each["scope"]) != (rule, scope)
        ]

    return _amend(organization, actor, f"{rule} no longer muted", change)


def label_finding(*, organization: Organization, actor: User, key: str, verdict: str) -> CalibrationVersion:
    """Say whether a finding is right, wrong, or a risk that is accepted; an empty verdict takes it back.

    Raises: CalibrationRefused; CalibrationMovedOn.
    """

    def change(content: dict[str, Any]) -> None:
        content["labels"] = [each for each in content["labels"] if each["key"] != key]
        if verdict:
            content["labels"].append({"key": key, "label": verdict, "by": label(actor)})

    return _amend(organization, actor, f"{key[:100]} labelled {verdict or 'no more'}", change)


def pin(*, organization: Organization, actor: User, object_id: str, pinned: str) -> CalibrationVersion:
    """Pin an object; an empty pin takes it back. Raises: CalibrationRefused; CalibrationMovedOn."""

    def change(content: dict[str, Any]) -> None:
        content["pins"].pop(object_id, None)
        if pinned:
            content["pins"][object_id] = pinned

    return _amend(organization, actor, f"Pin {pinned or 'removed'}", change)


def describe_person(
    *, organization: Organization, actor: User, person: str, values: dict[str, str | None]
) -> CalibrationVersion:
    """Say what somebody is: a service account, gone, of a team, and who stands in.

    Raises: CalibrationRefused; CalibrationMovedOn.
    """

    def change(content: dict[str, Any]) -> None:
        content["people"].pop(person, None)
        if any(values.values()):
            content["people"][person] = values

    return _amend(organization, actor, "Person described", change)


def _amend(
    organization: Organization, actor: User, note: str, change: Callable[[dict[str, Any]], None]
) -> CalibrationVersion:
    with transaction.atomic():
        now = calibrations.in_force(organization.pk)
    content = now.calibration.as_dict()
    change(content)
    return change_calibration(
        organization=organization, actor=actor, content=content, based_on=now.number, note=note
    )
