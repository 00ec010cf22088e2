"""Tokens of keypoints that both data sets name are carried over, the others start from the mean."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from mmpose_ext.engine.hooks.keypoint_token_hook import KeypointTokenHook, carry_over
from tests.engine.test_quality_schedule_hook import EXTRA
from tests.tiny import write_config

HOOK = '\ndefault_hooks["keypoints"] = dict(type="KeypointTokenHook")\n'


def test_carry_over():
    tokens = torch.randn(1, 3, 4)
    carried = carry_over(tokens, ["nose", "neck", "hip"], ["hip", "tail", "nose", "ear"])
    mean = tokens.mean(1)
    assert torch.equal(carried.tokens, torch.stack([tokens[:, 2], mean, tokens[:, 0], mean], 1))
    assert carried.known == ["hip", "nose"] and carried.new == ["tail", "ear"]


def test_names_that_do_not_fit():
    with pytest.raises(ValueError, match="expected a token for each of 2 keypoints, got 3"):
        carry_over(torch.zeros(1, 3, 4), ["nose", "neck"], ["nose"])


def checkpoint(names: list[str], **meta: object) -> dict:
    tokens = torch.arange(len(names), dtype=torch.float32)[None, :, None].expand(1, -1, 16).clone()
    meta.setdefault("dataset_meta", {"keypoint_id2name": dict(enumerate(names))})
    return {"state_dict": {"backbone.keypoint_tokens": tokens}, "meta": meta}


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    config = Config.fromfile(write_config(folder, EXTRA.replace("{epochs}", "1") + HOOK))
    config.experiment_name = folder.name
    runner = Runner.from_cfg(config)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    return runner


def test_load_from(runner, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(runner.logger, "warning", said.append)
    content = checkpoint(["right_knee", "tail", "nose"])
    content["state_dict"] = runner.model.state_dict() | content["state_dict"]
    torch.save(content, tmp_path / "old.pth")
    runner.load_checkpoint(str(tmp_path / "old.pth"))
    names = runner.train_dataloader.dataset.metainfo["keypoint_id2name"]
    value = {"right_knee": 0.0, "nose": 2.0}
    expected = [value.get(names[index], 1.0) for index in range(17)]  # the mean of 0, 1, 2 is 1
    assert runner.model.backbone.keypoint_tokens[0, :, 3].tolist() == expected
    (message,) = said
    assert "has 3 keypoints and the training data 17. Carried over by name: nose, right_knee. " in message
    assert "mean of the checkpoint's: left_eye, right_eye" in message


def test_the_same_names_and_no_names_are_left_alone(runner, monkeypatch):
    monkeypatch.setattr(runner.logger, "warning", lambda message: pytest.fail(message))
    names = runner.train_dataloader.dataset.metainfo["keypoint_id2name"]
    for content in (checkpoint([names[i] for i in range(17)]), checkpoint(["nose"], dataset_meta=None), {"a": 1}):
        before = content.get("state_dict", {}).get("backbone.keypoint_tokens")
        KeypointTokenHook().after_load_checkpoint(runner, content)
        assert content.get("state_dict", {}).get("backbone.keypoint_tokens") is before


def test_a_test_is_left_alone(runner, monkeypatch):
    monkeypatch.setattr(runner, "_train_loop", {})
    content = checkpoint(["nose"])
    KeypointTokenHook().after_load_checkpoint(runner, content)
    assert content["state_dict"]["backbone.keypoint_tokens"].shape == (1, 1, 16)


def test_a_training_without_positions_is_refused(runner):
    backbone = runner.model.backbone
    backbone.init_weights()
    KeypointTokenHook().before_train(runner)
    torch.nn.init.zeros_(backbone.fine_positions)
    with pytest.raises(ValueError, match="SHaRPose is to be trained with zeros as fine_positions, .* load weights"):
        KeypointTokenHook().before_train(runner)


def backwards(path: Path) -> None:
    """Metainfo whose keypoints are COCO's in the reverse order, and the nose under another name."""
    info = parse_pose_metainfo(dict(from_file="configs/_base_/datasets/coco.py"))
    names = [info["keypoint_id2name"][index].replace("nose", "beak") for index in range(17)][::-1]
    mirrored = [names[16 - info["flip_indices"][16 - index]] for index in range(17)]
    points = {
        index: dict(name=name, id=index, color=[0, 0, 0], type="", swap=other if other != name else "")
        for index, (name, other) in enumerate(zip(names, mirrored, strict=True))
    }
    sigmas = info["sigmas"][::-1].tolist()
    content = dict(dataset_name="backwards", keypoint_info=points, skeleton_info={}, joint_weights=[1.0] * 17)
    path.write_text(f"dataset_info = {dict(content, paper_info={}, sigmas=sigmas)!r}\n")


def train(folder: Path, extra: str) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Train for one epoch; the weights that it leaves, and the names of the keypoints by token."""
    folder.mkdir()
    config = Config.fromfile(write_config(folder, EXTRA.replace("{epochs}", "1") + HOOK + extra))
    config.experiment_name = f"{folder.parent.name}-{folder.name}"
    runner = Runner.from_cfg(config)
    runner.train()
    names = runner.train_dataloader.dataset.metainfo["keypoint_id2name"]
    return runner.model.state_dict(), [names[index] for index in range(17)]


def test_a_training_from_another_data_set(tmp_path):
    """Both have 17 keypoints, so that without names each would silently start as another one."""
    backwards(tmp_path / "backwards.py")
    other = "".join(
        f'{split}_dataloader["dataset"]["metainfo"] = dict(from_file={str(tmp_path / "backwards.py")!r})\n'
        for split in ("train", "val")
    )
    given, old = train(tmp_path / "old", other)
    start = f"load_from = {str(tmp_path / 'old' / 'work' / 'epoch_1.pth')!r}\n"
    got, new = train(tmp_path / "new", start + 'optim_wrapper["optimizer"]["lr"] = 0.0\n')
    before, after = (weights["backbone.keypoint_tokens"][0] for weights in (given, got))
    assert before.std(0).min() > 0  # no two are alike
    assert new[0] == "nose" and new[1:] == old[-2::-1]
    torch.testing.assert_close(after, torch.cat([before.mean(0, keepdim=True), before.flip(0)[1:]]))
    assert torch.equal(got["backbone.quality_token"], given["backbone.quality_token"])
