"""Count the rows of a paper's tables again, measure them where data and checkpoints are, or draw its figures.

The exit status is 0 if every count is still the recorded one, and the paper's or different from it for a recorded
reason; 1 if not, or if a test fails. A number that was not measured is shown as "not measured".
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmpose_ext.toolbox.commands.arguments import add_cfg_options, add_persons, cfg_options, require_paths

if TYPE_CHECKING:
    from mmpose_ext.toolbox.catalogue.paper_figures import Figure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext reproduce``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument(
        "tables",
        nargs="*",
        metavar="PAPER[:TABLE]",
        help="e.g. xhrnet:2, sharpose or sfm:others, all without this; or figures, as scanet:fig4",
    )
    parser.add_argument("--list", action="store_true", help="list the tables and their rows, and stop")
    parser.add_argument(
        "--coverage",
        action="store_true",
        help="count the printed cells with a config and those measured, here or in --out; list figures, and stop",
    )
    parser.add_argument("--out", type=Path, default=Path("work_dirs/reproduce"), help="folder of the report")
    parser.add_argument("--data", type=Path, help="folder of the data sets, to test the rows with a checkpoint")
    parser.add_argument(
        "--checkpoint",
        nargs="+",
        default=[],
        metavar="ALIAS=FILE",
        help="checkpoints, a folder with <alias>.pth or <config>.pth, or mmpose: download MMPose's own",
    )
    parser.add_argument("--train", action="store_true", help="train the rows without a checkpoint, then test them")
    parser.add_argument(
        "--launcher", default="none", choices=["none", "pytorch", "slurm"], help="how tests and trainings are run"
    )
    parser.add_argument("--gpus", type=int, default=1, help="processes of each test or training, with --launcher")
    parser.add_argument("--gpus-per-node", type=int, help="processes on one machine, with --launcher slurm")
    parser.add_argument("--cpus-per-task", type=int, default=5, help="cores for each process, with --launcher slurm")
    parser.add_argument("--partition", help="Slurm's partition")
    parser.add_argument("--sbatch-args", default="", help="more options of sbatch, in one word: '--time=9:00:00'")
    parser.add_argument("--latency", action="store_true", help="measure one image at a time, all rows in turns")
    parser.add_argument("--rounds", type=int, default=20, help="turns of each row for --latency")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads for --latency")
    figures = parser.add_argument_group("figures")
    figures.add_argument("--image", nargs="+", type=Path, default=[], help="images or folders of images")
    add_persons(figures)
    text = "logs of MMEngine (<time>/vis_data/<time>.json), or the folders of the trainings"
    figures.add_argument("--log", nargs="+", default=[], metavar="ALIAS=LOG", help=text)
    figures.add_argument("--metric", default="", help="score of the logs; by default that of the figure")
    add_cfg_options(figures)


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext reproduce``.

    Args:
        args: Parsed arguments.

    Returns:
        0 if all counts agree, 1 if one does not or a test fails.
    """
    from mmpose_ext.toolbox.catalogue.coverage import coverage, coverage_text, kept_results
    from mmpose_ext.toolbox.catalogue.metafile import load_metafile, metafiles
    from mmpose_ext.toolbox.catalogue.paper_figures import find_figures, is_figure
    from mmpose_ext.toolbox.catalogue.paper_tables import find_tables

    contents = {name: load_metafile(path) for name, path in metafiles().items()}
    figures = find_figures([word for word in args.tables if is_figure(word)], contents)
    if figures:
        return _draw(figures, args)
    tables = find_tables(args.tables, contents)
    if args.coverage:
        print(coverage_text(coverage(tables, contents, kept_results(args.out)), contents))
    if args.list:
        for paper, table in tables:
            names = ", ".join(dict.fromkeys(row.config or row.network for row in table.rows))
            print(f"{paper.key}:{table.number:<6}  {table.title}: {names}")
    if args.list or args.coverage:
        return 0
    from mmpose_ext.toolbox.reproduction import reproduce  # imports torch
    from mmpose_ext.toolbox.reproduction.jobs import Launcher
    from mmpose_ext.toolbox.reproduction.report import markdown

    sbatch_args = tuple(shlex.split(args.sbatch_args))
    launcher = Launcher(args.launcher, args.gpus, args.gpus_per_node, args.cpus_per_task, args.partition, sbatch_args)
    options = {key: getattr(args, key) for key in ("data", "latency", "rounds", "threads")}
    options |= {"launcher": launcher, "training": args.train}
    command = shlex.join(["mmpose-ext", *sys.argv[1:]])
    found = reproduce(args.tables, args.out, **options, checkpoints=args.checkpoint, command=command, progress=True)
    print(markdown(found.tables))
    print(f"\nwritten: {', '.join(map(str, found.files))}")
    total, wrong = len(found.rows), found.wrong
    print(f"{total - len(wrong)} of {total} configs count as expected{': not ' if wrong else ''}{', '.join(wrong)}")
    for text in found.queued:
        print(text)
    if found.queued:
        print(f"in Slurm's queue: {len(found.queued)}; the same command collects the results")
    for text in found.failed:
        print(f"mmpose-ext reproduce: {text}", file=sys.stderr)
    return 1 if wrong or found.failed else 0


def _draw(figures: Sequence[Figure], args: argparse.Namespace) -> int:
    """Draw figures and print the files."""
    from mmpose_ext.toolbox.catalogue.paper_figures import is_figure

    if not all(is_figure(word) for word in args.tables):
        raise ValueError(f"expected tables or figures, got both: {' '.join(args.tables)}")
    require_paths(args.image, expected="an image or a folder")
    require_paths([word.rpartition("=")[2] for word in args.log], expected="a log or a folder")
    for figure in figures:
        figure.require_drawing()
    from mmpose_ext.toolbox.reproduction.figures import FigureInputs, draw_figure

    inputs = FigureInputs(
        checkpoints=args.checkpoint,
        images=args.image,
        boxes=args.box,
        annotations=args.annotations,
        logs=args.log,
        metric=args.metric,
        data=args.data,
        limit=args.limit,
        cfg_options=cfg_options(args.cfg_options),
        out=args.out,
        command=shlex.join(["mmpose-ext", *sys.argv[1:]]),
    )
    for figure in figures:
        for path in draw_figure(figure, inputs):
            print(path)
    return 0
