"""Exponents of the collapse of trained deep networks, by several norms, beside the published ones.

Each folder in `--runs` holds the runs of the campaign of that name, a TOML file beside this script:

    cd benchmarks/reproduction/deep
    scalefit train deep --config cnn_mnist.toml --out runs/deep/cnn_mnist
    python exponents.py --runs runs/deep --workers 2 --figures figures

Where there are three sizes of the training set or more, error against norm is fitted by
`laws.Collapse`, by each norm: points above two fifths of the error of chance are left out, for
there a curve is flat, and grows by a norm that begins at 0 for decades; every run has an effect of
its own, and noise may be correlated along it. Given are

exponents   gamma_0, gamma_1, gamma_2, gamma and gamma_1 gamma_2, medians with 90% intervals, of
            two regimes or three, correlated or not, whichever are most probable; the probabilities
            that gamma_0 is 0 and that the collapse is exact, for which it is fitted with drift,
            too; the elbow at every size, and where no run of that size reaches it
slope       of the smallest error of a run against the size, seed by seed, with Student's interval
            over the seeds; how gamma lies to it, in standard errors; how many runs have their
            smallest error at their end, which then says how long they were
interpolated  the exponent of each norm where training images are first all right
agreement   of gamma by two norms, in standard errors as if they were from different data
published   what the release quotes, and in which settings the campaign differs

Where there is one size: the minimum of the seed-mean curve, beside the published one. Runs that
are not `ok` are left out, and counted and named. Fits are kept beside the result and taken up
again; `--figures` draws the four figures of each. `--bundle` writes the runs as small files.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))
import campaign
from published_values import differences, pair_of, published

from scalefit.arrays import Array
from scalefit.study.classes import CHANCE

HERE = Path(__file__).parent
NORMS = (
    "norm", "norm_growth", "norm_from_init", "norm_cnn_variant", "norm_cnn_variant_growth",
    "norm_classifier", "norm_spectral_product",
)  # fmt: skip
NAMES = ("gamma_0", "gamma_1", "gamma_2", "gamma", "product")
REGIMES = (2, 3)
"""A branch before the elbow and what comes after; or a steep start before both, as by raw norms."""
SIZES = 3
"""Sizes of the training set that a collapse takes."""
NOISES = ("run", "ar1-run")
FEWEST = 50
"""Points below which a campaign is not fitted."""
TOLERANCE = 0.15
"""How far from the published minimum the mean of five seeds may lie, relatively."""
APART = " | "


def read(folder: Path) -> Any:
    """Return the finished runs of a campaign, from its folder or from the file that was bundled."""
    from scalefit import trainers, trajectory

    if (file := folder.with_suffix(".nc")).exists():
        return trajectory.open_netcdf(file)
    named = {*NORMS, "step", "train_error", "test_error"}
    return trainers.merged(folder, variables=sorted(named))


def bundle(campaigns: dict[str, Any], folder: Path) -> None:
    """Write the runs of every campaign as one small file, which `--runs` takes as well."""
    from scalefit import trainers, trajectory
    from scalefit.trainers.config import read as settings

    folder.mkdir(parents=True, exist_ok=True)
    for name, runs in campaigns.items():
        file = HERE / f"{name}.toml"
        told = {
            "config": trainers.config("deep", **settings(file)).to_json(),
            "command": f"scalefit train deep --config {file.relative_to(HERE.parents[2])} --seed 0",
        }
        trajectory.write(runs.assign_attrs(told), folder / f"{name}.nc")


def learned(runs: Any) -> Any:
    """Return the runs that are `ok`."""
    return runs.isel(run=np.flatnonzero(runs["status"].values == "ok"))


def points(runs: Any, norm: str) -> Any:
    """Return error against norm of the runs that are `ok`, without points near chance."""
    good = learned(runs)[[norm, "test_error"]]
    error = good["test_error"]
    chance = float(error.isel(point=0).median())
    return good.where((error > 0) & (error <= CHANCE * chance) & (good[norm] > 0))


def one_fit(folder: Path, fits: Path, index: str) -> dict[str, Any]:
    """Return the fit of a campaign by one norm; the fit itself is kept as a file."""
    from scipy.special import expit, softmax

    import scalefit as sf

    campaign.warm()
    name, norm, _ = index.split(APART)
    runs = read(folder / name)
    started = time.process_time()
    options = {"x": (norm, "n_train"), "y": "test_error", "progress": False}
    curves = points(runs, norm)
    row: dict[str, Any] = {"index": index, "campaign": name, "norm": norm}
    found = int(curves["test_error"].notnull().sum())
    if found < FEWEST:
        return row | {"verdict": f"{found} points below {CHANCE:g} of the error of chance"}
    fitted = {
        (n, noise): sf.fit(curves, law=sf.laws.Collapse(n, drift=False), noise=noise, **options)
        for n in REGIMES
        for noise in NOISES
    }
    if not all(fit.fitted for fit in fitted.values()):
        return row | {"verdict": [list(fit.verdict.values()) for fit in fitted.values()]}
    evidence = np.array([_log_evidence(fit) for fit in fitted.values()])
    probable = softmax(evidence)
    regimes, noise = best = list(fitted)[int(np.argmax(probable))]
    chosen = fitted[best]
    drifting = sf.fit(curves, law=sf.laws.Collapse(regimes), noise=noise, **options)
    apart = _log_evidence(chosen) - _log_evidence(drifting)
    chosen.save(fits / f"{name}-{norm}.nc")
    (run,) = chosen.runs
    draws = _with_product(chosen.parameters(run))
    x, y = chosen.curve(run)
    off = np.log(y) - np.median(chosen.law.log_curve(draws, x), axis=0)
    (nested,) = chosen.nested.to_dict("records")
    elbows = chosen.elbow(np.unique(x[:, 1])).to_dict("records")
    other = _with_product(drifting.parameters(run))
    return row | {
        "verdict": chosen.verdict[run],
        "points": len(y),
        "regimes": regimes,
        "noise": noise,
        "probability": {
            f"{n} regimes, {noise}": plain(float(p))
            for (n, noise), p in zip(fitted, probable, strict=True)
        },
        "exponents": {one: interval(draws[one]) for one in NAMES},
        "gamma_error": float(np.std(draws["gamma"])),
        "regime_exponents": [interval(one) for one in draws["exponent"].T],
        "autocorrelation": interval(draws["autocorrelation"]) if noise == "ar1-run" else None,
        "gamma_0_is_0": {key: plain(nested[key]) for key in ("probability", "log_bayes", "error")},
        "collapse_is_exact": {
            "probability": plain(float(expit(apart))),
            "log_bayes": plain(apart),
        },
        "exponents_with_drift": {one: interval(other[one]) for one in (*NAMES, "drift")},
        "elbows": [{key: plain(one[key]) for key in one if key != "run"} for one in elbows],
        "rms_of_log_error": plain(float(np.sqrt(np.mean(off**2)))),
        "cpu_s": round(time.process_time() - started, 1),
    }


def _log_evidence(fit: Any) -> float:
    return float(fit.certificate["log_evidence"].iloc[0])


def _with_product(draws: dict[str, Array]) -> dict[str, Array]:
    return {**draws, "product": draws["gamma_1"] * draws["gamma_2"]}


def interval(draws: Array) -> list[float]:
    """Return the median and the ends of the 90% interval."""
    return [round(float(one), 4) for one in np.nanquantile(draws, [0.5, 0.05, 0.95])]


def plain(value: Any) -> Any:
    """Return a value for JSON, numbers to four digits."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def by_seed(sizes: Array, seeds: Array, values: Array) -> list[float]:
    """Return the slope in log-log against the size: its mean over seeds with its interval."""
    slopes = []
    for seed in np.unique(seeds):
        here = (seeds == seed) & np.isfinite(values) & (values > 0)
        if len(np.unique(sizes[here])) >= SIZES:
            slopes.append(np.polyfit(np.log(sizes[here]), np.log(values[here]), 1)[0])
    if len(slopes) < 2:
        return [round(float(one), 4) for one in slopes]
    return campaign.student(np.array(slopes))


def smallest(runs: Any) -> dict[str, Any]:
    """Return the smallest errors of runs: their slope, and how often it is at the end of a run."""
    good = learned(runs)
    error, sizes = good["test_error"].values, good["n_train"].values
    least, late = error.min(axis=1), error.argmin(axis=1) >= error.shape[1] - 2
    every = np.unique(sizes)
    curves = [error[sizes == size].mean(axis=0).min() for size in every]
    slope = -np.polyfit(np.log(every), np.log(curves), 1)[0]
    lost = by_seed(sizes, good["seed"].values, least)
    return {
        "slope": [-lost[0], *(-one for one in lost[:0:-1])],
        "slope_of_the_mean_curves": round(float(slope), 4),
        "of_the_mean_curves": dict(zip(map(str, every), np.round(curves, 4).tolist(), strict=True)),
        "at_the_end": {
            str(size): f"{late[sizes == size].sum()} of {(sizes == size).sum()}" for size in every
        },
    }


def interpolated(runs: Any) -> dict[str, list[float]]:
    """Return the exponent of each norm where training images are first all right."""
    good = learned(runs)
    sizes, seeds = good["n_train"].values, good["seed"].values
    right = good["train_error"].values <= 0
    first, rows = right.argmax(axis=1), np.arange(len(right))
    values = {name: good[name].values[rows, first] for name in NORMS}
    return {
        name: by_seed(sizes, seeds, np.where(right.any(axis=1), one, np.nan))
        for name, one in values.items()
    }


def standard_errors(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return how far two values with their standard errors are apart."""
    return round(float((one[0] - other[0]) / np.hypot(one[1], other[1])), 2)


def counted(runs: Any) -> dict[str, Any]:
    """Return how many runs there are, and those that are not `ok` by name."""
    status = runs["status"].values
    found: dict[str, Any] = {"runs": int(status.size), "seeds": len(np.unique(runs["seed"].values))}
    for word in np.unique(status[status != "ok"]):
        found[str(word)] = [str(one) for one in runs["run"].values[status == word]]
    return found


def collapsed(name: str, runs: Any, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what fits by several norms say of a campaign."""
    least = smallest(runs)
    fitted = [row for row in rows if "exponents" in row]
    gamma = {row["norm"]: (row["exponents"]["gamma"][0], row["gamma_error"]) for row in fitted}
    slope = least["slope"]
    spread = (slope[2] - slope[1]) / 3.29 if len(slope) == 3 else float("nan")
    told = ("index", "campaign", "norm")
    found = {
        **counted(runs),
        "norms": {
            row["norm"]: {key: value for key, value in row.items() if key not in told}
            for row in rows
        },
        "smallest_error": least,
        "gamma_less_slope": {
            norm: standard_errors(one, (slope[0], spread)) for norm, one in gamma.items()
        },
        "interpolated": interpolated(runs),
        "gammas_apart": {
            f"{one}, {other}": standard_errors(gamma[one], gamma[other])
            for one, other in combinations(gamma, 2)
        },
    }
    return found | beside(name, runs)


def beside(name: str, runs: Any) -> dict[str, Any]:
    """Return what is published of a campaign's network and images, and where the two differ."""
    pair = pair_of(str(runs["protocol"].values[0]), str(runs["images"].values[0]))
    if not pair:
        return {"published": None}
    return {"published": published(pair), "differs": differences(name, pair)}


def level(name: str, runs: Any) -> dict[str, Any]:
    """Return the minimum of the seed-mean curve of runs of one size."""
    good = learned(runs)
    found = counted(runs)
    if good.sizes["run"]:
        error = good["test_error"].values
        mean = error.mean(axis=0)
        at = int(mean.argmin())
        found |= {
            "n_train": int(good["n_train"].values[0]),
            "minimum": round(float(mean[at]), 4),
            "step": int(good["step"].values[0, at]),
            "minimum_by_seed": error.min(axis=1).round(4).tolist(),
            "log_norm": {
                one: interval(np.log(good[one].values[:, at]))
                for one in ("norm", "norm_cnn_variant")
            },
        }
        if len(error) > 1:
            found["interval"] = campaign.student(error[:, at])[1:]
    told = found | beside(name, runs)
    if told["published"] and "minimum" in told:
        target = told["published"]["least_error"][0]
        told["relative"] = round(told["minimum"] / target - 1, 3)
        told["inside"] = abs(told["relative"]) <= TOLERANCE
    return told


def draw(fits: Path, figures: Path) -> None:
    """Draw the four figures of every fit that is kept."""
    import matplotlib as mpl

    import scalefit as sf

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figures.mkdir(parents=True, exist_ok=True)
    for path in sorted(fits.glob("*.nc")):
        axes: Any = sf.load(path).plot(panels=True)
        axes[0].figure.savefig(figures / f"{path.stem}.png")
        plt.close("all")


def main() -> None:
    parser = campaign.options(__doc__, "deep_exponents.json")
    parser.add_argument("--runs", type=Path, default=Path("runs/deep"), help="folder of campaigns")
    parser.add_argument("--norms", nargs="+", default=NORMS)
    parser.add_argument("--figures", type=Path, help="folder of figures")
    parser.add_argument("--bundle", type=Path, help="folder for the runs in small files")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    names = sorted(path.stem for path in HERE.glob("*.toml"))
    campaigns = {
        name: read(options.runs / name)
        for name in names
        if (options.runs / name).exists() or (options.runs / f"{name}.nc").exists()
    }
    if options.bundle:
        bundle(campaigns, options.bundle)
    several = {
        name: runs
        for name, runs in campaigns.items()
        if len(np.unique(learned(runs)["n_train"].values)) >= SIZES
    }
    fits = options.out.with_suffix("")
    fits.mkdir(parents=True, exist_ok=True)
    wanted = [
        APART.join((name, norm, f"{learned(runs).sizes['run']} runs"))
        for name, runs in several.items()
        for norm in options.norms
    ]
    work = partial(one_fit, options.runs, fits)
    rows = campaign.run(work, wanted, options.out, options.workers)
    found = {
        name: collapsed(name, runs, [row for row in rows if row["campaign"] == name])
        if name in several
        else level(name, runs)
        for name, runs in campaigns.items()
    }
    result = {
        "question": "exponents of the collapse of trained networks, by several norms",
        "campaigns": found,
    }
    campaign.keep(result, options.out, ("scalefit", "numpy", "scipy", "torch"))
    campaign.show(found)
    if options.figures:
        draw(fits, options.figures)


if __name__ == "__main__":
    main()
