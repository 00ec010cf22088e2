"""Measure latency and throughput of configs, in turns in one process, with parameters and FLOPs beside them."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from mmpose_ext.toolbox.commands.arguments import (
    NETWORK,
    add_device,
    add_shape,
    axis,
    checkpoint_path,
    positive,
    require_config,
)

MODES = ("eager", "deploy", "frozen", "compile", "deploy-compile", "onnx", "deploy-onnx", "openvino", "deploy-openvino")
"""Written out, because :mod:`..benchmark.timing` imports torch."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext bench``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument("configs", nargs="+", metavar="CONFIG", help=NETWORK)
    parser.add_argument("--against", nargs="+", default=[], metavar="CONFIG", help="what to compare with")
    forms = f"{', '.join(MODES)}; deploy is fused, frozen that in TorchScript"
    parser.add_argument("--mode", nargs="+", default=["eager"], choices=MODES, metavar="MODE", help=forms)
    growth = "how time grows over size, batch, persons (per image, in infer and mim test) or images; batch=1,2,4 gives "
    growth += "values, size=0.5,1,2 factors of height and width"
    parser.add_argument("--sweep", nargs="+", type=axis, metavar="AXIS", help=growth)
    parser.add_argument("--batch", nargs="+", type=positive, default=[1, 8], metavar="B", help="batch sizes")
    parser.add_argument("--rounds", type=positive, default=30, help="number of times that each network is timed")
    parser.add_argument("--warmup", type=int, default=3, help="untimed calls before the first round")
    parser.add_argument("--threads", type=positive, default=1, help="CPU threads of PyTorch and the runtimes")
    add_device(parser)
    add_shape(parser)
    parser.add_argument("--channels-last", action="store_true", help="store images and weights channels last")
    parser.add_argument("--checkpoint", default="none", help="weights of the first CONFIG; all others are random")
    parser.add_argument("--seed", type=int, default=0, help="seed of random weights and images")
    parser.add_argument(
        "--out", type=Path, default=Path("work_dirs/bench"), help="folder for the JSON file and the plot"
    )


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext bench``.

    Args:
        args: Parsed arguments.

    Returns:
        0.
    """
    for config in [*args.configs, *args.against]:
        require_config(config)
    checkpoint = checkpoint_path(args.checkpoint)
    from mmpose_ext.toolbox.benchmark.comparison import benchmark
    from mmpose_ext.toolbox.benchmark.timing import Settings

    names = ("rounds", "warmup", "threads", "device", "channels_last", "seed")
    settings = Settings(modes=args.mode, batches=args.batch, **{name: getattr(args, name) for name in names})
    shape, command = args.shape and tuple(args.shape), shlex.join(["mmpose-ext", *sys.argv[1:]])
    common: dict[str, Any] = dict(settings=settings, shape=shape, out=args.out, command=command)
    if args.sweep:
        from mmpose_ext.toolbox.benchmark.sweep_report import report_sweep

        result: Any = report_sweep([*args.configs, *args.against], dict(args.sweep), **common)
    else:
        result = benchmark(args.configs, args.against, checkpoint=checkpoint, **common)
    print(result.table())
    for warning in result.warnings():
        print(f"WARNING: {warning}")
    print(f"{result.json} and .png hold all samples and a plot")
    return 0
