"""MMPose's own scripts, with nothing but a config of ours."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from mmpose_ext.compat import analyze_logs, launcher
from mmpose_ext.compat._tools import running_tool
from mmpose_ext.toolbox.commands.mmpose_tools import find_mmpose_tool

ROOT = Path(__file__).resolve().parents[2]
TRAIN = [
    {"lr": 0.1, "loss": 0.5, "time": 1.0, "epoch": 1, "iter": 1, "step": 1},
    {"lr": 0.1, "loss": 0.4, "time": 1.0, "epoch": 1, "iter": 2, "step": 2},
    {"lr": 0.1, "loss": 0.3, "time": 1.0, "epoch": 2, "iter": 3, "step": 3},
]
SCORE = {"coco/AP": 0.2, "time": 9.0, "step": 1}


def test_lines_of_a_log() -> None:
    logs = [*TRAIN[:2], SCORE, TRAIN[2]]
    assert analyze_logs.select(logs, ["loss"]) == TRAIN
    assert analyze_logs.select(logs, ["time"]) == TRAIN  # as upstream: the training's
    assert analyze_logs.select(logs, ["coco/AP"]) == [{"epoch": 1, **SCORE}]
    assert analyze_logs.select(logs, None) == TRAIN[:2]  # the second epoch was cut short
    with pytest.raises(ValueError, match=r"\(lr, loss, time, epoch, iter, step, coco/AP\), got loss_kpt"):
        analyze_logs.select(logs, ["loss_kpt"])
    with pytest.raises(ValueError, match="got loss, coco/AP"):
        analyze_logs.select(logs, ["loss", "coco/AP"])


def test_a_training_in_iterations_is_one_epoch() -> None:
    logs = [{key: value for key, value in log.items() if key != "epoch"} for log in TRAIN]
    assert [log["epoch"] for log in analyze_logs.select(logs, None)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("cal_train_time a.json", None),
        ("plot_curve a.json", ("loss_kpt",)),
        ("plot_curve a.json --keys loss acc_pose --out b.png", ("loss", "acc_pose")),
        ("plot_curve a.json --out b.png --keys=loss", ("loss",)),
    ],
)
def test_keys_of_the_tool(words: str, keys: tuple[str, ...] | None) -> None:
    assert analyze_logs.keys_of(words.split()) == keys


def test_which_tool_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    for path, tool in (("tools/test.py", "test.py"), ("a/tools/misc/publish_model.py", "misc/publish_model.py")):
        monkeypatch.setattr(sys, "argv", [path])
        assert running_tool() == tool
    monkeypatch.setattr(sys, "argv", ["publish_model.py"])
    assert running_tool() is None


def test_a_batch_is_counted() -> None:
    from mmengine.analysis import get_model_complexity_info

    network = nn.Linear(3, 2)
    options: dict[str, Any] = dict(show_table=False, show_arch=False)
    assert get_model_complexity_info(network, (3,), **options)["flops"] == 6
    assert get_model_complexity_info(network, (3,), inputs=torch.ones(4, 3), **options)["flops"] == 24


def test_slurm_and_mpi_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The launchers of MMEngine choose a CUDA device, which a CPU has not, and ask for nccl."""
    called = []

    def init_dist(backend: str, **kwargs: Any) -> None:
        torch.cuda.set_device(0)
        called.append((backend, kwargs))

    module = ModuleType("utils")
    vars(module).update(_init_dist_slurm=init_dist, _init_dist_mpi=init_dist)
    launcher._patch_init(module)
    before = torch.cuda.set_device
    monkeypatch.setattr(launcher, "_on_cpu", lambda: True)
    module._init_dist_slurm("nccl", init_backend="torch", timeout=1)
    module._init_dist_mpi("gloo")
    assert called == [("gloo", {"init_backend": "torch", "timeout": 1}), ("gloo", {})]
    assert torch.cuda.set_device is before


PAPERS = {
    "scanet": "td-hm_scanet-1s_1xb8-3e_synthetic-128x96",
    "sfm": "td-hm_sfm_1xb16-5e_synthetic-128x96",
    "sharpose": "td-hm_sharpose-small_1xb32-3e_synthetic-128x96",
    "ssn": "td-hm_ssn-3block-k256_1xb16-6e_synthetic-128x96",
    "xhrnet": "td-hm_xhrnet-18_1xb16-4e_synthetic-128x96",
}
CONFIG = """
_base_ = ["{leaf}"]
train_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False,
                        dataset=dict(data_root="{data}/", generate=dict(num_persons=8, seed=0)))
val_dataloader = dict(batch_size=8, num_workers=0, persistent_workers=False,
                      dataset=dict(data_root="{data}/", generate=dict(num_persons=8, seed=0)))
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=1, val_interval=1)
default_hooks = dict(logger=dict(interval=1))
custom_hooks = []
visualizer = dict(name="{paper}")  # of which there is one by each name in a process
"""


def write_config(paper: str, folder: Path) -> Path:
    """A config of a paper, on eight rendered persons and for two steps."""
    leaf = ROOT / "configs" / "body_2d_keypoint" / paper / f"{PAPERS[paper]}.py"
    path = folder / f"{paper}.py"
    path.write_text(CONFIG.format(paper=paper, leaf=leaf, data=folder / "data"))
    return path


class Tools:
    """Runs MMPose's scripts as main programs of this process, as the start-up file would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.monkeypatch = monkeypatch
        self.folder = folder

    def __call__(self, name: str, *words: object, **names: Any) -> None:
        path = str(find_mmpose_tool(name))
        self.monkeypatch.setattr(sys, "argv", [path, *map(str, words)])
        self.monkeypatch.chdir(self.folder)
        runpy.run_path(path, init_globals=names, run_name="__main__")


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Tools:
    import mmengine.config.config as config

    monkeypatch.setattr(config, "FormatCode", lambda text, **_: (text, True))  # slow
    return Tools(monkeypatch, tmp_path)


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rendered")


@pytest.mark.slow
@pytest.mark.parametrize("paper", PAPERS)
def test_a_paper_by_mmposes_tools_alone(
    paper: str, tools: Tools, rendered: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmpose_ext.compat import checkpoint, publish_model

    config = write_config(paper, rendered)
    work, out = tools.folder / "work", tools.folder
    tools("analysis_tools/print_config", config)
    assert "custom_imports" in capsys.readouterr().out
    tools("analysis_tools/get_flops", config, "--input-shape", 128, 96)
    printed = capsys.readouterr().out
    assert "Flops: " in printed and "Params: " in printed
    tools("train", config, "--work-dir", work)
    tools("test", config, work / "epoch_1.pth", "--work-dir", work / "test", "--out", out / "scores.json")
    assert "coco/AP" in json.loads((out / "scores.json").read_text())
    tools("misc/browse_dataset", config, "--output-dir", out / "shown", "--not-show", "--max-item-per-dataset", 2)
    assert len(list((out / "shown").iterdir())) == 2
    (log,) = work.glob("*/vis_data/scalars.json")
    for words in (["plot_curve", log, "--keys", "loss"], ["plot_curve", log, "--keys", "coco/AP"]):
        tools("analysis_tools/analyze_logs", *words, "--out", out / "curve.png", open=analyze_logs.open_log)
        assert (out / "curve.png").stat().st_size > 1000
        (out / "curve.png").unlink()
    tools("analysis_tools/analyze_logs", "cal_train_time", log, open=analyze_logs.open_log)
    assert "average iter time: nan" not in capsys.readouterr().out
    monkeypatch.setattr(torch, "load", publish_model._load)
    tools("misc/publish_model", work / "epoch_1.pth", out / "published.pth")
    published = renamed(out)
    assert set(checkpoint.load(published)) == {"meta", "state_dict"}


def renamed(folder: Path) -> Path:
    """The published checkpoint, whose new name another process gives it."""
    end = time.monotonic() + 60
    while not (found := list(folder.glob("published-*.pth"))):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found[0]


@pytest.mark.slow
def test_boxes_for_the_test_set(tools: Tools, rendered: Path) -> None:
    import mmdet
    from mmdet.registry import MODELS
    from mmdet.utils import register_all_modules
    from mmengine.config import Config
    from mmengine.registry import DefaultScope

    folder = Path(mmdet.__file__).parent / ".mim" / "configs" / "rtmdet"
    detector = Config.fromfile(folder / "rtmdet_tiny_8xb32-300e_coco.py")
    detector.model.backbone.pop("init_cfg", None)
    detector.dump(tools.folder / "detector.py")
    register_all_modules(init_default_scope=False)
    with DefaultScope.overwrite_default_scope("mmdet"):
        model = MODELS.build(detector.model)
    for head in model.bbox_head.rtm_cls:
        nn.init.constant_(head.bias, 2.0)  # it finds something
    torch.save({"state_dict": model.state_dict(), "meta": {}}, tools.folder / "detector.pth")
    config, out = write_config("xhrnet", rendered), tools.folder / "boxes.json"
    with DefaultScope.overwrite_default_scope("mmpose"):  # the tool leaves another
        tools("misc/generate_bbox_file", "detector.py", "detector.pth", out, "--pose-config", config)
    boxes = json.loads(out.read_text())
    assert boxes and set(boxes[0]) == {"category_id", "image_id", "score", "bbox"}


SRUN = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do [ "$1" = -p ] && shift; shift; done
export SLURM_PROCID=0 SLURM_NTASKS=1 SLURM_LOCALID=0 SLURM_NODELIST=here
exec "$@"
"""


@pytest.mark.slow
@pytest.mark.parametrize("script", ["dist_train.sh", "slurm_test.sh"])
def test_shell_scripts(script: str, tmp_path: Path, rendered: Path) -> None:
    """From an MMPose checkout, with a cluster of one task."""
    import mmpose

    package = Path(mmpose.__file__).parent
    checkout, bin_folder = tmp_path / "mmpose", tmp_path / "bin"
    for folder in (checkout, bin_folder):
        folder.mkdir()
    for name in ("tools", "configs"):
        (checkout / name).symlink_to(package / ".mim" / name)
    python = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
    for name, text in (("srun", SRUN), ("scontrol", "#!/bin/sh\necho 127.0.0.1\n"), ("python", python)):
        (bin_folder / name).write_text(text)
        (bin_folder / name).chmod(0o755)
    config, work = write_config("sfm", rendered), tmp_path / "work"
    if script == "dist_train.sh":
        words, expected = [config, "1", "--work-dir", work], work / "epoch_1.pth"
    else:
        checkpoint = tmp_path / "a.pth"
        write_weights(config, checkpoint)
        words = ["partition", "job", config, checkpoint, "--out", work / "scores.json", "--work-dir", work]
        expected = work / "scores.json"
    path = os.pathsep.join([str(bin_folder), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "GPUS": "1", "GPUS_PER_NODE": "1"}
    environment |= {"PORT": "29611", "MASTER_PORT": "29612", "CUDA_VISIBLE_DEVICES": ""}
    command = ["bash", f"tools/{script}", *map(str, words)]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and expected.is_file(), done.stderr[-3000:]


def write_weights(config: Path, path: Path) -> None:
    """Random weights of a config's network."""
    from mmengine.config import Config
    from mmengine.registry import DefaultScope
    from mmpose.registry import MODELS

    with DefaultScope.overwrite_default_scope("mmpose"):
        model = MODELS.build(Config.fromfile(config).model)
    torch.save({"state_dict": model.state_dict(), "meta": {}}, path)
