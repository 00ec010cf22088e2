"""The launchers on a machine with a GPU; two processes on CPU train in test_mim.py and in training/test_matrix.py."""

from __future__ import annotations

import pytest


def test_a_machine_with_a_gpu_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmengine.dist import utils

    from mmpose_ext.compat import launcher

    called = []
    patched = type(utils)("utils")
    patched._init_dist_pytorch = lambda backend, init_backend="torch", **kwargs: called.append((backend, kwargs))
    launcher._patch_init(patched)
    monkeypatch.setattr(launcher, "_on_cpu", lambda: False)
    patched._init_dist_pytorch("nccl", timeout=1)
    assert called == [("nccl", {"timeout": 1})]
