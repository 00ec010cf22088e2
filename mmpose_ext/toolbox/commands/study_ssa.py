"""Why SCANet's sharp attention may not train: noise, channel attention, bfloat16 and rate, on many small networks.

One run for each combination, learning rate and seed; a stopped study goes on where it was.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from mmpose_ext.toolbox.commands.arguments import CONFIG, positive, require_config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext study-ssa``.

    Args:
        parser: The parser of this command.
    """
    text = f"{CONFIG}: a BDMP-SCANet, whose data sets are used; rendered persons without this"
    parser.add_argument("config", nargs="?", default="scanet-1s-synthetic", metavar="CONFIG", help=text)
    parser.add_argument("--rates", nargs="+", type=float, default=[1e-3, 4e-3], metavar="LR", help="learning rates")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], metavar="SEED", help="one study for each")
    parser.add_argument("--steps", type=positive, default=1000, help="training steps of a run")
    parser.add_argument("--batch", type=positive, default=2, help="batch size")
    parser.add_argument("--persons", type=positive, default=64, help="training persons; a quarter of it is held out")
    parser.add_argument("--channels", type=positive, default=64, help="channels of the network")
    parser.add_argument("--size", type=positive, default=64, help="height and width of a crop, a multiple of 16")
    parser.add_argument("--threads", type=positive, default=1, help="CPU threads of PyTorch")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/study-ssa"), help="folder for runs, CSV and JSON")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext study-ssa``.

    Args:
        args: Parsed arguments.

    Returns:
        0.
    """
    require_config(args.config)
    from mmpose_ext.toolbox.studies.ssa import Network, study_ssa

    network = Network(**{name: getattr(args, name) for name in Network._fields})
    options = {name: getattr(args, name) for name in ("rates", "seeds", "threads", "out")}
    study = study_ssa(args.config, network=network, **options, command=shlex.join(["mmpose-ext", *sys.argv[1:]]))
    print(study.table())
    print(f"{study.json} and .csv hold all runs")
    return 0
