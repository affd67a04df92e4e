"""Command `scalefit demo`: train, fit, compare with theory, then fit a public curve."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .fit import write
from .options import Seed, folder
from .output import fit_tables, say, say_notes, show, table

if TYPE_CHECKING:
    import xarray as xr

    from scalefit.arrays import Array
    from scalefit.result import Fit

LOADS = [5, 10, 20]
SEEDS = 96
POINTS = 32
PUBLIC = ("alabdulmohsin2022", "IC, inet_10, BiT/101/3")


def command(
    out: Annotated[Path, typer.Option(help="Folder for everything the demonstration writes.")] = (
        Path("demo")
    ),
    seed: Seed = 0,
) -> int:
    """Train perceptrons, fit their curves, compare with theory."""
    folder(out)
    started = time.monotonic()
    show(f"1. Train {SEEDS} perceptrons at each load {LOADS} (examples per input dimension)")
    trajectory, theory = _train(out, seed)
    show(f"   wrote {out / 'perceptron.nc'}", "")
    show("2. Fit test error against norm: two regimes")
    ok = _perceptrons(trajectory, theory, out, seed)
    show("", "3. Fit a public learning curve: 10-shot ImageNet error of BiT/101/3")
    ok &= _public(out, seed)
    show("", f"done in {time.monotonic() - started:.0f} s (seed {seed})")
    return 0 if ok else 4


def _train(out: Path, seed: int) -> tuple[xr.Dataset, xr.Dataset]:
    from scalefit import trainers
    from scalefit.trajectory import write as write_trajectory

    config = trainers.config(
        "perceptron", load=LOADS, N=100, seeds=SEEDS, steps=1200, points=POINTS
    )
    trajectory = trainers.run(config, progress=True, seed=seed)
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

    Points along one run share its data and teacher, so their deviations from the mean curve go
    together; the noise of the fit is independent from point to point, and so must the data be.
    """
    points = frame["point"].max() + 1
    own = frame[frame["seed"] % points == frame["point"]]
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
