"""The examples of docs/mixing.md, as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mmengine.config import Config
from mmpose.registry import HOOKS, MODELS

from tests.mixing.training import train

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "mixing.md").read_text()
BEFORE, _, BEHIND = PAGE.partition("## Three examples")
BLOCKS = re.findall(r"```python\n(.*?)```", BEFORE, re.DOTALL)
EXAMPLES = dict(re.findall(r"^### (.*?)\n.*?```python\n(.*?)```", BEHIND, re.DOTALL | re.MULTILINE))


def write(root: Path, code: str) -> Path:
    path = root / "mixed.py"
    path.write_text(code)
    return path


def test_there_are_three() -> None:
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("title", EXAMPLES)
def test_example_trains(title: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps and a validation, on fewer persons and without processes that load them."""
    monkeypatch.setenv("MMPOSE_EXT_DATA", str(tmp_path))
    config = Config.fromfile(write(tmp_path, EXAMPLES[title]))
    for name, persons in (("train_dataloader", 8), ("val_dataloader", 4)):
        config[name].update(batch_size=4, num_workers=0, persistent_workers=False)
        config[name].dataset.update(workers=1)
        config[name].dataset.generate.num_persons = persons
    config.merge_from_dict(dict(train_cfg=dict(max_epochs=1), work_dir=str(tmp_path / "work")))
    config.default_hooks.checkpoint, config.custom_hooks = None, []
    train(config, title)


def test_a_block_in_a_config_of_mmpose(tmp_path: Path) -> None:
    """Its weights stay those of MMPose, and so do its hooks beside the one for the modules."""
    code, _ = BLOCKS
    config = Config.fromfile(write(tmp_path, code))
    hook = HOOKS.build(config.default_hooks.feature_shift)
    assert (hook.begin, hook.lr) == (6000, 1e-3) and config.default_hooks.checkpoint.type == "CheckpointHook"
    backbone = config.model.backbone
    assert backbone.backbone.type == "HRNet" and "hrnet_w32" in backbone.backbone.init_cfg.checkpoint
    backbone.backbone.init_cfg = None
    network = MODELS.build(backbone)
    inside = [name for name, module in network.named_modules() if type(module).__name__ == "FeatureShiftModule"]
    assert [name.partition(".branches")[0] for name in inside] == ["stage2.0", "stage4.2"]


def test_a_block_in_the_resnet_of_mmdetection(tmp_path: Path) -> None:
    """Behind the last convolution of each of the 6 and 3 blocks of the last two stages."""
    _, code = BLOCKS
    network = MODELS.build(Config.fromfile(write(tmp_path, code)).backbone)
    assert sum(type(module).__name__ == "HighLevelSpatialAttention" for module in network.modules()) == 9
