"""Content of the report: the tables of a fit, with numbers as a person reads them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.analysis.checks import COLUMNS, each, judged
from scalefit.analysis.summary import LIMIT, priors, summary
from scalefit.analysis.words import chances, labelled, models_of
from scalefit.arguments import tails
from scalefit.comparison.compare import compare
from scalefit.comparison.sentences import sentences
from scalefit.record import Record

from . import figures

if TYPE_CHECKING:
    import pandas as pd

CURVES = 200
"""Runs shown one by one; of more, those that are unreliable come first."""
COMPARED = 12
"""Runs up to which all pairs are compared."""
CHECKED = ("check", "observed", "expected", "low", "high", "p", "words")
PRIOR = ("parameter", "prior", "median", "low", "high", "unit")
MODEL = (
    *("regimes", "floor", "noise", "probability", "log_evidence", "error", "apart", "k_hat"),
    *("effective", "state"),
)


def of(
    fit: Record,
    interval: float,
    between: str | None = None,
    compared: pd.DataFrame | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Return everything that the page holds; without a comparison it makes one."""
    import pandas as pd
    from markupsafe import Markup

    verdict, notes = fit.verdict, fit.notes
    bad = [run for run in fit.runs if verdict[run] != "ok"]
    chosen = set(sorted(fit.runs, key=lambda run: verdict[run] == "ok")[:CURVES])
    shown = [run for run in fit.runs if run in chosen]
    parameters = summary(fit, tails(interval))
    by_run = dict(tuple(parameters.groupby("run", sort=False)))
    views: dict[str, figures.View] = {}
    checks: dict[str, pd.DataFrame] = {}
    for run, found in each(fit, shown, seed=seed):
        views[run] = figures.view(fit, run, found)
        checks[run] = pd.DataFrame(judged(fit, run, found), columns=COLUMNS)
    known = dict(tuple(priors(fit, shown).groupby("run", sort=False)))
    states = dict(tuple(fit.certificate.groupby("run", sort=False))) if fit.weighed else {}
    percent = f"{100 * interval:g}% interval"
    ends = parameters[parameters["parameter"] == "end_exponent"]
    drawn = figures.explorer(fit, views)
    if compared is None and (
        between is not None or (len(ends) and 2 <= len(fit.fitted) <= COMPARED)
    ):
        compared = _compared(fit, interval, between, seed)
    return {
        "title": f"{fit.tree.attrs['y_label']} against {fit.tree.attrs['x_label']}",
        "percent": percent,
        "runs": len(fit.runs),
        "shown": len(shown),
        "bad": [{"run": run, "verdict": verdict[run]} for run in bad],
        "law": models_of(fit),
        "level": "floor" if fit.ceiling is None else LIMIT,
        "explorer": Markup(figures.embedded(drawn, "curves", script=True)),
        "forest": Markup(_forest(fit, ends)) if len(ends) else "",
        "overview": [_overview(fit, run, by_run[run]) for run in fit.runs if run in by_run],
        "compared": [] if compared is None else _differences(compared),
        "sentences": [] if compared is None or len(compared) > COMPARED else sentences(compared),
        "curves": [
            {
                "run": run,
                "verdict": verdict[run],
                "notes": notes[run],
                "chances": chances(fit, run),
                "parameters": _parameters(by_run.get(run)),
                "checks": _rows(checks[run], CHECKED),
                "priors": _rows(known.get(run), PRIOR),
                "models": _rows(states.get(run), MODEL),
            }
            for run in shown
        ],
        "provenance": _provenance(fit, seed),
    }


def _overview(fit: Record, run: str, rows: pd.DataFrame) -> dict[str, str]:
    """Return one run in one line."""
    first = rows.iloc[0]
    floor = rows[rows["parameter"].isin(["floor", LIMIT])]
    end = rows[rows["parameter"] == "end_exponent"]
    return {
        "run": run,
        "points": str(fit.curve(run)[0].size),
        "regimes": str(fit.regimes(run)) if len(end) and run in fit.fitted else "",
        "chance": str(first["note"]).partition("; ")[0] if "P(" in str(first["note"]) else "",
        "end": _estimate(end.iloc[0]) if len(end) else "",
        "floor": _estimate(floor.iloc[0]) if len(floor) else "",
        "verdict": fit.verdict[run],
    }


def _parameters(rows: pd.DataFrame | None) -> list[list[str]]:
    """Return parameter, median, interval, unit and note."""
    if rows is None:
        return []
    return [
        [labelled(row), _number(row["median"]), _between(row), row["unit"], row["note"]]
        for row in rows.to_dict("records")
    ]


def _rows(table: pd.DataFrame | None, columns: Sequence[str]) -> list[list[str]]:
    """Return cells as text."""
    if table is None:
        return []
    return [
        [_cell(value) for value in row]
        for row in table[list(columns)].itertuples(index=False, name=None)
    ]


def _cell(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    return _number(value) if isinstance(value, float) else str(value)


def _compared(fit: Record, interval: float, between: str | None, seed: int) -> pd.DataFrame:
    """Return the comparison of end exponents, of all pairs where no column is named."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # verdicts stand on the page
        return compare(fit, interval=interval, between=between, seed=seed)


def _differences(compared: pd.DataFrame) -> list[list[str]]:
    return [
        [row["a"], row["b"], _number(row["median"]), _between(row), f"{row['p_greater']:.3f}"]
        for row in compared.to_dict("records")
    ]


def _forest(fit: Record, ends: pd.DataFrame) -> str:
    """Return the figure of the end exponents."""
    shown = ends.iloc[:CURVES]
    median, low, high = (shown[name].to_numpy(dtype=float) for name in ("median", "low", "high"))
    verdict = fit.verdict
    good = np.array([verdict[run] == "ok" for run in shown["run"]])
    figure = figures.forest(shown["run"].tolist(), median, low, high, good)
    return figures.embedded(figure, "exponents", script=False)


def _provenance(fit: Record, seed: int) -> list[tuple[str, str]]:
    """Return where the numbers come from."""
    attrs = fit.tree.attrs
    known = [
        ("x", f"{attrs['x_name']} {attrs['x_unit']}".strip()),
        ("y", f"{attrs['y_name']} {attrs['y_unit']}".strip()),
        *([] if fit.ceiling is None else [("fitted", fit.gap_label)]),
        ("law", models_of(fit)),
        ("noise", attrs["noise"]),
        ("method", attrs["method"]),
        ("seed", attrs["seed"]),
        ("draws", fit.tree["posterior"].sizes["chain"] * fit.tree["posterior"].sizes["draw"]),
        ("fitted with", f"scalefit {attrs['scalefit']}"),
        ("page by", f"scalefit {version('scalefit')}, Plotly {version('plotly')}, seed {seed}"),
    ]
    return [(name, str(value)) for name, value in known]


def _estimate(row: Any) -> str:
    return f"{_number(row['median'])} {_between(row)}"


def _between(row: Any) -> str:
    return f"[{_number(row['low'])}, {_number(row['high'])}]"


def _number(value: float) -> str:
    """Return a number with four digits."""
    return f"{value:.4g}" if math.isfinite(value) else "-"
