"""Deterministic equivalent: the mean test loss of ridge regression on random features.

Latent features are normal with variances lambda_i; P features are random projections of them; D
examples carry label noise of variance s2; the objective is the mean squared residual plus `ridge`
times the squared norm. With df1(k) = sum lambda/(lambda+k) and df2(k) = sum (lambda/(lambda+k))^2

    ridge = kappa (1 - df1/D) (1 - df1/P)                          gives kappa
    rho   = (P - df1) / (P - df2)
    R     = sum lambda w^2 [kappa/(lambda+kappa) - rho kappa lambda/(lambda+kappa)^2]
    gamma = (df1 - rho (df1 - df2)) / D
    loss  = (R + s2) / (1 - gamma) - s2

and the training loss, noise included, is (loss + s2) (1 - df1/D)^2. Without a ridge, df1 is the
smaller of D and P. It is a limit of large sizes: simulations lie above it by 1 to 5% at 16, and by
less than 1% from 64 on.

Source
------
Simon, Dickens, Karkada, DeWeese (2021), arXiv:2110.03922, for infinitely many features; Atanasov,
Zavatone-Veth, Pehlevan (2024), arXiv:2405.00592, and Defilippis, Loureiro, Misiakiewicz (2024),
arXiv:2405.15699, for equivalent forms with finitely many.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalefit.arrays import Array
from scalefit.errors import ConfigError

from .spectrum import Modes

T = TypeVar("T", Array, NDArray[np.complex128])
Balance = Callable[[Array, NDArray[np.intp]], tuple[Array, Array]]
CELLS = 256
"""Sizes whose sums over modes are taken at once, so that they stay in a core's cache."""
ENTRIES = 2**18
"""Numbers of an array over sizes and modes, at most, for the same."""
ITERATIONS, CLOSE = 200, 1e-14
TINY = 1e-6
"""Kappa over the smallest eigenvalue, at which practically all modes are learned."""
GOLDEN = (np.sqrt(5) - 1) / 2
NARROW = 64
"""Steps of golden sections; a minimum is flat, and half of the digits are all there is."""


class Equivalent(NamedTuple):
    """What theory says of every cell; all of the shape to which the arguments broadcast.

    Attributes
    ----------
    kappa
        Eigenvalue above which modes are learned.
    learned
        df1, the effective number of learned modes.
    ridge
        The one that was given, or the best one.
    test_loss
        Mean squared error on new inputs, noise left out.
    train_loss
        Mean squared residual, noise included.
    """

    kappa: Array
    learned: Array
    ridge: Array
    test_loss: Array
    train_loss: Array


def equivalent(
    modes: Modes,
    n_train: ArrayLike,
    n_params: ArrayLike,
    ridge: ArrayLike = 0.0,
    noise: ArrayLike = 0.0,
) -> Equivalent:
    """Return the deterministic equivalent; all arguments but the modes broadcast.

    Parameters
    ----------
    n_train, n_params : > 0, `inf` for infinitely many
        Examples D and features P.
    ridge : >= 0
        Strength of the penalty on the squared norm, beside the mean squared residual.
    noise : >= 0
        Variance of the labels' noise.

    Raises
    ------
    ConfigError
        If a number is out of range.

    Examples
    --------
    >>> from scalefit.trainers.random_features.spectrum import power_law
    >>> print(equivalent(power_law(1e11, 0.5), [16, 256], np.inf).test_loss.round(6))
    [0.897923 0.23436 ]
    """
    D, P, ridge_, s2 = _checked(n_train, n_params, ridge, noise)
    kappa = solve(modes, D, P, ridge_)
    return at(modes, kappa, D, P, s2, ridge_)


def best_ridge(
    modes: Modes, n_train: ArrayLike, n_params: ArrayLike, noise: ArrayLike = 0.0
) -> Equivalent:
    """Return the same at the ridge that has the least test loss, 0 where none is better.

    The search is by golden sections in log kappa, on which the ridge depends explicitly.
    """
    D, P, _, s2 = _checked(n_train, n_params, 0.0, noise)
    bare = solve(modes, D, P, np.zeros_like(D))
    low = np.log(np.maximum(bare, modes.eigenvalue[-1] * TINY))
    high = np.maximum(np.log(modes.eigenvalue[0]) + 10.0, low + 10.0)

    def loss(log_kappa: Array) -> Array:
        return at(modes, np.exp(log_kappa), D, P, s2).test_loss

    ends = [low, high]
    inner = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)]
    values = [loss(one) for one in inner]
    for _ in range(NARROW):
        left = values[0] < values[1]
        ends = [np.where(left, ends[0], inner[0]), np.where(left, inner[1], ends[1])]
        span = GOLDEN * (ends[1] - ends[0])
        inner = [
            np.where(left, ends[1] - span, inner[1]), np.where(left, inner[0], ends[0] + span)
        ]  # fmt: skip
        fresh = loss(np.where(left, inner[0], inner[1]))
        values = [np.where(left, fresh, values[1]), np.where(left, values[0], fresh)]
    middle = np.exp((ends[0] + ends[1]) / 2)
    found = at(modes, middle, D, P, s2)
    none = at(modes, bare, D, P, s2, np.zeros_like(D))
    worse = none.test_loss <= found.test_loss * (1 + 1e-12)
    return Equivalent(*(np.where(worse, a, b) for a, b in zip(none, found, strict=True)))


def at(
    modes: Modes, kappa: Array, D: Array, P: Array, noise: Array, ridge: Array | None = None
) -> Equivalent:
    """Return what theory says where kappa is known.

    Parameters
    ----------
    kappa, D, P, noise : one shape
        As above.
    ridge
        As above; what belongs to kappa by default.
    """
    df1, df2, linear, square = sums(modes, kappa)
    one, two = df1 / D, df1 / P
    with np.errstate(divide="ignore", invalid="ignore"):
        if ridge is None:
            ridge = kappa * (1 - one) * (1 - two)
        bare = (ridge == 0) & (kappa > 0)  # as many modes are learned as there are sizes
        rho = np.where(bare & (P < D), 0.0, (1 - two) / (1 - df2 / P))
        rho = np.where(bare & (D == P), 0.0, rho)
        gamma = np.where(bare & (D == P), 1.0, (df1 - rho * (df1 - df2)) / D)
        test = (linear - rho * square + noise) / (1 - gamma) - noise
        left = np.where(bare & (D <= P), 0.0, 1 - one)
        train = np.where(left == 0, 0.0, (test + noise) * left**2)
    return Equivalent(kappa, df1, ridge, test, train)


def solve(modes: Modes, D: Array, P: Array, ridge: Array) -> Array:
    """Return kappa, where ridge = kappa (1 - df1/D) (1 - df1/P); 0 where all modes are learned.

    Newton's method in log kappa within a bracket, halved where a step would leave it: the function
    is flat at both ends.
    """
    total = float(modes.eigenvalue @ modes.copies)
    shape = D.shape
    D, P, ridge = D.ravel(), P.ravel(), ridge.ravel()
    smaller, unique = np.unique(np.minimum(D, P), return_inverse=True)
    bare = _ridgeless(modes, smaller, total)[unique]
    wanted = ridge > 0
    kappa = bare.copy()
    if not wanted.any():
        return kappa.reshape(shape)
    D, P, ridge, bare = D[wanted], P[wanted], ridge[wanted], bare[wanted]
    low = np.log(np.maximum(bare, ridge))
    high = np.log(ridge + total * (1 / D + 1 / P))

    def balance(log_kappa: Array, cells: NDArray[np.intp]) -> tuple[Array, Array]:
        value = np.exp(log_kappa)
        df1, df2 = sums(modes, value)[:2]
        d, p = D[cells], P[cells]
        left = np.maximum(1 - df1 / d, 0.0), np.maximum(1 - df1 / p, 0.0)
        f = log_kappa + np.log(left[0]) + np.log(left[1]) - np.log(ridge[cells])
        return f, 1 + (df1 - df2) * (1 / (d * left[0]) + 1 / (p * left[1]))

    kappa[wanted] = np.exp(_root(balance, low, high))
    return kappa.reshape(shape)


def _ridgeless(modes: Modes, smaller: Array, total: float) -> Array:
    """Return kappa at which df1 is `smaller`, 0 where there are not more modes than that."""
    kappa = np.zeros(smaller.shape)
    few = smaller < modes.total * (1 - 1e-12)
    if few.any():
        wanted = smaller[few]
        least = modes.eigenvalue[-1]

        def balance(log_kappa: Array, cells: NDArray[np.intp]) -> tuple[Array, Array]:
            df1, df2 = sums(modes, np.exp(log_kappa))[:2]
            return np.log(wanted[cells] / df1), (df1 - df2) / df1

        low = np.log(least * np.maximum(modes.total - wanted, 1e-12) / wanted) - 1e-9
        kappa[few] = np.exp(_root(balance, low, np.log(total / wanted) + 1e-9))
    return kappa


def _root(balance: Balance, low: Array, high: Array) -> Array:
    """Return the roots of increasing functions of log kappa that lie between two arrays.

    `balance(x, cells)` gives value and slope of the functions of some cells.
    """
    low, high = low.copy(), np.maximum(high, low)
    x = (low + high) / 2
    active = np.arange(x.size)
    for _ in range(ITERATIONS):
        now = x[active]
        with np.errstate(divide="ignore", invalid="ignore"):
            f, slope = balance(now, active)
            step = now - f / slope
        below = ~(f > 0)
        low[active] = np.where(below, now, low[active])
        high[active] = np.where(below, high[active], now)
        inside = (step > low[active]) & (step < high[active])
        fresh = np.where(inside, step, (low[active] + high[active]) / 2)
        x[active] = fresh
        moving = np.abs(fresh - now) > CLOSE * np.maximum(1.0, np.abs(now))
        active = active[moving]
        if not active.size:
            break
    return x


def sums(modes: Modes, kappa: T) -> tuple[T, T, T, T]:
    """Return df1, df2, and the sums of lambda w^2 with kappa/(..) and kappa lambda/(..)^2.

    Parameters
    ----------
    kappa
        Real or complex, of any shape, which the sums have too.
    """
    flat: Any = np.ravel(kappa)
    found = np.empty((4, flat.size), dtype=flat.dtype)
    weights = np.stack([modes.copies, modes.copies * modes.power], 1)
    chunk = max(min(CELLS, ENTRIES // len(weights)), 1)
    for first in range(0, flat.size, chunk):
        part = slice(first, first + chunk)
        leak = flat[part, None] / (modes.eigenvalue + flat[part, None])
        kept = 1 - leak
        found[0, part] = kept @ weights[:, 0]
        found[1, part] = (kept * kept) @ weights[:, 0]
        found[2, part] = leak @ weights[:, 1]
        found[3, part] = (leak * kept) @ weights[:, 1]
    df1, df2, linear, square = found.reshape(4, *np.shape(kappa))
    return df1, df2, linear, square


def _checked(*values: ArrayLike) -> tuple[Array, Array, Array, Array]:
    """Return the arguments as arrays of one shape."""
    D, P, ridge, noise = np.broadcast_arrays(*(np.asarray(one, dtype=float) for one in values))
    for name, one in (("n_train", D), ("n_params", P)):
        if not np.all(one > 0):
            raise ConfigError(f"argument '{name}' must be > 0; inf for infinitely many")
    for name, one in (("ridge", ridge), ("noise", noise)):
        if not (np.all(one >= 0) and np.all(np.isfinite(one))):
            raise ConfigError(f"argument '{name}' must be finite and >= 0")
    return D, P, ridge, noise
