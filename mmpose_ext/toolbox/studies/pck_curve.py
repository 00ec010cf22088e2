"""PCK over the allowed distance, the figure of the literature on LSP, from the files that ``TorsoPCK`` writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from mmpose_ext.toolbox.json_file import read_json, shown
from mmpose_ext.toolbox.studies.ssn_plots import save

__all__ = ["PCKCurve", "plot_pck", "read_pck"]

_MOST_POINTS, _LARGEST = 10_000, 1e6


class PCKCurve(NamedTuple):
    """What one test measured."""

    thresholds: list[float]
    """Allowed distances in torsos."""
    curves: dict[str, list[float]]
    """``mean``, or part of the body -> percentage of its keypoints within each distance."""


def read_pck(path: Path) -> PCKCurve:
    """Read a ``*.torso_pck.json``.

    Args:
        path: The file.

    Raises:
        ValueError: If it can't be read, or is no such file.
    """
    content = read_json(path, expected="a curve of TorsoPCK (*.torso_pck.json)")
    thresholds = content.get("thresholds") if isinstance(content, dict) else None
    curves = content.get("curves") if isinstance(content, dict) else None
    if not _are_numbers(thresholds) or not isinstance(curves, dict) or "mean" not in curves:
        raise ValueError(f"expected a curve of TorsoPCK with thresholds and a mean, got {path}: {shown(content)}")
    for name, curve in curves.items():
        if not _are_numbers(curve) or len(curve) != len(thresholds):
            raise ValueError(f"expected {len(thresholds)} numbers for {shown(name)} in {path}, got {shown(curve)}")
    return PCKCurve(thresholds, curves)


def plot_pck(tests: Mapping[str, PCKCurve], path: Path) -> None:
    """Draw the parts of one test, or the means of several.

    Args:
        tests: Label -> its curve.
        path: Image to write.

    Raises:
        ValueError: If there is none.
    """
    import matplotlib.pyplot as plt

    if not tests:
        raise ValueError("expected at least one curve, got none")
    figure, axis = plt.subplots(figsize=(5.5, 4), layout="constrained")
    several = len(tests) > 1
    label, first = next(iter(tests.items()))
    lines = {name: (one.thresholds, one.curves["mean"]) for name, one in tests.items()}
    if not several:
        lines = {name: (first.thresholds, curve) for name, curve in first.curves.items()}
        axis.set_title(label, parse_math=False)
    for i, (name, (thresholds, curve)) in enumerate(lines.items()):
        is_mean = not several and name == "mean"
        color = "black" if is_mean else f"C{i}"
        axis.plot(thresholds, curve, color=color, linewidth=2.5 if is_mean else 1.5, label=f"{curve[-1]:.1f}  {name}")
    axis.set(xlabel="allowed distance, torsos", ylabel="right keypoints, %", ylim=(0, 100))
    axis.set_xlim(left=0)
    axis.grid(alpha=0.3)
    for text in axis.legend(fontsize=8).get_texts():
        text.set_parse_math(False)  # a label is no formula
    save(figure, path)


def _are_numbers(value: Any) -> TypeGuard[list[float]]:
    if not isinstance(value, list) or not 2 <= len(value) <= _MOST_POINTS:
        return False
    return all(isinstance(one, int | float) and abs(one) < _LARGEST for one in value)  # NaN is not below either
