"""The measurement runs, and compares what it measures."""

from __future__ import annotations

import pytest

from mmpose_ext.toolbox.benchmark import main_process


@pytest.mark.parametrize("name", main_process.CODECS)
def test_steps(name: str) -> None:
    result = main_process.measure_steps(name, batch=2, rounds=2)
    assert set(result) == {"stock", "ours", "ratio"} and min(result.values()) > 0


def test_metric(monkeypatch) -> None:
    result = main_process.measure_metric(images=12)
    assert 150 < result["detections"] < 350 and result["stock"] > 0
    monkeypatch.setattr(
        main_process.METRICS.get("FastCocoMetric"), "compute_metrics", lambda self, results: {"AP": 2.0}
    )
    with pytest.raises(RuntimeError, match="expected equal numbers"):
        main_process.measure_metric(images=12)
