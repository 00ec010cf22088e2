"""No file runs code, and none ends a command but in one line that names it; a few of all attacks, drawn by a seed.

``tools/attack.py`` makes all of them.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.faults import campaign, payloads
from tests.faults.broken_images import images
from tests.faults.commands import Reader, Workshop, attack, failures
from tests.faults.outcome import Attempt, Outcome


def check(attempts: Iterator[Attempt], *, least: int) -> list[Attempt]:
    """None of them ended badly, and there were enough of both good ends or of errors."""
    made = list(attempts)
    assert len(made) >= least
    assert failures(made) == []
    return made


def weak(action) -> Reader:
    """A command that reads a checkpoint as nobody should."""
    return Reader("weak", "checkpoint", action)


def written(name: str):
    def write(folder: Path) -> Path:
        path = folder / "file.pth"
        path.write_bytes(payloads.PICKLES[name](folder / "executed"))
        return path

    return write


def loads(shop: Workshop, file: Path, out: Path) -> None:
    torch.load(file, weights_only=False)


def says_nothing(shop: Workshop, file: Path, out: Path) -> None:
    try:
        pickle.loads(b"")
    except EOFError:
        pass


def breaks(shop: Workshop, file: Path, out: Path) -> None:
    file.unlink()
    raise KeyError("no weights")


def loses(shop: Workshop, file: Path, out: Path) -> int:
    (out / "half.pth").write_bytes(b"half")
    return 2


@pytest.mark.parametrize(
    ("action", "outcome"),
    [(loads, "executed"), (says_nothing, "silent"), (breaks, "traceback"), (loses, "lost")],
)
def test_a_weak_reader_is_found_out(shop: Workshop, action, outcome: str) -> None:
    found = attack(shop, weak(action), "a pickle", written("in meta"))
    assert found.outcome is Outcome(outcome) and failures([found]) == [found]


@pytest.mark.parametrize("name", ["plain pickle", "in meta", "as a key", "legacy file", "replaced data.pkl"])
def test_the_payloads_work(shop: Workshop, name: str) -> None:
    def action(shop: Workshop, file: Path, out: Path) -> None:
        if name == "plain pickle":
            pickle.loads(file.read_bytes())
        torch.load(file, weights_only=False)

    assert attack(shop, weak(action), name, written(name)).outcome is Outcome.EXECUTED


def test_payloads(shop: Workshop) -> None:
    check(campaign.payload_attacks(shop, share=0.01, few=12), least=12)


@pytest.mark.slow
def test_more_payloads(shop: Workshop) -> None:
    made = check(campaign.payload_attacks(shop, share=0.05, seed=1), least=50)
    assert {"infer", "export", "publish", "convert", "mim test", "mim train", "demo"} <= {one.command for one in made}


@pytest.mark.parametrize("number", [1, pytest.param(15, marks=pytest.mark.slow)])
def test_mutants(shop: Workshop, number: int) -> None:
    made = check(campaign.mutant_attacks(shop, number=number, seed=300), least=4 * number)
    assert number < 15 or {one.outcome for one in made} == {Outcome.USED, Outcome.CLEAR_ERROR}


@pytest.mark.parametrize("number", [2, pytest.param(15, marks=pytest.mark.slow)])
def test_images(shop: Workshop, number: int) -> None:
    check(campaign.image_attacks(shop, number=number, seed=1), least=3 * number)


def test_there_are_images_of_all_kinds() -> None:
    made = images()
    assert len(made) == 100 and len({one.name for one in made}) == 100
    assert 30 < sum(one.good for one in made) < 60
    assert [one.content for one in made] == [one.content for one in images()]
