"""Extrapolation of the 92 public learning curves by published baselines.

Scores the shipped split, two harder ones, and one inside the training rows that methods may be
chosen by. Finished rows are kept in a `.jsonl` beside the result, so that an interrupted run goes
on where it stopped.

    python benchmarks/extrapolation/alabdulmohsin.py
    python benchmarks/extrapolation/alabdulmohsin.py --limit 6 --splits shipped --out trial.json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from baselines import BASELINES
from scalefit_method import SCALEFIT
from score import LEVEL, Method, Row, provenance, run, summary, tables
from tasks import DATA, SPLITS, divide, read

from scalefit.storage import replacing

KEPT = Path(__file__).parents[1] / "results" / "alabdulmohsin_baselines.json"
METHODS: dict[str, Method] = {**BASELINES, **SCALEFIT}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", type=_names(METHODS), default=list(METHODS))
    parser.add_argument("--splits", type=_names(SPLITS), default=list(SPLITS))
    parser.add_argument("--limit", type=int, default=None, help="this many tasks, for a trial")
    parser.add_argument("--out", type=Path, default=KEPT)
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
        **provenance("scalefit", "numpy", "scipy", "pandas"),
    }
    with replacing(arguments.out) as temporary:
        temporary.write_text(_text(result, rows), encoding="utf-8")
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


def _text(result: dict[str, Any], rows: list[Row]) -> str:
    """Return the result as JSON with one line per row."""
    lines = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    return json.dumps(result, indent=1)[:-2] + f',\n "rows": [\n{lines}\n ]\n}}\n'


if __name__ == "__main__":
    main()
