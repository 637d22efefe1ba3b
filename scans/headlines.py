"""What a drawing shows, in the sentence above it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_HALF_A_POINT = 0.5


def of(analysis: Mapping[str, Any], trend: Sequence[tuple[str, float | None]]) -> dict[str, str]:
    """Return the sentences by the names of their drawings."""
    return {
        "ages": _ages(analysis["ages"]),
        "weeks": _weeks(analysis["adoption"]),
        "people": _people(analysis["people"]["persons"]),
        "types": _types(analysis["schema"]),
        "depths": _depths(analysis["structure"]["depths"]),
        "trend": of_trend(trend),
    }


def _ages(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    if not total:
        return "There are no documents"
    old = counts["stale"] + counts["dormant"]
    if not old:
        return "All of the documents have been touched in half a year"
    return f"{part(old, total)} of the documents {_has(old, total)} not been touched in half a year"


def _weeks(adoption: Mapping[str, Any]) -> str:
    made = [each["made"] for each in adoption["weeks"]]
    if not sum(made):
        return "Nothing was made in the last twelve weeks"
    half = len(made) // 2
    before, after = sum(made[:half]), sum(made[half:])
    if after > 1.1 * before:
        return f"More is made than before: {after:,} objects in the last six weeks, after {before:,}"
    if after < 0.9 * before:
        return f"Less is made than before: {after:,} objects in the last six weeks, after {before:,}"
    return f"As much is made as before: {after:,} objects in the last six weeks, after {before:,}"


def _people(persons: Sequence[Mapping[str, Any]]) -> str:
    held = 0.0
    for count, person in enumerate(persons, start=1):
        held += person["share"]
        if held > 0.5:
            return f"{count:,} {'person looks' if count == 1 else 'people look'} after half of what matters"
    return "Nobody looks after much" if persons else "Nobody is known"


def _types(schema: Mapping[str, Any]) -> str:
    # Every database has a title; it says nothing of one.
    types = [each for each in schema["types"] if each["type"] != "title"]
    if not types:
        return "The databases have no properties of their own"
    most = types[0]
    kind = most["type"].replace("_", " ")
    return f"Beside titles, {kind} is the most frequent of {schema['properties']:,} properties"


def _depths(depths: Sequence[Mapping[str, int]]) -> str:
    total = sum(each["documents"] for each in depths)
    if not total:
        return "No place of a document is known"
    near = sum(each["documents"] for each in depths if each["depth"] <= 3)
    stand = _has(near, total, "stand", "stands")
    return f"{part(near, total)} of the documents {stand} at most three levels deep"


def of_trend(trend: Sequence[tuple[str, float | None]]) -> str:
    scores = [score for _, score in trend if score is not None]
    if len(scores) < 2:
        return "The score over the scans"
    change = scores[-1] - scores[0]
    if abs(change) < _HALF_A_POINT:
        return f"The score stayed at {scores[-1]:.0f} over {len(trend):,} scans"
    moved = "rose" if change > 0 else "fell"
    return f"The score {moved} from {scores[0]:.0f} to {scores[-1]:.0f} over {len(trend):,} scans"


def part(some: int, total: int) -> str:
    """Return which part of a total something is, as people say it."""
    share = some / total
    if some in (0, total):
        return "All" if some else "None"
    for words, least, most in (
        ("About a quarter", 0.22, 0.28),
        ("A third", 0.31, 0.36),
        ("Half", 0.47, 0.53),
    ):
        if least <= share <= most:
            return words
    return f"{100 * share:.0f} %" if total >= 50 else f"{some:,} of {total:,}"


def _has(some: int, total: int, many: str = "have", one: str = "has") -> str:
    return one if some == 1 and total < 50 else many
