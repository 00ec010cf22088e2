"""Loads MMEngine's checkpoints without ever running what is in them, under every supported torch and engine.

Breakage: a checkpoint of MMEngine holds more than tensors, the log's ``HistoryBuffer`` and a few numpy values. Since
torch 2.6 ``torch.load`` refuses those (``weights_only=True`` is its default), so that resuming, testing and inference
with MMEngine 0.10.7 end in ``UnpicklingError`` (open-mmlab/mmengine#1655, open-mmlab/mmengine#1650). Older releases of
torch unpickle whatever the file says, and so do onedl-mmengine 0.10, which repeats a refused load with
``weights_only=False``, and ``torch.hub``, by which both fetch a checkpoint from a URL. A checkpoint that has nothing
for a network leaves it as it was initialized, and only the log says so.

Fix: MMEngine's module of checkpoints gets :func:`load` in place of ``torch.load``: always ``weights_only``, plus just
the classes and functions that MMEngine writes into a checkpoint. A file that names anything else, such as a pickle made
to run a command, is refused. ``torch.serialization.add_safe_globals`` adds classes of yours. A checkpoint without a
single tensor for the network is an error.
"""

from __future__ import annotations

import functools
import importlib
import pickle
import re
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import IO, Any
from urllib.parse import urlparse

from mmpose_ext.compat import safetensors_files
from mmpose_ext.compat._imports import when_imported
from mmpose_ext.compat.versions import torch_at_least
from mmpose_ext.errors import UnusableFile

__all__ = ["install", "load"]

DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 str".split()
"""The types of the arrays in the log and in the meta information of a data set."""

_LOCK = threading.RLock()
"""torch's list of allowed classes is one for all threads."""


def _statistic(cls: type, name: str) -> Any:
    """What ``getattr`` may do in a checkpoint: name one of the four default statistics of ``HistoryBuffer``.

    A pickle spells ``HistoryBuffer.mean`` as a call of ``getattr``. The real one would hand a file any attribute
    of anything.
    """
    from mmengine.logging.history_buffer import HistoryBuffer

    if cls is not HistoryBuffer or name not in {"min", "max", "mean", "current"}:
        raise pickle.UnpicklingError(
            f"expected a statistic of mmengine's HistoryBuffer in the checkpoint, got attribute {name!r} of {cls!r}"
        )
    return getattr(cls, name)


def _encode(text: str, encoding: str) -> bytes:
    """What ``_codecs.encode`` may do in a checkpoint: pickle's way to write bytes; torch 2.4 does not know it."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError(f"expected bytes in the checkpoint as latin1, got {encoding!r}")
    return text.encode(encoding)


def _alias(function: Callable[..., Any], module: str, name: str) -> Callable[..., Any]:
    """A function under the name that is in the file; torch < 2.6 accepts no pairs of function and name."""

    def call(*args: Any) -> Any:
        return function(*args)

    call.__module__, call.__name__, call.__qualname__ = module, name, name
    return call


@functools.cache
def _safe_globals() -> tuple[Any, ...]:
    """Everything beyond torch's own list that a checkpoint of MMEngine may name.

    The log is a ``HistoryBuffer`` of numpy arrays, scores and losses are numpy scalars, the meta information of a
    data set holds numpy arrays. The two functions of numpy appear under the module's name of numpy 1 and of numpy 2,
    the builtin ones under that of Python 2 and of Python 3, whichever wrote the file.
    """
    import numpy as np
    from mmengine.logging.history_buffer import HistoryBuffer

    multiarray = importlib.import_module("numpy._core.multiarray" if np.__version__ >= "2" else "numpy.core.multiarray")
    # bytes(): an empty array, such as the links of no skeleton
    builtin: dict[str, Callable[..., Any]] = {"getattr": _statistic, "bytes": bytes, "set": set}
    arrays: dict[str, Callable[..., Any]] = {"_reconstruct": multiarray._reconstruct, "scalar": multiarray.scalar}
    return (
        HistoryBuffer,
        np.ndarray,
        np.dtype,
        _alias(_encode, "_codecs", "encode"),
        *(type(np.dtype(name)) for name in DTYPES),
        *(_alias(f, module, name) for name, f in builtin.items() for module in ("builtins", "__builtin__")),
        *(_alias(f, f"numpy.{core}.multiarray", name) for name, f in arrays.items() for core in ("core", "_core")),
    )


@contextmanager
def _safe_loading() -> Iterator[None]:
    """A context in which ``torch.load(..., weights_only=True)`` accepts MMEngine's checkpoints."""
    from torch import serialization

    with _LOCK:
        before = list(serialization.get_safe_globals())  # leaving the context must not forget what the user allowed
        serialization.add_safe_globals([item for item in _safe_globals() if item not in before])
        try:
            yield
        finally:
            serialization.clear_safe_globals()
            serialization.add_safe_globals(before)


def _refuse_archives(file: str | Path | IO[bytes]) -> None:
    """Refuse the two forms of file that torch < 2.6 hands to other loaders, ``weights_only`` or not (CVE-2025-32434).

    Args:
        file: As in :func:`load`; an open one stays at its beginning.

    Raises:
        pickle.UnpicklingError: For a TorchScript archive and for the tar files of torch 0.1.
    """
    import torch

    opened = open(file, "rb") if isinstance(file, str | Path) else file
    try:
        is_zip = opened.read(4) == b"PK\x03\x04"
        opened.seek(0)
        form = None
        if is_zip:  # torch's own reader: another one may see other names in a file made for that
            records = torch._C.PyTorchFileReader(opened).get_all_records()
            form = "a TorchScript archive" if "constants.pkl" in records else None
        elif tarfile.is_tarfile(opened):
            form = "a tar file"
        opened.seek(0)
    finally:
        if opened is not file:
            opened.close()
    if form:
        raise pickle.UnpicklingError(f"expected a file of weights, got {form}")


def load(file: str | Path | IO[bytes], *, map_location: Any = "cpu") -> Any:
    """Load a checkpoint file of MMEngine, of plain torch or of safetensors, never running code from it.

    Args:
        file: Its path, or an open file.
        map_location: As in :func:`torch.load`.

    Returns:
        What the file holds.

    Raises:
        pickle.UnpicklingError: If the file names a class or function that is not allowed.
    """
    import torch

    if isinstance(file, str | Path) and Path(file).suffix == safetensors_files.SUFFIX:
        return safetensors_files.read(file, map_location)
    if not torch_at_least(2, 6):
        _refuse_archives(file)
    with _safe_loading():
        try:
            return torch.serialization.load(file, map_location=map_location, weights_only=True)
        except pickle.UnpicklingError as error:
            name = file if isinstance(file, str | Path) else "the file"
            raise pickle.UnpicklingError(f"expected weights and plain values in {name}, got {_what(error)}") from None


def _what(error: pickle.UnpicklingError) -> str:
    """The culprit in torch's message, which goes on to say how to run what is in the file."""
    text = " ".join(str(error).split())
    if found := re.search(r"GLOBAL ([\w.]+)", text):
        return f"{found[1]} (if you trust the file, torch.serialization.add_safe_globals allows a class)"
    return text.rpartition("WeightsUnpickler error: ")[2].partition(" Check the documentation")[0].strip()


def _load_for_mmengine(file: Any, map_location: Any = None, **ignored: Any) -> Any:
    """:func:`load` with the arguments of ``torch.load``, of which ``weights_only`` and the unpickler don't count.

    Raises:
        UnusableFile: If the file is no checkpoint; torch says whatever its parser stumbled over, without the name.
    """
    try:
        return load(file, map_location=map_location)
    except (pickle.UnpicklingError, OSError, UnusableFile):
        raise
    except Exception as error:
        raise UnusableFile(f"expected a checkpoint, {file} can't be read as one ({type(error).__name__})") from error


def _without_program(original: Callable[..., Any]) -> Callable[..., Any]:
    """``CheckpointLoader.load_checkpoint`` whose result is a checkpoint, and holds no text that a resumed run executes.

    MMEngine reads ``meta['config']``, which MMCV 1 wrote, as a config, and that is a program.
    """

    @functools.wraps(original)
    def load_checkpoint(cls: type, filename: str, *args: Any, **kwargs: Any) -> Any:
        import torch

        content = original(cls, filename, *args, **kwargs)
        weights = content.get("state_dict", content) if isinstance(content, dict) else None
        meta = content.get("meta") if isinstance(content, dict) else None
        tensors = isinstance(weights, dict) and any(isinstance(value, torch.Tensor) for value in weights.values())
        if not tensors or not isinstance(meta, dict | None):
            raise UnusableFile(f"expected a checkpoint, {filename} holds no weights by name")
        if meta and "config" in meta:
            content["meta"] = {key: value for key, value in meta.items() if key != "config"}
        return content

    return load_checkpoint


def _wanting_tensors(original: Callable[..., None]) -> Callable[..., None]:
    """MMEngine's ``load_state_dict``, which refuses weights that have not one key of the module."""

    @functools.wraps(original)
    def load_state_dict(module: Any, state_dict: Any, *args: Any, **kwargs: Any) -> None:
        from mmengine.model import BaseTTAModel, is_model_wrapper

        inner = module.module if is_model_wrapper(module) or isinstance(module, BaseTTAModel) else module
        own = [key for key in inner.state_dict() if not key.endswith("num_batches_tracked")]  # torch makes those up

        def check(_: Any, keys: Any) -> None:
            """Called last, after the modules have renamed what they know by other names."""
            if own and set(own) <= set(keys.missing_keys):
                raise ValueError(
                    f"the checkpoint has no tensor for {type(inner).__name__}, whose keys are such as {own[0]!r}: "
                    "it would stay as it was initialized"
                )

        handle = inner.register_load_state_dict_post_hook(check)
        try:
            original(module, state_dict, *args, **kwargs)
        finally:
            handle.remove()

    return load_state_dict


def _load_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
) -> Any:
    """``torch.hub.load_state_dict_from_url`` with :func:`load` in place of ``torch.load``.

    Args:
        url: Where the file is.
        model_dir: Folder of the copy; torch's cache if None.
        map_location: As in :func:`torch.load`.
        progress: Whether to show a bar.
        check_hash: Whether to check the file against the hash in its name.
        file_name: Name of the copy; that of the URL if None.
    """
    from torch import hub

    folder = Path(model_dir or Path(hub.get_dir(), "checkpoints"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (file_name or Path(urlparse(url).path).name)
    if not path.exists():
        digest = hub.HASH_REGEX.search(path.name) if check_hash else None
        hub.download_url_to_file(url, str(path), digest[1] if digest else None, progress=progress)
    return load(path, map_location=map_location)


class _SafeTorch(ModuleType):
    """torch as MMEngine's module of checkpoints sees it: :func:`load`, and everything else as it is."""

    load = staticmethod(_load_for_mmengine)

    def __getattr__(self, name: str) -> Any:
        import torch

        return getattr(torch, name)


def _patch(module: ModuleType) -> None:
    """Let all of MMEngine's loading, from files, buffers and URLs, go through :func:`load`."""
    names = vars(module)
    names["torch"] = _SafeTorch("torch")
    names["load_url"] = _load_url
    if "_safe_torch_load" in names:  # onedl-mmengine
        names["_safe_torch_load"] = _load_for_mmengine
    loader = module.CheckpointLoader
    if not hasattr(loader.load_checkpoint.__func__, "__wrapped__"):
        loader.load_checkpoint = classmethod(_without_program(loader.load_checkpoint.__func__))
        names["load_state_dict"] = _wanting_tensors(module.load_state_dict)


def install() -> None:
    """Patch MMEngine's checkpoint loader, now or when it is imported."""
    when_imported("mmengine.runner.checkpoint", _patch)
