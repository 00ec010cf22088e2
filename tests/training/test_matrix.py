"""Each way to train, for each network: green, or refused with a reason.

``MMPOSE_EXT_MATRIX=all`` runs all of it, about half an hour of a CPU; else a selection. ``MMPOSE_EXT_MATRIX_OUT`` names
a file that gets a line for each cell. docs/reliability.md has the table.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.training.matrix import CONFIGS, FIVE, ROWS, Done, launch, merged, write_data, write_short, write_stock

pytestmark = pytest.mark.slow
ALL = os.environ.get("MMPOSE_EXT_MATRIX") == "all"


class Bench:
    """What the cells of one network share: its configs, and the run that others start from.

    Args:
        name: Of the row.
        root: Folder for all that is written.
    """

    def __init__(self, name: str, root: Path) -> None:
        self.name, self.row, self.root = name, ROWS[name], root
        row = self.row
        self.home = write_short(CONFIGS / row.home, root / "home.py", row.small, row.hooks)
        away = merged(row.small, row.away_small)
        self.away = write_short(CONFIGS / row.away, root / "away.py", away, row.hooks, one_rate=row.one_rate)
        self._trained: Done | None = None

    @property
    def trained(self) -> Done:
        """A run from the start."""
        if self._trained is None:
            self._trained = launch(self.home, self.root / "trained")
        assert self._trained.status == 0, self._trained.text[-3000:]
        return self._trained


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_data(root)
    return root


@pytest.fixture(scope="session")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Bench]:
    made: dict[str, Bench] = {}

    def get(name: str) -> Bench:
        if name not in made:
            made[name] = Bench(name, tmp_path_factory.mktemp("row"))
        return made[name]

    return get


def healthy(done: Done) -> Done:
    """The run ended, wrote a checkpoint, and no weight is NaN."""
    assert done.status == 0, done.text[-4000:]
    assert all(torch.isfinite(value).all() for value in done.weights().values() if value.is_floating_point())
    assert "loss: nan" not in done.text and "loss: inf" not in done.text
    return done


def strangers(done: Done) -> set[str]:
    """Keys of a checkpoint that were missing, unexpected or of another size when it was loaded."""
    _, found, rest = done.text.partition("The model and loaded state dict do not match exactly")
    block = re.split(r"\n\d{4}/\d\d/\d\d |\nLoads checkpoint|\n[\d:/ -]+ - mmengine", rest)[0] if found else ""
    return set(re.findall(r"\b(?:backbone|neck|head)\.[\w.]+", block))


def train(bench: Bench) -> None:
    done = healthy(bench.trained)
    assert re.search(r"(Epoch|Iter)\(val\)", done.text)


def resume(bench: Bench) -> None:
    """Killed in the second half; the epochs of an epoch-based run are those of an unbroken one."""
    work = bench.root / "killed"
    by_epoch = "max_epochs" in bench.home.read_text()
    killer = bench.root / "killer.py"
    killer.write_text(f'_base_ = ["{bench.home}"]\ncustom_hooks = [dict(type="KillAt", iteration=3)]\n')
    killed = launch(killer, work)
    assert killed.status == -9, killed.text[-3000:]
    done = healthy(launch(bench.home, work, "--resume"))
    assert "resumed epoch: 1" in done.text or "resumed from" in done.text.lower() or "iter: 2" in done.text
    if by_epoch:
        expected = bench.trained.weights()
        assert all(torch.equal(value, expected[name]) for name, value in done.weights().items())


def own(bench: Bench) -> None:
    """Fine-tuning on the same data: every key fits, and inserted modules stay in."""
    option = f"load_from={bench.trained.checkpoint()}"
    done = healthy(launch(bench.home, bench.root / "own", "--cfg-options", option))
    assert strangers(done) == set()
    if "begin" in bench.row.hooks.get("insertion", {}):
        assert "inserted modules: they stay in from now on" in done.text


def other(bench: Bench) -> None:
    """Fine-tuning on other data: what doesn't fit belongs to the keypoints."""
    option = f"load_from={bench.trained.checkpoint()}"
    done = healthy(launch(bench.away, bench.root / "other", "--cfg-options", option))
    assert all(
        re.match(r"head\.|backbone\.stacks\.\d+\.(heads|predict|remap|heatmaps)", key) for key in strangers(done)
    )


def processes(bench: Bench) -> None:
    done = healthy(launch(bench.home, bench.root / "two", processes=2))
    assert re.search(r"(Epoch|Iter)\(val\)", done.text)


def bfloat16(bench: Bench) -> None:
    option = "optim_wrapper.type=BFloat16OptimWrapper"
    healthy(launch(bench.home, bench.root / "bf16", "--cfg-options", option))


def frozen(bench: Bench) -> None:
    """The first stage, which may be the whole backbone, keeps its weights, and the rest does not."""
    number = int("num_stacks" not in bench.home.read_text())  # here one stack is all there is
    option = f"model.backbone.frozen_stages={number}"
    options = ("--cfg-options", f"load_from={bench.trained.checkpoint()}", option)
    done = healthy(launch(bench.home, bench.root / "frozen", *options))
    before, after = bench.trained.weights(), done.weights()
    names = [name for name in before if "num_batches" not in name]
    same = [name for name in names if torch.equal(before[name], after[name])]
    assert any(name.startswith("backbone.") for name in same) and len(same) < len(names)


def stock(bench: Bench) -> None:
    config = write_stock(bench.home, bench.root / "stock.py", Path(os.environ["MMPOSE_EXT_DATA"]))
    done = healthy(launch(config, bench.root / "stock"))
    assert "Epoch(val)" in done.text


CELLS: dict[str, Callable[[Bench], None]] = {
    cell.__name__: cell for cell in (train, resume, own, other, processes, bfloat16, frozen, stock)
}
SELECTION = {
    *((name, "train") for name in FIVE),
    ("X-HRNet", "bfloat16"),
    ("SCANet", "bfloat16"),
    ("SSN", "processes"),
    ("SSN", "own"),
    ("SHaRPose", "other"),
    ("SHaRPose", "resume"),
    ("SFM", "stock"),
}
SHOWN = [(name, cell) for name in ROWS for cell in CELLS if ALL or (name, cell) in SELECTION]


@pytest.mark.xdist_group("matrix")
@pytest.mark.parametrize(("name", "cell"), SHOWN, ids=[f"{name}-{cell}" for name, cell in SHOWN])
def test_cell(
    name: str, cell: str, benches: Callable[[str], Bench], data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMPOSE_EXT_DATA", str(data))
    out = os.environ.get("MMPOSE_EXT_MATRIX_OUT")
    verdict = "failed"
    try:
        CELLS[cell](benches(name))
        verdict = "green"
    finally:
        if out:
            with Path(out).open("a") as stream:
                stream.write(f"{name}|{cell}|{verdict}\n")


@pytest.mark.skipif(not ALL, reason="tests/test_mim.py has such a run for one network")
@pytest.mark.parametrize("name", FIVE)
def test_by_mim(
    name: str, benches: Callable[[str], Bench], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command itself, in two processes."""
    monkeypatch.setenv("MMPOSE_EXT_DATA", str(data))
    command = [sys.executable, "-m", "mim", "train", "mmpose", str(benches(name).home), "--work-dir", str(tmp_path)]
    command += ["--launcher", "pytorch", "--gpus", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Training finished successfully" in done.stdout
