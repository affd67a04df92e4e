"""Spectrum of a kernel: eigenvalues, and what the target has in each mode.

Latent features are independent and normal, the i-th with variance `lambda_i`; the target is their
sum with weights w_i. All that theory needs are sums of smooth functions over the modes, and a sum
over many modes that follow a formula is taken at a few of them: the nodes of Gauss's rule for sums
over consecutive integers, three in every bin.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scalefit.arrays import Array
from scalefit.errors import ConfigError

HEAD = 64
"""Modes that are kept one by one."""
RATIO = 1.1
"""Last index over first of a bin; the rule is then good to some 1e-10 of the bin's sum."""


class Modes(NamedTuple):
    """Modes of a kernel, falling.

    Attributes
    ----------
    eigenvalue : shape (mode,), > 0
        Variance of a latent feature.
    power : shape (mode,), >= 0
        Its variance times the mean square of the target's weight on it.
    copies : shape (mode,)
        For how many modes it stands, whole or not.
    """

    eigenvalue: Array
    power: Array
    copies: Array

    @property
    def total(self) -> float:
        """Return the number of modes."""
        return float(self.copies.sum())


def power_law(
    modes: float, exponent: float, teacher: float = 0.0, *, head: int = HEAD, ratio: float = RATIO
) -> Modes:
    """Return the modes of the spectrum i^-(1 + exponent) for i = 1 ... modes.

    Parameters
    ----------
    modes : >= 1
        How many, such as 1e11 for practically infinitely many; some ten nodes stand for a decade
        of them.
    exponent : > 0
        alpha_K, with which the loss falls in data or in features.
    teacher
        The mean square of the target's i-th weight is i^-teacher; 0 is an isotropic target.
    head : >= 1
        Modes that are kept one by one.
    ratio : > 1
        Last index over first of a bin of the others.

    Examples
    --------
    >>> few, all_ = power_law(1e6, 0.5), power_law(1e6, 0.5, head=10**6)
    >>> len(few.copies) < 500, bool(abs((few.power @ few.copies) / all_.power.sum() - 1) < 1e-10)
    (True, True)
    """
    index, count = nodes(int(modes), head, ratio)
    eigenvalue = index ** -(1.0 + exponent)
    return Modes(eigenvalue, eigenvalue * index**-teacher, count)


def nodes(modes: int, head: int = HEAD, ratio: float = RATIO) -> tuple[Array, Array]:
    """Return indices from 1 to `modes` and weights with which a sum over them is that over all.

    Source
    ------
    Gauss's rule of the discrete Chebyshev polynomials, orthogonal on consecutive integers; their
    recurrence as in Gautschi (2004), "Orthogonal polynomials: computation and approximation",
    table 1.2.
    """
    head = min(head, modes)
    edges = [head]
    while edges[-1] < modes:
        edges.append(min(max(edges[-1] + 1, int(edges[-1] * ratio)), modes))
    first = np.array(edges[:-1], dtype=float) + 1
    last = np.array(edges[1:], dtype=float)
    size, middle = last - first + 1, (first + last) / 2
    one, two = (size**2 - 1) / 12, (size**2 - 4) / 15  # the recurrence's coefficients
    wide = size > 3
    reach = np.sqrt(one + two, where=wide, out=np.ones_like(size))
    side = np.divide(one, 2 * (one + two), where=wide, out=np.full_like(size, 1 / 3))
    index = [np.arange(1.0, head + 1)]
    count = [np.ones(head)]
    index.append(np.stack([middle - reach, middle, middle + reach], 1)[wide].ravel())
    count.append((size[:, None] * np.stack([side, 1 - 2 * side, side], 1))[wide].ravel())
    for begin, end in zip(first[~wide], last[~wide], strict=True):
        index.append(np.arange(begin, end + 1))
        count.append(np.ones(int(end - begin) + 1))
    order = np.argsort(np.concatenate(index))
    return np.concatenate(index)[order], np.concatenate(count)[order]


def given(eigenvalues: Array, power: Array | None = None) -> Modes:
    """Return the modes of a kernel whose eigenvalues are known, such as those of a Gram matrix.

    Parameters
    ----------
    eigenvalues : shape (mode,), > 0
        In any order.
    power : shape (mode,), >= 0
        Of the target in each mode; the eigenvalues, an isotropic target, by default.

    Raises
    ------
    ConfigError
        If a number is out of range, or the shapes differ.
    """
    eigenvalues = np.asarray(eigenvalues, dtype=float)
    power = eigenvalues if power is None else np.asarray(power, dtype=float)
    if eigenvalues.ndim != 1 or eigenvalues.shape != power.shape or not eigenvalues.size:
        raise ConfigError(
            f"eigenvalues of shape {eigenvalues.shape} and power of shape {power.shape}; give two "
            "lists of one length"
        )
    if not (np.all(np.isfinite(eigenvalues)) and np.all(eigenvalues > 0)):
        raise ConfigError("eigenvalues must be finite and > 0: drop those that vanish")
    if not (np.all(np.isfinite(power)) and np.all(power >= 0)):
        raise ConfigError("power must be finite and >= 0: it is a mean square")
    order = np.argsort(-eigenvalues, kind="stable")
    return Modes(eigenvalues[order], power[order], np.ones(eigenvalues.size))
