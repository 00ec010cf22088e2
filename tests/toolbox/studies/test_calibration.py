"""Scores against right keypoints: figures worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmpose_ext.toolbox.studies.calibration import Scored, calibration, plot_calibration


def test_by_hand(tmp_path: Path) -> None:
    """Four keypoints at 0.1, one of them right, and two at 0.9, both right; one over 1 joins the last bin."""
    scored = Scored(np.array([0.1, 0.1, 0.1, 0.1, 0.9, 1.1]), np.array([True, False, False, False, True, True]))
    result = calibration(scored, bins=5)
    assert result.scores == pytest.approx([0.1, 1.0])
    assert result.accuracy == pytest.approx([0.25, 1.0])
    assert result.counts.tolist() == [4, 2]
    assert result.error == pytest.approx(0.15 * 4 / 6)
    # Of 3 x 3 pairs of a right and a wrong one, 6 are in order and 3 are equal.
    assert result.separation == pytest.approx(7.5 / 9)
    plot_calibration(result, tmp_path / "plot.png", title="by hand")
    assert (tmp_path / "plot.png").stat().st_size > 1000


def test_edges() -> None:
    assert np.isnan(calibration(Scored(np.array([0.5]), np.array([True]))).separation)
    with pytest.raises(ValueError, match="got none"):
        calibration(Scored(np.array([]), np.array([], dtype=bool)))
