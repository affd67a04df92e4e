"""Claims on the diagonal and the quadratic network under weight decay, region by region.

Theory's windows are those of the reference; networks that are small enough to train show a region
in another window, where state evolution has another slope.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from reproduction.claim import Claim, Curve, between, theory

PAPER = "scaling laws of diagonal and quadratic networks, arXiv:2509.24882"
BAYES = "Bayes-optimal rates, arXiv:2605.10395"
SEEDS, POINTS = 16, 7
TRAINED = (0.75, 1.0, 1.5)
"""Exponents of the teachers of trained networks."""


def evolution(family: str, d: int, gamma: float, spectrum: str = "auto") -> Any:
    """Return the state evolution of a teacher."""
    if family == "diagonal":
        from scalefit.trainers.diagonal.theory import StateEvolution

        return StateEvolution(d, gamma)
    from scalefit.trainers.quadratic.theory import StateEvolution as Quadratic

    return Quadratic(d, gamma, spectrum=spectrum)


def risk(family: str, gamma: float, d: int, decay: float, low: float, high: float,
         spectrum: str = "auto") -> Curve:  # fmt: skip
    """Return the excess risk over the effective number of examples at one weight decay."""
    n = between(low, high, 16)
    per = d if family == "quadratic" else 1
    found = evolution(family, d, gamma, spectrum).minimiser(n * per, decay, 0.5)
    return theory(n, found.excess_risk)


def peak(family: str) -> Curve:
    """Return the excess risk over weight decay where interpolation has its peak.

    The quadratic network has its peak there for very large d only.
    """
    if family == "diagonal":
        d, n, decay = 1000, 1000.0, between(1e-6, 1e-2, 16)
    else:
        d, n, decay = 10**9, 2.5e17, between(1e-6, 1e-4, 16)
    return theory(decay, evolution(family, d, 1.0).minimiser(n, decay, 0.5).excess_risk)


def clean(gamma: float) -> Curve:
    """Return the excess risk without noise over n / log(d / n), diagonal network."""
    n, d = between(1e3, 1e5, 16), 10**8
    found = evolution("diagonal", d, gamma).minimiser(n, 1e-9, 0.0)
    return theory(n / np.log(d / n), found.excess_risk)


def bayes(gamma: float) -> Curve:
    """Return the least risk of any estimator, diagonal teacher."""
    n = between(1e3, 1e5, 16)
    return theory(n, evolution("diagonal", 10**6, gamma).bayes(n, 0.5))


def tuned(gamma: float) -> Curve:
    """Return the risk at the best weight decay, diagonal network."""
    n = between(1e3, 1e5, 16)
    return theory(n, evolution("diagonal", 10**6, gamma).best(n, 0.5).excess_risk)


def overfitting() -> Curve:
    """Return what interpolated noise costs the quadratic network, over n / d^2."""
    from scalefit.trainers.quadratic import theory as known

    share = between(1e-8, 1e-7, 16)
    return theory(share, known.interpolation(share))


def edge(gamma: float, noise: float) -> Curve:
    """Return the quadratic network's risk where the cut-off is the edge of the bulk."""
    from scipy.optimize import brentq

    n, d = between(*((1e5, 1e7) if noise else (1e3, 1e5)), 16), 10**9
    teacher = evolution("quadratic", d, gamma, "sharp")

    def error(log_delta: float) -> float:
        delta = math.exp(log_delta)
        return 2 * float(teacher.cut(delta).at(2 * delta)[0])

    def excess(log_delta: float, n_eff: float) -> float:
        return math.log((noise + error(log_delta)) * d / (4 * n_eff)) - 2 * log_delta

    found = [brentq(excess, -20.0, 25.0, (float(one),), xtol=1e-6) for one in n]
    return theory(n, [error(one) for one in found])


@dataclass(frozen=True)
class Window:
    """Where networks that train in minutes show a region: settings, and ends of x."""

    region: str
    settings: dict[str, Any]
    low: float
    high: float
    x: str = "n_train"
    tuned: bool = False


def windows(family: str, gamma: float) -> list[Window]:
    """Return the windows of a network at an exponent of its teacher."""
    if family == "diagonal":
        return [
            Window("II", {"d": 200, "weight_decay": 10.0}, 600, 6000),
            Window("III", {"d": 20, "weight_decay": 30 * 20 ** (gamma - 0.75)}, 3e3, 3e4),
            Window("V", {"d": 100, "n_train": 100}, 1e-2, 1.0, x="weight_decay"),
            Window("VIa", {"d": 100, "weight_decay": 0.01}, 400, 4000),
            Window("VIb", {"d": 20, "weight_decay": 0.01}, 2 * 20 ** (2 * gamma), 2e5),
            Window("the best weight decay", {"d": 200}, 100, 3000, tuned=True),
            Window("no noise", {"d": 1000, "weight_decay": 1e-3, "noise": 0.0}, 30, 300),
        ]
    return [
        Window("II", {"d": 30, "weight_decay": 10.0}, 900, 9000),
        Window("III", {"d": 10, "weight_decay": 30 * 10 ** (gamma - 0.75)}, 6e3, 6e4),
        Window("V", {"d": 20, "n_train": 100}, 1e-2, 1.0, x="weight_decay"),
        Window("VIa", {"d": 30, "weight_decay": 0.01}, 900, 9000),
        Window("VIb", {"d": 10, "weight_decay": 0.01}, 20 * 10 ** (2 * gamma), 1e5),
        Window("the best weight decay", {"d": 30}, 600, 9000, tuned=True),
        Window("no noise", {"d": 40, "weight_decay": 1e-3, "noise": 0.0}, 60, 240),
    ]


def trained(family: str, gamma: float, window: Window) -> Curve:
    """Return the mean risk of networks trained by L-BFGS in a window."""
    from scalefit import trainers

    x = np.geomspace(window.low, window.high, POINTS)
    values = [round(one) for one in x] if window.x == "n_train" else x.tolist()
    settings: dict[str, Any] = {"gamma": gamma, window.x: values, **window.settings}
    if window.tuned:
        plain = trainers.theory(trainers.config(family, **settings))
        best = plain["best_weight_decay"].values.tolist()
        settings |= {"zip": {"n_train": settings.pop("n_train"), "weight_decay": best}}
    config = trainers.config(family, seeds=SEEDS, steps=20_000, points=2, ranks=1, **settings)
    runs = trainers.run(config, device="cpu", seed=1, progress=False)
    known = trainers.theory(config)["excess_risk"].values[:, 0]
    arrived = runs["status"].values == "ok"
    found = np.where(arrived, runs["excess_risk"].values[:, -1], np.nan)
    return Curve(np.array(values, float), np.nanmean(found.reshape(-1, SEEDS), 1), known, SEEDS)


SMALL = "state evolution is for large d; at d = {d} trained networks have {more} its risk"
WHY = {
    ("diagonal", "no noise", 1.5): "of 16 runs 8 arrive within 20,000 steps at n = 30, and one "
    "at n = 300",
    ("quadratic", "V", 0.75): SMALL.format(d=20, more="1.32, 1.25 and 1.11 times"),
    ("quadratic", "V", 1.0): SMALL.format(d=20, more="1.54, 1.28 and 1.20 times"),
    ("quadratic", "V", 1.5): SMALL.format(d=20, more="1.97, 1.42 and 1.38 times"),
    ("quadratic", "no noise", 0.75): SMALL.format(d=40, more=".90, .98 and 1.15 times"),
    ("quadratic", "no noise", 1.0): SMALL.format(d=40, more="1.10, 1.37 and 1.39 times"),
    ("quadratic", "VIa", 1.0): SMALL.format(d=30, more="1.12, 1.07 and 1.04 times"),
    ("quadratic", "VIb", 1.5): SMALL.format(d=10, more="1.10, 1.12 and 1.07 times"),
}
"""Why trained networks are outside theory's window, where they are.

Ratios are of means over 16 runs, at the ends of the window and between.
"""


def power(region: str, gamma: float) -> float:
    """Return the published exponent of a region."""
    powers = {"II": 2 - 1 / gamma, "III": 2.0, "V": 2 / 3, "VIa": 1.0, "VIb": 1.0}
    return (powers | {"no noise": 2 * gamma - 1}).get(region, 1 - 1 / (2 * gamma))


def claim(family: str, text: str, target: float, curve: Callable[[], Curve], row: str = "",
          source: str = PAPER, status: str = "published", **more: Any) -> Claim:  # fmt: skip
    """Return a claim, with its row of the reference."""
    where = ("quadratic_diagonal", {"id": row}) if row else None
    return Claim(text=f"{family}: {text}", family=family, target=target, curve=curve, row=where,
                 source=source, status=status, **more)  # fmt: skip


diagonal, quadratic = partial(claim, "diagonal"), partial(claim, "quadratic")
CLAIMS = [
    *[diagonal(f"region II, gamma {gamma:g}", power("II", gamma),
               partial(risk, "diagonal", gamma, 10**6, 1e3, 1e7, 1e8), row)
      for gamma, row in ((0.75, "r595"), (1.0, "r596"), (1.5, "r597"))],
    diagonal("region III", 2.0, partial(risk, "diagonal", 1.0, 100, 3e3, 3e7, 3e8), "r598"),
    diagonal("region VIa", 1.0, partial(risk, "diagonal", 1.0, 2000, 1e-3, 2e4, 2e5), "r599"),
    diagonal("region VIb", 1.0, partial(risk, "diagonal", 1.0, 50, 1e-3, 1e5, 1e6), "r600"),
    diagonal("region V, risk in weight decay", 2 / 3, partial(peak, "diagonal"), "r601"),
    diagonal("region V, risk times weight decay^(2/3)", 0.1831, partial(peak, "diagonal"), "r602",
             status="verified", parameter="amplitude", power=2 / 3),
    *[diagonal(f"no noise, in n / log(d / n), gamma {gamma:g}", 2 * gamma - 1,
               partial(clean, gamma), row, status="verified")
      for gamma, row in ((0.75, "r603"), (1.0, "r604"), (1.5, "r605"))],
    *[diagonal(f"Bayes, gamma {gamma:g}", 1 - 1 / (2 * gamma), partial(bayes, gamma), row, BAYES)
      for gamma, row in ((1.0, "r606"), (1.5, "r607"))],
    *[diagonal(f"best weight decay, gamma {gamma:g}", 1 - 1 / (2 * gamma), partial(tuned, gamma),
               row)
      for gamma, row in ((1.0, "r608"), (1.5, "r609"))],
    *[quadratic(f"region II, gamma {gamma:g}", power("II", gamma),
                partial(risk, "quadratic", gamma, 10**5, 10.0, low, 10 * low), row)
      for gamma, low, row in ((0.75, 1e4, "r610"), (1.0, 3e4, "r611"), (1.5, 3e4, "r612"))],
    quadratic("region III", 2.0, partial(risk, "quadratic", 1.0, 60, 3e4, 1e8, 1e9), "r613"),
    quadratic("region VIa", 1.0,
              partial(risk, "quadratic", 2.0, 3000, 1e-2, 3e4, 3e5, "full"), "r614", slow=True),
    quadratic("region VIb", 1.0, partial(risk, "quadratic", 1.0, 60, 1e-2, 1e5, 1e6), "r616"),
    quadratic("region VIb, risk times n_eff at d = 60", 0.25 * 60,
              partial(risk, "quadratic", 1.0, 60, 1e-2, 1e6, 1e7), status="verified",
              parameter="amplitude", power=1.0),
    quadratic("region V, risk in weight decay", 2 / 3, partial(peak, "quadratic")),
    quadratic("region V, risk times weight decay^(2/3)", 0.175674, partial(peak, "quadratic"),
              "r618", status="verified", parameter="amplitude", power=2 / 3),
    quadratic("interpolated noise, in n / d^2", 0.4, overfitting, "r619", status="verified",
              rising=True),
    *[quadratic(f"cut-off at the edge, {'with' if noise else 'no'} noise, gamma {gamma:g}",
                1 - 1 / (2 * gamma) if noise else 2 * gamma - 1, partial(edge, gamma, noise), row)
      for gamma, noise, row in ((0.75, 0.5, "r620"), (1.0, 0.5, "r621"), (1.5, 0.5, "r622"),
                                (0.75, 0.0, "r623"), (1.0, 0.0, "r624"), (1.5, 0.0, "r625"))],
    *[claim(family, f"trained, {one.region}, gamma {gamma:g}", power(one.region, gamma),
            partial(trained, family, gamma, one), slow=True,
            why=WHY.get((family, one.region, gamma), ""))
      for family in ("diagonal", "quadratic")
      for gamma in TRAINED
      for one in windows(family, gamma)
      if one.low * 4 <= one.high],
]  # fmt: skip
