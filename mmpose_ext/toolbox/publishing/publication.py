"""A training checkpoint becomes a folder to hand on: weights, config, metadata and model card.

``<name>_<YYYYMMDD>-<first 8 of the sha256>/`` holds weights in files named the same way, each with its own hash as
OpenMMLab does, ``<name>.py`` (the resolved config), ``<name>.json`` (all metadata) and ``README.md`` (the card). It is
written beside its place, read back by the way every command takes, compared, and appears complete or not at all.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from mmpose_ext.atomic import scratch_folder
from mmpose_ext.compat.safetensors_files import serialize
from mmpose_ext.layers import is_deployable
from mmpose_ext.toolbox.catalogue.metafile import find_entry
from mmpose_ext.toolbox.counting.rules import RULES, count, count_parameters
from mmpose_ext.toolbox.networks import PoseNet, config_candidate
from mmpose_ext.toolbox.publishing.card import model_card
from mmpose_ext.toolbox.publishing.measured import data_sets, from_log, from_tests
from mmpose_ext.toolbox.publishing.resolved import Resolved, find_resolved, write_literal
from mmpose_ext.toolbox.publishing.weights import Source, read_source
from mmpose_ext.version import __version__

__all__ = ["FORMATS", "Publication", "publish", "require_fit", "write_publication"]

FORMATS = ("safetensors", "pth")
_NAME = re.compile(r"[\w.+-]+")


class Publication(NamedTuple):
    """What was written."""

    folder: Path
    info: dict[str, Any]
    """What the JSON file holds."""
    resolved: Resolved
    """The config."""
    has_ema: bool
    """Whether the checkpoint has a moving average of its weights."""


def publish(
    checkpoint: str | Path,
    config: str | None = None,
    *,
    out: str | Path = "work_dirs/published",
    name: str | None = None,
    weights: str | None = None,
    formats: Sequence[str] = FORMATS,
    results: Sequence[str | Path] = (),
    hardware: str | None = None,
    license: str | None = None,
) -> Publication:
    """Make a folder to hand on from a training checkpoint: weights, config, metadata, model card.

    Nothing that a checkpoint brings is run; a config that is named here is.

    Args:
        checkpoint: The file.
        config: Path, ``mmpose::path``, ``mmpose_ext::path``, base name or alias; None takes the config in the
            checkpoint, or the only one beside it.
        out: Where the folder is made.
        name: First part of all names; None for the config's.
        weights: ``ema`` for the moving average, ``plain`` for the weights as trained; None for the average where there
            is one.
        formats: ``safetensors``, ``pth`` or both; the first gives the folder its hash.
        results: Files of ``mmpose-ext reproduce`` with what was measured with this checkpoint.
        hardware: What the training's log was measured on, for the card; None looks for it in the log.
        license: Of the weights, e.g. ``Apache-2.0``; None if it is not decided.

    Returns:
        The folder and what is in it.

    Raises:
        ValueError: If the checkpoint is refused, has no config or does not fit it, or the folder exists. Nothing is
            written then.
    """
    checkpoint, out = Path(checkpoint), Path(out)
    source = read_source(checkpoint, weights=weights)
    resolved = find_resolved(checkpoint, source.meta, config)
    measured = from_log(source, resolved.config, hardware=hardware)
    measured += from_tests([Path(path) for path in results], source)
    return write_publication(source, resolved, out=out, name=name, formats=formats, results=measured, license=license)


def write_publication(
    source: Source,
    resolved: Resolved,
    *,
    out: Path,
    name: str | None = None,
    formats: Sequence[str] = FORMATS,
    results: Sequence[Mapping[str, Any]] = (),
    license: str | None = None,
    today: date | None = None,
) -> Publication:
    """Write a folder with everything that belongs to a checkpoint.

    Args:
        source: The checkpoint.
        resolved: Its config.
        out: Where the folder shall be.
        name: First part of all names; None for the config's.
        formats: Of :data:`FORMATS`, at least one; the first gives the folder its hash.
        results: What was measured with these weights.
        license: Of the weights, e.g. ``Apache-2.0``; None if it is not decided.
        today: The date in the names; None for today.

    Returns:
        The folder and the metadata.

    Raises:
        ValueError: If the weights don't fit the config, the folder exists, or what was written does not come back.
    """
    name, day = name or resolved.name, today or date.today()
    if not _NAME.fullmatch(name):
        raise ValueError(f"expected a name of letters, digits and .+-_ for the files, got {name!r}; --name gives one")
    formats = list(dict.fromkeys(formats))
    if not formats or set(formats) - set(FORMATS):
        raise ValueError(f"expected formats among {', '.join(FORMATS)}, got {', '.join(formats) or 'none'}")
    with scratch_folder(out, "publish") as folder:
        text = write_literal(resolved.config.to_dict())
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
        candidate = config_candidate(resolved.config, name, source=resolved.origin)
        network = candidate.build()
        require_fit(network, source, resolved.origin)
        info = _about(network, candidate.shape, source, resolved, name, day)
        info |= {"results": [dict(result) for result in results], "license": license}
        kept = {key: info[key] for key in ("config", "alias", "epoch", "iter", "weights", "package_version", "results")}
        meta = {**kept, "source_sha256": source.sha256, "cfg": text}
        meta["config_name"] = meta.pop("config")  # MMEngine takes the text of a key "config" for a program of MMCV 1
        meta["dataset_meta"] = source.meta.get("dataset_meta")
        info["files"] = {}
        for form in formats:
            content = serialize(source.state_dict, meta) if form == "safetensors" else _pth(source.state_dict, meta)
            digest = hashlib.sha256(content).hexdigest()
            path = folder / f"{name}_{day:%Y%m%d}-{digest[:8]}.{form}"
            path.write_bytes(content)
            _verify(path, candidate.build(), source.state_dict)
            info["files"][path.name] = {"sha256": digest, "bytes": len(content)}
        (folder / f"{name}.json").write_text(json.dumps(info, indent=2, ensure_ascii=False) + "\n")
        (folder / "README.md").write_text(model_card(info))
        target = out / Path(next(iter(info["files"]))).stem
        if target.exists():
            raise ValueError(f"{target} exists already and stays as it is; choose another --out or --name")
        folder.rename(target)
    return Publication(target, info, resolved, source.has_ema)


def require_fit(network: nn.Module, source: Source, origin: str) -> None:
    """Make sure that weights and config name the same tensors of the same shapes.

    Args:
        network: What the config builds.
        source: The weights.
        origin: Where the config comes from, in words.

    Raises:
        ValueError: If they don't.
    """
    model = network.model if isinstance(network, PoseNet) else network
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in source.state_dict.items()}
    wrong = [
        *(f"{name} is missing" for name in wanted if name not in given),
        *(f"{name} is unknown" for name in given if name not in wanted),
        *(
            f"{name} is {given[name]}, not {wanted[name]}"
            for name in wanted
            if given.get(name, wanted[name]) != wanted[name]
        ),
    ]
    if wrong:
        raise ValueError(
            f"expected the weights of the config of {origin}, in the training form, got others in {source.path}: "
            f"{'; '.join(wrong[:3])}{f' and {len(wrong) - 3} more' if len(wrong) > 3 else ''}"
        )


def _about(
    network: nn.Module, shape: tuple[int, int] | None, source: Source, resolved: Resolved, name: str, day: date
) -> dict[str, Any]:
    """The metadata without results and files."""
    entry = find_entry(resolved.name)
    rules = list(dict.fromkeys(["macs", entry.model["Metadata"]["FLOPs Rule"] if entry else "fvcore"]))
    counted = count(network, shape, rules=rules).operations if shape else {}
    operations = {rule: {"number": n, "text": RULES[rule].text.partition(", in ")[0]} for rule, n in counted.items()}
    data_set = source.meta.get("dataset_meta")
    names = data_set.get("keypoint_id2name") if isinstance(data_set, dict) else None
    data = data_sets(resolved.config.get("train_dataloader"))
    return {
        "name": name,
        "config": resolved.name,
        "alias": entry.aliases[0] if entry and entry.aliases else None,
        "collection": dict(entry.collection) if entry else None,
        "date": day.isoformat(),
        "package_version": f"{__version__}",
        "source": {"file": source.path.name, "sha256": source.sha256},
        "weights": source.weights,
        "epoch": _whole_number(source.meta.get("epoch")),
        "iter": _whole_number(source.meta.get("iter")),
        "input": shape,
        "keypoints": [str(one) for one in names.values()] if isinstance(names, dict) else [],
        "parameters": count_parameters(network),
        "operations": operations,
        "deployed_form": is_deployable(network),
        "training_data": [f"{entry.model['Metadata']['Training Data']}: {', '.join(data)}"] if entry else data,
    }


def _whole_number(value: Any) -> int | None:
    return value if type(value) is int else None


def _pth(state_dict: Mapping[str, Tensor], meta: Mapping[str, Any]) -> bytes:
    """A checkpoint in MMEngine's form, as small as its tensors: a view does not bring what it is a view of."""
    weights = OrderedDict((name, tensor.detach().cpu().clone()) for name, tensor in state_dict.items())
    vars(weights)["_metadata"] = getattr(state_dict, "_metadata", OrderedDict())
    buffer = io.BytesIO()
    torch.save({"meta": dict(meta), "state_dict": weights}, buffer)
    return buffer.getvalue()


def _verify(path: Path, network: nn.Module, expected: Mapping[str, Tensor]) -> None:
    """Read a file back by MMEngine's loader, into a network too, and compare each tensor bit by bit."""
    state_dict = CheckpointLoader.load_checkpoint(str(path), "cpu", logger="silent")["state_dict"]
    model = network.model if isinstance(network, PoseNet) else network
    model.load_state_dict(state_dict, strict=True)
    for got in (state_dict, model.state_dict()):
        wrong = [name for name in expected if got[name].shape != expected[name].shape]
        wrong += [name for name in expected if not torch.equal(got[name], expected[name].cpu().to(got[name].dtype))]
        if wrong or got.keys() != expected.keys():
            raise ValueError(f"expected the weights back from {path.name}, got others: {', '.join(wrong[:3])}")
