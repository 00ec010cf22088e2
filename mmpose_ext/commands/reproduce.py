"""Count the rows of a paper's tables again, measure them where data and checkpoints are, and write a report.

The exit status is 0 if every count is still the recorded one, and the paper's or different from it for a recorded
reason; 1 if not. A figure that was not measured is shown as "not measured".
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``mmpose-ext reproduce``.

    Args:
        parser: The parser of this command.
    """
    parser.add_argument(
        "tables", nargs="*", metavar="PAPER[:TABLE]", help="e.g. xhrnet:2 or sharpose; all without this"
    )
    parser.add_argument("--list", action="store_true", help="list the tables and stop")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/reproduce"), help="folder of the report")
    parser.add_argument("--data", type=Path, help="folder of the data sets; with checkpoints, `mim test` is run")
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
        0 if all counts agree, 1 if one does not or a test fails, 2 for arguments that can't be used.
    """
    from tqdm import tqdm

    import mmpose_ext
    from mmpose_ext.analysis.models import config_folder
    from mmpose_ext.analysis.tables import load_metafile
    from mmpose_ext.reproduction import report, runs
    from mmpose_ext.reproduction.manifest import find_tables, metafiles
    from mmpose_ext.reproduction.rows import load_rows, recount

    root = config_folder(mmpose_ext).parent
    try:
        if args.checkpoint and args.data is None:
            raise ValueError("expected --data FOLDER beside --checkpoint, got none")
        if args.data is not None and not args.data.is_dir():
            raise ValueError(f"expected a folder of data sets, got {args.data}")
        contents = {key: load_metafile(path) for key, path in metafiles(root / "configs").items()}
        tables = find_tables(args.tables, contents)
        loaded = [(paper, table, load_rows(table, contents.get(paper.key, {"Models": []}))) for paper, table in tables]
        weights = {r.config: runs.checkpoint_of(r, args.checkpoint) for _, _, rows in loaded for r in rows}
    except ValueError as error:
        print(f"mmpose-ext reproduce: {error}", file=sys.stderr)
        return 2
    if args.list:
        for paper, table, rows in loaded:
            print(f"{paper.key}:{table.number:<4} {table.title}: {f'{len(rows)} rows' if rows else 'not here'}")
        return 0
    unique = {row.config: row for _, _, rows in loaded for row in rows}
    failed = []
    with tqdm(unique.items(), unit="row", disable=None) as progress:
        for config, row in progress:
            progress.set_description(row.alias)
            row, checkpoint = recount(row, root), weights[config]
            if checkpoint is not None:
                try:
                    row = runs.measure(row, root=root, checkpoint=checkpoint, data=args.data, out=args.out)
                except RuntimeError as error:
                    failed.append(str(error))
            unique[config] = row
    if args.latency:
        report.add_latency(unique, root, rounds=args.rounds, threads=args.threads)
    done = [(paper, table, [report.updated(row, unique) for row in rows]) for paper, table, rows in loaded]
    command = "mmpose-ext reproduce " + " ".join(args.tables)
    written = report.write(done, args.out, command=command.strip())
    print(report.markdown(done))
    wrong = sorted({row.alias for row in unique.values() if not row.agrees})
    print(
        f"\n{len(unique) - len(wrong)} of {len(unique)} configs count as expected" + (": not " if wrong else ""), end=""
    )
    print(", ".join(wrong))
    print("written: " + ", ".join(str(path) for path in written))
    for text in failed:
        print(f"mmpose-ext reproduce: {text}", file=sys.stderr)
    return 1 if wrong or failed else 0
