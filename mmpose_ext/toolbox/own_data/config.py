"""A config that trains any model on a data set of your own.

Shapes: K keypoints.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmpose_ext.toolbox.catalogue.configs import read_config, scoped_name
from mmpose_ext.toolbox.own_data.annotations import plain_name
from mmpose_ext.toolbox.own_data.schedule import fitted_schedule

__all__ = ["config_text", "first_weights", "missing_weights"]

_DATASET = """{loader} = dict(
    dataset=dict(
        _delete_=True,
        type="CocoDataset",
        data_mode="topdown",
        metainfo=metainfo,
        data_root="",
        ann_file=folder + "/{part}.json",
        data_prefix=dict(img=images + "/"),
        test_mode={test_mode},
        pipeline=_base_.{loader}.dataset.pipeline,
    )
)"""


def config_text(
    name: str,
    base: Path,
    *,
    keypoints: int,
    folder: Path,
    images: Path,
    samples: int,
    epochs: int | None = None,
    gpus: int = 1,
) -> str:
    """A config that trains a model on the data.

    Args:
        name: Of the data set.
        base: Config of the model, for any data set.
        keypoints: K.
        folder: Where metainfo and annotations are.
        images: Folder of the images.
        samples: Persons in the training set.
        epochs: Length of the training; None keeps that of the model.
        gpus: Number of processes of the training; the learning rate becomes that of their batch together.

    Raises:
        ValueError: If the model has no argument for the number of keypoints.
    """
    config = read_config(base)
    changes = _with_keypoints(config.model, keypoints)
    if not changes:
        raise ValueError(f"expected a model whose head has out_channels, num_joints or num_keypoints, got {base}")
    lines = [f'"""{base.stem}, on {plain_name(name)}."""', "", f"_base_ = [{json.dumps(scoped_name(base))}]", ""]
    lines += [f"images = {json.dumps(str(images))}", f"folder = {json.dumps(str(folder))}"]
    lines += ['metainfo = dict(from_file=folder + "/metainfo.py")', 'dataset_type = "CocoDataset"']
    lines += ['data_mode = "topdown"', ""]
    if weights := missing_weights(config):
        lines += [f"# The model starts from {weights}, a file that does not exist: its weights start at random."]
        changes.setdefault("backbone", {})["init_cfg"] = None
    lines += [f"# {line}" for line in _start(config)]
    lines += [f"model = {_literal(changes)}", ""]
    for loader, part in (("train_dataloader", "train"), ("val_dataloader", "val")):
        lines += [_DATASET.format(loader=loader, part=part, test_mode=part == "val")]
    lines += ["test_dataloader = val_dataloader", ""]
    lines += ['val_evaluator = dict(_delete_=True, type="CocoMetric", ann_file=folder + "/val.json")']
    lines += ["test_evaluator = val_evaluator"]
    schedule = fitted_schedule(config, samples=samples, epochs=epochs)
    lines += [f"{key} = {_literal(value)}" for key, value in schedule.items()]
    lines += [f"{key} = {_literal(value)}" for key, value in _fitted_rate(config, gpus).items()]
    return "\n".join(lines) + "\n"


def missing_weights(config: Config) -> str | None:
    """A local file that the backbone is to start from and that doesn't exist.

    Args:
        config: Of the model.
    """
    init_cfg = config.model.get("backbone", {}).get("init_cfg") or {}
    weights = init_cfg.get("checkpoint") if isinstance(init_cfg, Mapping) else None
    return weights if weights and "://" not in weights and not Path(weights).is_file() else None


def first_weights(config: Config) -> str | None:
    """What a training starts from: a checkpoint of the whole model, or of its backbone; None for random weights.

    Args:
        config: Of the model.
    """
    init_cfg = config.model.get("backbone", {}).get("init_cfg") or {}
    backbone = init_cfg.get("checkpoint") if isinstance(init_cfg, Mapping) else None
    return config.get("load_from") or (None if missing_weights(config) else backbone)


def _fitted_rate(config: Config, gpus: int) -> dict[str, Any]:
    """The learning rate for the batch that there will be, if the config says for which batch its own is."""
    intended = config.get("auto_scale_lr", {}).get("base_batch_size")
    batch = config.train_dataloader.batch_size * gpus
    rate = config.get("optim_wrapper", {}).get("optimizer", {}).get("lr")
    if not intended or rate is None or batch == intended:
        return {}
    return {
        "optim_wrapper": {"optimizer": {"lr": float(f"{rate * batch / intended:.4g}")}},
        "auto_scale_lr": {"base_batch_size": batch},
    }


def _start(config: Config) -> list[str]:
    """How a SHaRPose starts, whose weights come from other transformers."""
    backbone = config.model.get("backbone") or {}
    if not str(backbone.get("type")).startswith("SHaRPose"):
        return []
    return [
        "From scratch. From MAE's or ViTPose's weights: `mmpose-ext convert vit WEIGHTS start.pth`, then",
        "`mim train mmpose CONFIG --cfg-options load_from=start.pth`.",
    ]


def _with_keypoints(model: Mapping[str, Any], keypoints: int) -> dict[str, Any]:
    """What changes in a model with K keypoints."""
    changes: dict[str, Any] = {}
    for place, value in _places(model):
        inner = changes
        for key in place[:-1]:
            inner = inner.setdefault(key, {})
        inner[place[-1]] = value * keypoints
    return changes


def _places(model: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Where a model says its number of keypoints, and channels for each."""
    head = model.get("head") or {}
    if "out_channels" in head:
        decoder = head.get("decoder") or {}
        combined = isinstance(decoder, Mapping) and decoder.get("heatmap_type") == "combined"
        yield ("head", "out_channels"), 3 if combined else 1  # a heatmap and two offsets
        if head.get("final_layer", True) is None:  # the backbone predicts
            yield ("head", "in_channels"), 1
    if (model.get("backbone") or {}).get("type") == "CPM":
        yield ("backbone", "out_channels"), 1
    for key, value in model.items():
        if isinstance(value, Mapping):
            yield from (((key, *rest), 1) for rest in _named(value))


def _named(part: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for key, value in part.items():
        if key in ("num_keypoints", "num_joints"):
            yield (key,)
        elif isinstance(value, Mapping):
            yield from ((key, *rest) for rest in _named(value))


def _literal(value: Any, indent: int = 0) -> str:
    """Python's text of dicts, lists and plain values, in lines that fit."""
    if not isinstance(value, Mapping | list):
        return json.dumps(value) if isinstance(value, str) else repr(value)
    inner = indent + 4
    if isinstance(value, Mapping):
        first, last = "dict(", ")"
        parts = [f"{key}={_literal(one, inner)}" for key, one in value.items()]
    else:
        first, last = "[", "]"
        parts = [_literal(one, inner) for one in value]
    line = first + ", ".join(parts) + last
    if len(line) + indent < 100 and "\n" not in line:
        return line
    pad = " " * inner
    return first + "\n" + "".join(f"{pad}{part},\n" for part in parts) + " " * indent + last
