"""Published forms of learning curves, fitted by least squares, a straight line, and `last value`.

Every baseline is `fit(x, y, rng) -> LogNormal`, for x and y of shape (n,), positive, sorted by x.
All are fitted to log y by non-linear least squares inside bounds, positive parameters as logs, from
several starts that depend on the data alone (`rng` is not used); the best fit to the training rows
is kept. A floor lies below every training value, as it must where y minus floor is a power law.
x and y are first divided by their geometric means, so that bounds and starts need no unit.

None of the sources gives a predictive distribution for a least-squares fit. To score density and
coverage, each baseline here has the plainest one: log y is Gaussian around the fitted curve with
one standard deviation, that of the training residuals with n - p degrees of freedom (n points, p
parameters; at least one), and at least 1e-4. Uncertainty of the parameters is not in it, and where
n <= p the standard deviation says little.

Source: M1 to M4 from I. Alabdulmohsin, B. Neyshabur, X. Zhai (2022), arXiv:2209.06640; BNSL from
E. Caballero, K. Gupta, I. Rish, D. Krueger (2023), arXiv:2210.14891.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.optimize import least_squares
from scipy.special import expit, ndtri

from scalefit.arrays import Array

Curve = Callable[[Array, Array], Array]  # parameters, log x -> log y, both scaled

SMALLEST_SD = 1e-4  # of log y; a fit through every point claims no less
EXPONENTS = (1e-4, 10.0)
TAIL, TAIL_POINTS = 1 / 6, 4  # of the straight line: share of the range of log x, points
FLOOR_SHARES = (0.01, 0.5, 0.9)  # starts: floor as a share of the smallest y


@dataclass(frozen=True)
class LogNormal:
    """Predicted curve with the same Gaussian scatter of log y everywhere.

    Attributes
    ----------
    log_curve
        Natural log of the predicted y at each x.
    sd
        Standard deviation of log y around it.
    """

    log_curve: Callable[[Array], Array]
    sd: float

    def median(self, x: Array) -> Array:
        """Return the predicted y at each x."""
        predicted: Array = np.exp(self.log_curve(x))
        return predicted

    def log_density(self, x: Array, y: Array) -> Array:
        """Return log N(log y; log curve, sd) - log y: the log density of y, on the scale of y."""
        log_y = np.log(np.asarray(y, dtype=np.float64))
        z = (log_y - self.log_curve(x)) / self.sd
        density: Array = -0.5 * z**2 - np.log(self.sd * np.sqrt(2 * np.pi)) - log_y
        return density

    def interval(self, x: Array, level: float) -> tuple[Array, Array]:
        """Return the central band that holds a new point with probability `level`."""
        half = self.sd * ndtri(0.5 + level / 2)
        middle = self.log_curve(x)
        return np.exp(middle - half), np.exp(middle + half)


def last_value(x: Array, y: Array, rng: np.random.Generator) -> LogNormal:
    """Predict the last training value: y = y_n."""
    last = np.log(y[-1])
    return LogNormal(lambda x: np.full(np.shape(x), last), scatter(np.log(y) - last, 1))


def tail_line(x: Array, y: Array, rng: np.random.Generator) -> LogNormal:
    """Fit a straight line, in log y against log x, to the last part of the curve.

    That is the last `TAIL` of the range of log x, with at least `TAIL_POINTS` points.
    """
    begin = np.log(x[-1]) - TAIL * np.log(x[-1] / x[0])
    first = min(int(np.searchsorted(np.log(x), begin)), max(0, x.size - TAIL_POINTS))
    return m1(x[first:], y[first:], rng)


def m1(x: Array, y: Array, rng: np.random.Generator) -> LogNormal:
    """Fit M1, a power law: y = b x^c.

    The fit to log y is linear; c may have either sign.

    Source
    ------
    Alabdulmohsin et al. (2022), estimator M1.
    """
    log_x, scaled_y = _scaled(x, y)
    return _predict(m1_curve, _linear(np.log(scaled_y), [log_x]), x, y)


def m1_curve(p: Array, log_x: Array) -> Array:
    """Return log y of M1 at parameters (log b, c)."""
    log_y: Array = p[0] + p[1] * log_x
    return log_y


def m2(x: Array, y: Array, rng: np.random.Generator) -> LogNormal:
    """Fit M2, a power law above a floor: y = b x^c + e, with b, e > 0 and c < 0.

    Source
    ------
    Alabdulmohsin et al. (2022), estimator M2.
    """
    log_x, scaled_y = _scaled(x, y)
    starts = []
    for share in FLOOR_SHARES:
        floor = share * scaled_y.min()
        level, slope = _linear(np.log(scaled_y - floor), [log_x])
        starts.append([level, _log_exponent(-slope), np.log(floor)])
    bounds = [(-50.0, 50.0), tuple(np.log(EXPONENTS)), _floors(scaled_y)]
    return _fit(m2_curve, starts, bounds, x, y)


def m2_curve(p: Array, log_x: Array) -> Array:
    """Return log y of M2 at parameters (log b, log -c, log e)."""
    log_y: Array = np.logaddexp(p[0] - np.exp(p[1]) * log_x, p[2])
    return log_y


def m3(x: Array, y: Array, rng: np.random.Generator) -> LogNormal:
    """Fit M3, a power law in a shifted inverse of x: y = b (1/x + g)^c, with b, g, c > 0.

    Source
    ------
    Alabdulmohsin et al. (2022), estimator M3.
    """
    log_x, scaled_y = _scaled(x, y)
    starts = []
    for log_g in (-log_x[-1] - 3, -log_x[-1], 0.0, -log_x[0]):
        level, slope = _linear(np.log(scaled_y), [np.logaddexp(-log_x, log_g)])
        starts.append([level, _log_exponent(slope), log_g])
    bounds = [(-50.0, 50.0), tuple(np.log(EXPONENTS)), (-log_x[-1] - 15, -log_x[0] + 5)]
    return _fit(m3_curve, starts, bounds, x, y)


def m3_curve(p: Array, log_x: Array) -> Array:
    """Return log y of M3 at parameters (log b, log c, log g)."""
    log_y: Array = p[0] + np.exp(p[1]) * np.logaddexp(-log_x, p[2])
    return log_y


def m4(x: Array, y: Array, rng: np.random.Generator) -> LogNormal:
    """Fit M4, which bends towards a ceiling at small x: (y - e_inf) / (e_0 - y)^a = b x^c.

    All of a, b and e_inf are positive and c is negative; every training y lies between e_inf and
    e_0. The predicted y is what solves the equation, so that residuals are those of log y as in the
    other fits. The authors' own code minimises those of the log of both sides instead.

    Source
    ------
    Alabdulmohsin et al. (2022), estimator M4.
    """
    log_x, scaled_y = _scaled(x, y)
    low, high = scaled_y.min(), scaled_y.max()
    starts = []
    for share in FLOOR_SHARES:
        for factor in (1.02, 1.3, 3.0):
            floor, ceiling = share * low, factor * high
            level, slope, a = _linear(np.log(scaled_y - floor), [log_x, np.log(ceiling - scaled_y)])
            a = np.clip(a, 0.05, 20.0)
            level, slope = _linear(
                np.log(scaled_y - floor) - a * np.log(ceiling - scaled_y), [log_x]
            )
            starts.append([level, _log_exponent(-slope), np.log(a), np.log(floor), np.log(ceiling)])
    bounds = [
        (-50.0, 50.0),
        tuple(np.log(EXPONENTS)),
        (np.log(1e-3), np.log(1e2)),
        _floors(scaled_y),
        (np.log(high), np.log(1e2 * high)),
    ]
    return _fit(m4_curve, starts, bounds, x, y)


def m4_curve(p: Array, log_x: Array) -> Array:
    """Return log y of M4 at parameters (log b, log -c, log a, log e_inf, log e_0).

    With y = e_inf + (e_0 - e_inf) expit(t), the equation becomes one in t alone.
    """
    a = np.exp(p[2])
    log_span = p[4] + np.log1p(-np.exp(p[3] - p[4]))
    t = m4_root(p[0] - np.exp(p[1]) * log_x - (1 - a) * log_span, a)
    log_y: Array = np.logaddexp(p[3], log_span - np.logaddexp(0.0, -t))
    return log_y


def m4_root(target: Array, a: float) -> Array:
    """Return t such that a log(1 + e^t) - log(1 + e^-t) = target, elementwise.

    The left side rises with t, is concave for a < 1 and convex for a > 1, and has the asymptotes t
    and a t; from the nearer one, Newton's method approaches the root from one side. A step that
    rounding carries out of the bracket is replaced by a bisection.

    Parameters
    ----------
    target : shape (n,)
        Right-hand side.
    a : > 0
        Exponent of e_0 - y.
    """
    outer = np.maximum if a < 1 else np.minimum
    shifted = target + (1 - a) * np.log(2.0)  # the gap between left side and asymptotes at most
    t = outer(target, target / a)
    other = outer(shifted, shifted / a)
    low, high = np.minimum(t, other), np.maximum(t, other)
    for _ in range(100):
        gap = a * np.logaddexp(0.0, t) - np.logaddexp(0.0, -t) - target
        low, high = np.where(gap < 0, t, low), np.where(gap > 0, t, high)
        newton = t - gap / (expit(-t) + a * expit(t))
        inside = (newton >= low) & (newton <= high)
        following = np.where(inside, newton, 0.5 * (low + high))
        done = np.all(np.abs(following - t) <= 1e-14 * (1 + np.abs(t)))
        t = following
        if done:
            break
    return t


def bnsl(x: Array, y: Array, rng: np.random.Generator, *, breaks: int = 1) -> LogNormal:
    """Fit a smoothly broken power law above a floor.

    y = a + b x^-c_0 prod_i (1 + (x / d_i)^(1 / f_i))^(-c_i f_i), with a, b, c_0, d_i, f_i > 0.
    Breaks lie inside the range of the data; there is one start per choice of their positions from
    six.

    Parameters
    ----------
    breaks
        How many factors the product has.

    Source
    ------
    Caballero et al. (2023), "Broken Neural Scaling Laws", eq. 1.
    """
    log_x, scaled_y = _scaled(x, y)
    places = np.linspace(log_x[0], log_x[-1], 8)[1:-1]
    starts = []
    for place in combinations(places, breaks):
        tried = []
        for width in (0.05, 0.3, 1.0):
            bends = [_bend(log_x, d, width) for d in place]
            for share in FLOOR_SHARES:
                floor = share * scaled_y.min()
                level, slope, *changes = _linear(np.log(scaled_y - floor), [log_x, *bends])
                start = [np.log(floor), level, _log_exponent(-slope)]
                for d, change in zip(place, changes, strict=True):
                    start += [np.clip(-change, -5, 5), d, np.log(width)]
                misfit = bnsl_curve(np.array(start), log_x) - np.log(scaled_y)
                tried.append((float(misfit @ misfit), start))
        starts.append(min(tried)[1])
    bounds = [
        _floors(scaled_y),
        (-50.0, 50.0),
        tuple(np.log(EXPONENTS)),
    ]
    bounds += breaks * [
        (-EXPONENTS[1], EXPONENTS[1]),
        (log_x[0], log_x[-1]),
        (np.log(1e-2), np.log(10.0)),
    ]
    return _fit(bnsl_curve, starts, bounds, x, y)


def bnsl_curve(p: Array, log_x: Array) -> Array:
    """Return log y at parameters (log a, log b, log c_0) and, per break, (c, log d, log f)."""
    fall = p[1] - np.exp(p[2]) * log_x
    for change, log_d, log_f in p[3:].reshape(-1, 3):
        fall = fall - change * _bend(log_x, log_d, np.exp(log_f))
    log_y: Array = np.logaddexp(p[0], fall)
    return log_y


def _bend(log_x: Array, log_d: float, width: float) -> Array:
    """Return f log(1 + (x / d)^(1 / f)): flat below the break, of slope one above it."""
    bend: Array = width * np.logaddexp(0.0, (log_x - log_d) / width)
    return bend


def _scaled(x: Array, y: Array) -> tuple[Array, Array]:
    """Return log x and y, both over their geometric means."""
    log_x: Array = np.log(x)
    log_y: Array = np.log(y)
    return log_x - log_x.mean(), np.exp(log_y - log_y.mean())


def _floors(y: Array) -> tuple[float, float]:
    """Return the range of the log of a floor, which lies below every training value."""
    return float(np.log(1e-6 * y.min())), float(np.log((1 - 1e-9) * y.min()))


def _linear(values: Array, columns: Sequence[Array]) -> Array:
    """Return intercept and slopes of a linear least-squares fit."""
    design = np.column_stack([np.ones_like(values), *columns])
    return np.asarray(np.linalg.lstsq(design, values, rcond=None)[0], dtype=np.float64)


def _log_exponent(exponent: float) -> float:
    """Return the log of an exponent brought inside its bounds."""
    return float(np.log(np.clip(exponent, *EXPONENTS)))


def _fit(
    curve: Curve,
    starts: Iterable[Sequence[float]],
    bounds: Sequence[Sequence[float]],
    x: Array,
    y: Array,
) -> LogNormal:
    """Return the best of the least-squares fits from every start."""
    log_x, scaled_y = _scaled(x, y)
    log_y = np.log(scaled_y)
    low, high = np.array(bounds).T

    def residuals(p: Array) -> Array:
        return curve(p, log_x) - log_y

    fits = [
        least_squares(
            residuals,
            np.clip(start, low, high),
            bounds=(low, high),
            xtol=1e-10,
            ftol=1e-10,
            gtol=1e-10,
            max_nfev=300,
        )
        for start in starts
    ]
    best = min(fits, key=lambda fit: float(fit.cost))
    return _predict(curve, best.x, x, y)


def _predict(curve: Curve, parameters: Array, x: Array, y: Array) -> LogNormal:
    """Return a fitted curve in the units of the data, with the scatter of its residuals."""
    x_shift, y_shift = np.log(x).mean(), np.log(y).mean()

    def log_curve(x: Array) -> Array:
        log_y: Array = y_shift + curve(parameters, np.log(x) - x_shift)
        return log_y

    return LogNormal(log_curve, scatter(np.log(y) - log_curve(x), len(parameters)))


def scatter(residuals: Array, parameters: int) -> float:
    """Return the standard deviation of residuals of a fit with that many parameters."""
    freedom = max(1, residuals.size - parameters)
    return max(SMALLEST_SD, float(np.sqrt(residuals @ residuals / freedom)))


BASELINES: dict[str, Callable[[Array, Array, np.random.Generator], LogNormal]] = {
    "last_value": last_value,
    "tail_line": tail_line,
    "M1": m1,
    "M2": m2,
    "M3": m3,
    "M4": m4,
    "BNSL": bnsl,
}
