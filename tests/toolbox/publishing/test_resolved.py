"""A resolved config is read as data: all that MMEngine writes, and nothing that would run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from mmpose_ext.toolbox.catalogue.configs import find_config
from mmpose_ext.toolbox.publishing.resolved import absolute_paths, find_resolved, read_literal, write_literal

ALIASES = ["sharpose-small", "ssn", "scanet-2s", "xhrnet-18-synthetic"]
MODEL = "model = dict(type='TopdownPoseEstimator', backbone=dict(type='ResNet', depth=18))\n"


@pytest.mark.parametrize("alias", ALIASES)
def test_what_mmengine_writes(alias: str) -> None:
    config = Config.fromfile(find_config(alias))
    assert Config(read_literal(config.pretty_text)).pretty_text == config.pretty_text
    assert find_resolved(Path("a.pth"), {"cfg": config.pretty_text}).config.model == config.model


def test_values() -> None:
    text = "a = [-1, 2.5, None, True]\nb = ('x', {1: 'y'}, {2})\nc = dict(d=dict({0: -1e-3, 'e f': []}))\n"
    assert read_literal(text) == {
        "a": [-1, 2.5, None, True],
        "b": ("x", {1: "y"}, {2}),
        "c": {"d": {0: -1e-3, "e f": []}},
    }


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "a = open('x')",
        "a = dict(b=__import__('os').system('x'))",
        "a = [x for x in (1,)]",
        "a = dict(**{'b': 1})",
        "a = {**{}}",
        "a.b = 1",
        "a = b = 1",
        "a = f'{1}'",
        "a = lambda: 1",
        "a = 1 +",
        "a = " + "[" * 5000 + "]" * 5000,
    ],
)
def test_what_would_run_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        read_literal(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MODEL.replace("ResNet", "subprocess.call"), "registered name.*subprocess.call"),
        (MODEL.replace("'ResNet'", "7"), "registered name"),
        (MODEL + "default_scope = 'antigravity'", "default scope mmpose or mmpose_ext, got 'antigravity'"),
        (MODEL + "_base_ = ['/tmp/x.py']", "resolved config"),
        ("data = 1", "resolved config with a model, got data"),
        (MODEL + "filename = 'a'", "filename"),
    ],
)
def test_what_building_would_call_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message) as error:
        find_resolved(tmp_path / "a.pth", {"cfg": text})
    assert "name it before CHECKPOINT" in str(error.value)


def test_written_as_literals_and_read_again(tmp_path: Path) -> None:
    content = {
        "a": {"b'c": [1, -2.5, None, True, ("x",), {3: {"d"}}], 'e"f\n': "g" * 300},
        "b": "{{$HOME:x}} {{ fileDirname }} \\{{{ '\"",
    }
    text = write_literal(content)
    assert read_literal(text) == content
    (tmp_path / "config.py").write_text(text)
    assert Config.fromfile(tmp_path / "config.py").to_dict() == content, "MMEngine fills in nothing"


@pytest.mark.parametrize("content", [{"a b": 1}, {"class": 1}, {"a": Path("x")}, {"a": float("inf")}, {"a": [print]}])
def test_what_has_no_literal(content: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        write_literal(content)


def test_where_it_is_looked_for(tmp_path: Path) -> None:
    checkpoint = tmp_path / "epoch_1.pth"
    with pytest.raises(ValueError, match="expected CONFIG before CHECKPOINT"):
        find_resolved(checkpoint, {})
    (tmp_path / "mine.py").write_text(MODEL + "work_dir = 'w'\n")
    found = find_resolved(checkpoint, {})
    assert (found.name, found.origin) == ("mine", str(tmp_path / "mine.py"))
    assert "work_dir" not in found.config
    meta: dict[str, Any] = {"cfg": MODEL.replace("18", "50"), "experiment_name": "other_20260101_000000"}
    found = find_resolved(checkpoint, meta)
    assert (found.name, found.origin, found.config.model.backbone.depth) == ("mine", "the checkpoint", 50)
    (tmp_path / "second.py").write_text(MODEL)
    assert find_resolved(checkpoint, meta).name == "other"
    found = find_resolved(checkpoint, meta, "xhrnet-18")
    assert found.name == "td-hm_xhrnet-18_8xb64-210e_coco-256x192" and found.config.model.backbone.type == "XHRNet"


def test_paths_of_this_machine_are_named() -> None:
    config = Config(dict(a="/home/me/data", b=dict(c=["/home/me/data", "relative/path", "images/"])))
    assert absolute_paths(config) == ["/home/me/data"]
