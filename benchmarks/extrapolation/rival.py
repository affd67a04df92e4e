"""A package in its own environment: it fits and predicts what lines of JSON on its input ask for.

    python rival.py pwlf:3

To `{"x": [...], "y": [...]}` it fits, and says what it took; to `{"at": [...]}` it answers with y
there. What a package raises or prints stays out of the answers. Nothing of scalefit is imported.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
import warnings

import numpy as np


def pwlf(x, y, segments):
    """Return a fit of straight segments in log-log, their number given."""
    import pwlf

    fit = pwlf.PiecewiseLinFit(np.log(x), np.log(y), seed=0)
    fit.fit(int(segments))
    return lambda at: np.exp(fit.predict(np.log(at)))


def piecewise_regression(x, y, breaks):
    """Return a fit of straight segments in log-log, the number of breaks given."""
    import piecewise_regression

    np.random.seed(0)  # noqa: NPY002 - its restarts are drawn from the global state
    fit = piecewise_regression.Fit(np.log(x), np.log(y), n_breakpoints=int(breaks))
    if fit.get_results()["estimates"] is None:
        raise ValueError("did not converge")
    return lambda at: np.exp(fit.predict(np.log(at)))


def astropy(x, y, kind):
    """Return a fit of one smooth break, x in units of its geometric mean, relative errors equal."""
    from astropy.modeling.fitting import TRFLSQFitter
    from astropy.modeling.powerlaws import SmoothlyBrokenPowerLaw1D

    unit = np.exp(np.log(x).mean())
    start = SmoothlyBrokenPowerLaw1D(
        amplitude=np.exp(np.log(y).mean()), x_break=1.0, alpha_1=0.5, alpha_2=0.1, delta=0.5
    )
    fit = TRFLSQFitter()(start, x / unit, y, weights=1 / y, maxiter=2000)
    return lambda at: fit(at / unit)


def simple_scaling_laws(x, y, law):
    """Return a fit of a law of one size, every point a run of its own, 200 draws."""
    import polars as pl
    from simple_scaling_laws import fit

    names = [str(one) for one in range(len(x))]
    runs = {"training_run_id": names, "dataset_size__n": x, "test_loss__y": y}
    found = fit(pl.DataFrame(runs), law=law, n_draws=200, seed=0)

    def predicted(at):
        points = {"point_id": [str(one) for one in range(len(at))], "dataset_size__n": at}
        return found.predict(pl.DataFrame(points), quantiles=[0.5])["test_loss__y__median"]

    return predicted


PACKAGES = {
    "pwlf": pwlf,
    "piecewise-regression": piecewise_regression,
    "astropy": astropy,
    "simple-scaling-laws": simple_scaling_laws,
}


def main() -> None:
    package, _, kind = sys.argv[1].partition(":")
    warnings.simplefilter("ignore")
    answers, predict = sys.stdout, None
    for line in sys.stdin:
        asked = {name: np.array(values) for name, values in json.loads(line).items()}
        begin = time.process_time()
        try:
            with contextlib.redirect_stdout(sys.stderr), np.errstate(all="ignore"):
                if "at" in asked:
                    told = {"y": [float(one) for one in predict(asked["at"])]}
                else:
                    predict = None  # a fit that fails leaves none of an earlier curve
                    predict = PACKAGES[package](asked["x"], asked["y"], kind)
                    told = {}
        except Exception as error:
            told = {"failure": f"{type(error).__name__}: {error}"[:200]}
        told["cpu_s"] = time.process_time() - begin
        print(json.dumps(told), file=answers, flush=True)


if __name__ == "__main__":
    main()
