"""Two processes train on CPU with gloo (the run through mim is in test_mim.py)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.tiny import write_config

PROGRAM = """
import json, sys
from pathlib import Path
from mmengine.config import Config
from mmengine.runner import Runner
import torch, torch.distributed as dist
config = Config.fromfile(sys.argv[1])
config.launcher = "pytorch"
config.train_cfg = dict(by_epoch=True, max_epochs=1, val_interval=2)
runner = Runner.from_cfg(config)
runner.train()
total = torch.stack([p.double().sum() for p in runner.model.parameters()]).sum()
both = [torch.zeros_like(total) for _ in range(2)]
dist.all_gather(both, total)
result = [dist.get_backend(), dist.get_world_size(), type(runner.model).__name__, bool(both[0] == both[1])]
Path(sys.argv[2], f"result{dist.get_rank()}.json").write_text(json.dumps(result))
"""


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="upstream's own path where CUDA is available")
def test_two_processes(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command += [str(program), str(config), str(tmp_path)]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    for rank in range(2):  # each rank its own file: what both print at once is mixed up
        result = json.loads((tmp_path / f"result{rank}.json").read_text())
        assert result == ["gloo", 2, "MMDistributedDataParallel", True]


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
