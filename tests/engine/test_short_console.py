"""A short console beside a full log file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.logging import MMLogger
from mmpose.evaluation.metrics import CocoMetric
from mmpose.registry import LOG_PROCESSORS

ENVIRONMENT = "\n-----\nSystem environment:\n    Python: 3.11\n\nRuntime environment:\n    seed: 0\n-----\n"
CONFIG = "Config:\na = 1\nb = 2\nc = 3"
LOSS = "Epoch(train) [1][50/282]  lr: 1.3e-03  eta: 1:29:48  loss: 0.004941"
RESULT = "Epoch(val) [1][16/16]    coco/AP: 0.1  coco/AR: 0.2"
NOISE = ["Epoch(val) [1][10/16]    eta: 0:00:01  time: 0.1", "Evaluating CocoMetric...", "Exp name: x_2026"]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., MMLogger]:
    """Makes the logger that a run makes right after its log processor."""
    monkeypatch.setattr(CocoMetric, "_do_python_keypoint_eval", print_a_table)

    def make(**settings: bool) -> MMLogger:
        LOG_PROCESSORS.build(dict(type="ShortConsoleLogProcessor", **settings))
        return MMLogger.get_instance(f"short-{tmp_path.name}", log_file=str(tmp_path / "run.log"), log_level="INFO")

    return make


def print_a_table(self: CocoMetric) -> list[int]:
    sys.stdout.write("Average Precision = 0.1\n")
    return [1]


def log(logger: MMLogger) -> None:
    for message in [ENVIRONMENT, CONFIG, *NOISE, LOSS, RESULT]:
        logger.info(message)
    logger.warning("a warning\nof two lines")


def test_the_console_is_short_and_the_file_is_whole(make, tmp_path: Path, capsys) -> None:
    log(make())
    file = tmp_path / "run.log"
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("INFO")[2].partition("- ")[2] for line in lines[:4]] == [
        f"System environment: 3 lines in {file}",
        f"Config: 3 lines in {file}",
        LOSS,
        RESULT,
    ]
    assert "a warning" in lines[4] and lines[5:] == ["of two lines"]
    text = file.read_text()
    for message in [ENVIRONMENT, CONFIG, *NOISE, LOSS, RESULT]:
        assert message.strip() in text


def test_only_one_logger_is_shortened(make, capsys) -> None:
    make()
    log(MMLogger.get_instance("stock", log_level="INFO"))
    assert CONFIG in capsys.readouterr().out


def test_a_full_console(make, capsys) -> None:
    log(make(full_console=True))
    printed = capsys.readouterr().out
    assert all(message.strip() in printed for message in [ENVIRONMENT, CONFIG, *NOISE])


def test_the_table_of_coco_goes_to_the_file(make, tmp_path: Path, capsys) -> None:
    make()
    assert CocoMetric._do_python_keypoint_eval(None) == [1]
    assert capsys.readouterr().out == ""
    assert "Average Precision = 0.1" in (tmp_path / "run.log").read_text()
