"""mim finds a package by its module, where it looks into the metadata of the distribution."""

from __future__ import annotations

import functools
from pathlib import Path
from types import ModuleType

import pytest

from mmpose_ext.compat import mim_paths


@pytest.mark.parametrize("has_files", [True, False])
def test_the_module_takes_the_place_of_a_folder_without_files(
    has_files: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, metadata = tmp_path / "some_package", tmp_path / "some_package-1.0.dist-info"
    for folder in (package, metadata, *([metadata / "tools"] if has_files else [])):
        folder.mkdir()
    (package / "__init__.py").touch()
    (package / ".mim").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    module = ModuleType("mim.utils.utils")
    module.get_installed_path = functools.wraps(len)(lambda name: str(metadata))  # mim's is decorated, too
    for _ in range(2):
        mim_paths._patch(module)
    assert module.get_installed_path("some-package") == str(metadata if has_files else package)
    assert module.get_installed_path("no-such-package") == str(metadata)


def test_an_option_that_was_not_given_is_none() -> None:
    """mim's way to parse arguments hands on what click 8.3 puts there in between."""
    import click
    from click.testing import CliRunner
    from mim.click import CustomCommand

    given = []

    @click.command(cls=CustomCommand)
    @click.option("--srun-args", type=str)
    @click.option("--gpus", type=int)
    def command(srun_args: str | None, gpus: int | None) -> None:
        given.append((srun_args, gpus))

    assert CliRunner().invoke(command, ["--gpus", "2"]).exit_code == 0
    assert given == [(None, 2)]
