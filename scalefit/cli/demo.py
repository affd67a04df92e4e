"""Command `scalefit demo`: train, fit, collapse, a surface, each beside theory; a public curve."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .fit import write
from .options import Seed, folder
from .output import estimate, fit_tables, number, say, say_notes, show, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    import xarray as xr
    from rich.table import Table

    from scalefit.arrays import Array
    from scalefit.result import Fit

LOADS = [5, 10, 20]
SEEDS = 96
POINTS = 32
WORKERS = 8
LARGEST = 512
"""Sizes from which on the surface is a forecast."""
PUBLIC = ("alabdulmohsin2022", "IC, inet_10, BiT/101/3")


def command(
    out: Annotated[Path, typer.Option(help="Folder for everything the demonstration writes.")] = (
        Path("demo")
    ),
    seed: Seed = 0,
) -> int:
    """Train perceptrons, fit their curves, a collapse and a surface, and compare with theory."""
    folder(out)
    started = time.monotonic()
    show(f"1. Train {SEEDS} perceptrons at each load {LOADS} (examples per input dimension)")
    trajectory, theory = _train(out, seed)
    show(f"   wrote {out / 'perceptron.nc'}", "")
    show("2. Fit test error against norm: two regimes")
    ok = _perceptrons(trajectory, theory, out, seed)
    show("", "3. Collapse: error at loads 20 to 200, norms from 1 up, as one law (bundled)")
    ok &= _collapse(out, seed)
    show("", "4. L(N, D): loss against parameters and examples, as one law (bundled data)")
    ok &= _surface(out, seed)
    show("", "5. Fit a public learning curve: 10-shot ImageNet error of BiT/101/3")
    ok &= _public(out, seed)
    show("", f"done in {time.monotonic() - started:.0f} s (seed {seed})")
    return 0 if ok else 4


def _train(out: Path, seed: int) -> tuple[xr.Dataset, xr.Dataset]:
    from scalefit import trainers
    from scalefit.trajectory import write as write_trajectory
    from scalefit.workers import processes

    config = trainers.config(
        "perceptron", load=LOADS, N=100, seeds=SEEDS, steps=1200, points=POINTS
    )
    with processes(min(os.cpu_count() or 1, WORKERS)) as executor:
        trajectory = trainers.run(config, progress=True, seed=seed, executor=executor)
    write_trajectory(trajectory, out / "perceptron.nc")
    return trajectory, trainers.theory(config)


def _perceptrons(trajectory: xr.Dataset, theory: xr.Dataset, out: Path, seed: int) -> bool:
    import numpy as np

    import scalefit as sf
    from scalefit.storage import replacing
    from scalefit.trajectory import to_frame

    independent = independent_points(to_frame(trajectory))
    with replacing(out / "perceptron.csv") as temporary:
        independent.to_csv(temporary, index=False)
    fit = sf.fit(
        independent,
        x="norm",
        y="test_error",
        by="load",
        regimes=2,
        floor=False,
        noise="normal",
        seed=seed,
    )
    made = table(
        "load", "regime", "norm", "exponent", "90% interval", "theory", "",
        right=("norm", "exponent", "90% interval", "theory"),
    )  # fmt: skip
    for run in fit.runs:
        params = fit.parameters(run)
        x, _ = fit.curve(run)
        crossover = float(np.median(params["crossover"]))
        for j, (start, stop) in enumerate([(x[0], crossover), (crossover, x[-1])]):
            low, median, high = np.quantile(params["exponent"][:, j], [0.05, 0.5, 0.95])
            slope = _theory_slope(theory, float(run), start, stop)
            made.add_row(
                f"{float(run):g}" if j == 0 else "",
                str(j),
                f"{start:.2g} to {stop:.2g}",
                f"{median:.3f}",
                f"[{low:.3f}, {high:.3f}]",
                f"{slope:.3f}",
                "inside" if low <= slope <= high else "outside",
            )
    show(made)
    show(
        "   theory: mean slope of the loss minimiser at fixed norm over the same norms,",
        "   N to infinity. Gradient descent lags behind it before the elbow, so its first",
        "   exponent is truly larger there; after the elbow the two agree.",
    )
    write(fit, out / "perceptron", 0.9, theory=_foretold(fit, theory))
    show(
        f"   wrote {out / 'perceptron.csv'} and, in {out / 'perceptron'}, report.html, plot.png,\n"
        "   summary.csv, fit.nc"
    )
    return _verdicts(fit)


def independent_points(frame: Any) -> Any:
    """Return one row per load and checkpoint, each the mean over seeds that no other row uses.

    Checkpoints are those that the frame still has.

    Points along one run share its data and teacher, so their deviations from the mean curve go
    together; the noise of the fit is independent from point to point, and so must the data be.
    """
    place = frame["point"].rank(method="dense") - 1
    own = frame[frame["seed"] % (place.max() + 1) == place]
    return own.groupby(["load", "point"], as_index=False)[["norm", "test_error"]].mean()


def _theory_slope(theory: xr.Dataset, load: float, start: float, stop: float) -> float:
    """Return minus the mean log-log slope of the theory's curve between two norms."""
    import numpy as np

    one = theory.isel(run=int(np.flatnonzero(theory["load"].values == load)[0]))
    log_norm = np.log(one["norm"].values)
    ends = np.interp(np.log([start, stop]), log_norm, np.log(one["test_error"].values))
    return float(-(ends[1] - ends[0]) / np.log(stop / start))


def _foretold(fit: Fit, theory: xr.Dataset) -> dict[str, tuple[Array, Array]]:
    """Return the theory's curve of every run, as far as its data go."""
    import numpy as np

    found = {}
    for run in fit.runs:
        one = theory.isel(run=int(np.flatnonzero(theory["load"].values == float(run))[0]))
        norm, error = one["norm"].values, one["test_error"].values
        low, high = fit.curve(run)[0][[0, -1]]
        there = (norm >= low) & (norm <= high)
        found[run] = (norm[there], error[there])
    return found


def _collapse(out: Path, seed: int) -> bool:
    import numpy as np
    import pandas as pd

    import scalefit as sf
    from scalefit import datasets
    from scalefit.study.classes import COLLAPSE
    from scalefit.trainers.perceptron.theory import fixed_norm
    from scalefit.trajectory import to_frame

    frame = to_frame(datasets.load("perceptron-fixed-norm"))
    points = independent_points(frame[frame["norm"] >= 1.0])
    norms = np.unique(points["norm"])
    exact = pd.concat(
        pd.DataFrame(
            {"load": load, "norm": norms, "test_error": [one.test_error for one in minimisers]}
        )
        for load in np.unique(points["load"])
        for minimisers in [fixed_norm(load, norms)]
    )
    law: dict[str, Any] = {"x": ("norm", "load"), "y": "test_error", "law": "collapse"}
    law |= {"noise": "normal", "seed": seed}
    fit = sf.fit(points, **law)
    known = sf.fit(exact, **law, method="point", progress=False)
    found, foretold = (one.parameters(one.runs[0]) for one in (fit, known))
    rows = [
        (
            name,
            *np.quantile(found[name], [0.05, 0.5, 0.95]),
            float(np.median(foretold[name])),
            limit,
        )
        for name, limit in COLLAPSE.items()
    ]
    show(_beside(rows))
    show(
        "   error = load^-gamma Phi(norm / load^gamma_2), before the elbow load^-gamma_0",
        "   norm^-gamma_1; theory is fitted at the same norms, its limit is large loads.",
    )
    write(fit, out / "collapse", 0.9)
    show(f"   wrote, in {out / 'collapse'}, report.html, plot.png, summary.csv, fit.nc")
    return _verdicts(fit)


def _surface(out: Path, seed: int) -> bool:
    import numpy as np

    import scalefit as sf
    from scalefit import datasets
    from scalefit.trainers.random_features.theory import optimal
    from scalefit.trajectory import to_frame

    frame = to_frame(datasets.load("random-features-grid"))
    small = frame[frame[["n_params", "n_train"]].max(axis=1) < LARGEST]
    fit = sf.fit(small, x=("n_params", "n_train"), y="test_loss", by=[], law="additive", seed=seed)
    exponents = np.quantile(fit.parameters(fit.runs[0])["exponent"], [0.05, 0.5, 0.95], axis=0).T
    place: Any = {"n_params": LARGEST, "n_train": LARGEST}
    ahead = fit.predict(place, kind="curve", seed=seed)
    loss = [float(ahead[name].squeeze()) for name in ("low", "median", "high")]
    theory = float(optimal(1.0, LARGEST, LARGEST).test_loss)
    rows = [
        ("exponent in parameters", *exponents[0], 1.0, 1.0),
        ("exponent in examples", *exponents[1], 1.0, 1.0),
        (f"loss at {LARGEST} x {LARGEST}", *loss, theory, np.nan),
    ]
    show(_beside(rows))
    show(f"   random features at their best ridge, fitted at sizes below {LARGEST}")
    write(fit, out / "surface", 0.9)
    show(f"   wrote, in {out / 'surface'}, report.html, plot.png, summary.csv, fit.nc")
    return _verdicts(fit)


def _beside(rows: Iterable[tuple[str, float, float, float, float, float]]) -> Table:
    """Return a table of intervals beside theory: name, low, median, high, theory, and its limit."""
    numbers = ("median", "90% interval", "theory", "limit")
    made = table("", *numbers, "inside", right=numbers)
    for name, low, median, high, theory, limit in rows:
        shown = estimate({"median": median, "low": low, "high": high})
        inside = "yes" if low <= theory <= high else "no"
        made.add_row(name, *shown, number(theory), number(limit), inside)
    return made


def _public(out: Path, seed: int) -> bool:
    import scalefit as sf
    from scalefit import datasets
    from scalefit.errors import InvalidData

    name, run = PUBLIC
    try:
        curves = datasets.load(name)
    except InvalidData as error:
        say(str(error))
        show(f"   skipped: the data set '{name}' is neither here nor could it be fetched")
        return True
    one = curves.sel(run=[run])
    one = one.where(one["training"] == 1)
    fit = sf.fit(one, x="examples_seen", y="loss", regimes=2, seed=seed)
    say_notes(fit)
    show(*fit_tables(fit, 0.9))
    write(fit, out / "public", 0.9)
    show(f"   wrote, in {out / 'public'}, report.html, plot.png, summary.csv, fit.nc")
    return _verdicts(fit)


def _verdicts(fit: Fit) -> bool:
    for run, verdict in fit.verdict.items():
        if verdict != "ok":
            say(f"   {run}: {verdict}")
    return fit.ok
