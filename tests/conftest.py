"""What every test gets: one thread, a fixed seed, and the folders that are not part of the repository."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: tiny inputs gain nothing from threads
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest
import torch

from mmpose_ext import registration

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("MMPOSE_EXT_SHARED", ROOT.parent / "shared"))
"""Reference numbers and real photographs, beside the checkout; tests that need them are skipped without."""


@pytest.fixture(autouse=True)
def _one_thread_one_seed() -> Iterator[None]:
    """Make a test independent of the machine and of the tests before it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    np.random.seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session", autouse=True)
def _registered() -> None:
    """Register the modules of MMPose and of this package under MMPose's scope."""
    from mmengine.registry import init_default_scope

    registration.register()
    init_default_scope("mmpose")


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Let what tests start end by Control-C, also where a shell runs the tests in the background and ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _folder(name: str, *parts: str) -> Path:
    folder = SHARED.joinpath(name, *parts)
    if not folder.exists():
        pytest.skip(f"{folder} is absent (set MMPOSE_EXT_SHARED to the folder that holds reference/ and data/)")
    return folder


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder with the golden outputs of the official implementations."""
    return _folder("reference")


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder with real photographs and annotations."""
    return _folder("data")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what asks for a GPU where there is none."""
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))
