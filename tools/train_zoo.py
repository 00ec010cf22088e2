"""Train the zoo on the Leeds photographs, and decide the papers' claims: ``tools/train_zoo.py --data data --hours 2``.

Trainings and claims run in order of value. A new training is begun if it can end in time; what runs at the end of the
budget stops and goes on with the next call, as after Control-C or a crash. OUT gets ``results.md``, ``results.json``
and ``metafile.yml``, the entries of the metafiles.
"""

import argparse
import sys
from pathlib import Path

from mmpose_ext.toolbox.zoo import CLAIMS, TRAININGS, train_zoo


def main() -> int:
    """Train, and print plan or results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder with lspet/ and lsp/")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/zoo"), help="folder of runs and results")
    parser.add_argument("--hours", type=float, help="time budget; no limit by default")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="KEY", help=" ".join(x.key for x in TRAININGS + CLAIMS)
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="of the claims' runs")
    parser.add_argument("--epochs", type=int, help="of the claims' runs; by default those of the configs")
    parser.add_argument("--persons", type=int, help="of the claims' training sets; by default all of the configs'")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--processes", type=int, help="trainings at a time; one on each core by default")
    parser.add_argument("--dry-run", action="store_true", help="print the plan with times")
    parser.add_argument("--write-metafiles", action="store_true", help="write the entries into configs/, too")
    args = vars(parser.parse_args())
    try:
        zoo = train_zoo(args.pop("data"), args.pop("out"), **args, say=lambda text: print(text, flush=True))  # noqa: T201
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt as error:
        sys.stderr.write(f"{error}\n")
        return 130
    sys.stdout.write(f"{zoo.table}\n" + "".join(f"{path}\n" for path in zoo.files))
    return int("failed" in zoo.outcomes.values())


if __name__ == "__main__":
    raise SystemExit(main())
