"""A checkpoint is there as a whole, its predecessor goes last, and only files of the training go."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.runner import CheckpointLoader
from mmengine.runner import runner as runners

from mmpose_ext.errors import UnusableFile


class Runner:
    """As much of a runner as the hook needs."""

    def __init__(self, folder: Path) -> None:
        self.work_dir, self.epoch, self.iter, self.fails = str(folder), 0, 0, False
        self.message_hub = SimpleNamespace(runtime_info={}, update_info=self._keep, get_info=self._get)
        self.warnings: list[str] = []
        self.logger = SimpleNamespace(info=lambda text: None, warning=self.warnings.append)

    def _keep(self, name: str, value: object) -> None:
        self.message_hub.runtime_info[name] = value

    def _get(self, name: str) -> object:
        return self.message_hub.runtime_info[name]

    def save_checkpoint(self, folder: str, filename: str, *args: object, **kwargs: object) -> None:
        if self.fails:
            raise OSError(28, "No space left on device", filename)
        Path(folder, filename).write_text("weights")


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def hook(runner: Runner) -> CheckpointHook:
    made = CheckpointHook(interval=1, max_keep_ckpts=1, save_best="AP", rule="greater")
    made.before_train(runner)
    return made


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.pth"))


def test_the_older_file_goes_when_the_newer_one_is_there(runner: Runner, tmp_path: Path) -> None:
    made = hook(runner)
    made._save_checkpoint(runner)
    runner.epoch = 1
    made._save_best_checkpoint(runner, {"AP": 0.5})
    assert names(tmp_path) == ["best_AP_epoch_1.pth", "epoch_1.pth"]
    runner.fails = True
    with pytest.raises(OSError):
        made._save_checkpoint(runner)
    with pytest.raises(OSError):
        made._save_best_checkpoint(runner, {"AP": 0.6})
    assert names(tmp_path) == ["best_AP_epoch_1.pth", "epoch_1.pth"]
    runner.fails, made = False, hook(runner)
    made._save_checkpoint(runner)
    runner.epoch = 2
    made._save_best_checkpoint(runner, {"AP": 0.7})
    assert "best_AP_epoch_2.pth" in names(tmp_path) and "best_AP_epoch_1.pth" not in names(tmp_path)


def test_a_file_elsewhere_stays(runner: Runner, tmp_path: Path) -> None:
    """The names of older checkpoints come out of the one that is resumed from."""
    victim = tmp_path.parent / "victim.pth"
    victim.write_text("mine")
    runner.message_hub.runtime_info = {"best_ckpt": str(victim), "best_score": 0.1}
    hook(runner)._save_best_checkpoint(runner, {"AP": 0.5})
    assert victim.read_text() == "mine" and "victim.pth" in runner.warnings[0]


def test_a_file_is_written_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    path.write_text("old")
    with pytest.raises(TypeError):
        LocalBackend().put("no bytes", path)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    LocalBackend().put(b"new", path)
    LocalBackend().put_text("text", tmp_path / "new" / "a.txt")
    assert path.read_bytes() == b"new" and (tmp_path / "new" / "a.txt").read_text() == "text"


@pytest.mark.parametrize("text", [None, "", "epoch_3.pth"])
def test_the_newest_checkpoint_is_found(text: str | None, tmp_path: Path) -> None:
    assert runners.find_latest_checkpoint(str(tmp_path)) is None
    for number in (2, 10, 9):
        (tmp_path / f"epoch_{number}.pth").touch()
    (tmp_path / "best_AP_epoch_11.pth").touch()
    if text is not None:
        (tmp_path / "last_checkpoint").write_text(text)
    assert runners.find_latest_checkpoint(str(tmp_path)) == str(tmp_path / "epoch_10.pth")
    (tmp_path / "last_checkpoint").write_text(str(tmp_path / "epoch_9.pth"))
    assert runners.find_latest_checkpoint(str(tmp_path)) == str(tmp_path / "epoch_9.pth")


def test_a_program_in_a_checkpoint_is_left_out(tmp_path: Path) -> None:
    """MMEngine executes ``meta['config']`` when it resumes."""
    path = str(tmp_path / "a.pth")
    torch.save({"state_dict": {"x": torch.ones(1)}, "meta": {"config": "program", "epoch": 3}}, path)
    assert CheckpointLoader.load_checkpoint(path)["meta"] == {"epoch": 3}
    for content in ([1], {"state_dict": {"x": "y"}}, {"state_dict": {"x": torch.ones(1)}, "meta": 1}):
        torch.save(content, path)
        with pytest.raises(UnusableFile, match="a.pth holds no weights"):
            CheckpointLoader.load_checkpoint(path)
