"""How cost grows: the fit is that of a power, points take turns, and whole commands run on rendered persons."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmpose_ext.toolbox.benchmark.rendered_images import ANNOTATIONS, IMAGES, write_images
from mmpose_ext.toolbox.benchmark.sweep import Line, Point, exponent, scaled, sweep, take_turns
from mmpose_ext.toolbox.benchmark.sweep_report import sweep_table
from mmpose_ext.toolbox.benchmark.timing import Settings
from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.networks import load_candidate
from tests import tiny


@pytest.mark.parametrize("power", [0.0, 0.8, 1.0, 2.0])
def test_exponent_of_a_power(power: float) -> None:
    assert exponent({x: 3e-4 * x**power for x in (1, 2, 5, 40)}) == pytest.approx(power, abs=1e-12)
    assert math.isnan(exponent({2: 1.0}))


def test_exponent_is_the_least_squares_fit() -> None:
    rng = np.random.default_rng(0)
    x, t = rng.uniform(1, 100, 9), rng.uniform(0.1, 2, 9)
    assert exponent(dict(zip(x, t, strict=True))) == pytest.approx(np.polyfit(np.log(x), np.log(t), 1)[0])


def test_points_take_turns_and_the_median_counts() -> None:
    line, calls = Line("batch", "net", "eager"), []
    times = {x: itertools.cycle([x**2, 9e9 * x, x**2]) for x in (4, 1, 2)}  # the machine was busy in round 2

    def point(x: int) -> Point:
        return Point(line, x, lambda: calls.append(x) or next(times[x]))

    take_turns([point(x) for x in (4, 1, 2)], 3)
    assert calls == [4, 1, 2, 1, 2, 4, 2, 4, 1]
    assert list(line.seconds) == [1, 2, 4] and line.medians == {1: 1, 2: 4, 4: 16}
    assert line.exponent == pytest.approx(2)
    assert sweep_table([line]).splitlines()[-1].split() == "| net | eager | 1000.0 | 4000.0 | 16000.0 | 2.00 |".split()


@pytest.mark.parametrize("persons", [1, 3])
def test_rendered_images(tmp_path: Path, persons: int) -> None:
    write_images(tmp_path / "set", images=2, persons=persons)
    content = json.loads((tmp_path / "set" / ANNOTATIONS).read_text())
    assert len(content["images"]) == 2 and len(content["annotations"]) == 2 * persons
    for about in content["images"]:
        image = cv2.imread(str(tmp_path / "set" / IMAGES / about["file_name"]))
        assert image.shape == (about["height"], about["width"], 3)
    for person in content["annotations"]:
        x, y, width, height = person["bbox"]
        assert x >= 0 and y >= 0 and x + width <= 641 and y + height <= 481
        points = np.reshape(person["keypoints"], (17, 3))
        seen = points[points[:, 2] == 2]
        assert len(seen) >= 5 and (seen[:, 0] >= x - 9).all() and (seen[:, 0] <= x + width + 9).all()


def test_sizes_inside_a_config_grow_too(tmp_path: Path) -> None:
    candidate = load_candidate("td-hm_sharpose-small_udp-4xb128-250e_coco-256x192")
    backbone, head = (scaled(candidate, 1.5).require_config().model[part] for part in ("backbone", "head"))
    assert scaled(candidate, 1.5).shape == (384, 288)
    assert tuple(backbone.input_size) == tuple(head.decoder.input_size) == (288, 384)
    assert tuple(head.heatmap_size) == (72, 96)
    assert tuple(candidate.require_config().model.backbone.input_size) == (192, 256)
    with pytest.raises(ValueError, match="expected a factor that leaves whole sizes.*got 0.3"):
        scaled(candidate, 0.3)


TOP_DOWN = 'data_mode = "topdown"\ndataset_type = "CocoDataset"\n'
"""What MMPose's inferencer looks for beside :data:`tiny.CONFIG`."""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "tiny.py"
    path.write_text(tiny.CONFIG.replace("{root}", str(tmp_path)) + TOP_DOWN)
    return str(path)


def test_command(config: str, tmp_path: Path, capsys) -> None:
    argv = [
        "bench",
        config,
        "--rounds",
        "1",
        "--mode",
        "eager",
        "deploy",
        "--batch",
        "1",
        "--out",
        str(tmp_path / "out"),
    ]
    argv += ["--sweep", "size=1,2", "batch=1,3", "persons=1,2", "images=1,2"]
    assert main(argv) == 0
    printed = capsys.readouterr().out
    for unit in ("pixels", "batch size", "persons per image", "images"):
        assert f"Milliseconds over {unit}\n" in printed
    (report,) = (tmp_path / "out").glob("sweep-*.json")
    assert report.with_suffix(".png").stat().st_size > 1000
    results = json.loads(report.read_text())["results"]
    assert [(r["axis"], r["what"], list(r["seconds"])) for r in results] == [
        *(("size", mode, ["4096", "16384"]) for mode in ("eager", "deploy")),
        *(("batch", mode, ["1", "3"]) for mode in ("eager", "deploy")),
        *(("persons", what, ["1", "2"]) for what in ("infer", "test")),
        *(("images", what, ["1", "2"]) for what in ("infer", "test")),
    ]
    assert all(math.isfinite(r["exponent"]) and min(min(s) for s in r["seconds"].values()) > 0 for r in results)


def test_what_a_command_does(config: str, monkeypatch) -> None:
    """A clock that counts the persons that a network has seen: time is linear in them."""
    seen = [0]
    from mmpose.models import TopdownPoseEstimator

    plain = TopdownPoseEstimator.forward

    def counted(self, inputs, *args, **kwargs):
        seen[0] += len(inputs)
        return plain(self, inputs, *args, **kwargs)

    monkeypatch.setattr(TopdownPoseEstimator, "forward", counted)
    lines = sweep(
        [load_candidate(config)],
        {"persons": (1, 3), "images": (2, 5)},
        Settings(rounds=1),
        clock=lambda: float(seen[0]),
        progress=False,
    )
    assert [line.medians for line in lines] == [{1: 4, 3: 12}] * 2 + [{2: 4, 5: 10}] * 2
    assert all(line.exponent == pytest.approx(1) for line in lines)


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        (dict(width=()), "expected an axis among size, batch, persons, images, got 'width'"),
        (dict(batch=(1, 1)), "expected different whole numbers of at least 1 for the axis batch, got 1, 1"),
        (dict(persons=(0.5,)), "expected different whole numbers of at least 1 for the axis persons, got 0.5"),
        (dict(size=(0, 1)), "expected different factors above 0 for the axis size, got 0, 1"),
    ],
)
def test_unusable_axes(axes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sweep([], axes, Settings())


def test_a_network_with_other_keypoints(config: str) -> None:
    candidate = load_candidate("td-hm_scanet-2s_1xb6-220e_mpii-256x256")
    with pytest.raises(ValueError, match="expected a network with 17 keypoints, got .* with 16"):
        sweep([candidate], {"images": (1,)}, Settings(rounds=1), progress=False)


def test_values_that_are_no_numbers(capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["bench", "xhrnet-18", "--sweep", "batch=one"])
    assert "expected an axis such as batch=1,2,4, got 'batch=one'" in capsys.readouterr().err
