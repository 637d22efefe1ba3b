"""Which calibration is in force, and which were."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, QuerySet

from scans.analysis import ENGINE_VERSION
from scans.analysis.calibration import Calibration
from scans.models import CalibrationVersion, Report


@dataclass(frozen=True)
class InForce:
    """A calibration and its number; 0 is the default, before anybody changed it."""

    number: int
    calibration: Calibration


def versions(organization_id: UUID) -> QuerySet[CalibrationVersion]:
    """Return an organization's calibrations, newest first."""
    return CalibrationVersion.objects.filter(organization_id=organization_id).order_by("-number")


def shown(organization_id: UUID) -> int:
    """Return the number of the calibration that most reports were made under, the newest of several."""
    reports = Report.objects.filter(organization_id=organization_id, engine_version=ENGINE_VERSION)
    counts = reports.values_list("calibration_number").annotate(made=Count("pk"))
    number: int | None = (
        counts.order_by("-made", "-calibration_number").values_list("calibration_number", flat=True).first()
    )
    return 0 if number is None else number


def in_force(organization_id: UUID) -> InForce:
    newest = versions(organization_id).first()
    if newest is None:
        return InForce(0, Calibration.default())
    return InForce(newest.number, Calibration.of(newest.content))
