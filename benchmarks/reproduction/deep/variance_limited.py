"""Variance-limited exponents: the loss nears its limit in data, and in width, as 1 over either.

Training images, averaged over squares of pixels and centred, are the whole population: D of them
are drawn with replacement, and the loss is that on all. So the limit of infinite D is exact, and
there is no noise of a test set.

features_32, features_128  least squares on P random ReLU features; the limit is least squares on
                           the population. There the excess is P / (D - P - 1) times a constant,
                           so the abscissa is D - P - 2, near it in the middle of the range.
width                      ridge regression on n random ReLU features of 200 examples; the limit is
                           the arc-cosine kernel, the abscissa n.
mlp                        16-4-10, tanh, cross-entropy and weight decay, by L-BFGS in double
                           precision from the population's minimum; the abscissa is D less the
                           number of weights.

An exponent is that of `scalefit.fit` with one regime, no floor and the standard errors of the mean
over repetitions, with its 90% interval; against D alone it stands beside.

    python benchmarks/reproduction/deep/variance_limited.py --workers 2

Source
------
Bahri et al. (2021) (arXiv:2102.06701); Cho and Saul (2009) for the kernel.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
import campaign

from scalefit.arrays import Array

SEED = 2102
POPULATION, SIDE = {"features": 20_000, "mlp": 10_000, "width": 2_000}, {"mlp": 4}
EXAMPLES, DECAY = 200, 1e-2
RIDGE = 0.3
"""Over the mean of the kernel's diagonal, so that few directions count beside the width."""
GRADIENT = 1e-8
REPETITIONS = {"features_32": 24, "features_128": 24, "width": 24, "mlp": 12}
FEW = 4
"""Repetitions of a try of a minute."""


@cache
def images(name: str, count: int, side: int) -> tuple[Array, Array]:
    """Return the first images of a set, side^2 pixels each, centred; and classes as 0 and 1."""
    from scalefit.trainers.deep.images import find

    data = find(name)
    found = data.train[:count, :, :, 0] / data.top
    block = found.shape[1] // side
    cut = found[:, : side * block, : side * block]
    pooled = (
        cut.reshape(len(found), side, block, side, block).mean(axis=(2, 4)).reshape(-1, side**2)
    )
    return pooled - pooled.mean(axis=0), np.eye(data.classes)[data.train_labels[:count]]


def features(P: int, name: str, D: int, rng: np.random.Generator) -> float:
    """Return the excess loss of least squares on D examples, over that on the population."""
    x, y, least = _features(P, name)
    drawn = rng.integers(0, len(x), D)
    weights = np.linalg.lstsq(x[drawn], y[drawn], rcond=None)[0]
    return float(np.mean(np.sum((x @ weights - y) ** 2, axis=1))) - least


@cache
def _features(P: int, name: str) -> tuple[Array, Array, float]:
    pixels, y = images(name, POPULATION["features"], 7)
    directions = np.random.default_rng([SEED, P]).standard_normal((pixels.shape[1], P))
    x = np.maximum(pixels @ directions, 0.0)
    best = np.linalg.lstsq(x, y, rcond=None)[0]
    return x, y, float(np.mean(np.sum((x @ best - y) ** 2, axis=1)))


def width(name: str, n: int, rng: np.random.Generator) -> float:
    """Return the excess loss of n random features, over that of their kernel."""
    pixels, y = images(name, POPULATION["width"], 7)
    directions = rng.standard_normal((pixels.shape[1], n))
    x = np.maximum(pixels @ directions, 0.0) / np.sqrt(n)
    return _ridge(x @ x[:EXAMPLES].T, y) - _kernel(name)


@cache
def _kernel(name: str) -> float:
    pixels, y = images(name, POPULATION["width"], 7)
    length = np.linalg.norm(pixels, axis=1)
    both = np.outer(length, length[:EXAMPLES])
    angle = np.arccos(np.clip(pixels @ pixels[:EXAMPLES].T / both, -1.0, 1.0))
    shape = np.sin(angle) + (np.pi - angle) * np.cos(angle)
    return _ridge(both * shape / (2 * np.pi), y)


def _ridge(kernel: Array, y: Array) -> float:
    """Return the loss on all but the examples, given the kernel with these, (image, example)."""
    ridge = RIDGE * float(np.trace(kernel[:EXAMPLES])) / EXAMPLES
    inner = kernel[:EXAMPLES] + ridge * np.eye(EXAMPLES)
    found = kernel[EXAMPLES:] @ np.linalg.solve(inner, y[:EXAMPLES])
    return float(np.mean(np.sum((found - y[EXAMPLES:]) ** 2, axis=1)))


def mlp(name: str, D: int, rng: np.random.Generator) -> float:
    """Return by how much the population's objective is larger at the minimum on D examples."""
    pixels, _ = images(name, POPULATION["mlp"], SIDE["mlp"])
    best, least = _best(name)
    drawn = np.bincount(rng.integers(0, len(pixels), D), minlength=len(pixels)) / D
    return _objective(name, _minimum(name, best, drawn), None)[0] - least


@cache
def _best(name: str) -> tuple[Array, float]:
    """Return the population's minimum from a random start, and the objective there."""
    start = 0.5 * np.random.default_rng([SEED, 0]).standard_normal(_weights(name))
    found = _minimum(name, start, None)
    return found, _objective(name, found, None)[0]


def _weights(name: str) -> int:
    pixels, y = images(name, POPULATION["mlp"], SIDE["mlp"])
    return 4 * (pixels.shape[1] + 1) + 5 * y.shape[1]


def _minimum(name: str, start: Array, share: Array | None) -> Array:
    from scipy.optimize import minimize

    options = {"maxiter": 20_000, "maxfun": 40_000, "maxcor": 30, "gtol": GRADIENT, "ftol": 0.0}
    found = minimize(
        lambda at: _objective(name, at, share), start, jac=True, method="L-BFGS-B", options=options
    )
    left = float(np.abs(found.jac).max())
    if left > 10 * GRADIENT:
        raise RuntimeError(f"a gradient of {left:.1e} is left; it should be {GRADIENT:g}")
    return np.asarray(found.x)


def _objective(name: str, at: Array, share: Array | None) -> tuple[float, Array]:
    """Return cross-entropy and weight decay, and the gradient; by share of every image."""
    x, y = images(name, POPULATION["mlp"], SIDE["mlp"])
    if share is not None:
        there = share > 0
        x, y, each = x[there], y[there], share[there]
    else:
        each = np.full(len(x), 1 / len(x))
    inputs, classes = x.shape[1], y.shape[1]
    one, two = np.split(at, [4 * (inputs + 1)])
    first, second = one.reshape(inputs + 1, 4), two.reshape(5, classes)
    hidden = np.tanh(x @ first[:-1] + first[-1])
    logits = hidden @ second[:-1] + second[-1]
    top = logits.max(axis=1, keepdims=True)
    total = np.exp(logits - top).sum(axis=1, keepdims=True)
    log_p = logits - top - np.log(total)
    value = -float(each @ np.sum(y * log_p, axis=1)) + 0.5 * DECAY * float(at @ at)
    off = each[:, None] * (np.exp(log_p) - y)
    back = (off @ second[:-1].T) * (1 - hidden**2)
    gradient = [
        np.vstack([x.T @ back, back.sum(axis=0)]).ravel(),
        np.vstack([hidden.T @ off, off.sum(axis=0)]).ravel(),
    ]
    return value, np.concatenate(gradient) + DECAY * at


def kinds(name: str) -> dict[str, tuple[Callable[..., float], Array, int]]:
    """Return of each experiment how it is made, its sizes, and what is taken from these."""
    steps = 2 ** np.arange(6)
    return {
        "features_32": (partial(features, 32, name), 4 * 32 * steps, 34),
        "features_128": (partial(features, 128, name), 4 * 128 * steps, 130),
        "width": (partial(width, name), 256 * steps, 0),
        "mlp": (partial(mlp, name), 1000 * 2 ** np.arange(5), _weights(name)),
    }


def one_curve(name: str, few: bool, index: str) -> dict[str, Any]:
    """Return one experiment: the mean excess at every size, and its exponents."""
    started = time.process_time()
    make, sizes, less = kinds(name)[index]
    count = FEW if few else REPETITIONS[index]
    every = np.array(
        [
            [make(int(size), np.random.default_rng([SEED, at, int(size)])) for at in range(count)]
            for size in sizes
        ]
    )
    mean, error = every.mean(axis=1), every.std(axis=1, ddof=1) / np.sqrt(count)
    return {
        "index": index,
        "images": name,
        "repetitions": count,
        "sizes": sizes.tolist(),
        "excess": [float(f"{one:.5g}") for one in mean],
        "error": [float(f"{one:.2g}") for one in error],
        "abscissa": f"size less {less}" if less else "size",
        "exponent": exponent(sizes - less, mean, error),
        "exponent_against_size": exponent(sizes, mean, error),
        "excess_times_abscissa": [float(f"{one:.4g}") for one in mean * (sizes - less)],
        "cpu_s": round(time.process_time() - started, 1),
    }


def exponent(x: Array, y: Array, error: Array) -> list[float]:
    """Return the exponent with its 90% interval."""
    import scalefit as sf

    fit = sf.fit(
        x.astype(float), y, y_err=error, regimes=1, floor=False, noise="normal", progress=False
    )
    return [round(float(one), 4) for one in np.quantile(fit.exponents.values, [0.5, 0.05, 0.95])]


def main() -> None:
    parser = campaign.options(__doc__, "variance_limited.json")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--images", default="mnist", help="mnist, or digits, which need no file")
    parser.add_argument("--small", action="store_true", help="few repetitions, on digits")
    options = parser.parse_args()
    name = "digits" if options.small else options.images
    work = partial(one_curve, name, options.small)
    rows = campaign.run(work, list(REPETITIONS), options.out, options.workers)
    result = {
        "question": "exponent of the excess loss where the variance limits it, which is 1",
        "seed": SEED,
        "experiments": {row.pop("index"): row for row in rows},
    }
    campaign.keep(result, options.out)
    campaign.show(result["experiments"])


if __name__ == "__main__":
    main()
