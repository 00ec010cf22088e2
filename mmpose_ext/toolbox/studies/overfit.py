"""How many steps a network needs to know a few persons by heart: a check of its training, and of what slow means.

All networks see the same rendered persons at the same size, without augmentation, in the same order, with Adam.

Shapes: B batch, K keypoints.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS, MODELS
from torch import nn

from mmpose_ext.atomic import atomic_write
from mmpose_ext.compat.checkpoint import load
from mmpose_ext.evaluation.torso_pck import TORSO, torso_distances

__all__ = ["Point", "Persons", "at_size", "overfit", "render", "torso_pck"]


class Point(NamedTuple):
    """A network after some steps."""

    step: int
    loss: float
    """Mean over the steps since the point before."""
    pck: float
    """PCK of the torso on the persons that it learns, in percent, without a flip test."""


class Persons(NamedTuple):
    """What is learned by heart."""

    samples: list[dict[str, Any]]
    """Outputs of a pipeline, with targets."""
    torso: tuple[int, int]
    """Indices of both ends of the torso."""


def at_size(config: Config, size: Sequence[int]) -> Config:
    """A copy of a config whose network and codec have another input size.

    Args:
        config: With ``model`` and ``codec``.
        size: (width, height) in pixels.

    Raises:
        ValueError: If the config has more than one codec.
    """
    config = Config(config._cfg_dict.to_dict())
    codec, model = config.codec, config.model
    if isinstance(codec, list) or "heatmap_size" not in codec:
        raise ValueError("expected a config with one codec of heatmaps")
    stride = codec.input_size[0] // codec.heatmap_size[0]
    codec.update(input_size=tuple(size), heatmap_size=tuple(side // stride for side in size))
    model.head.decoder = codec
    if "input_size" in model.backbone:
        model.backbone.input_size = codec.input_size
    if "heatmap_size" in model.head:
        model.head.heatmap_size = codec.heatmap_size
    if "Pretrained" in str(model.backbone.get("init_cfg")):
        model.backbone.init_cfg = None
    return config


def render(folder: Path, codec: Mapping[str, Any], *, number: int, seed: int = 0) -> Persons:
    """Render persons with COCO's keypoints, once for a folder, and draw their targets.

    Args:
        folder: For the images.
        codec: Of the network.
        number: How many.
        seed: Of the renderer.
    """
    affine = dict(type="TopdownAffine", input_size=codec["input_size"], use_udp=codec["type"] == "UDPHeatmap")
    target = dict(type="GenerateTarget", encoder=dict(codec))
    pipeline = [dict(type="LoadImage"), dict(type="GetBBoxCenterScale"), affine, target, dict(type="PackPoseInputs")]
    with DefaultScope.overwrite_default_scope("mmpose"):
        dataset = DATASETS.build(
            dict(
                type="SyntheticPersonDataset",
                data_root=str(folder),
                generate=dict(num_persons=number, seed=seed),
                workers=1,
                pipeline=pipeline,
            )
        )
    index = dataset.metainfo["keypoint_name2id"]
    return Persons([dataset[i] for i in range(number)], (index[TORSO[0]], index[TORSO[1]]))


def overfit(
    config: Mapping[str, Any],
    persons: Persons,
    *,
    lr: float,
    batch: int = 16,
    max_steps: int = 1000,
    every: int = 20,
    goal: float = 95.0,
    threshold: float = 0.2,
    seed: int = 0,
    state: Path | None = None,
) -> Iterator[Point]:
    """Train until the persons are known.

    Args:
        config: Of the model.
        persons: With the targets of its codec.
        lr: Learning rate of Adam.
        batch: B.
        max_steps: Where to stop in any case.
        every: Steps between two measurements.
        goal: PCK at which to stop.
        threshold: Of the PCK, in torsos.
        seed: Of weights and order.
        state: File that keeps the training after each measurement; one that is there is gone on with.

    Yields:
        The network after each ``every`` steps, those of an earlier call first.

    Raises:
        ValueError: If ``state`` is no file of this function, or one of another network or with other options.
    """
    torch.manual_seed(seed)
    with DefaultScope.overwrite_default_scope("mmpose"):
        model = MODELS.build(config)
        model.init_weights()
    optimizer = torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=lr)
    losses: list[float] = []
    order: list[int] = []
    points: list[Point] = []
    options: dict[str, Any] = dict(lr=lr, batch=batch, every=every, threshold=threshold, seed=seed)
    options |= dict(persons=len(persons.samples), size=list(persons.samples[0]["inputs"].shape))
    if state and state.exists():
        points, order = _load(state, model, optimizer, options)
        yield from points
        if points[-1].pck >= goal:
            return
    for step in range(points[-1].step + 1 if points else 1, max_steps + 1):
        if len(order) < batch:
            order = torch.randperm(len(persons.samples)).tolist()
        chosen, order = order[:batch], order[batch:]
        model.train()
        data = model.data_preprocessor(pseudo_collate([persons.samples[i] for i in chosen]), training=True)
        loss, _ = model.parse_losses(model(**data, mode="loss"))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
        if step % every == 0 or step == max_steps:
            point = Point(step, float(np.mean(losses)), torso_pck(model, persons, batch=batch, threshold=threshold))
            points.append(point)
            if state:
                _save(state, model, optimizer, points, order, options)
            yield point
            losses = []
            if point.pck >= goal:
                return


def _save(
    state: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    points: Sequence[Point],
    order: list[int],
    options: Mapping[str, Any],
) -> None:
    content = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "points": [tuple(point) for point in points],
        "order": order,
        "random": torch.get_rng_state(),
        "options": options,
    }
    with atomic_write(state) as path:
        torch.save(content, path)


def _load(
    state: Path, model: nn.Module, optimizer: torch.optim.Optimizer, options: Mapping[str, Any]
) -> tuple[list[Point], list[int]]:
    try:
        content = load(state)
        if content["options"] != options:
            raise ValueError(f"it has {content['options']}, not {options}")
        model.load_state_dict(content["model"])
        optimizer.load_state_dict(content["optimizer"])
        torch.set_rng_state(content["random"])
        return [Point(*point) for point in content["points"]], list(content["order"])
    except (KeyError, TypeError, ValueError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(f"expected a training of this network in {state}, got another file: {error}") from error


def torso_pck(model: nn.Module, persons: Persons, *, batch: int = 16, threshold: float = 0.2) -> float:
    """PCK normalized by the torso in percent, without a flip test.

    Args:
        model: A pose estimator.
        persons: To test on.
        batch: B.
        threshold: Allowed distance in torsos.
    """
    model.eval()
    flip = model.test_cfg.get("flip_test", False)
    model.test_cfg["flip_test"] = False
    distances = []
    with torch.no_grad():
        for start in range(0, len(persons.samples), batch):
            data = model.data_preprocessor(pseudo_collate(persons.samples[start : start + batch]), training=False)
            for sample in model(**data, mode="predict"):
                truth, found = sample.gt_instances, np.asarray(sample.pred_instances.keypoints)
                labeled = np.asarray(truth.keypoints_visible).reshape(*found.shape[:2], -1)[..., 0] > 0
                distances.append(torso_distances(found, np.asarray(truth.keypoints), labeled, torso=persons.torso))
    model.test_cfg["flip_test"] = flip
    every = np.concatenate(distances)
    return float(100 * (every[~np.isnan(every)] <= threshold).mean())
