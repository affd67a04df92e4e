"""Forecasts of public and simulated curves from their beginnings, to choose defaults by.

Each curve is fitted up to its last x divided by 2, 4 and 8, and the rest is forecast: by scalefit
with its defaults, by variants that an argument of `sf.fit` or `Fit.predict` makes, and by rivals.
Of `alabdulmohsin2022` no row but those for training is read. What the scores are is said in
`corpus/forecasts.py`, which curves there are in `corpus/readers.py`. The whole, 335 curves and 949
tasks, takes about 1.5 CPU hours, `--quick` ten minutes.

    python benchmarks/extrapolation/corpora.py --quick --out before.json
    OTHER/.venv/bin/python benchmarks/extrapolation/corpora.py --quick --out after.json \
        --against before.json
    python benchmarks/extrapolation/corpora.py --quick --prior "noise=LogNormal(0.002, 2)" \
        --out wide.json --against before.json

The package that is measured is the one that Python imports, whose commit is kept: two commits are
compared by the Python of two clones, on the same tasks by the same script. `--against` prints by
how much a result differs from another one, pair by pair; a change below its standard error is none.
An interrupted run goes on from the `.jsonl` beside the result.
"""

from __future__ import annotations

import json
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import campaign
from corpus import CUTS, FEWEST, MOST, chosen, cut
from corpus.forecasts import DEFAULT, LEVEL, METHODS, VARIANTS, Fits, scored
from corpus.readers import READERS, read
from corpus.shown import differences, tables
from corpus.summary import paired_by_cut, summary

QUICK = 6  # curves of each corpus
PRIOR = re.compile(r"(\w+)=(\w+)\(([^()]*)\)")

Priors = tuple[str, ...]
Row = dict[str, Any]


def prior(text: str) -> tuple[str, Any]:
    """Return name and prior of a text such as `noise=LogNormal(0.002, 2)`."""
    from scalefit.laws import priors

    found = PRIOR.fullmatch(text.strip())
    kind = getattr(priors, found[2], None) if found else None
    if found is None or not isinstance(kind, type):
        raise ValueError(f"{text!r}: write NAME=KIND(NUMBER, ...), of scalefit.laws.priors")
    return found[1], kind(*(float(one) for one in found[3].split(",") if one.strip()))


def settings(priors: Priors) -> Row:
    """Return what rows must have in common to be of one result."""
    import scalefit

    source = campaign.commit(Path(scalefit.__file__).parents[1], "scalefit")
    return {"scalefit_commit": source, "priors": list(priors)}


def one_task(code: str, methods: tuple[str, ...], priors: Priors) -> Row:
    """Return the scores of all methods on one task, `corpus:number of the curve:cut-off`."""
    corpus, number, factor = code.split(":")
    curve = read((corpus,))[corpus][int(number)]
    task = cut(curve, float(factor))
    assert task is not None
    if any(name in VARIANTS for name in methods):
        campaign.warm()
    fits = Fits(task, dict(map(prior, priors)))
    return {
        "index": code,
        "corpus": corpus,
        "group": curve.group,
        "family": curve.family,
        "curve": curve.name,
        "cut": float(factor),
        "points": task.x.size,
        "ahead": task.x_ahead.size,
        "settings": settings(priors),
        "scores": {name: scored(task, name, fits) for name in methods},
    }


def others(partial: Path, given: Row, methods: tuple[str, ...]) -> str:
    """Return what is wrong with going on from a partial file, nothing if it is of the same kind."""
    for line in partial.read_text(encoding="utf-8").splitlines() if partial.exists() else []:
        row = json.loads(line)
        if row["settings"] != given or not set(methods) <= set(row["scores"]):
            return (
                f"{partial} has rows of {row['settings']} with {', '.join(row['scores'])}, not of "
                f"{given} with {', '.join(methods)}: delete it or choose another --out"
            )
    return ""


def wanted(corpora: list[str], curves: int, cuts: list[float]) -> list[str]:
    """Return the tasks of so many curves of each corpus."""
    return [
        f"{name}:{i}:{factor:g}"
        for name in corpora
        for every in [read((name,))[name]]
        for i in chosen(len(every), curves)
        for factor in cuts
        if cut(every[i], factor) is not None
    ]


def main() -> None:
    parser = campaign.options(__doc__, "corpora.json")
    parser.add_argument("--corpora", nargs="+", choices=list(READERS), default=list(READERS))
    parser.add_argument("--curves", type=int, default=10**6, help="at most, of each corpus")
    parser.add_argument("--cuts", nargs="+", type=float, default=list(CUTS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(DEFAULT))
    parser.add_argument("--prior", action="append", default=[], metavar="NAME=KIND(NUMBERS)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} curves of each corpus")
    parser.add_argument("--against", type=Path, help="a kept result to compare with")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    curves = min(given.curves, QUICK) if given.quick else given.curves
    try:
        dict(map(prior, given.prior))
    except (ValueError, TypeError) as error:
        parser.error(str(error))
    priors, methods = tuple(given.prior), tuple(given.methods)
    if mixed := others(given.out.with_suffix(".jsonl"), settings(priors), methods):
        parser.error(mixed)
    other = json.loads(given.against.read_text(encoding="utf-8")) if given.against else None
    todo = wanted(given.corpora, curves, given.cuts)
    one = partial(one_task, methods=methods, priors=priors)
    rows = campaign.run(one, todo, given.out, given.workers)
    found = summary(rows, methods)
    result: Row = {
        "question": "which defaults forecast public curves best, from their beginnings",
        **settings(priors),
        "level": LEVEL,
        "fewest_points": FEWEST,
        "most_points": MOST,
        "curves": {
            name: len({r["curve"] for r in rows if r["corpus"] == name}) for name in given.corpora
        },
        "results": found,
        f"{methods[0]}_minus": {
            name: paired_by_cut(rows, rows, methods[0], name) for name in methods[1:]
        },
    }
    print(tables(found, list(methods)))
    if other is not None:
        result["against"] = {"scalefit_commit": other["scalefit_commit"], "priors": other["priors"]}
        for name in methods:
            if name in VARIANTS:
                apart = paired_by_cut(rows, other["rows"], name)
                result["against"][name] = apart
                print(f"\n{name}: this minus {given.against.name}, mean and standard error")
                print(differences(apart["all"]))
    campaign.keep({**result, "rows": rows}, given.out)


if __name__ == "__main__":
    main()
