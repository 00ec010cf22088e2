"""mim's verbs take an option that was not given for None."""

from __future__ import annotations

import importlib
import subprocess
from typing import Any

import pytest
from click.testing import CliRunner


@pytest.mark.parametrize("verb", ["train", "test"])
def test_slurm_without_more_arguments(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(f"mim.commands.{verb}")
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> int:
        commands.append(command)
        return 0

    monkeypatch.setattr(subprocess, "check_call", run)
    words = ["mmpose", "td-hm_res50_8xb64-210e_coco-256x192.py", "--launcher", "slurm", "--partition", "p"]
    words += ["--checkpoint", "a.pth"] if verb == "test" else []
    result = CliRunner().invoke(module.cli, [*words, "--gpus", "2", "--gpus-per-node", "2"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert commands and commands[0][:3] == ["srun", "-p", "p"], result.output
