"""Measure latency and throughput of configs, in turns in one process, with parameters and FLOPs beside them."""

from __future__ import annotations

import argparse
import shlex
import sys
from datetime import datetime
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext bench``.

    Args:
        parser: The parser of this command.
    """
    what = "path, mmpose::path, mmpose_ext::path, alias, or module:function that returns an nn.Module"
    parser.add_argument("configs", nargs="+", metavar="CONFIG", help=what)
    parser.add_argument("--against", nargs="+", default=[], metavar="CONFIG", help="what to compare with")
    parser.add_argument(
        "--mode",
        nargs="+",
        default=["eager"],
        metavar="MODE",
        help="eager, deploy (fused), frozen (fused, TorchScript), compile, deploy-compile, onnx, deploy-onnx",
    )
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 8], metavar="B", help="batch sizes")
    parser.add_argument("--rounds", type=int, default=30, help="how often each candidate has its turn")
    parser.add_argument("--warmup", type=int, default=3, help="untimed calls before the first round")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of PyTorch and ONNX Runtime")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--shape", nargs=2, type=int, metavar=("H", "W"), help="input size in place of the configs'")
    parser.add_argument("--channels-last", action="store_true", help="lay out images and weights channels last")
    parser.add_argument("--checkpoint", help="weights of the first CONFIG; all others are random")
    parser.add_argument("--seed", type=int, default=0, help="seed of random weights and images")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/bench"), help="folder for the JSON and the plot")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext bench``.

    Args:
        args: Parsed arguments.

    Returns:
        0, or 2 for a config, mode or setting that can't be used.
    """
    from mmpose_ext.toolbox.benchmark import report as benchmark_report
    from mmpose_ext.toolbox.benchmark import timing as benchmark
    from mmpose_ext.toolbox.networks import load_candidates

    shape = tuple(args.shape) if args.shape else None
    try:
        settings = benchmark.Settings(
            modes=args.mode,
            batches=args.batch,
            rounds=args.rounds,
            warmup=args.warmup,
            threads=args.threads,
            device=args.device,
            channels_last=args.channels_last,
            seed=args.seed,
        )
        candidates = load_candidates([*args.configs, *args.against], shape=shape)
        entries = []
        for i, candidate in enumerate(candidates):
            entries += benchmark.prepare(candidate, settings, checkpoint=args.checkpoint if i == 0 else None)
    except (ValueError, FileNotFoundError) as error:
        print(f"mmpose-ext bench: {error}", file=sys.stderr)
        return 2
    benchmark.measure(entries, settings)
    about = benchmark.environment(settings, shlex.join(["mmpose-ext", *sys.argv[1:]]))
    against = benchmark_report.references(entries, [c.label for c in candidates if c.source in args.against])
    print(benchmark_report.table(entries, settings, against))
    print(f"\n{about['gpu'] or about['cpu']}, {settings.threads} thread(s), torch {about['versions']['torch']}")
    for entry in entries:
        if entry.max_difference > 1e-3:
            print(f"WARNING: {entry.label}, {entry.mode} differs from eager by {entry.max_difference:.1e}")
    path = args.out / f"bench-{datetime.now():%Y%m%d-%H%M%S}"
    benchmark_report.write_json(path.with_suffix(".json"), entries, about, against)
    benchmark_report.write_plot(path.with_suffix(".png"), entries, settings)
    print(f"{path.with_suffix('.json')} and .png hold all samples and a plot")
    return 0
