"""One line and a status for each way in which a command ends."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mmpose_ext.toolbox.command_errors import TRACEBACK, run_command


def failing(error: BaseException):
    def run() -> int:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ValueError("expected x,\n got y"), 2, "expected x, got y"),
        (OverflowError("too large"), 2, "too large"),
        (ImportError("needs onnx"), 2, "needs onnx"),
        (FileNotFoundError(2, "No such file or directory", "a.pth"), 2, "a.pth: No such file or directory"),
        (RecursionError("depth"), 2, "something is nested too deeply (depth)"),
        (ValueError(), 2, "ValueError"),
        (BrokenPipeError(32, "Broken pipe"), 2, "[Errno 32] Broken pipe"),  # not that of stdout
        (KeyboardInterrupt(), 130, "stopped"),
        (KeyboardInterrupt("go on with --resume"), 130, "go on with --resume"),
    ],
)
def test_one_line(error: BaseException, status: int, line: str, capsys) -> None:
    assert run_command("verb", failing(error)) == status
    assert capsys.readouterr().err == f"mmpose-ext verb: {line}\n"


def test_the_rest(capsys, monkeypatch) -> None:
    assert (run_command("verb", lambda: None), run_command("verb", lambda: 1)) == (0, 1)
    with pytest.raises(AssertionError):  # ours to fix: the traceback is wanted
        run_command("verb", failing(AssertionError()))
    monkeypatch.setenv(TRACEBACK, "1")
    with pytest.raises(ValueError, match="x"):
        run_command("verb", failing(ValueError("x")))
    assert capsys.readouterr().err == ""


def test_a_reader_that_goes_away_is_no_error() -> None:
    code = (
        "from mmpose_ext.toolbox.command_errors import run_command\n"
        "raise SystemExit(run_command('verb', lambda: [print('x' * 1000) for _ in range(9999)] and 0))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141


def test_a_name_that_the_terminal_can_not_show() -> None:
    code = (
        "from mmpose_ext.toolbox.command_errors import run_command\n"
        "raise SystemExit(run_command('verb', lambda: print('photo\\ud800.jpg')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, rb"photo\ud800.jpg"), done.stderr


def test_control_c_in_the_parser(capsys) -> None:
    """Python's argparse puts back what it has not saved yet, which raises an error of its own."""

    def parse() -> int:
        try:
            raise KeyboardInterrupt
        finally:
            raise AttributeError("'_StoreAction' object has no attribute 'save_nargs'")

    assert run_command("convert", parse) == 130
    assert capsys.readouterr().err == "mmpose-ext convert: stopped\n"
    with pytest.raises(AttributeError):
        run_command("convert", lambda: [].nothing)
