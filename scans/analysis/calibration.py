"""What an organization may change of how it is judged, with the range of each value."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from scans.analysis.result import DIMENSIONS


class CalibrationRefused(Exception):
    """A value that is out of its range; the sentence names both."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


# Of each rule: warn, crit, and the days or sizes that it counts by; with the range of each.
_SHARE = (0.0, 1.0)
_DAYS = (1, 3650)
_COUNT = (1, 100_000)
THRESHOLDS: dict[str, dict[str, tuple[float, tuple[float, float]]]] = {
    "V1": {"warn": (0.30, _SHARE), "crit": (0.55, _SHARE), "days": (180, _DAYS)},
    "V2": {"warn": (0.15, _SHARE), "crit": (0.35, _SHARE), "days": (90, _DAYS)},
    "V3": {"warn": (0.10, _SHARE), "crit": (0.25, _SHARE), "days": (14, _DAYS), "stub_days": (30, _DAYS)},
    "V4": {"warn": (0.15, _SHARE), "crit": (0.40, _SHARE), "bulk": (0.20, _SHARE)},
    "T1": {"warn": (0.03, _SHARE), "crit": (0.08, _SHARE)},
    "T2": {"warn": (0.05, _SHARE), "crit": (0.15, _SHARE), "days": (90, _DAYS)},
    "T3": {"warn": (0.10, _SHARE), "crit": (0.25, _SHARE), "depth": (5, (1, 100))},
    "T4": {
        "warn": (30, _COUNT),
        "crit": (80, _COUNT),
        "warn_ratio": (1.5, (0.0, 1000.0)),
        "crit_ratio": (3.0, (0.0, 1000.0)),
    },
    "T5": {"warn": (0.02, _SHARE), "crit": (0.06, _SHARE)},
    "M1": {"warn": (2, _COUNT), "crit": (6, _COUNT), "likeness": (0.8, _SHARE)},
    "M2": {
        "warn": (0.10, _SHARE),
        "crit": (0.25, _SHARE),
        "properties": (30, _COUNT),
        "options": (50, _COUNT),
        "computed": (0.4, _SHARE),
    },
    "M4": {"warn": (0.02, _SHARE), "crit": (0.10, _SHARE)},
    "M5": {"warn": (0.30, _SHARE), "crit": (0.60, _SHARE), "rows": (20, _COUNT)},
    "M6": {"warn": (0.10, _SHARE), "crit": (0.30, _SHARE)},
    "O1": {"warn": (0.25, _SHARE), "crit": (0.45, _SHARE), "members": (10, _COUNT)},
    "O2": {"warn": (0.05, _SHARE), "crit": (0.15, _SHARE)},
    "O3": {"warn": (0.02, _SHARE), "crit": (0.08, _SHARE), "days": (90, _DAYS)},
    "O4": {"warn": (0.25, _SHARE), "crit": (0.50, _SHARE), "days": (180, _DAYS)},
    "A1": {"warn": (0.40, _SHARE), "crit": (0.20, _SHARE), "days": (90, _DAYS)},
    "A2": {"warn": (0.75, _SHARE), "crit": (0.90, _SHARE)},
    "X1": {"warn": (0.02, _SHARE), "crit": (0.10, _SHARE), "days": (180, _DAYS)},
    "X2": {"warn": (0.50, _SHARE), "crit": (1.00, _SHARE)},
    "C1": {"warn": (0.95, _SHARE), "crit": (0.80, _SHARE)},
}
WEIGHTS = {"structure": 20, "schema": 20, "vitality": 20, "ownership": 15, "adoption": 15, "exposure": 10}
PINS = ("core", "ignore", "archive", "intended_public", "expected_empty")
PEOPLE = ("service_account", "left")
LABELS = ("true_positive", "false_positive", "accepted")
# Smaller is worse.
FALLING = frozenset({"A1", "C1"})
_MOST_ENTRIES = 10_000
_LONGEST_REASON = 500


@dataclass(frozen=True)
class Calibration:
    """A checked calibration. Make one with ``of`` or ``default``."""

    thresholds: dict[str, dict[str, float]]
    weights: dict[str, float]
    pins: dict[str, str]
    people: dict[str, dict[str, str | None]]
    mutes: list[dict[str, str | None]]
    labels: list[dict[str, str]]

    @classmethod
    def default(cls) -> Calibration:
        return cls.of({})

    @classmethod
    def of(cls, content: Any) -> Calibration:
        """Return the calibration that a JSON object describes; what it leaves out is as by default.

        Raises: CalibrationRefused, naming the field and its range.
        """
        if not isinstance(content, dict):
            raise CalibrationRefused("A calibration must be an object.")
        fields = {"thresholds", "weights", "pins", "people", "mutes", "labels"}
        if unknown := sorted(map(str, content.keys() - fields)):
            raise CalibrationRefused(f"{unknown[0][:80]} is nothing that a calibration has.")
        return cls(
            thresholds=_thresholds(_object("thresholds", content)),
            weights=_weights(_object("weights", content)),
            pins=_pins(_object("pins", content)),
            people=_people(_object("people", content)),
            mutes=[_mute(number, each) for number, each in enumerate(_list("mutes", content))],
            labels=[_label(number, each) for number, each in enumerate(_list("labels", content))],
        )

    def as_dict(self) -> dict[str, Any]:
        return copy.deepcopy(vars(self))

    def pinned(self, pin: str) -> list[str]:
        return sorted(object_id for object_id, each in self.pins.items() if each == pin)

    def muted(self, rule: str, as_of: date) -> frozenset[str | None]:
        """Return what is muted of a rule: ids of objects, and None for all of it. Mutes expire."""
        return frozenset(
            mute["scope"]
            for mute in self.mutes
            if mute["rule"] == rule and str(mute["until"]) >= as_of.isoformat()
        )

    def labels_by_key(self) -> dict[str, str]:
        """Return what was said of each finding last."""
        return {each["key"]: each["label"] for each in self.labels}


def _thresholds(given: dict[str, Any]) -> dict[str, dict[str, float]]:
    _known("thresholds", given, THRESHOLDS)
    found = {}
    for rule, fields in THRESHOLDS.items():
        own = given.get(rule, {})
        if not isinstance(own, dict):
            raise CalibrationRefused(f"thresholds.{rule} must be an object.")
        _known(f"thresholds.{rule}", own, fields)
        found[rule] = {
            name: _number(f"thresholds.{rule}.{name}", own.get(name, default), *bounds)
            for name, (default, bounds) in fields.items()
        }
        _ordered(rule, found[rule])
    return found


def _ordered(rule: str, values: dict[str, float]) -> None:
    low, high = ("crit", "warn") if rule in FALLING else ("warn", "crit")
    if values[low] >= values[high]:
        raise CalibrationRefused(f"thresholds.{rule}.{low} must be below thresholds.{rule}.{high}.")


def _weights(given: dict[str, Any]) -> dict[str, float]:
    _known("weights", given, WEIGHTS)
    found = {name: _number(f"weights.{name}", given.get(name, WEIGHTS[name]), 0, 100) for name in DIMENSIONS}
    if not any(found.values()):
        raise CalibrationRefused("weights must not all be 0; give one of them 1 to 100.")
    return found


def _pins(given: dict[str, Any]) -> dict[str, str]:
    return {_id("pins", key): _choice(f"pins.{key}", pin, PINS) for key, pin in sorted(given.items())}


def _people(given: dict[str, Any]) -> dict[str, dict[str, str | None]]:
    found: dict[str, dict[str, str | None]] = {}
    for key, entry in sorted(given.items()):
        person = _id("people", key)
        if not isinstance(entry, dict) or entry.keys() - {"is", "team", "stand_in"}:
            raise CalibrationRefused(f"people.{person} must be an object of is, team and stand_in.")
        kind, stand_in = entry.get("is"), entry.get("stand_in")
        found[person] = {
            "is": _choice(f"people.{person}.is", kind, PEOPLE) if kind else None,
            "team": _text(f"people.{person}.team", entry.get("team") or "", 80) or None,
            "stand_in": _id(f"people.{person}.stand_in", stand_in) if stand_in else None,
        }
    return found


def _mute(number: int, entry: Any) -> dict[str, str | None]:
    name = f"mutes[{number}]"
    if not isinstance(entry, dict) or entry.keys() - {"rule", "scope", "reason", "until", "by"}:
        raise CalibrationRefused(f"{name} must be an object of rule, scope, reason, until and by.")
    scope = entry.get("scope")
    reason = _text(f"{name}.reason", entry.get("reason"), _LONGEST_REASON)
    if not reason:
        raise CalibrationRefused(f"{name}.reason must say why, in 1 to {_LONGEST_REASON} characters.")
    return {
        "rule": _choice(f"{name}.rule", entry.get("rule"), tuple(THRESHOLDS)),
        "scope": _id(f"{name}.scope", scope) if scope else None,
        "reason": reason,
        "until": _date(f"{name}.until", entry.get("until")),
        "by": _text(f"{name}.by", entry.get("by") or "", 254),
    }


def _label(number: int, entry: Any) -> dict[str, str]:
    name = f"labels[{number}]"
    if not isinstance(entry, dict) or entry.keys() - {"key", "label", "by"}:
        raise CalibrationRefused(f"{name} must be an object of key, label and by.")
    return {
        "key": _text(f"{name}.key", entry.get("key"), 200),
        "label": _choice(f"{name}.label", entry.get("label"), LABELS),
        "by": _text(f"{name}.by", entry.get("by") or "", 254),
    }


# Values --------------------------------------------------------------------------------------------------


def _object(name: str, content: dict[str, Any]) -> dict[str, Any]:
    found = content.get(name, {})
    if not isinstance(found, dict) or len(found) > _MOST_ENTRIES:
        raise CalibrationRefused(f"{name} must be an object of at most {_MOST_ENTRIES:,} entries.")
    return found


def _list(name: str, content: dict[str, Any]) -> list[Any]:
    found = content.get(name, [])
    if not isinstance(found, list) or len(found) > _MOST_ENTRIES:
        raise CalibrationRefused(f"{name} must be a list of at most {_MOST_ENTRIES:,} entries.")
    return found


def _known(name: str, given: dict[str, Any], fields: Any) -> None:
    if unknown := sorted(map(str, given.keys() - fields)):
        raise CalibrationRefused(f"{name}.{unknown[0][:80]} is nothing that a calibration has.")


def _number(name: str, value: Any, least: float, most: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # A comparison with NaN is false, so NaN is refused as well.
    if not is_number or not least <= value <= most:
        raise CalibrationRefused(f"{name} must be between {least:g} and {most:g}.")
    return float(value)


def _choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise CalibrationRefused(f"{name} must be one of {', '.join(choices)}.")
    return str(value)


def _text(name: str, value: Any, most: int) -> str:
    if not isinstance(value, str) or len(value) > most or "\x00" in value:
        raise CalibrationRefused(f"{name} must be a text of at most {most} characters.")
    return value.strip()


def _date(name: str, value: Any) -> str:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise CalibrationRefused(f"{name} must be a date such as 2027-01-31.") from None


def _id(name: str, value: Any) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise CalibrationRefused(f"{name} must name an object by its id.") from None
