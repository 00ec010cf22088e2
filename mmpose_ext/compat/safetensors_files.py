"""Weights in ``.safetensors`` files, wherever MMEngine takes a checkpoint.

Gap: MMEngine 0.10.7 reads checkpoints by ``torch.load`` only. Its ``CheckpointLoader`` chooses a reader by a regular
expression on the name, and takes more of them, so that ``.safetensors`` is one more entry, for files and for URLs.
``mim test --checkpoint``, ``load_from``, ``init_cfg`` of type Pretrained and the inferencers all read by it. Weights
that the package ships have names there, see :mod:`mmpose_ext.weights`.

A safetensors file is a header in JSON and raw numbers: reading one never runs code, under any torch and from any URL.
Its header holds strings only. Here a string stands as it is, any other value as JSON, in which three things that JSON
lacks are tagged: arrays, tuples, and dictionaries whose keys are no strings. The entry ``json`` lists the names of the
values to decode. A file from elsewhere has none of this, and an empty ``meta`` then.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mmpose_ext.compat._imports import when_imported
from mmpose_ext.errors import UnusableFile
from mmpose_ext.weights import SCHEME, SUFFIX, find_weights, shipped_weights

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SUFFIX", "decode", "encode", "install", "read", "serialize"]

_INDEX, _VERSIONS = "json", "module_versions"


def encode(value: Any) -> Any:
    """Turn a value into what JSON has.

    Args:
        value: None, numbers, strings, arrays, and lists, tuples and dictionaries of them.

    Raises:
        ValueError: If there is anything else in it.
    """
    import numpy as np

    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray):
        return {"__array__": value.tolist(), "dtype": value.dtype.str}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, tuple):
        return {"__tuple__": [encode(item) for item in value]}
    if isinstance(value, Mapping):
        if all(isinstance(key, str) and not key.startswith("__") for key in value):
            return {key: encode(item) for key, item in value.items()}
        return {"__items__": [[encode(key), encode(item)] for key, item in value.items()]}
    raise ValueError(f"expected numbers, strings, arrays, lists or dictionaries of them, got {type(value).__name__}")


def decode(value: Any) -> Any:
    """The inverse of :func:`encode`.

    Args:
        value: What ``json.loads`` returned.

    Raises:
        TypeError, ValueError, KeyError, RecursionError: If it is nothing that :func:`encode` returns.
    """
    import numpy as np

    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "__array__" in value:
        return np.array(value["__array__"], dtype=np.dtype(value["dtype"]))
    if "__tuple__" in value:
        return tuple(decode(item) for item in value["__tuple__"])
    if "__items__" in value:
        return {decode(key): decode(item) for key, item in value["__items__"]}
    return {key: decode(item) for key, item in value.items()}


def serialize(state_dict: Mapping[str, Tensor], meta: Mapping[str, Any]) -> bytes:
    """The content of a file; the same for the same arguments, whatever the order in which the library writes a header.

    Args:
        state_dict: The weights; those that share memory are written once for each name.
        meta: What goes with them.

    Returns:
        Bytes to write.

    Raises:
        ValueError: If `meta` holds something that :func:`encode` does not know.
    """
    from safetensors.torch import save

    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in state_dict.items()}
    values = {**meta, _VERSIONS: _versions(state_dict)}
    coded = {name: value for name, value in values.items() if not isinstance(value, str)}
    strings = {name: value for name, value in values.items() if isinstance(value, str)}
    strings |= {name: json.dumps(encode(value), ensure_ascii=False) for name, value in coded.items()}
    content = save(tensors, metadata={"format": "pt", _INDEX: " ".join(coded), **strings})
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # the numbers have to start at a multiple of eight
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def _versions(state_dict: Mapping[str, Any]) -> dict[str, int]:
    """Versions of modules that are not the first: a head of MMPose renames keys of what it takes for an old one.

    That of a batch norm tells only that ``num_batches_tracked`` is there, which can be seen.
    """
    metadata = getattr(state_dict, "_metadata", {})
    versions = {name: entry.get("version") or 1 for name, entry in metadata.items()}
    return {name: v for name, v in versions.items() if v > 1 and f"{name}.num_batches_tracked" not in state_dict}


def read(path: str | Path, map_location: Any = None) -> dict[str, Any]:
    """Read a file.

    Args:
        path: The file.
        map_location: Device of the tensors, as in ``torch.load``; a function or a dictionary stands for the CPU.

    Returns:
        ``state_dict`` and ``meta``, as in a checkpoint of MMEngine.

    Raises:
        FileNotFoundError: If there is no such file.
        UnusableFile: If it is no safetensors file, or its header has other values than such of :func:`encode`.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"expected a checkpoint, got {path}, which does not exist")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = file.metadata() or {}
            state_dict = OrderedDict((name, file.get_tensor(name)) for name in file.keys())
    except SafetensorError as error:
        raise UnusableFile(f"expected a safetensors file, got {path}: {error}") from error
    if isinstance(map_location, str | torch.device):
        state_dict = OrderedDict((name, tensor.to(map_location)) for name, tensor in state_dict.items())
    try:
        coded = set(header.get(_INDEX, "").split())
        meta = {name: decode(json.loads(text)) if name in coded else text for name, text in header.items()}
        versions = dict(meta.pop(_VERSIONS, None) or {})
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise UnusableFile(f"expected values as this package writes them in the header of {path}: {error}") from error
    vars(state_dict)["_metadata"] = OrderedDict((name, {"version": version}) for name, version in versions.items())
    return {"state_dict": state_dict, "meta": {k: v for k, v in meta.items() if k not in ("format", _INDEX)}}


def load_from_safetensors(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Reader of MMEngine's ``CheckpointLoader`` for files; its name goes into the log.

    Args:
        filename: The file.
        map_location: As in :func:`read`.
    """
    return read(filename, map_location)


def load_from_safetensors_url(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Reader for URLs: downloads into torch's cache, once, and checks the hash that the name of a published file has.

    Args:
        filename: The URL.
        map_location: As in :func:`read`.
    """
    import torch
    from mmengine.dist import barrier, is_main_process

    path = Path(torch.hub.get_dir(), "checkpoints", filename.rpartition("/")[2])
    if is_main_process() and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = re.search(r"-([0-9a-f]{8,64})\.safetensors$", path.name)
        torch.hub.download_url_to_file(filename, str(path), hash_prefix=digest[1] if digest else None)
    barrier()
    return read(path, map_location)


def load_from_package(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Reader for weights that the package ships, such as ``mmpose_ext://xhrnet-18-lsp``.

    Args:
        filename: The name, as :func:`mmpose_ext.weights.find_weights` takes it.
        map_location: As in :func:`read`.
    """
    return read(find_weights(filename), map_location)


def _register(module: ModuleType) -> None:
    # MMEngine tries the expressions from the last to the first in the order of characters.
    names = [re.escape(name) + "$" for name in shipped_weights()]
    module.CheckpointLoader.register_scheme([SCHEME, *names], load_from_package, force=True)
    module.CheckpointLoader.register_scheme(r".*\.safetensors$", load_from_safetensors, force=True)
    module.CheckpointLoader.register_scheme(r"https?://.*\.safetensors$", load_from_safetensors_url, force=True)


def install() -> None:
    """Register the readers, now or when MMEngine's checkpoint loader is imported."""
    when_imported("mmengine.runner.checkpoint", _register)
