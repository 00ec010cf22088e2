"""What docs/training.md says: its snippets, and two nodes."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import mmpose
import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from tests.tiny import write_config

PAGE = Path(__file__).resolve().parents[1] / "docs" / "training.md"


def test_the_keypoints_of_mpii_become_those_of_coco_with_the_same_names() -> None:
    (snippet,) = re.findall(r"```python\n(mpii_as_coco.*?)\ntrain_dataloader", PAGE.read_text(), re.S)
    converter = eval(snippet.partition("=")[2], {"dict": dict})
    mpii, coco = (
        parse_pose_metainfo(dict(from_file=f"configs/_base_/datasets/{name}.py")) for name in ("mpii", "coco")
    )
    assert converter["num_keypoints"] == coco["num_keypoints"]
    names = [(mpii["keypoint_id2name"][a], coco["keypoint_id2name"][b]) for a, b in converter["mapping"]]
    assert all(ours == theirs for ours, theirs in names), names
    assert len(names) == len(set(mpii["keypoint_name2id"]) & set(coco["keypoint_name2id"])) == 12


@pytest.mark.slow
def test_two_nodes(tmp_path: Path) -> None:
    """Two agents that meet at a rendezvous, a process each."""
    config = write_config(tmp_path, "train_cfg = dict(by_epoch=True, max_epochs=1, val_interval=1)\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1"]
    command += ["--rdzv-backend=c10d", f"--rdzv-endpoint=127.0.0.1:{port}"]
    command += [str(Path(mmpose.__file__).parent / ".mim" / "tools" / "train.py"), str(config), "--launcher=pytorch"]
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    nodes = [
        subprocess.Popen(
            [*command, f"--work-dir={tmp_path / 'work'}"],
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for _ in range(2)
    ]
    printed = [node.communicate(timeout=300)[0].decode() for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], printed
    assert (tmp_path / "work" / "epoch_1.pth").is_file()
    assert any("Distributed training: True" in path.read_text() for path in (tmp_path / "work").rglob("*.log"))
