"""``reproduce PAPER:figN``: every figure of the papers is drawn by something or says why not; some are drawn."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import cv2
import pytest
from matplotlib.transforms import Bbox, BboxBase

from mmpose_ext.toolbox.catalogue.configs import find_config
from mmpose_ext.toolbox.catalogue.metafile import load_metafile, metafiles
from mmpose_ext.toolbox.catalogue.paper_figures import Figure, figures_of, find_figures
from mmpose_ext.toolbox.catalogue.paper_tables import find_tables
from mmpose_ext.toolbox.cli import main
from mmpose_ext.toolbox.reproduction import scatter_figure
from mmpose_ext.toolbox.reproduction.figures import DRAWINGS
from tests.tiny import SHARPOSE, TOP_DOWN, write_checkpoint, write_config

CONTENTS = {key: load_metafile(path) for key, path in metafiles().items()}
FIGURES = [figure for key, content in CONTENTS.items() for figure in figures_of(key, content)]


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.key)
def test_what_a_figure_names_exists(figure: Figure) -> None:
    assert find_figures([figure.key.upper()], CONTENTS) == [figure]
    assert figure.drawing in DRAWINGS if figure.drawing else figure.why
    for config in figure.configs:
        assert find_config(config).is_file()
    assert [len(find_tables([f"{figure.paper}:{number}"], CONTENTS)) for number in figure.tables] == (
        [1] * len(figure.tables)
    )


def test_every_drawing_serves_a_figure() -> None:
    assert {figure.drawing for figure in FIGURES if figure.drawing} == set(DRAWINGS)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sfm:fig2"], "SFM, Figure 2 (Drawing of SFM) has no command: It has no data."),
        (["sfm:fig9"], "expected a figure among sfm:fig1"),
        (["nothing:fig1"], "expected a paper among"),
        (["sfm:fig1", "sfm:I"], "expected tables or figures, got both"),
        (["sfm:fig5", "--image", "IMAGE"], "expected --checkpoint sfm=FILE sfm-spatial=FILE"),
        (["sfm:fig5", "--checkpoint", "none"], "expected --image IMAGE"),
        (["sfm:fig5", "--checkpoint", "gone.pth", "--image", "IMAGE"], "got no file gone.pth"),
        (["sfm:fig5", "--checkpoint", "nothing=none", "--image", "IMAGE"], "got 'nothing'"),
        (["sfm:fig5", "--checkpoint", "none", "--image", "gone.jpg"], "'gone.jpg', which does not exist"),
        (["scanet:fig4"], "expected --log scanet-2s-ssa=LOG scanet-2s-soft=LOG"),
        (["scanet:fig4", "--log", "gone.json"], "'gone.json', which does not exist"),
        (["sharpose:fig6", "--checkpoint", "none", "--cfg-options", "x"], "expected --cfg-options KEY=VALUE, got 'x'"),
    ],
)
def test_one_line_and_status_2(words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = tmp_path / "IMAGE"
    image.touch()
    words = [str(image) if word == "IMAGE" else word for word in words]
    assert main(["reproduce", *words, "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("mmpose-ext reproduce: ") and said in line
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two configs, of which the test set asks for detected boxes that are not there, and weights of both."""
    folder = tmp_path_factory.mktemp("figures")
    detected = 'test_dataloader["dataset"]["bbox_file"] = "gone.json"\n'
    config = write_config(folder, SHARPOSE + TOP_DOWN + detected)
    (folder / "other.py").write_text(config.read_text())
    return config, write_checkpoint(config)


def draw(capsys: pytest.CaptureFixture[str], *words: object) -> list[Path]:
    assert main(["reproduce", *map(str, words)]) == 0
    return [Path(line) for line in capsys.readouterr().out.splitlines() if line.endswith((".png", ".json"))]


def test_two_networks_have_files_of_their_own(
    shop: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, weights = shop
    networks = [f"{config}={weights}", f"{config.with_name('other.py')}=none"]
    image = config.with_name("001.jpg")
    for figure in ("fig2", "fig5"):
        words = [f"sharpose:{figure}", "--checkpoint", *networks, "--image", image, "--out", tmp_path]
        files = draw(capsys, *words)
        folder = tmp_path / f"sharpose-{figure}"
        assert files == [folder / "tiny_001-0.png", folder / "other_001-0.png"]
        one, two = (cv2.imread(str(file)) for file in files)
        assert one.shape == two.shape and (one != two).any()
    assert {path.name for path in tmp_path.iterdir()} == {"sharpose-fig2", "sharpose-fig5"}


def test_thresholds_on_annotated_boxes(
    shop: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, weights = shop
    assert main(["sweep-threshold", str(config), str(weights), "--out", str(tmp_path / "out")]) == 2
    assert "gone.json" in capsys.readouterr().err
    words = ["--checkpoint", f"{config}={weights}", "--limit", 3, "--out", tmp_path]
    assert [path.name for path in draw(capsys, "sharpose:fig6", *words)] == ["tiny.png", "tiny.json"]


def test_scatter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = draw(capsys, "sfm:fig1", "--out", tmp_path)
    height, width, _ = cv2.imread(str(path)).shape
    assert width > 2 * height, "both tables side by side"


@pytest.mark.parametrize("key", ["sfm:fig1", "xhrnet:fig4"])
def test_no_name_covers_another(
    key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    placed, place = [], scatter_figure.place_names

    def spy(names: Sequence[scatter_figure.Name], taken: Sequence[Bbox], *, within: BboxBase) -> None:
        place(names, taken, within=within)
        placed.append(([name.text.get_window_extent() for name in names], within))

    monkeypatch.setattr(scatter_figure, "place_names", spy)
    draw(capsys, key, "--out", tmp_path)
    assert placed
    for boxes, within in placed:
        assert not [pair for pair in itertools.combinations(boxes, 2) if Bbox.intersection(*pair)]
        assert all(within.containsx(box.x0) and within.containsx(box.x1) for box in boxes)
