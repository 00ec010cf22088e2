"""Checkpoints and data are looked at first; a test that was stopped goes on; what was measured is kept."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from mmpose_ext.toolbox.catalogue.metafile import load_metafile, metafiles
from mmpose_ext.toolbox.catalogue.paper_tables import find_tables
from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.inference.weights import sha256
from mmpose_ext.toolbox.networks import load_candidate
from mmpose_ext.toolbox.reproduction import runs
from mmpose_ext.toolbox.reproduction.checkpoints import check_fit, find_checkpoints
from mmpose_ext.toolbox.reproduction.datasets import DataSet, find_data_set
from mmpose_ext.toolbox.reproduction.rows import Row, load_rows

ROOT = Path(__file__).resolve().parents[3]
CONTENTS = {key: load_metafile(path) for key, path in metafiles(ROOT / "configs").items()}


def rows(word: str) -> list[Row]:
    ((paper, table),) = find_tables([word], CONTENTS)
    return load_rows(table, CONTENTS[paper.key])


ROWS = [row for row in rows("xhrnet:2") if row.alias.startswith("xhrnet")]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of xhrnet-18."""
    path = tmp_path_factory.mktemp("weights") / "a.pth"
    torch.save({"state_dict": load_candidate(str(ROOT / ROWS[0].config)).build().model.state_dict()}, path)
    return path


def test_which_checkpoint(tmp_path: Path) -> None:
    first, _, third, _ = (row.config for row in ROWS)
    file = tmp_path / "a.pth"
    file.write_bytes(b"x")
    assert find_checkpoints(ROWS, []) == {}
    assert find_checkpoints(ROWS, [f"xhrnet-18={file}"]) == {first: file}
    named = tmp_path / "xhrnet-18.pth"
    named.write_bytes(b"y")
    assert find_checkpoints(ROWS, [str(tmp_path)]) == {first: named}
    other = tmp_path / f"{Path(third).stem}.safetensors"
    other.write_bytes(b"z")
    assert find_checkpoints(ROWS, [f"xhrnet-18={file}", str(tmp_path)]) == {first: file, third: other}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("xhrnet-18=nothing.pth", "expected a checkpoint in .*, got no file nothing.pth"),
        ("nothing", "expected ALIAS=FILE or a folder of checkpoints, got 'nothing'"),
        ("sfm=nothing.pth", r"expected a row of these tables \(xhrnet-18, .*\) in 'sfm=nothing.pth', got 'sfm'"),
        ("mmpose", "expected tables with networks of MMPose for the checkpoint 'mmpose', got none"),
        (".", "expected files named xhrnet-18, .* in .*, got no checkpoint"),
    ],
)
def test_a_checkpoint_of_nothing(word: str, message: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        find_checkpoints(ROWS, [word])


def test_mmposes_checkpoints_come_when_asked_for(tmp_path: Path, monkeypatch) -> None:
    """Into PyTorch's cache, with the hash in the name, once."""
    asked: list[tuple[str, str, str]] = []

    def download(url: str, path: str, digest: str) -> None:
        asked.append((url, path, digest))
        Path(path).write_bytes(b"x")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", download)
    every = [row for row in rows("xhrnet:2") if row.config]
    assert find_checkpoints(every, []) == {} and not asked
    found = find_checkpoints(every, ["mmpose"])
    stock = [row.config for row in every if row.config.startswith("mmpose::")]
    assert list(found) == stock and len(asked) == len(stock) == 8
    url, path, digest = asked[stock.index("mmpose::td-hm_hrnet-w32_8xb64-210e_coco-256x192")]
    assert url.startswith("https://download.openmmlab.com/") and f"-{digest}_" in url and len(digest) == 8
    assert Path(path) == tmp_path / "hub" / "checkpoints" / url.rpartition("/")[2]
    assert find_checkpoints(every, ["mmpose"]) == found and len(asked) == len(stock)


def test_a_checkpoint_that_can_not_be_had(tmp_path: Path, monkeypatch) -> None:
    def download(*arguments: str) -> None:
        raise OSError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", download)
    with pytest.raises(ValueError, match=r"expected a checkpoint at https://.*, got none \(no network\)"):
        find_checkpoints(rows("xhrnet:2")[:1], ["mmpose"])


def test_mmposes_config_finds_the_data(data: Path, tmp_path: Path) -> None:
    """In a folder that is not `data`; `mim test` is told so."""
    (tmp_path / "coco").symlink_to(data / "coco_sample")
    row = rows("xhrnet:2")[0]
    with pytest.raises(ValueError, match="got no .*COCO_val2017_detections_AP_H_56_person.json"):
        find_data_set(row, root=ROOT, data=data)
    assert find_data_set(row, root=ROOT, data=tmp_path).name == "4 of 5000 images of COCO val2017"
    mim = Mim()
    (result,) = runs.measure(row, **options(tmp_path, mim)).results
    wanted = f"test_dataloader.dataset.data_root={tmp_path}/coco"
    assert any(word.startswith(wanted) for word in mim.commands[0]) and wanted in result["Command"]
    assert Path(mim.commands[0][3]).name == "td-hm_res50_8xb64-210e_coco-256x192.py"


def test_weights_of_another_network(weights: Path, tmp_path: Path) -> None:
    check_fit(ROWS[0], weights, ROOT)
    for other in (ROWS[2], rows("sfm:I")[0]):
        with pytest.raises(
            ValueError, match=rf"{other.alias}: expected a checkpoint of this network, .* (missing|no tensor)"
        ):
            check_fit(other, weights, ROOT)
    (tmp_path / "b.pth").write_text("no weights")
    with pytest.raises(ValueError, match="xhrnet-18: expected a checkpoint .*b.pth"):
        check_fit(ROWS[0], tmp_path / "b.pth", ROOT)


def test_data_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected the test data of xhrnet-18 below .*, got no .*val2017.json, no .*"):
        find_data_set(ROWS[0], root=ROOT, data=tmp_path)
    assert "MMPOSE_EXT_DATA" not in os.environ or os.environ["MMPOSE_EXT_DATA"] != str(tmp_path)


def test_a_part_of_a_data_set_says_so(data: Path, tmp_path: Path) -> None:
    (tmp_path / "coco").symlink_to(data / "coco_sample")
    (tmp_path / "lspet").symlink_to(data / "lspet")
    assert find_data_set(ROWS[0], root=ROOT, data=tmp_path).name == "4 of 5000 images of COCO val2017"
    (row,) = [row for row in rows("sfm:others") if row.alias == "sfm-lspet-128x128"]
    assert find_data_set(row, root=ROOT, data=tmp_path).name == "LSPET val in MPII's format"


def test_rendered_persons_need_nothing(tmp_path: Path) -> None:
    (row,) = [row for row in rows("xhrnet:others") if row.alias == "xhrnet-18-synthetic"]
    assert find_data_set(row, root=ROOT, data=tmp_path).name == "300 rendered persons"


def test_arguments_that_do_not_fit(weights: Path, tmp_path: Path, capsys) -> None:
    for words, message in (
        (["--checkpoint", f"xhrnet-18={weights}"], "expected --data FOLDER beside --checkpoint, got none"),
        (["--data", str(tmp_path)], "expected --checkpoint ALIAS=FILE beside --data, got none"),
        (["--data", "nowhere", "--checkpoint", f"xhrnet-18={weights}"], "expected a folder of data sets, got nowhere"),
        (["--data", str(tmp_path), "--checkpoint", f"xhrnet-18={weights}"], "expected the test data of xhrnet-18"),
        (["--rounds", "0"], "expected --rounds and --threads of at least 1, got 0 and 1"),
    ):
        assert main(["reproduce", "xhrnet:2", "--out", str(tmp_path / "out"), *words]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_names_as_papers_have_them() -> None:
    printed = {"coco/AP": 0.6512, "coco/AP .5": 0.9, "coco/AR (M)": -1.0, "coco/AP (L)": 0.7}
    printed |= {
        "PCK@0.2 of the box/PCK": 0.701,
        "torso/PCK@0.2": 41.2,
        "torso/persons": 9,
        "mpii/PCKh@0.1": 0.9,
        "E1/coco/AP .5": 0.449,
        "stock/PCK": 28.3,
    }
    scores = {
        "AP": 65.12,
        "AP50": 90.0,
        "APL": 70.0,
        "PCK@0.2 of the box": 70.1,
        "torso PCK@0.2": 41.2,
        "PCKh@0.1": 0.9,
        "E1 AP50": 44.9,
        "stock PCK": 28.3,
    }
    assert runs.as_published(printed) == scores
    stock = {"Head PCK": 96.4, "Wrist PCK": 83.5, "PCK": 88.1, "PCK@0.1": 32.5}
    assert runs.as_published(stock) == {"Head": 96.4, "Wrist": 83.5, "PCKh@0.5": 88.1, "PCKh@0.1": 32.5}


class Mim:
    """Stands for `mim test`: answers with a higher score each time."""

    def __init__(self, *, status: int = 0) -> None:
        self.commands: list[list[str]] = []
        self.status = status

    def __call__(self, command: list[str], log: Path, environment: dict[str, str], tell: Any) -> int:
        self.commands.append(command)
        log.write_text("Traceback\nValueError: no annotations\n")
        if not self.status:
            Path(command[command.index("--out") + 1]).write_text(json.dumps({"coco/AP": len(self.commands) / 10}))
        return self.status


def options(tmp_path: Path, mim: Mim, text: bytes = b"x") -> dict[str, Any]:
    checkpoint = tmp_path / "a.pth"
    checkpoint.write_bytes(text)
    data_set = DataSet("COCO val2017", "0123456789")
    return dict(root=ROOT, checkpoint=checkpoint, data=tmp_path, data_set=data_set, out=tmp_path / "out", run=mim)


def test_measuring_is_done_once(tmp_path: Path) -> None:
    """A result is there for its checkpoint and data; another checkpoint is another result."""
    mim = Mim()
    first, again = (runs.measure(ROWS[0], **options(tmp_path, mim)) for _ in range(2))
    assert len(mim.commands) == 1 and mim.commands[0][1:3] == ["test", "mmpose"]
    assert first.results == again.results
    (result,) = first.results
    assert result["Metrics"] == {"AP": 10.0} and result["Checkpoint"] == sha256(tmp_path / "a.pth")
    assert result["Command"].startswith(f"MMPOSE_EXT_DATA={tmp_path} mim test mmpose configs/")
    assert {"Task", "Hardware", "Date", "Dataset"} < result.keys()
    other = runs.measure(ROWS[0], **options(tmp_path, mim, b"y"))
    assert other.results[0]["Metrics"] == {"AP": 20.0}


def test_a_test_that_outlived_its_caller_counts(tmp_path: Path) -> None:
    """As after SIGKILL: the scores are there, the result is not."""
    mim = Mim()
    runs.measure(ROWS[0], **options(tmp_path, mim))
    (kept,) = [path for path in tmp_path.rglob("*.json") if ".scores" not in path.suffixes]
    kept.unlink()
    assert runs.measure(ROWS[0], **options(tmp_path, mim)).results[0]["Metrics"] == {"AP": 10.0}
    assert len(mim.commands) == 1


def test_a_failed_test_leaves_no_result(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="status 1(?s:.)*no annotations"):
        runs.measure(ROWS[0], **options(tmp_path, Mim(status=1)))
    assert not list(tmp_path.rglob("*.json"))


CHILD = "import sys, time; pipe = open(sys.argv[1], 'w'); print('Epoch(test) [ 10/32]', flush=True); time.sleep(600)"
"""A test that never ends; its pipe does when it is stopped."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_stops_its_test(number: signal.Signals, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    pipe = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)

    def tell(text: str) -> None:
        if text == "test 10/32":
            with pytest.raises(BlockingIOError):  # somebody may still write
                os.read(pipe, 1)
            os.kill(os.getpid(), number)

    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}, {str(tmp_path / 'pipe')!r}])"
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        runs.run_logged([sys.executable, "-c", script], tmp_path / "a.log", dict(os.environ), tell)
    assert signal.getsignal(number) is before
    with os.fdopen(pipe) as end:
        assert select.select([end], [], [], 60)[0] and end.read() == ""


def test_status_of_a_command(tmp_path: Path) -> None:
    assert runs.run_logged([sys.executable, "-c", "exit(3)"], tmp_path / "a.log", {}, lambda text: None) == 3
