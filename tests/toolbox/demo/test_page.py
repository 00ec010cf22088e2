"""The page itself: what is wired to what, what leaves this machine (nothing), and a visit by a real browser.

Needs the extra `demo`; the visit needs the dependency group `browser` and the system's Chromium.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("gradio", minversion="6", reason="needs the extra `demo`")

from mmpose_ext.toolbox.commands import demo as command
from mmpose_ext.toolbox.demo import Desk, Studio
from mmpose_ext.toolbox.demo.page import _figures, _read, _show, build
from mmpose_ext.toolbox.demo.server import POLICY, is_local, serve

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-headless-shell", "google-chrome"))), None)


@pytest.fixture(scope="module")
def address(tiny) -> Iterator[str]:
    proxies = {name: os.environ.pop(name) for name in list(os.environ) if name.lower().endswith("_proxy")}
    with serve(Studio(), model=str(tiny.config), checkpoint=tiny.checkpoint) as url:
        yield url
    os.environ.update(proxies)


def components(page) -> dict[str, dict]:
    found = (component for component in page.get_config_file()["components"])
    return {one["props"]["elem_id"]: one["props"] for one in found if one["props"].get("elem_id")}


def test_the_page_has_every_field(desk: Desk) -> None:
    fields = components(build(desk))
    assert {
        "picture",
        "draw",
        "model",
        "checkpoint",
        "path",
        "run",
        "pose",
        "score",
        "panels",
        "table",
        "download",
    } <= {*fields}
    offered = [value for _, value in fields["model"]["choices"]]
    assert offered[0] == desk.model == fields["model"]["value"] and {"xhrnet-18", "ssn"} <= set(offered)
    assert "Weights: `tiny.pth`" in fields["note"]["value"]


def test_paths_are_asked_for_at_home_only(desk: Desk) -> None:
    desk.local = False
    fields = components(build(desk))
    assert not fields["path"]["visible"] and not fields["model"]["allow_custom_value"]
    assert _read(desk, None, "sfm", None, "/etc/passwd").typed == ""


def test_a_detector_adds_its_fields(desk: Desk) -> None:
    fields = components(build(desk, detector="rtmdet-m"))
    assert [value for _, value in fields["where"]["choices"]] == ["whole", "detect"]
    assert fields["where"]["value"] == "detect"
    assert _read(desk, None, "sfm", None, "", "detect", 2).person == 2


def test_what_an_answer_shows(desk: Desk, fields) -> None:
    state, picture, panels, rows, file, kept = _show(desk.look(fields()))
    assert 'class="state done"' in state and picture.ndim == 3 and len(rows) == 17
    assert panels.count("<figure") == 1 and "heatmaps, up to" in panels and "has no picture of its own" in panels
    assert file.interactive and kept[1] is False
    state, picture, panels, rows, file, kept = _show(desk.look(fields(model="<b>bold</b>")))
    assert 'class="state error"' in state and "&lt;b&gt;" in state and "<b>" not in state
    assert (picture, panels, rows, file.interactive, kept) == (None, "", [], False, None)


def test_titles_are_text(desk: Desk) -> None:
    shown = _figures([(np.zeros((4, 4, 3), np.uint8), 'M\' < "M" & <i>')], "a < b")
    assert "<i>" not in shown and "a &lt; b" in shown
    assert "alt='M&#x27; &lt; &quot;M&quot; &amp; &lt;i&gt;'" in shown


def test_nothing_is_named_that_lies_elsewhere(address: str) -> None:
    with urllib.request.urlopen(address) as answer:
        assert answer.headers["content-security-policy"] == POLICY
        text = answer.read().decode()
    loaded = re.findall(r"<(?:script|link|img)\b[^>]*?(?:src|href)=[\"'](https?:[^\"']+)", text)
    assert [url for url in loaded if not url.startswith(address)] == []
    assert "fonts.googleapis.com" not in text


@pytest.mark.parametrize("path", ["docs", "openapi.json", "gradio_api/file=/etc/passwd"])
def test_what_is_not_served(address: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(address + path)
    assert error.value.code in (403, 404)


def test_who_is_local() -> None:
    assert [is_local(host) for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "192.168.0.7")] == [True] * 3 + [
        False
    ] * 2


def test_the_command_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    from mmpose_ext.toolbox.cli import main

    assert command.run is not None
    for arguments, message in (
        (["--model", "xhrnet-19"], "did you mean xhrnet-18"),
        (["--checkpoint", "nowhere.pth"], "expected a checkpoint, got nowhere.pth, which does not exist"),
        (["--detector", "rtmdet-m"], "expected both --detector and --detector-weights"),
    ):
        assert main(["demo", *arguments]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.slow
def test_a_visit(address: str, tiny, tmp_path: Path) -> None:
    """A browser uploads a picture, runs, moves the slider, downloads, and asks for something that can't be."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the dependency group `browser`")
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(accept_downloads=True)
        page.set_default_timeout(60_000)
        outside, wrong = [], []
        here = (address, "data:", "blob:")
        page.on("request", lambda request: request.url.startswith(here) or outside.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        page.click("#run")
        assert "Expected a picture, got none" in page.inner_text("#state .error")
        page.set_input_files("#picture input[type=file]", tiny.picture)
        page.wait_for_selector("#picture img")
        page.click("#run")
        assert "tiny, tiny.pth: 1 person in" in page.inner_text("#state .done")
        page.wait_for_selector("#panels figure img")
        with page.expect_download() as download:
            page.click("#download")
        download.value.save_as(tmp_path / "got.json")
        got = json.loads((tmp_path / "got.json").read_text())
        assert got["images"][0]["file_name"] == tiny.picture.name and len(got["annotations"]) == 1
        page.locator("#score input[type=range]").fill("1")
        page.wait_for_timeout(2000)
        nothing = page.get_attribute("#pose img", "src")
        page.locator("#score input[type=range]").fill("0")
        page.wait_for_function("old => document.querySelector('#pose img').src !== old", arg=nothing)
        page.click("#weights button")
        (tmp_path / "mine.pth").write_text("no checkpoint")
        page.set_input_files("#checkpoint input[type=file]", tmp_path / "mine.pth")
        page.wait_for_selector("#checkpoint >> text=mine")
        page.click("#run")
        assert "mine.pth" in page.inner_text("#state .error")
        assert page.locator("#panels figure").count() == 0
        assert (outside, wrong) == ([], [])
        browser.close()
