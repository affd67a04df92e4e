"""Content of the report: the tables of a fit, with numbers as a person reads them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.analysis.checks import COLUMNS, each, judged
from scalefit.analysis.summary import LIMIT, priors, summary
from scalefit.analysis.words import chances, headline_shares, labelled, labels, models_of
from scalefit.arguments import tails
from scalefit.arrays import Array
from scalefit.comparison.compare import compare
from scalefit.comparison.sentences import sentences
from scalefit.plot.style import MOST
from scalefit.record import Record
from scalefit.wording import inline, rounded, state

from . import figures, several, surfaces

if TYPE_CHECKING:
    import pandas as pd

Theory = Mapping[str, tuple[Array, Array]]
"""x and y of a curve that a theory foretells, by run."""
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
    theory: Theory | None = None,
    parameters: pd.DataFrame | None = None,
    among: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """Return everything that the page holds; without a comparison or a summary it makes one.

    `among` is of how many curves these are some, and how many of all are not ok.
    """
    import pandas as pd
    from markupsafe import Markup

    verdict, notes, names = fit.verdict, fit.notes, labels(fit)
    names = {run: inline(name or run) for run, name in names.items()}
    bad = [run for run in fit.runs if verdict[run] != "ok"]
    chosen = set(sorted(fit.runs, key=lambda run: verdict[run] == "ok")[:CURVES])
    shown = [run for run in fit.runs if run in chosen]
    if parameters is None:
        parameters = summary(fit, tails(interval))
    by_run = dict(tuple(parameters.groupby("run", sort=False)))
    surface = len(fit.predictors) > 1
    views: dict[str, figures.View] = {}
    checks: dict[str, pd.DataFrame] = {}
    for run, found in each(fit, shown, seed=seed):
        if not surface:
            views[run] = figures.view(fit, run, found, (theory or {}).get(run))
        checks[run] = pd.DataFrame(judged(fit, run, found), columns=COLUMNS)
    known = dict(tuple(priors(fit, shown).groupby("run", sort=False)))
    states = dict(tuple(fit.certificate.groupby("run", sort=False))) if fit.weighed else {}
    percent = f"{100 * interval:g}% interval"
    ends = parameters[parameters["parameter"] == "end_exponent"]
    many = len(fit.runs) > 1 and not surface
    together = several.overlay(fit, dict(list(views.items())[:MOST])) if many else None
    if surface:
        drawn = surfaces.explorer(fit)
    else:
        drawn = figures.embedded(figures.explorer(fit, views), "curves", script=together is None)
    place = {run: i for i, run in enumerate(shown)}
    every, doubted = among or (len(fit.runs), len(bad))
    if compared is None and (
        between is not None or (len(ends) and 2 <= len(fit.fitted) <= COMPARED)
    ):
        compared = _compared(fit, interval, between, seed)
    if compared is not None:
        compared = _called(compared, names)
    return {
        "title": f"{fit.tree.attrs['y_label']} against {fit.tree.attrs['x_label']}",
        "percent": percent,
        "runs": every,
        "surface": surface,
        "tabled": len(fit.runs),
        "shown": len(shown),
        "bad": doubted,
        "law": models_of(fit),
        "level": "floor" if fit.ceiling is None else LIMIT,
        "overlay": Markup(figures.embedded(together, "together", script=True)) if together else "",
        "overlaid": min(MOST, len(shown)),
        "explorer": Markup(drawn),
        "forest": Markup(_forest(fit, ends, names, place)) if len(ends) else "",
        "overview": _overview(fit, by_run, names, place),
        "compared": [] if compared is None else _differences(compared),
        "sentences": [] if compared is None or len(compared) > COMPARED else sentences(compared),
        "curves": [
            {
                "run": names[run],
                "place": place[run],
                "state": state(verdict[run]),
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


def _overview(
    fit: Record,
    by_run: Mapping[Any, pd.DataFrame],
    names: Mapping[str, str],
    place: Mapping[str, int],
) -> list[dict[str, Any]]:
    """Return each run in one line."""
    rows = []
    verdict, fitted = fit.verdict, set(fit.fitted)
    known = headline_shares(fit)
    shares = {run: one for run, one in known.items() if state(verdict[run]) != "unreliable"}
    for run in fit.runs:
        found = {row["parameter"]: row for row in by_run[run].to_dict("records")}
        end, floor = found.get("end_exponent"), found.get(LIMIT, found.get("floor"))
        rows.append(
            {
                "run": names[run],
                "place": place.get(run, ""),
                "state": state(verdict[run]),
                "verdict": verdict[run],
                "points": fit.curve(run)[1].size,
                "regimes": str(fit.regimes(run)) if end and run in fitted else "",
                "chance": f"(P {shares[run]:.2f})" if run in shares else "",
                "end": _estimate(end) if end else "",
                "floor": _estimate(floor) if floor else "",
                "order": [_key(end), _key(floor)],
            }
        )
    return rows


def _key(row: Mapping[Any, Any] | None) -> str:
    """Return what a column is sorted by; nothing stands last."""
    return f"{row['median']:.6g}" if row and math.isfinite(row["median"]) else ""


def _parameters(rows: pd.DataFrame | None) -> list[list[str]]:
    """Return parameter, median, interval, unit and note."""
    if rows is None:
        return []
    return [
        [labelled(row), *_rounded(row), row["unit"], row["note"]] for row in rows.to_dict("records")
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


def _called(compared: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Return a comparison of runs as they are called on the page."""
    shown = {side: compared[side].map(lambda run: names.get(str(run), run)) for side in ("a", "b")}
    made = compared.assign(**shown)
    made.attrs = {
        **compared.attrs,
        "marked": [names.get(run, run) for run in compared.attrs["marked"]],
    }
    return made


def _differences(compared: pd.DataFrame) -> list[list[str]]:
    return [
        [row["a"], row["b"], *_rounded(row), f"{row['p_greater']:.3f}"]
        for row in compared.to_dict("records")
    ]


def _forest(
    fit: Record, ends: pd.DataFrame, names: Mapping[str, str], place: Mapping[str, int]
) -> str:
    """Return the figure of the end exponents of the curves that are shown."""
    shown = ends[ends["run"].isin(place)]
    median, low, high = (shown[name].to_numpy(dtype=float) for name in ("median", "low", "high"))
    verdict = fit.verdict
    runs = shown["run"].tolist()
    good = np.array([verdict[run] == "ok" for run in runs])
    called = [names[run] for run in runs]
    figure = several.forest(called, median, low, high, good, [place[run] for run in runs])
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


def _estimate(row: Mapping[Any, Any]) -> str:
    return " ".join(_rounded(row))


def _rounded(row: Mapping[Any, Any]) -> tuple[str, str]:
    """Return median and interval, to the digit that the interval supports."""
    median, low, high = rounded(row["median"], row["low"], row["high"])
    return median, f"[{low}, {high}]"


def _number(value: float) -> str:
    """Return a number with four digits."""
    return f"{value:.4g}" if math.isfinite(value) else "-"
