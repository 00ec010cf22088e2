"""Logs of MMEngine, and what else is called so."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmpose_ext.compat.analyze_logs import open_log
from mmpose_ext.errors import UnusableFile
from mmpose_ext.log_file import read_log


def test_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_text('{"epoch": 1}\n\n{"coco/AP": 0.5}\n')
    assert read_log(path) == [{"epoch": 1}, {"coco/AP": 0.5}]


@pytest.mark.parametrize("content", [b'{"loss": 1', b"[1]\n3\n", b"[" * 100_000, b"\xff\xfe", None])
@pytest.mark.parametrize("read", [read_log, open_log])
def test_another_file_is_one_line_with_its_name(read, content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnusableFile, match="expected a log of MMEngine.*log.json") as found:
        read(str(path))
    assert "\n" not in str(found.value)
