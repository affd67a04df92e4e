"""Theory of the perceptron at fixed norm: the curve of the loss's minimisers, for large N.

A load may be infinite; norm, error and the rest are then those of the scaling function, see
`saddle_point`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import log_expit

from .saddle_point import Angle, Fields, fields, hebb_tangent, newton, root, rule


@dataclass(frozen=True)
class Minimiser:
    """The minimiser of the logistic loss at one load and norm, for infinite N.

    At infinite load the norm stands for norm over load; errors, loss, response and multiplier for
    the limit of load times each; and the ridge for that of the squared load times ridge.

    Attributes
    ----------
    angle
        Between student and teacher, with the load.
    norm
        Length of the weights over sqrt(N).
    log_strength
        log K, see `saddle_point`; K itself overflows near maximal stability.
    exponent
        Minus d log(test error) / d log(norm).
    """

    angle: Angle
    norm: float
    log_strength: float
    exponent: float

    @property
    def load(self) -> float:
        """Examples per dimension."""
        return self.angle.load

    @property
    def test_error(self) -> float:
        """Probability that student and teacher disagree."""
        return self.angle.error

    @property
    def overlap(self) -> float:
        """Cosine of the angle between student and teacher, R."""
        return self.angle.cosine

    @property
    def response(self) -> float:
        """The parameter x of the saddle point; infinite where it overflows."""
        log_response = self.log_strength - math.log(4 * self.norm)
        return math.exp(log_response) if log_response < 700 else math.inf

    @property
    def train_loss(self) -> float:
        """Mean of `log(1 + exp(-2 lambda D0))` over the training examples."""
        return float(-self._fields.mass @ log_expit(self._fields.scaled)) / self._unit

    @property
    def train_error(self) -> float:
        """Fraction of the training examples on the wrong side: D0(t) < 0 where t < -x."""
        start, x = self.angle.lowest, self.response * self._unit
        if x >= -start:
            return 0.0
        t, weight = rule(start, -x, (-x,), self.angle.sine)
        return float(weight @ self.angle.density(t)) / self._unit

    @property
    def multipliers(self) -> tuple[float, float]:
        """The multiplier mu of the sphere, `grad L + mu w = 0`, from the force and the response.

        The two formulas agree only at the saddle point. At infinite load the second is 0: what is
        left of it is of higher order.
        """
        fields = self._fields
        response = 1 - float(fields.mass @ (fields.slope / (1 + fields.slope)))
        return math.exp(self._log_multiplier), response / self.response

    @property
    def log_ridge(self) -> float:
        """Logarithm of the strength zeta of the penalty `zeta |u|^2 / 2` with this minimiser.

        The penalty goes with the sum of `log(1 + exp(-2 y u.x / sqrt(N)))` over the examples.
        """
        return self._log_multiplier - math.log(self.norm)

    @property
    def ridge(self) -> float:
        """Strength of the penalty; 0 where it underflows, near maximal stability."""
        return math.exp(self.log_ridge)

    @property
    def _unit(self) -> float:
        """What lengths were multiplied by."""
        return 1.0 if math.isinf(self.load) else self.load

    @cached_property
    def _fields(self) -> Fields:
        return fields(self.angle, self.norm / self._unit, self.log_strength)

    @property
    def _log_multiplier(self) -> float:
        # 2 sigmoid(-z) D0 = 2 (y / K) z / (2 lambda), with y in place of the tiny sigmoid
        force = float(self._fields.mass @ (self._fields.shift * self._fields.scaled))
        return math.log(force / self.norm) - self.log_strength


class Curve:
    """The minimisers at one load, norm by norm; each starts the search for the next.

    Parameters
    ----------
    load : examples per dimension
        Tested from 0.01 to 1e6, and infinite.
    """

    def __init__(self, load: float) -> None:
        self.load = load
        self._unit = 1.0 if math.isinf(load) else load
        # Hebb's rule, and its x, are near enough for Newton's method somewhat before the elbow
        self._log_norm = math.log(min(1.0, math.sqrt(load)) / self._unit)
        log_strength = math.log(4) + self._log_norm - math.log(1 / load + 2 / math.pi) / 2
        self._point = np.array([math.log(hebb_tangent(load)), log_strength])
        self._slopes = np.zeros(2)

    def at(self, norm: float) -> Minimiser:
        """Return the minimiser at a norm, tested from 1e-4 to 1e4.

        Source
        ------
        The equations at the head of `saddle_point`, by Newton's method in the logarithms of
        tangent and K, starting from the last solution and its slope. Jumps in norm are taken in
        strides of a factor of ten, shorter ones where Newton's method fails.
        """
        goal, stride = math.log(norm / self._unit), math.log(10)
        while True:
            change = min(max(goal - self._log_norm, -stride), stride)
            log_norm = self._log_norm + change
            solved = newton(self.load, math.exp(log_norm), self._point + self._slopes * change)
            if solved is None:
                stride /= 2
                if stride < 1e-3:
                    raise ArithmeticError(f"no saddle point found at load {self.load}, {norm=}")
                continue
            self._point, self._slopes = solved
            self._log_norm = log_norm
            if log_norm == goal:
                break
        angle = Angle(self.load, math.exp(self._point[0]))
        turned = math.pi * angle.error * self._unit
        exponent = -self._slopes[0] * angle.sine * angle.cosine / turned
        return Minimiser(angle, norm, float(self._point[1]), float(exponent))


def fixed_norm(load: float, norms: Iterable[float]) -> list[Minimiser]:
    """Return the minimisers of the logistic loss at each of several norms.

    Parameters
    ----------
    load : examples per dimension
    norms : fastest in order
        Over the load, where that is infinite.
    """
    curve = Curve(load)
    return [curve.at(norm) for norm in norms]


def at_ridge(load: float, ridges: Iterable[float]) -> list[Minimiser]:
    """Return the minimisers of the sum of the losses plus `ridge |u|^2 / 2`, for several ridges.

    Each lies on the curve of fixed norm, where the multiplier over the norm is the ridge.

    Parameters
    ----------
    load : examples per dimension
    ridges : > 0, fastest in order
        See `Minimiser.log_ridge` for the loss they go with.
    """
    curve, log_norm, found = Curve(load), 0.0, []
    for ridge in ridges:

        def excess(trial: float, wanted: float = math.log(ridge)) -> float:
            return wanted - curve.at(math.exp(trial)).log_ridge

        log_norm = root(excess, log_norm, 0.1)
        found.append(curve.at(math.exp(log_norm)))
    return found


def optimum(load: float) -> Minimiser:
    """Return the minimiser at the norm of least test error.

    Parameters
    ----------
    load : examples per dimension
        At infinite load, norm and error are those of the scaling function.
    """
    curve = Curve(load)
    guess = 0.88 if math.isinf(load) else 0.88 * load + 0.3
    best = root(lambda trial: -curve.at(math.exp(trial)).exponent, math.log(guess), 0.02)
    return curve.at(math.exp(best))
