"""Gallery: figures of the package, each made in well under a minute from what comes with it.

python benchmarks/figures/gallery.py            # all of them, into this folder
python benchmarks/figures/gallery.py collapse   # one
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

OUT = Path(__file__).parent
INK, GREY = "#1b1b1b", "#7f7f7f"
HUES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")


def axes(width: float = 6.4, height: float = 4.2, columns: int = 1) -> Any:
    """Return axes of a new figure."""
    from matplotlib import pyplot as plt

    return plt.subplots(1, columns, figsize=(width, height), layout="constrained")[1]


def perceptron() -> Any:
    """Draw minimisers at fixed norm, mean of 20 seeds, on the curves of theory."""
    from scalefit import datasets
    from scalefit.trainers.perceptron.theory import fixed_norm

    runs = datasets.load("perceptron-fixed-norm")
    ax, norm = axes(), np.geomspace(0.1, 1000, 60)
    for load, hue in zip((20, 50, 100, 200), HUES, strict=True):
        some = runs.isel(run=runs["load"].values == load)
        mean = some["test_error"].mean("run")
        ax.plot(some["norm"][0], mean, "o", ms=3.5, color=hue, label=f"load {load}")
        ax.plot(norm, [one.test_error for one in fixed_norm(load, norm)], color=hue, lw=1.2)
    ax.set(xscale="log", yscale="log", xlabel="norm", ylabel="test error")
    ax.legend(frameon=False)
    return ax.figure


def plateau() -> Any:
    """Draw SGD on committee machines with erf units, by the number of the inputs' eigenvalues."""
    from scalefit import datasets
    from scalefit.trainers.committee.theory import plateau as height

    runs = datasets.load("committee-plateau")
    ax = axes()
    for size, hue in zip((1, 4, 16, 64), HUES, strict=True):
        some = runs.isel(run=runs["L"].values == size)
        for one in range(some.sizes["run"]):
            label = f"eigenvalues: {size}" if one == 0 else None
            ax.plot(some["time"][one], some["test_loss"][one], color=hue, lw=0.7, label=label)
    known = height(2, 2, 0.3).test_loss
    ax.axhline(known, color=INK, lw=0.9, ls="--", label="plateau of theory, one eigenvalue")
    ax.set(xscale="log", yscale="log", xlabel="time, examples / N", ylabel="test loss")
    ax.set(ylim=(1e-5, 0.4), xlim=(1e-2, 4e3))
    ax.legend(frameon=False)
    return ax.figure


def phases() -> Any:
    """Draw the exponents of the diagonal network over examples and weight decay."""
    from scalefit.trainers.diagonal.theory import draw, phase_diagram

    n, decay = np.geomspace(30, 1e5, 25), np.geomspace(1e-2, 1e2, 21)
    ax = axes()
    draw(phase_diagram(d=100, gamma=1.0, n_eff=n, weight_decay=decay), ax=ax)
    return ax.figure


def regimes() -> Any:
    """Draw losses limited by resolution and by variance, simulated and in theory."""
    from scalefit import datasets
    from scalefit.trainers.random_features.theory import excess, optimal
    from scalefit.trajectory import to_frame

    left, right = axes(8.4, 3.8, 2)
    frame = to_frame(datasets.load("random-features-grid"))
    means = frame.groupby(["n_params", "n_train"])["test_loss"].mean()
    size = np.geomspace(16, 512, 40)
    for held, hue in zip((16, 64, 256), HUES, strict=False):
        left.plot(means[held].index, means[held].values, "o", ms=4, color=hue)
        loss = optimal(1.0, size, held).test_loss
        left.plot(size, loss, color=hue, lw=1.2, label=f"{held} parameters")
    left.plot(size, optimal(1.0, size, np.inf).test_loss, color=INK, lw=1, ls="--",
              label="infinitely many")  # fmt: skip
    left.set(xscale="log", yscale="log", xlabel="examples", ylabel="test loss, best ridge")
    left.set_xticks([16, 32, 64, 128, 256, 512], ["16", "32", "64", "128", "256", "512"])
    left.minorticks_off()
    more = np.geomspace(40, 4096, 40)
    for alike, hue in ((16, HUES[0]), (32, HUES[1])):
        there = more[more > alike + 4]
        right.plot(there, excess(alike, there), color=hue, label=f"{alike} of the other")
    right.plot(more, 16 / more, color=INK, lw=1, ls="--", label="16 / size")
    right.set(xscale="log", yscale="log", xlabel="size of the larger, no ridge",
              ylabel="loss over its plateau, less one")  # fmt: skip
    for ax in (left, right):
        ax.legend(frameon=False, fontsize=8)
    return left.figure


def collapse() -> Any:
    """Draw test errors at four loads on one master curve."""
    import scalefit as sf
    from scalefit import datasets
    from scalefit.cli.demo import independent_points
    from scalefit.trajectory import to_frame

    frame = to_frame(datasets.load("perceptron-fixed-norm"))
    points = independent_points(frame[frame["norm"] >= 1.0])
    names = {"x": ("norm", "load"), "y": "test_error", "law": "collapse"}
    return sf.fit(points, **names, noise="normal", progress=False).plot(ax=axes()).figure


def surface() -> Any:
    """Return the fit of L(N, D)."""
    import scalefit as sf
    from scalefit import datasets

    names = {"x": ("n_params", "n_train"), "y": "test_loss", "by": []}
    data = datasets.load("random-features-grid")
    return sf.fit(data, **names, law="additive", progress=False)


def contours() -> Any:
    """Draw L(N, D), with the residuals of all runs."""
    ax = surface().plot(ax=axes())
    ax.set(title="test loss of random features")
    return ax.figure


def frontier() -> Any:
    """Draw the best split of a budget N times D."""
    import scalefit as sf

    ax = sf.plot.isoflop(surface(), [1e3, 1e4, 1e5, 1e6], cost=1.0, ax=axes())
    ax.set(title="", ylabel="test loss")
    return ax.figure


def spectra() -> Any:
    """Draw the tail of a trained quadratic network's spectrum."""
    import scalefit as sf
    from scalefit import trainers

    config = trainers.config("quadratic", d=60, n_train=14400, gamma=1.0, weight_decay=1.0,
                             noise=0.5, seeds=1, points=2)  # fmt: skip
    run = trainers.run(config, progress=False)
    cutoff = float(trainers.theory(config)["cutoff"][0])
    spectrum = run["spectrum"].values[0, -1]
    return sf.tail(spectrum[spectrum > 1e-9], shift=cutoff).plot(ax=axes()).figure


def schedule() -> Any:
    """Draw a forecast of a job whose learning rate has not decayed yet."""
    import pandas as pd

    import scalefit as sf

    step = np.arange(100.0, 10001.0, 100.0)
    rate = 1e-3 * np.minimum(step / 200, np.clip((10000 - step) / 3000, 0.0, 1.0))
    log = pd.DataFrame({"step": step, "lr": rate, "loss": 1.0})
    areas = sf.schedule(sf.trajectory.from_frame(log, by=(), variables=tuple(log.columns)))
    s1, s2 = areas["s1"].values[0], areas["s2"].values[0]
    noise = np.exp(0.005 * np.random.default_rng(0).standard_normal(step.size))
    log["loss"] = (2.4 + 1.1 * s1**-0.5 - 0.15 * s2) * noise
    seen = log[log["step"] <= 6500]
    job = sf.fit(seen, x="step", y="loss", lr="lr", progress=False)
    plan, ahead = sf.Schedule("linear", start=7000, end=10000), np.arange(6600.0, 10001.0, 200.0)
    found = job.predict(ahead, schedule=plan).isel(run=0)
    ax = axes()
    ax.fill_between(ahead, found["low"], found["high"], color="#9fc5e8", label="90% of new points")
    ax.plot(ahead, found["median"], color="#0b5394", label="forecast under the plan")
    ax.plot(seen["step"], seen["loss"], "o", ms=3, color=INK, label="fitted")
    later = log[log["step"] > 6500]
    ax.plot(later["step"], later["loss"], "D", ms=3, mfc="white", mec=HUES[1], label="held back")
    ax.axvline(7000, color=GREY, lw=0.8, ls=":")
    ax.annotate("the rate decays", (7000, 3.2), xytext=(4, 0), textcoords="offset points")
    ax.set(xlabel="step", ylabel="loss", ylim=(2.15, 3.4))
    ax.legend(frameon=False)
    return ax.figure


FIGURES: dict[str, Callable[[], Any]] = {
    one.__name__: one
    for one in (
        perceptron, plateau, phases, regimes, collapse, contours, frontier, spectra, schedule,
    )
}  # fmt: skip


def main() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FIGURES))
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names or FIGURES:
        if name not in FIGURES:
            parser.error(f"there is no figure {name!r}; there are {', '.join(FIGURES)}")
        write(FIGURES[name](), options.out / f"{name}.png")


def write(figure: Any, path: Path) -> None:
    """Write a figure as a small PNG, of at most 200 colours."""
    from PIL import Image

    picture = io.BytesIO()
    figure.savefig(picture, dpi=100)
    Image.open(picture).convert("RGB").quantize(200).save(path, optimize=True)


if __name__ == "__main__":
    main()
