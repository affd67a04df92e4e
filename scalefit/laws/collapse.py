"""Collapse: curves of several sizes P that fall on one master curve once both axes are rescaled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array
from scalefit.errors import ConfigError, InvalidData

from .base import Law, Parameter
from .broken import DECADES, MAX_REGIMES
from .window import Window

if TYPE_CHECKING:
    from .priors import Prior

NATS = 11.5
"""What the range of log x is stretched to, five decades, so that powers of x change nothing."""
QUARTER = 0.25
"""Share of the largest exponent below which a regime lies beyond the elbow."""


@dataclass(frozen=True)
class Collapse(Law):
    """Curves y(x) of several sizes P that are one curve Phi once both axes are rescaled.

        y = P^(-gamma) Phi(x / P^gamma_2),        gamma = gamma_0 + gamma_1 gamma_2

    with Phi a law of several regimes, a_0 to a_n their exponents. A regime of exponent a_j shows
    y ~ x^(-a_j) P^-(gamma - a_j gamma_2) in the variables themselves, and nothing else: where
    crossovers lie at each P is what tells gamma_2, and so do two regimes together. Of all regimes
    but the last the steepest one gives `gamma_1` its exponent, and `gamma_0` how y falls with P
    there at a given x. The elbow is where, from that regime on, the exponent first falls below a
    quarter of gamma_1, or else the last crossover.

    With `drift` the last exponent changes with P, so that the collapse is not exact:
    a_n(P) = a_n + drift log10(P / middle). A floor that falls as P^(-gamma) is a last regime of
    exponent 0; a minimum in x, a last regime of negative exponent.

    Parameters
    ----------
    regimes
        Number of exponents of Phi, 1 to 6; with 1 there is no elbow and no drift.
    gamma_0
        The value of gamma - a_0 gamma_2, that of the first regime, where it is known: 0 where
        curves of all P are one and the same before their elbows. None leaves it free.
    drift
        Whether the last exponent may change with P.
    predictors
        Names of x and P.

    Raises
    ------
    ConfigError
        If `regimes` is not a whole number from 1 to 6, gamma_0 is not finite, or the predictors are
        not two different names.

    Source
    ------
    D'Amico, Bocchi, Negri (2025) (arXiv:2505.13230): x is a norm of the weights and P the number of
    examples; there gamma_0 is 0, and gamma = gamma_1 gamma_2 is a prediction.
    """

    regimes: int = 2
    gamma_0: float | None = None
    drift: bool = True
    predictors: tuple[str, ...] = ("x", "P")
    auto_noises: ClassVar[tuple[str, ...]] = ("normal",)

    def __post_init__(self) -> None:
        whole = isinstance(self.regimes, int | np.integer) and not isinstance(self.regimes, bool)
        if not whole or not 1 <= self.regimes <= MAX_REGIMES:
            raise ConfigError(
                f"regimes={self.regimes!r}: give a whole number from 1 to {MAX_REGIMES}"
            )
        if self.gamma_0 is not None and not math.isfinite(self.gamma_0):
            raise ConfigError(f"gamma_0={self.gamma_0}: give a finite number, or None")
        if len(self.predictors) != 2 or len(set(self.predictors)) < 2:
            raise ConfigError(f"predictors={self.predictors!r}: give two different names, x and P")

    @property
    def name(self) -> str:
        """What figures and files call the law."""
        count = f"{self.regimes} regime" + "s" * (self.regimes > 1)
        held = "" if self.gamma_0 is None else f", gamma_0 = {self.gamma_0:g}"
        return f"collapse of {count}{held}{', with drift' * self.drifts}"

    @property
    def drifts(self) -> bool:
        """Whether the last exponent changes with P."""
        return self.drift and self.regimes > 1

    @property
    def minimum_points(self) -> int:
        """One more than what a fit of least squares would have to find."""
        return 3 * self.regimes + 2 + self.drifts

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The natural parameters, in the order of a summary."""
        n, inf = self.regimes - 1, math.inf
        names = self.predictors
        before = "of the steepest regime before the elbow"
        listed = (
            Parameter("gamma_0", 1, "law", -inf, inf, "", f"of {names[1]} at one x, {before}"),
            Parameter("gamma_1", 1, "law", -inf, inf, "", f"exponent of x {before}"),
            Parameter("gamma_2", 1, "law", -inf, inf, "", f"of the elbow's x, in {names[1]}"),
            Parameter("gamma", 1, "law", -inf, inf, "", "of y at the elbow; gamma_0 + product"),
            Parameter("exponent", n + 1, "regime", -inf, inf, "", "of x at one P, negative"),
            Parameter("P_exponent", n + 1, "regime", -inf, inf, "", "of P at one x, negative"),
            Parameter("crossover", n, "crossover", 0.0, inf, "x[0]", "at the middle P"),
            Parameter("width", n, "crossover", 0.0, inf, "decades", "10-90% of the slope's change"),
            Parameter("elbow", min(n, 1), "law", 0.0, inf, "x[0]", "at the middle P"),
            Parameter("drift", int(self.drifts), "law", -inf, inf, "", "of a_n, a decade of P"),
            Parameter("log_amplitude", 1, "law", -inf, inf, "", "log y at x = 1, the middle P"),
            Parameter("middle", 1, "law", 0.0, inf, "x[1]", "the P that crossovers refer to"),
        )
        return tuple(one for one in listed if one.size)

    def with_regimes(self, regimes: int, floor: bool | float | None = None) -> Collapse:
        """Return the law with another number of regimes; it has no floor."""
        del floor
        return replace(self, regimes=regimes)

    def of_draws(self, params: Mapping[str, Array]) -> tuple[Collapse, dict[str, Array]]:
        """Return the law with most regimes of all draws of a fit, and the draws without gaps.

        Regimes and crossovers that a draw lacks (NaN) repeat its last ones, which changes nothing.
        """
        whole = dict(params)
        for name in ("exponent", "crossover", "width"):
            if name in whole:
                value = np.array(whole[name])
                for j in range(1, value.shape[-1]):
                    missing = np.isnan(value[..., j])
                    value[..., j] = np.where(missing, value[..., j - 1], value[..., j])
                whole[name] = value if name == "exponent" else np.nan_to_num(value, nan=1.0)
        drifts = "drift" in whole
        if drifts:
            whole["drift"] = np.nan_to_num(whole["drift"])
        return replace(self, regimes=whole["exponent"].shape[-1], drift=drifts), whole

    def log_mean(self, params: Mapping[str, Any], x: Any, xp: Any = np) -> Any:
        """Return log y without noise; shapes as in `Law.log_mean`, x and P in the columns of x."""
        p = xp.log(x[:, 1]) - xp.log(params["middle"])[..., None]
        v = xp.log(x[:, 0]) - params["gamma_2"][..., None] * p
        exponent = params["exponent"]
        log_y = params["log_amplitude"][..., None] - params["gamma"][..., None] * p
        log_y = log_y - exponent[..., 0, None] * v
        for i in range(self.regimes - 1):
            scale = params["width"][..., i, None] / DECADES
            past = (v - xp.log(params["crossover"][..., i, None])) / scale
            change = exponent[..., i + 1, None] - exponent[..., i, None]
            if self.drifts and i == self.regimes - 2:
                change = change + params["drift"][..., None] / math.log(10.0) * p
            log_y = log_y - change * scale * xp.logaddexp(0.0, past)
        return log_y

    def priors(self, window: Window) -> dict[str, Prior]:
        """Return the default priors, of log x stretched to five decades over its range.

        How far the elbow moves over the range of P is a share of the range of log x. Crossovers
        repel each other and the ends of what the points have once the elbow is held in place.
        Exponents share a scale, and so do they and the drift of the last one over the range of P.
        """
        from .priors import Dirichlet, LogNormal, Normal, Relative

        Frame.of(window)
        n = self.regimes - 1
        priors: dict[str, Prior] = {
            "steepness": LogNormal(0.4, 0.7),
            "stretched_exponent": Relative("steepness", centre=0.5, size=n + 1),
            "shift": Normal(0.25, 0.5, unit="share of log x"),
        }
        if n:
            priors["gap"] = Dirichlet(3.0, size=n + 1)
            priors["stretched_width"] = LogNormal(0.5 * DECADES, 1.0, unit="decades", size=n)
        if self.gamma_0 is None:
            priors["start_gamma_0"] = Normal(0.0, 0.5)
        priors["level"] = LogNormal(window.y_typical, 2.0, unit="y")
        if self.drifts:
            priors["drift_share"] = Normal(0.0, 0.5, unit="share of the steepness")
        return priors

    def natural(self, sampled: Mapping[str, Any], window: Window, xp: Any = np) -> dict[str, Any]:
        """Return natural parameters from those of stretched log x, and the level in its middle."""
        frame = Frame.of(window)
        stretch, n = frame.stretch, self.regimes - 1
        slope = sampled["stretched_exponent"]
        exponent, gamma_2 = slope * stretch, sampled["shift"] * (frame.length / frame.height)
        held = 0.0 * sampled["level"] + (self.gamma_0 or 0.0)
        first = sampled["start_gamma_0"] if self.gamma_0 is None else held
        gamma = first + exponent[..., 0] * gamma_2
        by_p = gamma[..., None] - exponent * gamma_2[..., None]
        log_amplitude = xp.log(sampled["level"]) + exponent[..., 0] * frame.x
        found = {
            "gamma_2": gamma_2,
            "gamma": gamma,
            "exponent": exponent,
            "P_exponent": by_p,
            "middle": xp.exp(0.0 * gamma + frame.p),
        }
        if n:
            low, high = frame.ends(stretch * gamma_2, xp)
            passed = xp.cumsum(sampled["gap"][..., :-1], axis=-1)
            place = low[..., None] + (high - low)[..., None] * passed
            found["crossover"] = xp.exp(frame.x + place / stretch)
            found["width"] = sampled["stretched_width"] / stretch
            scale = sampled["stretched_width"] / DECADES
            bend = (slope[..., 1:] - slope[..., :-1]) * scale * xp.logaddexp(0.0, -place / scale)
            log_amplitude = log_amplitude + xp.sum(bend, axis=-1)
            steepest, last = before_elbow(exponent, n, xp)
            for name, where, of in (
                ("gamma_0", steepest, by_p),
                ("gamma_1", steepest, exponent),
                ("elbow", last, found["crossover"]),
            ):
                found[name] = xp.sum(xp.where(where, of[..., :n], 0.0), axis=-1)
        else:
            found["gamma_0"], found["gamma_1"] = first, exponent[..., 0]
        if self.drifts:
            over = sampled["drift_share"] * sampled["steepness"] * stretch
            found["drift"] = over * (math.log(10.0) / frame.height)
        found["log_amplitude"] = log_amplitude
        return found

    def align(
        self, sampled: Mapping[str, Array], x: NDArray[Any], y: NDArray[Any]
    ) -> dict[str, Array]:
        """Return starts whose linear parameters come from a regression on each one's crossovers."""
        window, moved, m = Window.of(x, y), dict(sampled), len(sampled["level"])
        tau = sampled["steepness"]
        zero = {"level": np.ones(m), "stretched_exponent": np.zeros((m, self.regimes))}
        zero |= {name: np.zeros(m) for name in ("start_gamma_0", "drift_share") if name in sampled}

        def curve(**linear: Array) -> Array:
            natural = self.natural({**sampled, **zero, **linear}, window)
            return np.asarray(self.log_mean(natural, x))

        base = curve()
        columns = [curve(level=np.full(m, math.e))]
        columns += [curve(stretched_exponent=np.tile(one, (m, 1))) for one in np.eye(self.regimes)]
        rest = [name for name in ("start_gamma_0", "drift_share") if name in sampled]
        columns += [curve(**{name: np.ones(m)}) for name in rest]
        design = np.stack(columns, axis=-1) - base[..., None]
        gram = np.swapaxes(design, 1, 2) @ design + 1e-6 * np.eye(design.shape[-1])
        right = np.swapaxes(design, 1, 2) @ (np.log(y) - base)[..., None]
        solved = np.asarray(np.linalg.solve(gram, right)[..., 0], dtype=float)
        exponent = solved[:, 1 : self.regimes + 1]
        moved["level"] = np.asarray(np.exp(np.clip(solved[:, 0], -700.0, 700.0)), dtype=float)
        moved["stretched_exponent"] = exponent
        moved["steepness"] = np.clip(np.sqrt(np.mean(exponent**2, axis=1)), 0.05, 4.0)
        for i, name in enumerate(rest, self.regimes + 1):
            moved[name] = solved[:, i]
        if "drift_share" in moved:
            moved["drift_share"] = moved["drift_share"] * tau / moved["steepness"]
        return moved

    def sampled(self, params: Mapping[str, Array], window: Window) -> dict[str, Array]:
        """Return what was sampled, but for the level, of draws of natural parameters.

        Their steepness is taken as it is.
        """
        frame, n = Frame.of(window), self.regimes - 1
        gamma_2, stretch = params["gamma_2"], frame.stretch
        found = {
            "steepness": params["steepness"],
            "stretched_exponent": params["exponent"] / stretch,
            "shift": gamma_2 * (frame.height / frame.length),
        }
        if n:
            low, high = (end[..., None] for end in frame.ends(stretch * gamma_2))
            place = (np.log(params["crossover"]) - frame.x) * stretch
            edges = np.concatenate([low, place, high], axis=-1)
            found["gap"] = np.diff(edges, axis=-1) / (high - low)
            found["stretched_width"] = params["width"] * stretch
        if self.gamma_0 is None:
            found["start_gamma_0"] = params["P_exponent"][..., 0]
        if self.drifts:
            over = params["drift"] * (frame.height / math.log(10.0))
            found["drift_share"] = over / stretch / params["steepness"]
        return found


def before_elbow(exponent: Any, crossovers: int, xp: Any = np) -> tuple[Any, Any]:
    """Return which regime is the steepest, and which the last before the elbow; (..., n) both.

    Both are among the first n. The elbow is where the exponent falls below a quarter of the
    steepest's.

    Parameters
    ----------
    exponent : shape (..., n + 1)
        Of each regime.
    crossovers
        Their number n, at least 1.
    xp
        `numpy` or `pytensor.tensor`.
    """
    largest = xp.max(exponent[..., :crossovers], axis=-1)
    reached = fallen = largest < -math.inf
    steepest = last = 0 * reached
    for j in range(crossovers):
        one = exponent[..., j]
        steepest = xp.where(reached | (one < largest), steepest, j)
        reached = reached | (one >= largest)
        fallen = fallen | (reached & (one < QUARTER * largest))
        last = xp.where(fallen, last, j)
    places = np.arange(crossovers)
    first, second = (
        abs(at[..., None] - places) < 0.5 for at in (steepest, last)
    )  # no == in graphs
    return first, second


@dataclass(frozen=True)
class Frame:
    """The range of the data in log x and log P, from which stretched coordinates are counted.

    Attributes
    ----------
    x, p
        Middles of the ranges of log x and log P.
    length, height
        The ranges, in nats.
    corners : shape (c, 2)
        Stretched log x and log P, both from their middles, among which all ends are.
    """

    x: float
    p: float
    length: float
    height: float
    corners: Array

    @classmethod
    def of(cls, window: Window) -> Frame:
        """Return the frame of a window of two predictors.

        Raises
        ------
        InvalidData
            If one of them has one value only.
        """
        return _frame(window.corners)

    @property
    def stretch(self) -> float:
        """By how much log x is stretched."""
        return NATS / self.length

    def ends(self, gamma_2: Any, xp: Any = np) -> tuple[Any, Any]:
        """Return the least and largest u - gamma_2 p of the points, in stretched log x u."""
        v = self.corners[:, 0] - gamma_2[..., None] * self.corners[:, 1]
        return xp.min(v, axis=-1), xp.max(v, axis=-1)


@lru_cache(maxsize=64)
def _frame(corners: tuple[tuple[float, float], ...]) -> Frame:
    found = np.array(corners).reshape(-1, 2)
    size = np.ptp(found, axis=0) if len(found) else np.zeros(2)
    for length, what in zip(size, ("x", "P"), strict=True):
        if not length > 0.0:
            raise InvalidData(
                f"a collapse needs several values of {what}, its "
                f"{'first' if what == 'x' else 'second'} predictor; all points have the same"
            )
    middle = 0.5 * (found.min(axis=0) + found.max(axis=0))
    length, height = size.tolist()
    stretched = (found - middle) * np.array([NATS / length, 1.0])
    return Frame(float(middle[0]), float(middle[1]), length, height, stretched)
