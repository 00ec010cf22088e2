"""Count the rows of a paper's tables again, measure them where data and checkpoints are, and write a report.

The exit status is 0 if every count is still the recorded one, and the paper's or different from it for a recorded
reason; 1 if not, or if a test fails. A figure that was not measured is shown as "not measured".
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmpose_ext.toolbox.reproduction.datasets import DataSet
    from mmpose_ext.toolbox.reproduction.report import Tables
    from mmpose_ext.toolbox.reproduction.rows import Row


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext reproduce``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument(
        "tables", nargs="*", metavar="PAPER[:TABLE]", help="e.g. xhrnet:2, sharpose or sfm:others; all without this"
    )
    parser.add_argument("--list", action="store_true", help="list the tables and their rows, and stop")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/reproduce"), help="folder of the report")
    parser.add_argument("--data", type=Path, help="folder of the data sets, for `mim test` of rows with a checkpoint")
    parser.add_argument(
        "--checkpoint",
        nargs="+",
        default=[],
        metavar="ALIAS=FILE",
        help="checkpoints, or a folder with <alias>.pth or <config>.pth",
    )
    parser.add_argument("--latency", action="store_true", help="measure one image at a time, all rows in turns")
    parser.add_argument("--rounds", type=int, default=20, help="turns of each row for --latency")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads for --latency")


def run(args: argparse.Namespace) -> int:
    """Run ``mmpose-ext reproduce``.

    Args:
        args: Parsed arguments.

    Returns:
        0 if all counts agree, 1 if one does not or a test fails, 2 for arguments that can't be used, 130 if stopped.
    """
    from mmpose_ext.toolbox.catalogue.metafile import config_folder
    from mmpose_ext.toolbox.reproduction import report
    from mmpose_ext.toolbox.reproduction.latency import add_latency

    root = config_folder().parent
    try:
        tables = _load(args, root)
        unique = {row.config: row for _, _, rows in tables for row in rows}
        if args.list:
            _print_list(tables)
            return 0
        weights, data_sets = _prepare(args, root, unique)
    except ValueError as error:
        print(f"mmpose-ext reproduce: {error}", file=sys.stderr)
        return 2
    try:
        failed = _count_and_test(args, root, unique, weights, data_sets)
        if args.latency:
            add_latency(unique, root, rounds=args.rounds, threads=args.threads)
    except KeyboardInterrupt:
        print(f"\nmmpose-ext reproduce: stopped; the same command goes on from {args.out / 'results'}", file=sys.stderr)
        return 130
    done = [(paper, table, [report.updated(row, unique) for row in rows]) for paper, table, rows in tables]
    _write(args, done)
    return _conclude(unique, failed)


def _load(args: argparse.Namespace, root: Path) -> Tables:
    """The tables that were asked for."""
    from mmpose_ext.toolbox.catalogue.metafile import load_metafile, metafiles
    from mmpose_ext.toolbox.catalogue.paper_tables import find_tables
    from mmpose_ext.toolbox.reproduction.rows import load_rows

    contents = {key: load_metafile(path) for key, path in metafiles(root / "configs").items()}
    empty: dict[str, list] = {"Models": []}
    found = find_tables(args.tables, contents)
    return [(paper, table, load_rows(table, contents.get(paper.key, empty))) for paper, table in found]


def _print_list(tables: Tables) -> None:
    for paper, table, rows in tables:
        print(f"{paper.key}:{table.number:<6}  {table.title}: {', '.join(row.alias for row in rows) or 'not here'}")


def _prepare(
    args: argparse.Namespace, root: Path, unique: Mapping[str, Row]
) -> tuple[dict[str, Path], dict[str, DataSet]]:
    """Config -> checkpoint and config -> data, of the rows that are tested; all is looked at before anything is run."""
    from mmpose_ext.toolbox.reproduction.checkpoints import check_fit, find_checkpoints
    from mmpose_ext.toolbox.reproduction.datasets import find_data_set

    if min(args.rounds, args.threads) < 1:
        raise ValueError(f"expected --rounds and --threads of at least 1, got {args.rounds} and {args.threads}")
    if bool(args.checkpoint) is (args.data is None):
        given, lacking = ("--checkpoint", "--data FOLDER") if args.checkpoint else ("--data", "--checkpoint ALIAS=FILE")
        raise ValueError(f"expected {lacking} beside {given}, got none")
    if args.data is not None and not args.data.is_dir():
        raise ValueError(f"expected a folder of data sets, got {args.data}")
    weights = find_checkpoints(list(unique.values()), args.checkpoint)
    data_sets = {config: find_data_set(unique[config], root=root, data=args.data) for config in weights}
    for config, checkpoint in weights.items():
        check_fit(unique[config], checkpoint, root)
    return weights, data_sets


def _count_and_test(
    args: argparse.Namespace,
    root: Path,
    unique: dict[str, Row],
    weights: Mapping[str, Path],
    data_sets: Mapping[str, DataSet],
) -> list[str]:
    """Count all rows and test those with a checkpoint; returns what went wrong."""
    from tqdm import tqdm

    from mmpose_ext.toolbox.reproduction.rows import recount
    from mmpose_ext.toolbox.reproduction.runs import measure

    failed = []
    with tqdm(unique.items(), unit="row", disable=None) as progress:
        for config, row in progress:
            progress.set_description(row.alias)
            row = recount(row, root)
            if config in weights:
                given = dict(root=root, checkpoint=weights[config], data=args.data, data_set=data_sets[config])
                try:
                    row = measure(row, **given, out=args.out, tell=progress.set_postfix_str)
                except RuntimeError as error:
                    failed.append(str(error))
                progress.set_postfix_str("")
            unique[config] = row
    return failed


def _write(args: argparse.Namespace, done: Tables) -> None:
    """Print the tables, and write them in all forms."""
    from datetime import date

    import torch

    from mmpose_ext.toolbox.reproduction import report
    from mmpose_ext.toolbox.reproduction.page import write_page
    from mmpose_ext.version import __version__

    command = shlex.join(["mmpose-ext", *sys.argv[1:]])
    about = f"{date.today().isoformat()}, mmpose-ext {__version__}, torch {torch.__version__}"
    args.out.mkdir(parents=True, exist_ok=True)
    paths = [args.out / f"reproduction.{ending}" for ending in ("md", "json", "csv", "html")]
    report.write_markdown(paths[0], done, command=command)
    report.write_json(paths[1], done, command=command)
    report.write_csv(paths[2], done)
    write_page(paths[3], done, command=command, about=about)
    print(report.markdown(done))
    print(f"\nwritten: {', '.join(str(path) for path in paths)}")


def _conclude(unique: Mapping[str, Row], failed: list[str]) -> int:
    """Say whether all counts are as expected and all tests ran."""
    wrong = sorted({row.alias for row in unique.values() if not row.agrees})
    verdict = f"{len(unique) - len(wrong)} of {len(unique)} configs count as expected"
    print(f"{verdict}{': not ' if wrong else ''}{', '.join(wrong)}")
    for text in failed:
        print(f"mmpose-ext reproduce: {text}", file=sys.stderr)
    return 1 if wrong or failed else 0
