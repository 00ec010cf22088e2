"""Every verb of mim, and every way to name a config, from a built wheel in a fresh environment.

The environment is made by the two commands of docs/install.md, with ``uv pip`` where there is uv. To run the same tests
in an environment of yours, with another torch for example, where the wheel is installed, set
``MMPOSE_EXT_TEST_PYTHON`` to its Python.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.tiny import write_config

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("mim")]

ROOT = Path(__file__).resolve().parents[1]
MODEL = "td-hm_xhrnet-18_8xb64-210e_coco-256x192"


class Environment:
    """A Python environment in which the wheel is installed.

    Args:
        python: Its interpreter.
        folder: Where the commands run, away from the checkout.
    """

    def __init__(self, python: Path, folder: Path) -> None:
        self.python = python
        self.folder = folder

    def run(self, *args: object) -> str:
        """Run Python with these arguments and return all that it prints; an exit status fails the test."""
        variables = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        variables |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "COLUMNS": "200"}
        done = subprocess.run(
            [self.python, *map(str, args)],
            cwd=self.folder,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-5000:]
        return done.stdout

    def mim(self, *args: object) -> str:
        """Run mim with these arguments."""
        return self.run("-m", "mim", *args)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution as an index would serve it."""
    folder = tmp_path_factory.mktemp("dist")
    source = folder / "source"  # a copy: two builds in one folder disturb each other
    left = (".*", "*.egg-info", "__pycache__", "build", "data", "dist", "work_dirs")
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*left))
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, source]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (path,) = folder.glob("*.whl")
    return path


def documented_installs(title: str) -> list[list[str]]:
    """The arguments of the commands under a title of docs/install.md."""
    section = (ROOT / "docs" / "install.md").read_text().split(f"# {title}\n")[1]
    block = section.split("```bash")[1].split("```")[0]
    commands = [shlex.split(line, comments=True) for line in block.strip().splitlines()]
    assert len(commands) == 2 and all(command[:2] == ["pip", "install"] for command in commands)
    return [command[2:] for command in commands]


def install(python: Path, *arguments: str) -> None:
    """Install into the environment of this Python."""
    if uv := shutil.which("uv"):
        command = [uv, "pip", "install", "--quiet", "--python", python]
    else:
        command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-5000:]


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the wheel."""
    folder = tmp_path_factory.mktemp("fresh")
    if given := os.environ.get("MMPOSE_EXT_TEST_PYTHON"):
        return Environment(Path(given), folder)
    return make_environment("Into a fresh environment, with plain pip", wheel, folder)


@pytest.fixture(scope="module")
def fork_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the wheel on the maintained fork of OpenMMLab."""
    return make_environment("With the maintained fork of OpenMMLab", wheel, tmp_path_factory.mktemp("fork"))


def make_environment(title: str, wheel: Path, folder: Path) -> Environment:
    """An environment made by the commands under a title of docs/install.md, with the wheel for the checkout."""
    venv.create(folder / "env", symlinks=True)
    python = folder / "env" / "bin" / "python"
    for command in documented_installs(title):
        install(python, *(argument.replace(".[", f"{wheel}[") for argument in command))
    environment = Environment(python, folder)
    assert str(folder / "env") in environment.run("-c", "import mmpose_ext; print(mmpose_ext.__file__)")
    return environment


@pytest.fixture(scope="module")
def config(environment: Environment) -> Path:
    """A configuration that trains in seconds."""
    return write_config(environment.folder, "train_cfg = dict(by_epoch=True, max_epochs=1, val_interval=1)\n")


@pytest.fixture(scope="module")
def checkpoint(environment: Environment, config: Path) -> Path:
    """What ``mim train mmpose`` leaves."""
    work = environment.folder / "mmpose"
    assert "Training finished successfully" in environment.mim("train", "mmpose", config, "--work-dir", work)
    return work / "epoch_1.pth"


def test_the_wheel_holds_what_mim_looks_for(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    expected = ["py.typed", ".mim/model-index.yml", ".mim/tools/train.py", ".mim/configs/_base_/default_runtime.py"]
    assert {f"mmpose_ext/{name}" for name in expected} <= set(names)
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {
        "mmpose_ext",
        "mmpose_ext.pth",
        "mmpose_ext_startup.py",
    }
    assert not [name for name in names if "__pycache__" in name]


def plain_pip_would_install(requirement: str, report: Path) -> set[str]:
    """Names of what plain pip would put into an empty environment for a requirement."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--ignore-installed",
        "--report",
        report,
        requirement,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-5000:]
    names = (entry["metadata"]["name"] for entry in json.loads(report.read_text())["install"])
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


OPENMMLAB = {"mmcv", "mmcv-lite", "mmdet", "mmengine", "mmpose", "openmim"}


def test_plain_pip_leaves_a_working_mmpose_alone(wheel: Path, tmp_path: Path) -> None:
    names = plain_pip_would_install(str(wheel), tmp_path / "report.json")
    assert {"mmpose-ext", "torch"} <= names
    assert not names & OPENMMLAB


def test_plain_pip_finds_a_set_for_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    names = plain_pip_would_install(f"{wheel}[fresh]", tmp_path / "report.json")
    assert {"mmcv-lite", "mmdet", "mmengine", "pycocotools"} <= names
    assert not names & {"chumpy", "mmcv"}


def test_the_doctor_finds_the_fresh_environment_healthy(environment: Environment) -> None:
    assert "mmcv-lite" in environment.run("-m", "mmpose_ext.toolbox.cli", "doctor")


def test_mim_test_mmpose(environment: Environment, config: Path, checkpoint: Path) -> None:
    printed = environment.mim("test", "mmpose", config, "--checkpoint", checkpoint, "--work-dir", "test-mmpose")
    assert "coco/AP" in printed


def test_mim_train_and_test_of_this_package(environment: Environment, config: Path) -> None:
    work = environment.folder / "own"
    printed = environment.mim("train", "mmpose_ext", config, "--work-dir", work)
    assert "Training finished successfully" in printed
    printed = environment.mim("test", "mmpose_ext", config, "--checkpoint", work / "epoch_1.pth", "--work-dir", work)
    assert "coco/AP" in printed


def test_mim_train_in_two_processes_on_cpu(environment: Environment, config: Path) -> None:
    work = environment.folder / "ddp"
    printed = environment.mim("train", "mmpose", config, "--launcher", "pytorch", "--gpus", 2, "--work-dir", work)
    assert "Epoch(train) [1][1/1]" in printed  # 8 pictures, 4 for each process
    assert (work / "epoch_1.pth").exists()


def test_mim_gridsearch(environment: Environment, config: Path) -> None:
    """mim reads the config, and so its base, in a process that never imports the package itself."""
    path = environment.folder / "by_scope.py"
    path.write_text(f'_base_ = ["mmpose_ext::_base_/default_runtime.py"]\n{config.read_text()}')
    search = "--optim_wrapper.optimizer.lr 0.01 0.02"
    environment.mim("gridsearch", "mmpose", path, "--work-dir", "grid", "--search-args", search)
    assert len(list(environment.folder.glob("grid_search_*/epoch_1.pth"))) == 2


STOCK = """
from mmpose.apis import MMPoseInferencer
from mmengine.config import Config
from mmengine.hub import get_config
import numpy as np, sys
import mmdet.apis, mmcv.ops
name = 'body_2d_keypoint/topdown_heatmap/coco/td-hm_mobilenetv2_8xb64-210e_coco-256x192'
config = get_config(f'mmpose::{name}.py')
config.model.backbone.init_cfg = None
config.model.test_cfg.flip_test = False
config.dump('stock.py')
inferencer = MMPoseInferencer(pose2d='stock.py', det_model='whole_image', device='cpu')
(result,) = inferencer(np.zeros((64, 64, 3), np.uint8))
print(len(result['predictions'][0][0]['keypoints']))
"""


def test_stock_mmpose_works_without_our_import(environment: Environment, config: Path) -> None:
    """A config of MMPose trains, its inferencer and its demo script run; none of them names this package."""
    assert environment.run("-W", "ignore", "-c", STOCK).splitlines()[-1] == "17"
    ours = config.read_text()
    backbone = 'backbone=dict(type="MobileNetV2", widen_factor=0.1, out_indices=(7,))'
    stock = re.sub(r"backbone=dict\(.*?\)", backbone, re.sub(r"custom_imports.*\n", "", ours)).replace(
        "in_channels=32", "in_channels=1280"
    )
    stock = stock.replace("vis_backends=[", 'name="visualizer", vis_backends=[')  # which the demo script needs
    (environment.folder / "mobilenet.py").write_text(stock)
    work = environment.folder / "mobilenet"
    assert "Training finished" in environment.mim("train", "mmpose", "mobilenet.py", "--work-dir", work)
    demo = environment.run("-c", "import mmpose; print(mmpose.__path__[0])").splitlines()[-1] + "/.mim/demo/"
    image = next(environment.folder.glob("*.jpg"))
    script = (f"{demo}image_demo.py", image, "mobilenet.py", work / "epoch_1.pth", "--device", "cpu")
    environment.run("-W", "ignore", *script, "--out-file", "shown.jpg")
    assert (environment.folder / "shown.jpg").is_file()


def test_the_start_of_python_can_be_left_alone(environment: Environment) -> None:
    code = (
        "import os, subprocess, sys; os.environ['MMPOSE_EXT_STARTUP'] = '0'; subprocess.run([sys.executable, '-c', @])"
    )
    assert "No module named 'mmcv._ext'" in environment.run("-c", code.replace("@", repr("import mmcv.ops")))


def test_the_fork(fork_environment: Environment) -> None:
    """The doctor knows it, a network trains and is tested on it, and checkpoints stay data."""
    report = fork_environment.run("-m", "mmpose_ext.toolbox.cli", "doctor")
    assert all(f"ok      onedl-{name}" in report for name in ("mmengine", "mmcv", "mmdetection", "mim")), report
    config = write_config(fork_environment.folder, "train_cfg = dict(by_epoch=True, max_epochs=1, val_interval=1)\n")
    work = fork_environment.folder / "work"
    assert "Training finished" in fork_environment.mim("train", "mmpose", config, "--work-dir", work)
    printed = fork_environment.mim("test", "mmpose", config, "--checkpoint", work / "epoch_1.pth", "--work-dir", work)
    assert "coco/AP" in printed


SUITE = ("compat", "engine", "evaluation", "heads", "codecs", "datasets", "mixing")
"""The tests that meet the engine: what it loads, runs, registers and evaluates."""


def test_the_suite_on_the_fork(fork_environment: Environment) -> None:
    """Tests of the checkout by the fork's Python; all of them by that Python: ``python -m pytest``."""
    install(fork_environment.python, "pytest", "pytest-timeout", "pytest-xdist", "hotcoco")
    folders = [ROOT / "tests" / name for name in SUITE]
    fork_environment.run("-m", "pytest", "-q", "-n0", f"--rootdir={ROOT}", "-c", ROOT / "pyproject.toml", *folders)


def test_mim_search(environment: Environment) -> None:
    assert MODEL in environment.mim("search", "mmpose_ext", "--model", "xhrnet")


def test_mim_download(environment: Environment) -> None:
    environment.mim("download", "mmpose_ext", "--config", MODEL, "--dest", "zoo")
    environment.mim("download", "mmpose_ext", "--config", "td-hm_xhrnet-18_udp-1xb32-30e_lsp-128x96", "--dest", "zoo")
    assert "XHRNet" in (environment.folder / "zoo" / f"{MODEL}.py").read_text()


def test_mim_run(environment: Environment) -> None:
    config = f"body_2d_keypoint/xhrnet/{MODEL}.py"
    code = f"from mmengine.utils import get_installed_path as p; print(p('mmpose_ext') + '/.mim/configs/{config}')"
    printed = environment.mim("run", "mmpose_ext", "get_flops", environment.run("-c", code).splitlines()[-1])
    assert "The script finished successfully" in printed


def test_config_of_ours_as_a_base(environment: Environment) -> None:
    path = environment.folder / "child.py"
    path.write_text(f"_base_ = ['mmpose_ext::body_2d_keypoint/xhrnet/{MODEL}.py']\nwork_dir = 'child'\n")
    code = f"import mmpose_ext; from mmengine import Config; print(Config.fromfile('{path}').model.backbone.type)"
    assert environment.run("-c", code).splitlines()[-1] == "XHRNet"


def test_config_from_the_hub(environment: Environment) -> None:
    name = f"mmpose_ext::body_2d_keypoint/xhrnet/{MODEL}.py"
    code = f"import mmpose_ext; from mmengine.hub import get_config; print(get_config('{name}').model.backbone.type)"
    assert environment.run("-c", code).splitlines()[-1] == "XHRNet"


def test_inferencer_by_alias(environment: Environment, config: Path) -> None:
    code = """
import mmpose_ext, numpy as np
from mmpose.apis import MMPoseInferencer
inferencer = MMPoseInferencer(pose2d='xhrnet-18', scope='mmpose_ext', det_model='whole_image', device='cpu')
(result,) = inferencer(np.zeros((64, 64, 3), np.uint8))
print(len(result['predictions'][0][0]['keypoints']))
"""
    assert environment.run("-c", code).splitlines()[-1] == "17"


def test_the_weights_of_the_package(environment: Environment, wheel: Path) -> None:
    """A pose with nothing else given, by every way that takes the name, and the figures of one network in all."""
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"mmpose_ext/weights/xhrnet-18-lsp.{kind}" for kind in ("safetensors", "md")} <= set(names)
    code = """
import mmpose_ext, cv2, numpy as np
from mmpose.apis import MMPoseInferencer
image = np.random.default_rng(0).integers(0, 255, (128, 96, 3), dtype=np.uint8)
cv2.imwrite('photo.png', image)
inferencer = MMPoseInferencer(pose2d='xhrnet-18-lsp', scope='mmpose_ext', det_model='whole_image', device='cpu')
inferencer.inferencer.model.test_cfg['flip_test'] = False
(result,) = inferencer('photo.png')
print(np.ravel(result['predictions'][0][0]['keypoints']).tolist())
"""
    expected = json.loads(environment.run("-W", "ignore", "-c", code).splitlines()[-1])
    command = ("-m", "mmpose_ext.toolbox.cli")
    environment.run(*command, "infer", "photo.png", "--out", "poses")
    install(environment.python, f"{wheel}[fresh,onnx]")
    assert "float32: " in environment.run(*command, "export", "xhrnet-18-lsp", "out.onnx")
    environment.run(*command, "infer", "photo.png", "--model", "out.onnx", "--out", "onnx")
    for out in ("poses", "onnx"):
        (found,) = json.loads((environment.folder / out / "predictions.json").read_text())["annotations"]
        points = [value for i, value in enumerate(found["keypoints"]) if i % 3 < 2]
        assert points == pytest.approx(expected, abs=0.01)


def test_our_backbone_in_a_stock_config(environment: Environment) -> None:
    code = """
import mmpose_ext
from mmengine.hub import get_config
from mmpose.registry import MODELS
from mmpose.utils import register_all_modules
register_all_modules()
config = get_config('mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_litehrnet-18_8xb64-210e_coco-256x192.py')
ours = get_config('mmpose_ext::body_2d_keypoint/xhrnet/@.py').model
config.model.backbone, config.model.head = ours.backbone, ours.head
print(type(MODELS.build(config.model).backbone).__name__)
""".replace("@", MODEL)
    assert environment.run("-c", code).splitlines()[-1] == "XHRNet"


def test_each_model_of_the_index_has_its_config(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    index = yaml.safe_load(archive.read("mmpose_ext/.mim/model-index.yml"))
    for metafile in index["Import"]:
        for model in yaml.safe_load(archive.read(f"mmpose_ext/.mim/{metafile}"))["Models"]:
            assert f"mmpose_ext/.mim/{model['Config']}" in archive.namelist()
            assert model["Name"] == model["Name"].lower() == Path(model["Config"]).stem
            assert model["Weights"], 'inferencers and `mim download` need [""] where there are none'
