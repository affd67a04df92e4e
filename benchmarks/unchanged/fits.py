"""Fixed curves, each with the arguments of a fit, and all that a fit can be asked."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from fingerprint import fingerprint, lasting
from numpy.typing import NDArray

import scalefit as sf
from scalefit.errors import ScalefitError
from scalefit.laws import BrokenPowerLaw, Law, Parameter, PowerLaw, PowerLawWithCutoff, Window
from scalefit.laws.priors import Dirichlet, LogNormal, Normal, Prior

Array = NDArray[np.float64]
Case = tuple[Any, dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Exponential(Law):
    """A law of a user's own: y = amplitude * exp(-x / length)."""

    name = "exponential"
    parameters = (
        Parameter("amplitude", 1, "law", 0.0, math.inf, "y", "y at x = 0"),
        Parameter("length", 1, "law", 0.0, math.inf, "x", "x over which y falls by e"),
    )

    def log_mean(self, params: Mapping[str, Any], x: Any, xp: Any = np) -> Any:
        """Return log y without noise."""
        return xp.log(params["amplitude"])[..., None] - x / params["length"][..., None]

    def priors(self, window: Window) -> dict[str, Prior]:
        """Return the default priors."""
        amplitude = LogNormal(window.y_typical, 2.0, unit="y")
        return {"amplitude": amplitude, "length": LogNormal(window.x_high, 2.0, unit="x")}


class Steeper(BrokenPowerLaw):
    """The broken law under another name."""


def curve(
    seed: int,
    n: int = 40,
    exponents: Sequence[float] = (0.5,),
    at: Sequence[float] = (),
    floor: float = 0.0,
    noise: float = 0.02,
    memory: float = 0.0,
    last: float = 1e4,
) -> tuple[Array, Array]:
    """Return x and y of a power law with crossovers and a floor, under noise with a memory."""
    x = np.geomspace(1.0, last, n)
    y = x ** -exponents[0]
    for place, before, after in zip(at, exponents, exponents[1:], strict=False):
        y *= (1.0 + (x / place) ** 3.0) ** ((before - after) / 3.0)
    scatter = np.random.default_rng(seed).standard_normal(n)
    for i in range(1, n):
        scatter[i] = memory * scatter[i - 1] + math.sqrt(1.0 - memory**2) * scatter[i]
    return x, np.asarray((floor + y) * np.exp(noise * scatter))


def table(curves: Sequence[tuple[Array, Array]], **labels: Sequence[Any]) -> pd.DataFrame:
    """Return curves one below the other in columns `step` and `loss`, with labels beside them."""
    parts = [
        pd.DataFrame({"step": x, "loss": y, **{name: one[i] for name, one in labels.items()}})
        for i, (x, y) in enumerate(curves)
    ]
    return pd.concat(parts, ignore_index=True)


def sizes() -> xr.Dataset:
    """Return runs of ten sizes and two kinds, three evaluations each."""
    size, kind = np.tile(np.geomspace(10.0, 1e4, 10), 2), np.repeat(["a", "b"], 10)
    scatter = np.exp(0.02 * np.random.default_rng(40).standard_normal((20, 3)))
    loss = size[:, None] ** np.where(kind == "a", -0.3, -0.5)[:, None] * [2.0, 1.0, 1.1] * scatter
    names = [f"{one}{i}" for i, one in enumerate(kind)]
    coords = {"run": names, "size": ("run", size), "kind": ("run", kind.astype(object))}
    return sf.trajectory.build({"loss": (("run", "point"), loss)}, coords, source="simulated")


def case(data: Any, /, **options: Any) -> Case:
    """Return arrays or a table, with arguments of `scalefit.fit`."""
    return data, {"progress": False, "draws": 100, **options}


FEW = {"regimes": (1, 2)}
NAMED = {"x": "step", "y": "loss", "by": "arch"}
POOLED = {**NAMED, "by": ("arch", "seed"), "pool": "seed"}

BENT = curve(1, exponents=(0.2, 0.7), at=(100,))
THREE = curve(2, 60, exponents=(0.6, 0.1, 0.5), at=(20, 800))
FOUR = {"exponents": (0.5, 0.1, 0.6, 0.2), "at": (20, 300, 3000), "last": 1e5}
FLOORED = curve(4, exponents=(0.6,), floor=0.5, noise=0.005)
SLOW = curve(5, 50, exponents=(0.2, 0.6), at=(200,), floor=0.1, memory=0.8)
LONG = curve(6, 2000, exponents=(0.3, 0.6), at=(300,), floor=0.02, noise=0.05)
RISING = curve(7, exponents=(-0.3, -0.05), at=(100,))
SINKING = curve(8, floor=-0.005, noise=0.01)
X, Y = curve(9, noise=0.01)
ENDING = X, Y * np.exp(-X / 3e3) + 0.01
HEAVY = X, X**-0.5 * np.exp(0.02 * np.random.default_rng(9).standard_t(2, X.size))
DECAY = X[:25], 5.0 * np.exp(-X[:25] / 50.0) * Y[:25] * X[:25] ** 0.5
STEPS, SCATTER = 50.0 * np.arange(1, 81), curve(15, 80, exponents=(0.0,), noise=0.01)[1]
SWING = np.where(np.arange(80) < 12, np.tile([1.0, 1.8, 1.3, 2.2], 20), 1.0)
WARM = STEPS, STEPS**-0.5 * SWING * SCATTER
REPEATED = np.repeat(X, 20), np.repeat(Y, 20) * curve(16, 800, exponents=(0.0,))[1]
CURVES = [curve(10 + i, 25, exponents=(0.3, 0.6 + 0.02 * i), at=(100,)) for i in range(4)]
FLAT = X, np.full(X.size, 2.0)
SEVERAL = table(CURVES[:2], arch="ab")
SHORT = [(x[:n], y[:n]) for (x, y), n in zip(CURVES, (25, 12, 5, 2), strict=True)]
MIXED = table([*SHORT, FLAT], arch="abcde")
ALIKE = table(CURVES[:2], arch="aa", seed=[0, 1])
GROUPS = table(CURVES, arch="aabb", seed=[0, 1, 0, 1])
TWICE = table([CURVES[0], CURVES[1]], arch="aa")
ENDS = pd.DataFrame({"step": [0.0, 0.1, 2e4], "loss": [3.0, math.nan, math.nan], "arch": "a"})
UNTIDY = pd.concat([ENDS, table([FLOORED], arch="a")[::-1]], ignore_index=True)

CASES: dict[str, Case] = {
    "one regime": case((X, Y), regimes=1, floor=False, noise="normal"),
    "one regime, floor": case(FLOORED, regimes=1, floor=True, noise="normal"),
    "two regimes": case(BENT, regimes=2, floor=False, noise="normal", draws=1000),
    "two regimes, floor": case(SLOW, regimes=2, floor=True, noise="normal", seed=3),
    "three regimes": case(THREE, regimes=3, floor=False, noise="normal"),
    "four regimes, floor": case(curve(3, 80, **FOUR), regimes=4, floor=True, noise="normal"),
    "five regimes, doubtful": case(curve(3, 30, noise=1e-3, **FOUR), regimes=5, floor=True),
    "everything": case(BENT, draws=1000),
    "everything, three regimes": case(THREE, seed=5),
    "everything, correlated": case(SLOW, draws=300, noise="ar1"),
    "rising": case(RISING, **FEW),
    "two or three regimes": case(BENT, regimes=[2, 3], floor="auto", noise="normal"),
    "floor or none": case(FLOORED, regimes=1, floor="auto", noise="auto"),
    "known floor": case(FLOORED, floor=0.5, **FEW),
    "fixed floor": case(FLOORED, fixed={"floor": 0.45}, regimes=1),
    "fixed noise": case(BENT, fixed={"noise": 0.02}, regimes=2, floor=False),
    "fixed exponents": case(BENT, fixed={"exponent": (0.2, 0.7), "width": 0.5}, regimes=2),
    "ar1": case(SLOW, noise="ar1", **FEW),
    "ar1 in x": case(SLOW, noise="ar1-x", regimes=2, floor=True),
    "ar1 in points": case(SLOW, noise="ar1-index", **FEW),
    "heavy tails": case(HEAVY, noise="student", **FEW),
    "known errors": case(BENT, y_err=0.03 * BENT[1], **FEW),
    "known errors, by column": case(SEVERAL.assign(sd=0.005), y_err="sd", **NAMED, **FEW),
    "narrow priors": case(BENT, priors="narrow", **FEW),
    "prior of the noise": case(BENT, priors={"noise": LogNormal(0.01, 0.5)}, **FEW),
    "prior of exponents": case(BENT, priors={"exponent": Normal(0.4, 0.2)}, **FEW),
    "prior of gaps": case(THREE, priors={"gap": Dirichlet(5.0, 3)}, regimes=3, floor=True),
    "power law": case(CURVES[1], law=PowerLaw()),
    "power law, known floor": case(FLOORED, law=PowerLaw(0.5), noise="ar1"),
    "cutoff": case(ENDING, law=PowerLawWithCutoff()),
    "cutoff, negative offset": case(SINKING, law=PowerLawWithCutoff(), noise="ar1"),
    "own law": case(DECAY, law=Exponential()),
    "own law, heavy tails": case(DECAY, law=Exponential(), noise="student", y_err=0.01),
    "broken law by another name": case(BENT, law=Steeper(2, floor=False), noise="normal"),
    "pooled": case(ALIKE, regimes=2, floor=False, **POOLED),
    "pooled, two groups": case(GROUPS, regimes=1, floor=True, **POOLED),
    "pooled, ar1": case(ALIKE, regimes=1, floor=False, noise="ar1", **POOLED),
    "long": case(LONG, **FEW),
    "long, known errors": case(LONG, y_err=0.02, regimes=2, floor=True, noise="ar1"),
    "long, repeated x": case(REPEATED, **FEW),
    "three points": case((X[::17], Y[::17])),
    "six points": case((X[::7], Y[::7])),
    "short and constant ones": case(MIXED, **NAMED, **FEW),
    "nothing but constants": case(FLAT),
    "too few points": case((X[:2], Y[:2])),
    "twice": case(TWICE, **{**NAMED, "by": None}, **FEW),
    "twice, the last": case(TWICE, duplicates="last", **NAMED, **FEW),
    "untidy": case(UNTIDY, **NAMED, **FEW),
    "part of x": case(BENT, x_range=(3.0, 2e3), **FEW),
    "x of the runs": case(sizes(), x="size", y="loss", by="kind", **FEW),
    "x of the runs, smallest y": case(sizes(), x="size", y="loss", at="min", **FEW),
    "warm-up": case(WARM, floor=True, noise="normal", **FEW),
    "preview": case(SLOW, method="point"),
    "preview, several": case(MIXED, method="point", noise="student", **NAMED),
    "nuts": case((X[::2], Y[::2]), method="nuts", regimes=1, floor=False),
    "several": case(SEVERAL, **NAMED, **FEW),
    "several, in threads": case(SEVERAL, executor=ThreadPoolExecutor, **NAMED, **FEW),
    "several, in processes": case(SEVERAL, executor=ProcessPoolExecutor, **NAMED, **FEW),
}
STACKED = ("two or three regimes", "floor or none")


def digests(name: str) -> dict[str, dict[str, str]]:
    """Return the fingerprints of all that the fit of a case holds and says."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = asked(partial(fit, CASES[name]))
        groups: dict[str, dict[str, Any]] = {"words": {"error": found}}
        if isinstance(found, sf.Fit):
            groups = {**contents(found), "answers": answers(found, stacked=name in STACKED)}
    warned = sorted({str(one.message) for one in told if one.category is UserWarning})
    return prints({**groups, "warnings": {"texts": warned}})


def prints(groups: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Return the fingerprint of every part of every group."""
    return {
        group: {name: fingerprint(value) for name, value in parts.items()}
        for group, parts in groups.items()
    }


def fit(case: Case) -> sf.Fit:
    """Return the fit of a case; an executor is given as its class, and is made here."""
    data, options = case
    given = data if isinstance(data, tuple) else (data,)
    kind = options.get("executor")
    if kind is None:
        return sf.fit(*given, **options)
    context = {"mp_context": get_context("spawn")} if kind is ProcessPoolExecutor else {}
    with kind(2, **context) as executor:
        return sf.fit(*given, **{**options, "executor": executor})


def asked(question: Callable[[], Any]) -> Any:
    """Return the answer, or in words why there is none."""
    try:
        return question()
    except ScalefitError as error:
        return f"{type(error).__name__}: {error}"


def contents(fit: sf.Fit) -> dict[str, dict[str, Any]]:
    """Return what a file of the fit holds: draws, the evidence of models, and words."""
    groups: dict[str, Any] = {name: node.to_dataset() for name, node in fit.tree.children.items()}
    models = {name: groups.pop(name) for name in ("diagnostics", "models") if name in groups}
    told = {"verdict": fit.verdict, "notes": fit.notes, "attributes": lasting(fit.tree.attrs)}
    return {"draws": groups, "models": models, "words": {"law": fit.law.name, **told}}


def summary(fit: sf.Fit) -> pd.DataFrame:
    """Return the table of parameters by their names: in which order they stand is no number."""
    return fit.summary().sort_values(["run", "parameter", "regime"]).reset_index(drop=True)


def answers(fit: sf.Fit, stacked: bool = False) -> dict[str, Any]:
    """Return what the fit says to every question, at an x inside, the last one and one beyond."""
    x, y = fit.curve(fit.fitted[0])
    at = [math.sqrt(x[0] * x[-1]), x[-1], 30.0 * x[-1]]
    targets = [math.sqrt(y[0] * y[-1]), y[-1] ** 1.1 / y[0] ** 0.1]
    questions: dict[str, Callable[[], Any]] = {
        "certificate": lambda: fit.certificate,
        "probabilities": lambda: fit.probabilities,
        "priors": lambda: fit.priors,
        "shared": lambda: fit.shared,
        "exponents": lambda: fit.exponents,
        "end_exponent": lambda: fit.end_exponent,
        "local_exponent": lambda: [fit.local_exponent(at, floor=floor) for floor in (True, False)],
        "summary": lambda: summary(fit),
        "sample": lambda: [fit.sample(at), fit.sample(at, kind="curve", hazard=0.3, seed=1)],
        "predict": lambda: [fit.predict(at), fit.predict(at, kind="curve", interval=0.5)],
        "log_predictive": lambda: fit.log_predictive(at[:2], targets),
        "reach": lambda: fit.reach(targets),
        "variance_shares": lambda: fit.variance_shares(at),
        "plateaus": lambda: fit.plateaus(0.2),
        "check": fit.check,
        "compare": lambda: sf.compare(fit),
        "compare with a number": lambda: sf.compare(fit, value=0.4, ratio=True, rope=0.1),
        "compare regimes": lambda: sf.compare(fit, parameter="exponent", regime=(0, 1)),
        "compare groups": lambda: sf.compare(fit, between="arch", parameter="noise"),
        "compare fits": lambda: sf.compare(fit, fit.with_regimes(2), seed=1),
        "with_regimes": lambda: [summary(two := fit.with_regimes(2)), two.predict(at)],
        "stacking": fit.stacking if stacked else lambda: "not asked",
    }
    return {name: asked(question) for name, question in questions.items()}
