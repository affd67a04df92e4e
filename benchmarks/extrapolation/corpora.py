"""Forecasts of public and simulated curves from their beginnings, to choose defaults by.

Each curve is fitted up to its last x divided by 2, 4 and 8, and the rest is forecast: by scalefit
with its defaults, by variants that an argument of `sf.fit` or `Fit.predict` makes, and by rivals.
Of `alabdulmohsin2022` no row but those for training is read. What the scores are is said in
`corpus/forecasts.py`, which curves there are in `corpus/readers.py`. The whole, 337 curves and 949
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
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import campaign
from corpus import CUTS, FEWEST, MOST, chosen, cut
from corpus.forecasts import DEFAULT, LEVEL, METHODS, VARIANTS, Fits, scored
from corpus.readers import READERS, read
from corpus.summary import paired, summary

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

    source = campaign.commit(Path(scalefit.__file__).parents[1])
    return {"scalefit_commit": source, "priors": list(priors)}


@cache
def warm() -> None:
    """Fit once, so that no task is charged for compiling."""
    import scalefit as sf

    x = np.geomspace(1.0, 1e3, 12)
    sf.fit(x, x**-0.5 + 0.1, progress=False)


def one_task(code: str, methods: tuple[str, ...], priors: Priors) -> Row:
    """Return the scores of all methods on one task, `corpus:number of the curve:cut-off`."""
    corpus, number, factor = code.split(":")
    curve = read((corpus,))[corpus][int(number)]
    task = cut(curve, float(factor))
    assert task is not None
    if any(name in VARIANTS for name in methods):
        warm()
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


def stated(mean: list[float | None] | None, digits: int = 4) -> str:
    """Return a mean with its standard error as text."""
    if mean is None:
        return "-"
    value, error = (f"{one:.{digits}f}" if one is not None else "-" for one in mean)
    if abs(mean[0] or 0.0) >= 1000.0:
        value, error = (f"{one:.2g}" if one is not None else "-" for one in mean)
    return f"{value} ({error})"


def printed(found: Row, methods: list[str]) -> str:
    """Return what a summary says, pooled and by corpus, in at most 80 columns."""
    head = ("RMSLE", "log score", "interval score", "covered", "width", "CPU s")
    lines = [
        f"{'pooled':<11}{head[0]:>15}{head[1]:>15}{head[2]:>16}{head[3]:>10}{head[4]:>7}{head[5]:>6}"
    ]
    for factor in found[methods[0]]:
        lines.append("all" if factor == "all" else f"x up to 1/{float(factor):g} of the last")
        lines += [f"{name[:10]:<11}{_cells(found[name][factor]['pooled'])}" for name in methods]
    lines += ["", f"{methods[0]} by corpus and group; the best rival's RMSLE"]
    rest = methods[1:]
    for factor, cells in found[methods[0]].items():
        for part in ("corpora", "groups"):
            for name, one in cells[part].items():
                rivals = {
                    other: found[other][factor][part][name]["rmsle"][0]
                    for other in rest
                    if other not in VARIANTS and name in found[other][factor][part]
                }
                best = min(rivals, key=rivals.__getitem__) if rivals else ""
                beside = f"{rivals[best]:.4f} {best}" if best else ""
                where = "all" if factor == "all" else f"1/{float(factor):g}"
                covered = f"{one['covered'][0]:.2f}" if "covered" in one else "-"
                score = f"{one['log_score'][0]:.2f}" if "log_score" in one else "-"
                lines.append(
                    f"{where:<5}{name[:20]:<21}{one['tasks']:>4}{one['rmsle'][0]:>8.4f}"
                    f"{score:>8}{covered:>6}{one.get('width_median', np.nan):>8.4f}  {beside}"
                )
    return "\n".join(lines)


def _cells(one: Row) -> str:
    covered = f"{one['covered'][0]:.2f}" if "covered" in one else "-"
    width = f"{one['width_median']:.3f}" if "width_median" in one else "-"
    return (
        f"{stated(one['rmsle']):>15}{stated(one.get('log_score'), 2):>15}"
        f"{stated(one.get('interval_score')):>16}{covered:>10}{width:>7}{one['cpu_s'][0]:>6.1f}"
    )


def differences(found: Row) -> str:
    """Return paired differences as text of at most 80 columns."""
    head = ("RMSLE", "log score", "interval score", "covered", "log width")
    lines = [f"{'':<11}{head[0]:>16}{head[1]:>14}{head[2]:>16}{head[3]:>11}{head[4]:>12}"]
    for name, one in {**found["corpora"], "pooled": found["pooled"]}.items():
        if "rmsle" in one:
            lines.append(
                f"{name[:10]:<11}{stated(one['rmsle']):>16}{stated(one['log_score'], 2):>14}"
                f"{stated(one['interval_score']):>16}{stated(one['covered'], 2):>11}"
                f"{stated(one['width'], 2):>12}"
            )
    tail = f"; on {found['pooled']['left_out']} more one of them failed"
    lines.append(f"{found['pooled']['tasks']} tasks{tail if found['pooled']['left_out'] else ''}")
    return "\n".join(lines)


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
    todo = wanted(given.corpora, curves, given.cuts)
    one = partial(one_task, methods=methods, priors=priors)
    rows = campaign.run(one, todo, given.out, given.workers)
    partial_file = given.out.with_suffix(".jsonl")
    for row in rows:
        if row["settings"] != settings(priors) or not set(methods) <= set(row["scores"]):
            parser.error(
                f"{partial_file} has rows of other methods, priors or sources "
                f"({row['settings']}): delete it or choose another --out"
            )
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
        "minus_first": {name: paired(rows, rows, methods[0], name) for name in methods[1:]},
    }
    print(printed(found, list(methods)))
    if given.against:
        other = json.loads(given.against.read_text(encoding="utf-8"))
        result["against"] = {"scalefit_commit": other["scalefit_commit"], "priors": other["priors"]}
        for name in methods:
            if name in VARIANTS:
                apart = paired(rows, other["rows"], name)
                result["against"][name] = apart
                print(f"\n{name}: this minus {given.against.name}, mean and standard error")
                print(differences(apart))
    campaign.keep({**result, "rows": rows}, given.out)


if __name__ == "__main__":
    main()
