"""Distributed training on CPU: ``--launcher pytorch`` on a machine without a GPU.

Breakage: MMEngine's launcher calls ``torch.cuda.set_device`` whatever the backend, and hands ``device_ids`` to
``DistributedDataParallel``, which refuses them for a model on CPU. Threads: open-mmlab/mmengine#871 (a launcher
proposed upstream and never merged); no report of this very failure was found.

Fix: without CUDA the process group starts with gloo in place of nccl, and the model is wrapped without
``device_ids``. Where CUDA (or another accelerator that MMEngine knows) is available nothing changes.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from mmpose_ext.compat._imports import when_imported

__all__ = ["install"]


def _on_cpu() -> bool:
    """Whether MMEngine would train on CPU."""
    from mmengine.device import get_device

    return get_device() == "cpu"


def _patch_init(module: ModuleType) -> None:
    """Make ``mmengine.dist.utils._init_dist_pytorch`` work on CPU."""
    original = module._init_dist_pytorch
    if hasattr(original, "__wrapped__"):  # done before
        return

    @functools.wraps(original)
    def init_dist_pytorch(backend: str, init_backend: str = "torch", **kwargs: Any) -> None:
        if not _on_cpu() or init_backend != "torch":
            return original(backend, init_backend=init_backend, **kwargs)
        backend = "gloo" if backend == "nccl" else backend
        return module.torch_dist.init_process_group(backend=backend, **kwargs)

    vars(module)["_init_dist_pytorch"] = init_dist_pytorch


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
    """Patch MMEngine's launcher and wrapper, now or when they are imported."""
    when_imported("mmengine.dist.utils", _patch_init)
    when_imported("mmengine.model.wrappers.distributed", _patch_wrapper)
