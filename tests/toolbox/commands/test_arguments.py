"""Options may stand anywhere between the names of a command."""

from __future__ import annotations

import pytest

from mmpose_ext.toolbox.commands import analyze_ssn, export
from mmpose_ext.toolbox.commands.arguments import IntermixedParser


@pytest.mark.parametrize(
    "line",
    ["--fp16 a b c.onnx", "a --fp16 b c.onnx", "a b --fp16 c.onnx", "a b c.onnx --fp16", "a --shape 1 2 b c.onnx"],
)
def test_options_between_names(line: str) -> None:
    parser = IntermixedParser()
    export.add_arguments(parser)
    args = parser.parse_args(line.split())
    assert (args.config, args.checkpoint, str(args.out)) == ("a", "b", "c.onnx")
    assert (args.form, args.shape) == (("float16", None) if "--fp16" in line else ("float32", [1, 2]))


def test_names_that_may_be_left_out() -> None:
    parser = IntermixedParser()
    export.add_arguments(parser)
    args = parser.parse_args(["a", "--fp16", "c.onnx"])
    assert (args.config, args.checkpoint, str(args.out)) == ("a", None, "c.onnx")
    with pytest.raises(SystemExit):
        parser.parse_args(["a", "--fp16"])


def test_commands_with_kinds() -> None:
    parser = IntermixedParser()
    analyze_ssn.add_arguments(parser)
    args = parser.parse_args(["offsets", "config", "--out", "x", "first", "second"])
    assert args.checkpoints == ["first", "second"]
