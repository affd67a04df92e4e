"""Teacher-student perceptron: the curve at fixed norm and the errors that bound it.

Everything holds in the limit of large N at a fixed number of examples per dimension, the load.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
import xarray as xr
from scipy.special import erfcx, ndtr

from scalefit import trajectory
from scalefit.trainers.config import PerceptronConfig
from scalefit.trainers.provenance import provenance

from .saddle import REACH, density, fixed_norm, hebb_tangent, root, rule, sine, solve, tail


@dataclass(frozen=True)
class Limits:
    """Test errors, and one margin, that bound or end the curve of one load; no units.

    Attributes
    ----------
    hebb_error
        Hebb's rule, the curve's limit at small norm.
    max_stability_error, max_stability_margin
        The perceptron of maximal stability, the curve's limit at large norm, and its smallest
        stability.
    bayes_error
        The least error that any rule can reach on average.
    gibbs_error
        A student drawn at random among those without training error.
    """

    hebb_error: float
    max_stability_error: float
    max_stability_margin: float
    bayes_error: float
    gibbs_error: float


def curves(config: PerceptronConfig) -> xr.Dataset:
    """Return the curve at fixed norm of every load, with the limits as run coordinates.

    Returns
    -------
    trajectory
        One run per load, one point per norm. Variables, without units: `norm`, `test_error`,
        `overlap`, `train_loss`, `train_error`. There is no `margin`: at finite norm the
        stabilities of infinitely many examples have no smallest value; at infinite norm it is the
        coordinate `max_stability_margin`. Coordinates: `load`, `protocol`, and `Limits`.
    """
    names = {
        "norm": "norm of the weights over sqrt(N)",
        "test_error": "test classification error",
        "overlap": "cosine of the angle between student and teacher",
        "train_loss": "mean logistic loss on the training examples",
        "train_error": "fraction of training examples on the wrong side",
    }
    solved = [fixed_norm(load, config.norm) for load in config.load]
    ends = [asdict(limits(load)) for load in config.load]
    note = "minimiser of the loss at each norm, N to infinity"
    if config.protocol != "fixed_norm":
        note += "; the path of gradient descent lags behind it before the elbow"
    return trajectory.build(
        {
            name: (
                ("run", "point"),
                np.array([[getattr(point, name) for point in curve] for curve in solved]),
                {"long_name": text},
            )
            for name, text in names.items()
        },
        {
            "run": [f"load={load:.12g}" for load in config.load],
            "load": ("run", list(config.load)),
            "protocol": ("run", np.full(len(solved), "fixed_norm", dtype=object)),
            **{name: ("run", [end[name] for end in ends]) for name in ends[0]},
        },
        source="theory: teacher-student perceptron, logistic loss at fixed norm",
        attrs={"note": note, "dtype": "float64", **provenance(config, "numpy", "scipy")},
    )


def limits(load: float) -> Limits:
    """Return the test errors that bound or end the curve of one load.

    Parameters
    ----------
    load : examples per dimension

    Source
    ------
    Hebb's rule: `error = arctan(sqrt(pi / (2 load))) / pi`. Maximal stability: the equations of
    the fixed norm with `g(t) = max(margin - t, 0)`. Bayes and Gibbs: the overlap R of two
    students drawn from the posterior solves
    `R / sqrt(1 - R) = (load / pi) int Dt exp(-R t^2 / 2) / H(sqrt(R) t)`; the errors are
    `arccos(sqrt(R)) / pi` and `arccos(R) / pi`.
    """
    max_error, max_margin = _max_stability(load)
    bayes, gibbs = _posterior(load)
    return Limits(
        hebb_error=math.atan(hebb_tangent(load)) / math.pi,
        max_stability_error=max_error,
        max_stability_margin=max_margin,
        bayes_error=bayes,
        gibbs_error=gibbs,
    )


def _max_stability(load: float) -> tuple[float, float]:
    """Return the test error and the margin of maximal stability.

    The second unknown is margin / p, which stays of order one at every load.
    """

    def alignment(tangent: float, ratio: float) -> float:
        gauss = math.exp(-(ratio**2) / 2) / math.sqrt(2 * math.pi)
        mean = ratio * float(ndtr(ratio)) + gauss
        return load * math.sqrt(2 / math.pi) * sine(tangent) * mean

    def length(tangent: float, ratio: float) -> float:
        margin = ratio * sine(tangent)
        t, weight = rule(-tail(tangent), margin, (0.0,), sine(tangent))
        return load * float(weight @ (density(t, tangent) * (margin - t) ** 2))

    log_tangent, ratio = solve(alignment, length, math.log(math.pi / (1 + 2 * load)), 0.64)
    tangent = math.exp(log_tangent)
    return math.atan(tangent) / math.pi, ratio * sine(tangent)


def _posterior(load: float) -> tuple[float, float]:
    """Return the Bayes and the Gibbs error.

    The unknown is the logarithm of (1 - R) / R, which keeps its digits when R is close to 1.
    """
    t, weight = rule(-REACH, REACH, (0.0,), 1.0)
    weight = weight * np.exp(-(t**2) / 2) / math.sqrt(2 * math.pi)

    def mismatch(log_odds: float) -> float:
        apart = 1 / (1 + math.exp(-log_odds))
        overlap = 1 / (1 + math.exp(log_odds))
        # exp(-R t^2 / 2) / H(sqrt(R) t), without overflow or cancellation
        pull = load / math.pi * float(weight @ (2 / erfcx(math.sqrt(overlap / 2) * t)))
        return math.log(pull * math.sqrt(apart) / overlap)

    log_odds = root(mismatch, -2 * math.log(0.5 + load), 0.5)
    apart = 1 / (1 + math.exp(-log_odds))
    return math.asin(math.sqrt(apart)) / math.pi, 2 * math.asin(math.sqrt(apart / 2)) / math.pi
