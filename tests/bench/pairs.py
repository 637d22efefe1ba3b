"""Interleaved pairs: two things timed in turn, so that a busy moment of the machine strikes both."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

_RESAMPLES = 2_000

# Does the thing for the pair of this number, and returns the seconds it took.
Timed = Callable[[int], float]


@dataclass(frozen=True)
class Comparison:
    """Seconds of the subject and of the baseline, pair by pair."""

    subject: list[float]
    baseline: list[float]

    @property
    def ratio(self) -> float:
        return statistics.median(self._ratios())

    def values(self) -> dict[str, Any]:
        """Return the median ratio with its confidence interval, and both sides' median and p95."""
        low, high = _interval(self._ratios())
        return {
            "median_ratio": round(self.ratio, 3),
            "ratio_ci95": [round(low, 3), round(high, 3)],
            "p95_ratio": round(p95(self.subject) / p95(self.baseline), 3),
            "median_ms": _milliseconds(statistics.median(self.subject)),
            "p95_ms": _milliseconds(p95(self.subject)),
            "baseline_median_ms": _milliseconds(statistics.median(self.baseline)),
            "baseline_p95_ms": _milliseconds(p95(self.baseline)),
            "pairs": len(self.subject),
        }

    def _ratios(self) -> list[float]:
        return [ours / theirs for ours, theirs in zip(self.subject, self.baseline, strict=True)]


def compare(subject: Timed, baseline: Timed, *, pairs: int, warm_up: int) -> Comparison:
    """Time both sides in turn; every other pair begins with the baseline."""
    for number in range(warm_up):
        subject(number)
        baseline(number)
    found = Comparison([], [])
    for number in range(pairs):
        sides = [(found.subject, subject), (found.baseline, baseline)]
        for seconds, timed in sides if number % 2 else reversed(sides):
            seconds.append(timed(number))
    return found


def p95(seconds: Sequence[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


def _interval(ratios: Sequence[float]) -> tuple[float, float]:
    """Return the bootstrap 95 % confidence interval of the median."""
    dice = random.Random(1)
    medians = sorted(statistics.median(dice.choices(ratios, k=len(ratios))) for _ in range(_RESAMPLES))
    return medians[int(_RESAMPLES * 0.025)], medians[int(_RESAMPLES * 0.975)]


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
