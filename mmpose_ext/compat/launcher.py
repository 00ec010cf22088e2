"""Distributed runs on CPU: ``--launcher pytorch``, ``slurm`` or ``mpi`` on a machine without a GPU.

Breakage: MMEngine's launchers call ``torch.cuda.set_device`` whatever the backend, and hand ``device_ids`` to
``DistributedDataParallel``, which refuses them for a model on CPU. Threads: open-mmlab/mmengine#871 (a launcher
proposed upstream and never merged); no report of this very failure was found.

Fix: without CUDA the process group starts with gloo in place of nccl, and the model is wrapped without
``device_ids``. Where CUDA (or another accelerator that MMEngine knows) is available nothing changes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from mmpose_ext.compat._imports import when_imported

__all__ = ["install"]


def _on_cpu() -> bool:
    """Whether MMEngine would train on CPU."""
    from mmengine.device import get_device

    return get_device() == "cpu"


LAUNCHERS = ("pytorch", "slurm", "mpi")


def _patch_init(module: ModuleType) -> None:
    """Make the launchers of ``mmengine.dist.utils`` work on CPU."""
    for launcher in LAUNCHERS:
        name = f"_init_dist_{launcher}"
        original = getattr(module, name, None)
        if original is not None and not hasattr(original, "__wrapped__"):  # else done before
            vars(module)[name] = _without_device(original)


def _without_device(original: Callable[..., None]) -> Callable[..., None]:
    """A launcher that, on CPU, chooses no device and takes gloo for nccl."""

    @functools.wraps(original)
    def init_dist(backend: str, **kwargs: Any) -> None:
        if not _on_cpu() or kwargs.get("init_backend", "torch") != "torch":
            return original(backend, **kwargs)
        import torch

        set_device = torch.cuda.set_device
        torch.cuda.set_device = lambda device: None
        try:
            return original("gloo" if backend == "nccl" else backend, **kwargs)
        finally:
            torch.cuda.set_device = set_device

    return init_dist


def _patch_wrapper(module: ModuleType) -> None:
    """Make ``MMDistributedDataParallel`` drop the device ids for a model on CPU."""
    wrapper = module.MMDistributedDataParallel
    original = wrapper.__init__
    if hasattr(original, "__wrapped__"):  # done before
        return

    @functools.wraps(original)
    def init(self: Any, module: Any, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("device_ids") and all(p.device.type == "cpu" for p in module.parameters()):
            kwargs["device_ids"] = None
        original(self, module, *args, **kwargs)

    wrapper.__init__ = init


def install() -> None:
    """Patch MMEngine's launchers and wrapper, now or when they are imported."""
    when_imported("mmengine.dist.utils", _patch_init)
    when_imported("mmengine.model.wrappers.distributed", _patch_wrapper)
