"""Extrapolation of the 92 public learning curves by published baselines.

Scores the shipped split, two harder ones, and one inside the training rows that methods may be
chosen by. Finished rows are kept in a `.jsonl` beside the result, so that an interrupted run goes
on where it stopped.

    python benchmarks/extrapolation/alabdulmohsin.py
    python benchmarks/extrapolation/alabdulmohsin.py --limit 6 --splits shipped --out trial.json
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign
from baselines import BASELINES
from scalefit_method import SCALEFIT
from score import LEVEL, Method, run, summary, tables
from tasks import DATA, SPLITS, divide, read

KEPT = campaign.RESULTS / "alabdulmohsin_baselines.json"
METHODS: dict[str, Method] = {**BASELINES, **SCALEFIT}


def main() -> None:
    parser = campaign.options(__doc__, KEPT.name)
    parser.add_argument("--methods", type=_names(METHODS), default=list(METHODS))
    parser.add_argument("--splits", type=_names(SPLITS), default=list(SPLITS))
    parser.add_argument("--limit", type=int, default=None, help="this many tasks, for a trial")
    parser.add_argument("--partial", type=Path, default=None, help="default: --out with .jsonl")
    arguments = parser.parse_args()
    curves = read()
    if arguments.limit:
        if arguments.out == KEPT:
            parser.error("--limit is for trials: say with --out where the result goes")
        curves = curves[:: max(1, len(curves) // arguments.limit)][: arguments.limit]
    tasks, skipped = [], {}
    for split in arguments.splits:
        divided, skipped[split] = divide(curves, split)
        tasks += divided
    methods = {name: METHODS[name] for name in arguments.methods}
    rows = run(methods, tasks, arguments.partial or arguments.out.with_suffix(".jsonl"))
    scores = summary(rows)
    result = {
        "question": "extrapolation of public learning curves, fitted to their earlier points",
        "data": DATA,
        "curves": len(curves),
        "level": LEVEL,
        "results": scores,
        "skipped": skipped,
        "rows": rows,
    }
    campaign.keep(result, arguments.out, ("scalefit", "numpy", "scipy", "pandas"))
    print(tables(scores))
    for split, names in skipped.items():
        if names:
            print(f"{split}: {len(names)} of {len(curves)} curves skipped, too few points left")


def _names(known: Sequence[str] | dict[str, Any]) -> Any:
    """Return a reader of comma-separated names that refuses unknown ones."""

    def split(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"no {unknown}; there are: {', '.join(known)}")
        return names

    return split


if __name__ == "__main__":
    main()
