"""Every way to train, for every network of the papers and its main ablations: what is run and how.

The configs are those of the package: recipe, pipelines, codec and hooks stay. A child of each makes the network narrow
and the run short, on a few images of noise with the file names of COCO and MPII.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import runpy
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import mmpose
import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmpose.registry import HOOKS
from scipy.io import savemat

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs" / "body_2d_keypoint"
TRAIN = Path(mmpose.__file__).parent / ".mim" / "tools" / "train.py"
"""What ``mim train mmpose`` runs."""
STOCK = {
    17: "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py",
    16: "mmpose::body_2d_keypoint/topdown_heatmap/mpii/td-hm_res50_8xb64-210e_mpii-256x256.py",
}
"""Number of keypoints -> a config of MMPose."""
PERSONS = 4
HEIGHT, WIDTH = 96, 80


class Row(NamedTuple):
    """A network.

    Attributes:
        home: Config, from ``configs/body_2d_keypoint``.
        away: Config of the same paper for another data set.
        small: What makes the network narrow, for both.
        away_small: What only the other data set's needs.
        hooks: What the short run changes in the hooks.
        one_rate: Whether the other data set's recipe loses its groups of parameters, for a network without offsets.
    """

    home: str
    away: str
    small: Mapping[str, Any]
    away_small: Mapping[str, Any] = {}
    hooks: Mapping[str, Any] = {}
    one_rate: bool = False


XHRNET = dict(
    backbone=dict(
        arch=dict(num_modules=(1, 1, 1), channels=(8, 16, 24, 32), stem_channels=8, num_blocks=1, _delete_=True)
    ),
    head=dict(in_channels=8),
)
ARCH = dict(width=24, depth=4, num_heads=2)
SHARPOSE = dict(backbone=dict(arch=dict(**ARCH, _delete_=True)), head=dict(in_channels=24))
ONE_MPII = dict(_delete_=True, arch=ARCH, num_keypoints=16, input_size=(256, 256))
SSN_BACKBONE = dict(depth=18, base_channels=32, stem_channels=32, init_cfg=None)
SSN_UP = dict(neck=dict(in_channels=(32, 64, 128, 256), out_channels=32), head=dict(in_channels=32))
SHIFTS = dict(shift_channels=6, first_shift_channels=3)
SSN = dict(backbone=dict(**SSN_BACKBONE, **SHIFTS), **SSN_UP)
THREE = dict(backbone=dict(base_channels=32, stem_channels=32, shift_channels=6), head=dict(in_channels=128))
STACK = dict(num_stacks=1, channels=8, depth=3)
SCANET = dict(backbone=dict(**STACK, reduced_channels=16), head=dict(num_stages=1))
SFM = dict(backbone=dict(arch=dict(channels=(8, 12, 16), _delete_=True)), head=dict(in_channels=8))
QUALITY = dict(quality=dict(begin=1))
INSERTION = dict(insertion=dict(begin=2))
ON_MPII = dict(head=dict(out_channels=16))


def sharpose(name: str, kind: str = "SHaRPose", **options: Any) -> Row:
    """SHaRPose or its ablations."""
    home = f"sharpose/td-hm_sharpose-{name}_coco-256x192.py"
    extra = {} if kind == "SHaRPose" else dict(backbone=dict(**ONE_MPII, type=kind, **options))
    small = dict(SHARPOSE, backbone=dict(SHARPOSE["backbone"], **options))
    hooks = (
        QUALITY if kind == "SHaRPose" else dict(quality=dict(_delete_=True, type="SyncBuffersHook"))
    )  # one stage has no gate
    return Row(home, "sharpose/td-hm_sharpose-base_udp-4xb64-210e_mpii-256x256.py", small, extra, hooks)


def ssn(
    name: str, small: Mapping[str, Any] = SSN, hooks: Mapping[str, Any] = INSERTION, **away: Mapping[str, Any]
) -> Row:
    """SSN or its ablations."""
    mpii = "ssn/td-hm_ssn_1xb16-210e_mpii-256x256.py"
    one_rate = name in ("ssn-without-shifting", "ssn-backbone")
    return Row(f"ssn/td-hm_{name}_1xb16-400k_coco-256x192.py", mpii, small, away, hooks, one_rate)


def xhrnet(name: str, **away: Any) -> Row:
    """X-HRNet or its ablations."""
    mpii = "xhrnet/td-hm_xhrnet-18_8xb64-210e_mpii-256x256.py"
    home = f"xhrnet/{name}_8xb64-210e_coco-256x192.py"
    return Row(home, mpii, XHRNET, dict(backbone=away) if away else {})


def scanet(name: str, *, stacks: int = 1, **options: Any) -> Row:
    """BDMP-SCANet or its ablations, on MPII."""
    small = dict(backbone=dict(SCANET["backbone"], num_stacks=stacks, **options), head=dict(num_stages=stacks))
    mpii = f"scanet/td-hm_scanet-{name}_1xb6-220e_mpii-256x256.py"
    return Row(mpii, "scanet/td-hm_scanet-4s_1xb6-220e_coco-256x192.py", small, dict(backbone=options))


def sfm(name: str, **away: Any) -> Row:
    """An ablation of SFM, on MPII."""
    coco = "sfm/td-hm_sfm_2xb16-300e_coco-256x256.py"
    return Row(f"sfm/td-hm_{name}_2xb16-300e_mpii-256x256.py", coco, SFM, dict(backbone=away) if away else {})


ROWS: dict[str, Row] = {
    "X-HRNet": xhrnet("td-hm_xhrnet-18"),
    "X-HRNet, parallel": xhrnet("td-hm_xhrnet-30-parallel", block="parallel"),
    "X-HRNet, added attention": xhrnet("td-hm_xhrnet-18-add", fusion="add"),
    "X-HRNet, SimCC": xhrnet("simcc_xhrnet-18"),
    "SHaRPose": sharpose("small_udp-4xb128-250e"),
    "SHaRPose, coarse only": sharpose("base-onlycoarse_udp-4xb64-210e", "SHaRPoseOneStage", scale=0.5),
    "SHaRPose, fine only": sharpose("base-onlyfine_udp-4xb64-210e", "SHaRPoseOneStage", scale=1.0),
    "SHaRPose, EViT": sharpose("base-evit_udp-4xb64-210e", "SHaRPoseEViT", prune_at=(1, 2)),
    "SSN": ssn("ssn"),
    "SSN without CA": ssn("ssn-without-ca", backbone=dict(attention=None)),
    "SSN without shifting": ssn("ssn-without-shifting", backbone=dict(shifting=False)),
    "SSN's ResNet": ssn(
        "ssn-backbone",
        dict(backbone=SSN_BACKBONE, **SSN_UP),
        dict(insertion=dict(_delete_=True, type="SyncBuffersHook")),  # nothing to insert
        backbone=dict(shift_channels=None, first_shift_channels=None),
        neck=dict(early_stages=()),
        head=dict(predictors=("P1", "P2", "P3", "P4")),
    ),
    "3Block+3FSM": Row(
        "ssn/td-hm_ssn-3block-k256_1xb16-400k_coco-256x192.py",
        "ssn/td-hm_ssn-3block-k256_1xb32-6e_lspet-128x96.py",
        THREE,
        hooks=INSERTION,
    ),
    "SCANet": Row(
        "scanet/td-hm_scanet-4s_1xb6-220e_coco-256x192.py",
        "scanet/td-hm_scanet-4s_1xb6-220e_mpii-256x256.py",
        SCANET,
    ),
    "SCANet, soft attention": scanet("2s-soft", variant="soft"),
    "SCANet, messages only": scanet("2s-bdmp", variant="bdmp"),
    "SCANet, channel attention only": scanet("2s-sacwa", stacks=2, variant="sacwa"),
    "Stacked hourglass": Row(
        "scanet/td-hm_hourglass-2s_1xb6-220e_mpii-256x256.py",
        "scanet/td-hm_scanet-4s_1xb6-220e_coco-256x192.py",
        dict(backbone=STACK, head=dict(num_stages=1)),
        dict(backbone=dict(_delete_=True, type="StackedHourglass", num_keypoints=17, **STACK)),
    ),
    "SFM": Row("sfm/td-hm_sfm_2xb16-300e_coco-256x256.py", "sfm/td-hm_sfm_2xb16-300e_mpii-256x256.py", SFM),
    "SFM, cascaded pyramid": sfm("sfm-cascaded", bridges=(), attention=None),
    "SFM without HSA": sfm("sfm-no-hsa", attention=None),
    "SFM, plain attention": sfm("sfm-spatial", attention="SpatialAttention"),
}
FIVE = ("X-HRNet", "SHaRPose", "SSN", "SCANet", "SFM")

SHORT = """
_base_ = ["{leaf}"]
model = {model}
default_hooks = {hooks}
custom_hooks = [dict(type="SyncBuffersHook")]
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)
val_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False)
test_dataloader = val_dataloader
train_cfg = {length}
find_unused_parameters = {unused}
"""


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Two nested dicts as one; with ``_delete_`` the second's alone."""
    if second.get("_delete_"):
        return dict(second)
    result = dict(first)
    for key, value in second.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = merged(result[key], value) if both else value
    return result


ONE_RATE = """
optim_wrapper = dict(constructor="DefaultOptimWrapperConstructor", paramwise_cfg=None)
param_scheduler = []
"""


def write_short(
    leaf: Path | str, out: Path, model: Mapping[str, Any], hooks: Mapping[str, Any], *, one_rate: bool = False
) -> Path:
    """Write the child of a config that trains a narrow network for two epochs, or four iterations.

    Args:
        leaf: The config.
        out: The file.
        model: What changes in the network.
        hooks: What changes in the hooks.
        one_rate: See :class:`Row`.
    """
    config = Config.fromfile(leaf)
    by_epoch = config.train_cfg.get("by_epoch", True)
    length = dict(max_epochs=2, val_interval=2) if by_epoch else dict(max_iters=4, val_interval=4)
    checkpoint = dict(interval=1) if by_epoch else dict(interval=2, by_epoch=False)
    hooks = {name: value for name, value in hooks.items() if name in config.default_hooks}
    hooks |= dict(logger=dict(interval=1), checkpoint=dict(**checkpoint, max_keep_ckpts=9))
    unused = bool(config.get("find_unused_parameters", False))
    text = SHORT.format(leaf=leaf, model=model, hooks=hooks, length=length, unused=unused)
    out.write_text(text + (ONE_RATE if one_rate else ""))
    return out


STOCK_CHILD = """
_base_ = ["{stock}"]
custom_imports = dict(imports=["mmpose_ext"], allow_failed_imports=False)
codec = {codec}
model = dict(
    backbone={backbone},
    neck={neck},
    head={head})
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False,
                        dataset=dict(data_root="{root}", pipeline={train}))
val_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False,
                      dataset=dict(data_root="{root}", pipeline={val}))
val_dataloader["dataset"].update({files})
test_dataloader = val_dataloader
val_evaluator = {evaluator}
test_evaluator = val_evaluator
default_hooks = dict(logger=dict(interval=1))
train_cfg = dict(max_epochs=1, val_interval=1)
"""


def write_stock(home: Path, out: Path, data: Path) -> Path:
    """Write a config of MMPose whose network is ours: backbone, neck, head, and the codec that the head needs.

    Args:
        home: The short config of a row.
        out: The file.
        data: Folder of the data sets.
    """
    config = Config.fromfile(home)
    keypoints = config.model.head.out_channels
    stock = Config.fromfile(_stock_file(keypoints))
    codec = plain(config.codec)
    pipelines = []
    for loader in (stock.train_dataloader, stock.val_dataloader):
        steps = plain(loader.dataset.pipeline)
        for step in steps:
            if step["type"] == "TopdownAffine":
                step.update(input_size=codec["input_size"], use_udp=codec["type"] == "UDPHeatmap")
            if step["type"] == "GenerateTarget":
                step["encoder"] = codec
        pipelines.append(steps)
    coco = keypoints == 17
    root = data / ("coco" if coco else "mpii")
    files = dict(bbox_file=None) if coco else dict(headbox_file=str(root / "annotations/mpii_gt_val.mat"))
    evaluator = plain(stock.val_evaluator)
    if coco:
        evaluator["ann_file"] = str(root / "annotations/person_keypoints_val2017.json")
    parts = {name: plain(config.model.get(name)) for name in ("backbone", "neck", "head")}
    parts = {name: dict(part, _delete_=True) if name in stock.model else part for name, part in parts.items()}
    text = STOCK_CHILD.format(
        stock=STOCK[keypoints],
        codec=codec | dict(_delete_=True),
        **parts,
        root=root,
        train=pipelines[0],
        val=pipelines[1],
        files=files,
        evaluator=evaluator,
    )
    out.write_text(text)
    return out


def _stock_file(keypoints: int) -> Path:
    return TRAIN.parents[1] / "configs" / STOCK[keypoints].removeprefix("mmpose::")


def plain(value: Any) -> Any:
    """Without the classes of MMEngine's config."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return type(value)(plain(item) for item in value) if isinstance(value, (list, tuple)) else value


def write_data(root: Path) -> None:
    """Write images of noise with a person each, as COCO, MPII and LSPET.

    Args:
        root: What ``$MMPOSE_EXT_DATA`` names.
    """
    rng = np.random.default_rng(0)
    points = rng.uniform(12, 70, (PERSONS, 17, 2)).round(1) + [0, 8]
    for name in ("coco/train2017", "coco/val2017", "mpii/images", "lspet/images"):
        folder = root / name
        folder.mkdir(parents=True)
        for index in range(PERSONS):
            cv2.imwrite(str(folder / f"{index + 1:05d}.jpg"), rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    for name, joints, files in (
        ("coco", 17, ("person_keypoints_train2017", "person_keypoints_val2017")),
        ("lspet", 14, ("lspet_train", "lspet_val")),
    ):
        (root / name / "annotations").mkdir()
        for file in files:
            text = json.dumps(_coco(points[:, :joints]))
            (root / name / "annotations" / f"{file}.json").write_text(text)
    found = [dict(image_id=i + 1, category_id=1, bbox=[4, 4, 70, 86], score=0.9) for i in range(PERSONS)]
    (root / "coco/person_detection_results").mkdir()
    (root / "coco/person_detection_results/COCO_val2017_detections_AP_H_56_person.json").write_text(json.dumps(found))
    (root / "mpii/annotations").mkdir()
    persons = [
        dict(image=f"{i + 1:05d}.jpg", center=[40, 48], scale=0.4, joints=points[i, :16].tolist(), joints_vis=[1] * 16)
        for i in range(PERSONS)
    ]
    for split in ("train", "val"):
        (root / f"mpii/annotations/mpii_{split}.json").write_text(json.dumps(persons))
    boxes = np.tile(np.array([[10.0, 10.0], [25.0, 30.0]])[..., None], PERSONS)
    savemat(root / "mpii/annotations/mpii_gt_val.mat", {"headboxes_src": boxes})


def _coco(points: np.ndarray) -> dict[str, Any]:
    images = [dict(id=i + 1, file_name=f"{i + 1:05d}.jpg", height=HEIGHT, width=WIDTH) for i in range(len(points))]
    persons = [
        dict(
            id=i + 1,
            image_id=i + 1,
            category_id=1,
            bbox=[4, 4, 70, 86],
            area=3000,
            iscrowd=0,
            num_keypoints=len(row),
            keypoints=np.c_[row, np.full(len(row), 2)].ravel().tolist(),
        )
        for i, row in enumerate(points)
    ]
    names = [str(index) for index in range(points.shape[1])]
    category = dict(id=1, name="person", keypoints=names, skeleton=[])
    return dict(images=images, annotations=persons, categories=[category])


@HOOKS.register_module(force=True)
class KillAt(Hook):
    """Ends the process without a word after some iterations.

    Args:
        iteration: How many.
    """

    def __init__(self, iteration: int) -> None:
        self.iteration = iteration

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        """Kill."""
        if runner.iter + 1 == self.iteration:
            os.kill(os.getpid(), signal.SIGKILL)


class Done(NamedTuple):
    """A run that has ended."""

    status: int
    """0 for success; that of the first process that failed."""
    text: str
    """What all processes printed."""
    work: Path
    """Working directory."""

    def checkpoint(self) -> Path:
        """The last."""
        return Path((self.work / "last_checkpoint").read_text())

    def weights(self) -> dict[str, torch.Tensor]:
        """Of the last checkpoint."""
        return torch.load(self.checkpoint(), weights_only=False)["state_dict"]

    def reason(self) -> str:
        """The last line of a traceback."""
        errors = [line for line in self.text.splitlines() if re.match(r"[\w.]*(Error|Exception)\b", line)]
        return errors[-1] if errors else self.text[-300:]


def _work(arguments: list[str], variables: dict[str, str], out: Path) -> None:
    with out.open("wb") as stream:
        for descriptor in (1, 2):
            os.dup2(stream.fileno(), descriptor)
    sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
    os.environ.update(variables)
    os.chdir(out.parent)
    sys.argv = [str(TRAIN), *arguments]
    runpy.run_path(str(TRAIN), run_name="__main__")


def launch(config: Path, work: Path, *options: str, processes: int = 1) -> Done:
    """Run MMPose's ``tools/train.py`` in processes of its own, forked from this one, in which all is imported.

    Args:
        config: The config.
        work: Its working directory.
        options: More of its options.
        processes: With two or more, by ``--launcher pytorch``.
    """
    work.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    arguments = [str(config), "--work-dir", str(work), *options]
    if processes > 1:
        arguments += ["--launcher", "pytorch"]
    context, started = multiprocessing.get_context("fork"), []
    for rank in range(processes):
        variables = dict(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(processes))
        variables |= dict(MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
        out = work / f"printed_{rank}.txt"
        started.append((context.Process(target=_work, args=(arguments, variables, out)), out))
    for process, _ in started:
        process.start()
    for process, _ in started:
        process.join(400)
        if process.is_alive():
            process.kill()
            process.join()
    status = next((process.exitcode for process, _ in started if process.exitcode), 0)
    return Done(status, "\n".join(out.read_text(errors="replace") for _, out in started), work)
