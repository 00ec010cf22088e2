"""The page: its components, its output, and a visit by a real browser.

Needs the extra `demo`; the visit needs the dependency group `browser` and the system's Chromium.
"""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("gradio", minversion="6", reason="needs the extra `demo`")

from mmpose_ext.toolbox.demo import DemoSession, serve
from mmpose_ext.toolbox.demo.page import _output_values, _panels_html, _read_form, _run, build_page
from mmpose_ext.toolbox.demo.server import is_loopback

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-headless-shell", "google-chrome"))), None)


@pytest.fixture(scope="module")
def address(tiny) -> Iterator[str]:
    with serve(str(tiny.config), tiny.checkpoint) as url:
        yield url


def components(page) -> dict[str, dict]:
    found = (component for component in page.get_config_file()["components"])
    return {one["props"]["elem_id"]: one["props"] for one in found if one["props"].get("elem_id")}


def test_the_page_has_every_component(session: DemoSession) -> None:
    found = components(build_page(session))
    wanted = "image example model checkpoint path run pose score panels table download"
    assert {*wanted.split()} <= {*found}
    offered = [value for _, value in found["model"]["choices"]]
    assert offered[0] == session.model == found["model"]["value"] and {"xhrnet-18", "ssn"} <= set(offered)
    assert "Weights: `tiny.pth`" in found["note"]["value"]


def test_paths_are_asked_for_only_where_they_are_allowed(session: DemoSession) -> None:
    found = components(build_page(session))
    assert not found["path"]["visible"] and not found["model"]["allow_custom_value"]
    session.allow_paths = True
    found = components(build_page(session))
    assert found["path"]["visible"] and found["model"]["allow_custom_value"]


def test_a_detector_adds_its_components(session: DemoSession) -> None:
    found = components(build_page(session, detector="rtmdet-m"))
    assert [value for _, value in found["where"]["choices"]] == ["whole", "detect"]
    assert found["where"]["value"] == "detect"
    assert _read_form(None, "sfm", None, "", "detect", 2).person == 2


def test_output(session: DemoSession, form) -> None:
    status, overlay, panels, rows, file, kept = _output_values(session.run(form()))
    assert 'class="state done"' in status and overlay.ndim == 3 and len(rows) == 17
    assert panels.count("<figure") == 1 and "heatmaps, up to" in panels and "has no visualization of its own" in panels
    assert file.interactive and kept[1] is False
    status, overlay, panels, rows, file, kept = _output_values(session.run(form(model="<b>bold</b>")))
    assert 'class="state error"' in status and "&lt;b&gt;" in status and "<b>" not in status
    assert (overlay, panels, rows, file.interactive, kept) == (None, "", [], False, None)


@pytest.mark.parametrize(
    "values",
    [
        (["a"], "sfm", None, ""),
        ({"path": 3}, "sfm", None, ""),
        (None, {}, "a.pth", ""),
        (None, "sfm", None, "", "whole", float("inf")),
        (None, "sfm", None, "", "whole", [1]),
        (None, "sfm", None, "", "whole", 1, "high"),
    ],
)
def test_any_json_is_answered(session: DemoSession, values: tuple) -> None:
    status = _run(session, *values)[0]
    assert 'class="state error"' in status and "Expected" in status


def test_titles_are_text() -> None:
    shown = _panels_html([(np.zeros((4, 4, 3), np.uint8), 'M\' < "M" & <i>')], "a < b")
    assert "<i>" not in shown and "a &lt; b" in shown
    assert "alt='M&#x27; &lt; &quot;M&quot; &amp; &lt;i&gt;'" in shown


def test_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.0.0.2", "localhost", "::1", "[::1]")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.0.7", "gpu-box")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "xhrnet-19"], "did you mean xhrnet-18"),
        (["--checkpoint", "nowhere.pth"], "expected a checkpoint, got nowhere.pth, which does not exist"),
        (["--detector", "rtmdet-m"], "expected both --detector and --detector-weights"),
        (["--allow-paths", "--host", "0.0.0.0"], "on a loopback host only"),
        (["--allow-paths", "--share"], "on a loopback host only"),
        (["--allow-paths", "--public-address", "https://example.org"], "on a loopback host only"),
        (["--public-address", "example.org/pose"], "expected a public address such as https://example.org/pose"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: list[str], message: str, capsys) -> None:
    from mmpose_ext.toolbox.cli import main

    before = signal.getsignal(signal.SIGTERM)
    assert main(["demo", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


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
        here = (address.partition("?")[0], "data:", "blob:")
        page.on("request", lambda request: request.url.startswith(here) or outside.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        page.click("#run")
        assert "Expected an image: upload one" in page.inner_text("#state .error")
        page.set_input_files("#image input[type=file]", tiny.image)
        page.wait_for_selector("#image img")
        page.click("#run")
        assert "tiny, tiny.pth: 1 person in" in page.inner_text("#state .done")
        page.wait_for_selector("#panels figure img")
        with page.expect_download() as download:
            page.click("#download")
        download.value.save_as(tmp_path / "got.json")
        got = json.loads((tmp_path / "got.json").read_text())
        assert got["images"][0]["file_name"] == tiny.image.name and len(got["annotations"]) == 1
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
