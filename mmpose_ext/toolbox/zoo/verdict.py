"""What pairs of runs say about a claim.

Runs with one seed are a pair: they see the same persons in the same order. The rule: with at least three pairs, the
claim is confirmed if the 95 % interval of the mean difference (Student's t) lies above zero, refuted if it lies below,
and open otherwise.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["CANNOT_TELL", "CONFIRMED", "MIN_PAIRS", "REFUTED", "RULE", "Comparison", "compare"]

CONFIRMED, REFUTED, CANNOT_TELL = "confirmed", "refuted", "can't tell"
MIN_PAIRS = 3
LEVEL = 0.95
RULE = (
    f"Rule: differences between runs of one seed; with at least {MIN_PAIRS} pairs, confirmed if the {LEVEL:.0%} "
    "interval of their mean (Student's t) lies above zero, refuted if it lies below, else can't tell."
)


class Comparison(NamedTuple):
    """One network against another."""

    differences: tuple[float, ...]
    """Score of the first less that of the second, by seed."""
    mean: float | None
    deviation: float | None
    """Of the differences; None for fewer than two."""
    interval: tuple[float, float] | None
    """Of the mean; None for fewer than two pairs."""
    verdict: str


def compare(first: Mapping[int, float], second: Mapping[int, float]) -> Comparison:
    """Compare two networks by the seeds that both were trained with.

    Args:
        first: Seed -> score of the network that is said to be better; higher is better.
        second: The same of the other one.
    """
    differences = tuple(first[seed] - second[seed] for seed in sorted(first.keys() & second.keys()))
    if not differences:
        return Comparison((), None, None, None, CANNOT_TELL)
    mean = statistics.fmean(differences)
    if len(differences) < 2:
        return Comparison(differences, mean, None, None, CANNOT_TELL)
    from scipy.stats import t

    deviation = statistics.stdev(differences)
    half = float(t.ppf((1 + LEVEL) / 2, len(differences) - 1)) * deviation / len(differences) ** 0.5
    low, high = mean - half, mean + half
    verdict = CONFIRMED if low > 0 else REFUTED if high < 0 else CANNOT_TELL
    return Comparison(
        differences, mean, deviation, (low, high), verdict if len(differences) >= MIN_PAIRS else CANNOT_TELL
    )
