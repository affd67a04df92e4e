"""Steepness of a tail: its integral and its draws, in machine code, for every cut-off and shape.

The integrand over log a is near to a normal, so that Gauss-Hermite nodes around its mode give the
integral; the mode is found by Fisher's scoring. log Z of a tail comes from a table.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array
from scalefit.inference.compiled import compiled, part

MEAN, SD = 0.5, 1.0
"""Prior mean and standard deviation of log a: 90% of it is between 0.3 and 8.5."""
STEPS = 10
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(5)
PLACES = 41
REACH = 6.0
"""Standard deviations around the mode within which draws are made."""
LARGEST = 12.0


@part
def _tail(table: Array, start: float, step: float, log_a: float) -> tuple[float, float, float]:
    """Return log Z (Hermite's cubic), mean and variance from a table over log a."""
    place = (log_a - start) / step
    i = min(max(int(place), 0), table.shape[1] - 2)
    v = place - i
    a0 = math.exp(start + i * step)
    a1 = a0 * math.exp(step)
    f0, f1 = table[0, i], table[0, i + 1]
    d0, d1 = -step * a0 * table[1, i], -step * a1 * table[1, i + 1]
    if not 0.0 <= v <= 1.0:  # beyond the table log Z is straight
        last = v > 1.0
        slope = (d1 if last else d0) / step
        log_z = f1 + (v - 1.0) * d1 if last else f0 + v * d0
        a = math.exp(log_a)
        return log_z, -slope / a, (slope / a) ** 2
    c2 = 3.0 * (f1 - f0) - 2.0 * d0 - d1
    c3 = 2.0 * (f0 - f1) + d0 + d1
    log_z = f0 + v * (d0 + v * (c2 + v * c3))
    slope = (d0 + v * (2.0 * c2 + 3.0 * v * c3)) / step
    spread = math.exp((1.0 - v) * math.log(table[2, i]) + v * math.log(table[2, i + 1]))
    return log_z, -slope / math.exp(log_a), spread


@part
def _whole(
    table: Array, start: float, step: float, log_a: float, p: float, q: float, d: Array, w: Array
) -> tuple[float, float, float]:
    """Return log Z, mean and variance of tail and shoulder together."""
    log_z, mean, spread = _tail(table, start, step, log_a)
    if w[0] == 0.0:
        return log_z, mean, spread
    z = math.exp(log_z)
    first, second = z * mean, z * (spread + mean * mean)
    slope = p * math.exp(log_a) + q
    for i in range(d.size):
        f = w[i] * math.exp(slope * d[i])
        s = -p * d[i]
        z += f
        first += f * s
        second += f * s * s
    mean = first / z
    return math.log(z), mean, max(second / z - mean * mean, 1e-12)


@part
def _mode(
    table: Array,
    start: float,
    step: float,
    k: float,
    s: float,
    p: float,
    q: float,
    d: Array,
    w: Array,
    log_a: float,
) -> tuple[float, float]:
    """Return mode of log a and its standard deviation there."""
    sd = SD
    for _ in range(STEPS):
        log_a = min(log_a, LARGEST)
        a = math.exp(log_a)
        _, mean, spread = _whole(table, start, step, log_a, p, q, d, w)
        slope = a * (k * mean - s) - (log_a - MEAN) / SD**2
        sd = 1.0 / math.sqrt(a * a * k * spread + SD**-2)
        move = min(max(slope * sd * sd, -1.0), 1.0)
        log_a += move
        if abs(move) < 0.02 * sd:
            break
    return log_a, sd


@compiled
def integrals(
    tables: Array,
    start: float,
    step: float,
    k: Array,
    s: Array,
    extra: Array,
    p: Array,
    q: Array,
    more: Array,
    far: Array,
    bent: Array,
    d: Array,
    w: Array,
) -> Array:
    """Return log evidence with the steepness integrated, shape (m, ratios, joints).

    Parameters
    ----------
    tables : shape (ratios or 1, 3, places)
        log Z, mean and variance over log a, from `start` by `step`.
    k : shape (m,)
        Numbers of values in the tails.
    s, extra, p, q : shape (m, ratios)
        As in `shapes.Sums`.
    more, far, bent : shape (m, joints)
        Numbers and sums over values of the shoulders.
    d, w : shape (joints, nodes)
        Nodes along the shoulders, and their weights.
    """
    found = np.empty((k.size, s.shape[1], d.shape[0]))
    for i in range(k.size):
        for r in range(s.shape[1]):
            table = tables[r if tables.shape[0] > 1 else 0]
            mode = math.log((k[i] + 1.0) / (s[i, r] + 1.0))
            for j in range(d.shape[0]):
                total = k[i] + more[i, j]
                whole = s[i, r] - p[i, r] * far[i, j]
                mode, sd = _mode(
                    table, start, step, total, whole, p[i, r], q[i, r], d[j], w[j], mode
                )
                top = -np.inf
                terms = np.empty(NODES.size)
                for n in range(NODES.size):
                    at = mode + sd * NODES[n]
                    z, _, _ = _whole(table, start, step, at, p[i, r], q[i, r], d[j], w[j])
                    terms[n] = -total * z - math.exp(at) * whole
                    terms[n] += 0.5 * NODES[n] ** 2 - 0.5 * ((at - MEAN) / SD) ** 2
                    top = max(top, terms[n])
                add = 0.0
                for n in range(NODES.size):
                    add += WEIGHTS[n] * math.exp(terms[n] - top)
                scale = sd / (SD * math.sqrt(2.0 * math.pi))
                found[i, r, j] = top + math.log(add * scale)
                found[i, r, j] += extra[i, r] + q[i, r] * far[i, j] - bent[i, j]
    return found


@compiled
def drawn(
    tables: Array,
    start: float,
    step: float,
    which: NDArray[np.intp],
    k: Array,
    s: Array,
    p: Array,
    q: Array,
    d: Array,
    w: Array,
    chance: Array,
) -> Array:
    """Return one log a for each draw, where its distribution function is `chance`, shape (n,).

    `k` and `s` are those of tail and shoulder together; d and w have a row for each draw.
    """
    found = np.empty(k.size)
    sums = np.empty(PLACES)
    for i in range(k.size):
        table = tables[which[i] if tables.shape[0] > 1 else 0]
        guess = math.log((k[i] + 1.0) / max(s[i] + 1.0, 0.1 * k[i]))
        mode, sd = _mode(table, start, step, k[i], s[i], p[i], q[i], d[i], w[i], guess)
        width = 2.0 * REACH * sd / PLACES
        first = mode - REACH * sd + 0.5 * width
        top, sums[0] = 0.0, 0.0
        for n in range(PLACES):
            at = first + n * width
            z, _, _ = _whole(table, start, step, at, p[i], q[i], d[i], w[i])
            log = -k[i] * z - math.exp(at) * s[i] - 0.5 * ((at - MEAN) / SD) ** 2
            top = log if n == 0 else max(top, log)
            sums[n] = log
        total = 0.0
        for n in range(PLACES):
            sums[n] = math.exp(sums[n] - top)
            total += sums[n]
        left, n = chance[i] * total, 0
        while n < PLACES - 1 and left > sums[n]:
            left -= sums[n]
            n += 1
        found[i] = first + width * (n - 0.5 + min(left / sums[n], 1.0))
    return found
