"""The geometry of a report's drawings. Templates write it as SVG; every drawing has a table behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# Small enough that what is written in a drawing is read on a phone as well.
WIDTH, HEIGHT = 400, 220
_EDGE = 28


@dataclass(frozen=True)
class Bar:
    """One bar of a list, with its length in percent of the longest and what is written on it."""

    label: str
    percent: float
    text: str


@dataclass(frozen=True)
class Point:
    x: float
    y: float
    label: str
    text: str
    radius: float = 4


@dataclass(frozen=True)
class Line:
    """A line from left to right, over values from 0 to 100. A missing value breaks it."""

    points: list[Point]
    paths: list[str]


def bars(values: Sequence[tuple[str, float, str]]) -> list[Bar]:
    """Return bars for (label, value, text)."""
    longest = max((value for _, value, _ in values), default=0) or 1
    return [Bar(label, round(100 * value / longest, 1), text) for label, value, text in values]


def line(values: Sequence[tuple[str, float | None]]) -> Line:
    """Return a line through (label, value)."""
    step = (WIDTH - 2 * _EDGE) / max(1, len(values) - 1)
    points: list[Point] = []
    runs: list[list[Point]] = [[]]
    for number, (label, value) in enumerate(values):
        if value is None:
            runs.append([])
            continue
        x = _EDGE + step * number if len(values) > 1 else WIDTH / 2
        point = Point(round(x, 1), _height(value / 100), label, f"{value:.0f}")
        points.append(point)
        runs[-1].append(point)
    paths = ["M" + " L".join(f"{point.x} {point.y}" for point in run) for run in runs if len(run) > 1]
    return Line(points, paths)


def hubs(found: Sequence[dict[str, Any]]) -> list[Point]:
    """Return a point for each hub database: to the right the gravity, upwards the rows, larger by relations.

    Points are numbered, and named in the table: titles would not fit.
    """
    most_rows = max((hub["rows"] for hub in found), default=0)
    most_inbound = max((hub["inbound"] for hub in found), default=0) or 1
    return [
        Point(
            round(_EDGE + (WIDTH - 2 * _EDGE) * hub["gravity"], 1),
            _height(math.log1p(hub["rows"]) / (math.log1p(most_rows) or 1)),
            str(number),
            str(hub["title"]),
            round(9 + 9 * math.sqrt(hub["inbound"] / most_inbound), 1),
        )
        for number, hub in enumerate(found, start=1)
    ]


def _height(share: float) -> float:
    return round(HEIGHT - _EDGE - (HEIGHT - 2 * _EDGE) * share, 1)
