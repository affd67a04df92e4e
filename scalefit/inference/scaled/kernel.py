"""The collapse law with everything linear and the noise scale integrated out, compiled.

Given the outer parameters z (gaps between crossovers, widths, shift, steepness, and the noise's
autocorrelation and displacement of runs) log y is linear in level, exponents, gamma_0 and drift,
which have normal priors; noise is normal. What is left is a normal regression: in the coordinates
of the eigenvectors of its Gram matrix the likelihood is a sum over columns, whatever the noise
scale, which is integrated over by a quadrature around its mode. Nothing here is approximate but
that quadrature.

With known errors the noise scale is no common factor; it is then an outer parameter.

One file of more than 400 lines, for the reason that `collapsed/kernel.py` gives.

`shape` holds the whole numbers of a model and `prior` the constants of its priors, in the places
named below. u is log x and p is log P, both from the middles of their ranges, u stretched.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array
from scalefit.inference.compiled import compiled, part

# Places in `shape`.
CROSSOVERS = 0  # how many; the others are flags
CORRELATED = 1  # AR(1) within runs
EFFECT = 2  # runs are displaced as a whole
OUTER_NOISE = 3  # the noise scale is among the outer parameters
FREE = 4  # gamma_0 of the first regime is free
DRIFT = 5  # the last exponent drifts with P

# Places in `prior`: means and standard deviations, of logarithms where so said.
WIDTH, WIDTH_SD = 0, 1  # log, in nats of stretched log x
STEEPNESS, STEEPNESS_SD = 2, 3  # log
CENTRE = 4  # exponents ~ Normal(centre, 1) x steepness
SHIFT, SHIFT_SD = 5, 6
GAMMA, GAMMA_SD = 7, 8  # of gamma_0 of the first regime; its value where it is held
LEVEL, LEVEL_SD = 9, 10  # log
DRIFTED, DRIFTED_SD = 11, 12  # drift ~ Normal x steepness
NOISE, NOISE_SD = 13, 14  # log
RUN, RUN_SD = 15, 16  # log

RESOLUTION = 1e-12  # variance of log y below which nothing is believed
LOG_TWO_PI = math.log(2.0 * math.pi)
NODES, WEIGHTS = np.polynomial.hermite.hermgauss(15)
LOG_WEIGHTS = np.log(WEIGHTS) + NODES**2
WIDER = 1.15  # the quadrature's width, in standard deviations of the noise scale's logarithm
GRID = 65  # points from which the noise scale is drawn
REACH = 7.0  # how far they go, in standard deviations


class Given(NamedTuple):
    """Points of r runs and their model, in the order in which `evaluate` takes them.

    Attributes
    ----------
    u, p, y : shape (n,)
        Stretched log x and log P from their middles, and log y.
    error : shape (n,)
        Known variance of log y.
    gap : shape (n,)
        Distance to the point before; infinite at the first of a run.
    begin : shape (r + 1,)
        Where each run begins, and n.
    corners : shape (c, 2)
        Of u and p, among which the ends of all u - gamma_2 p are.
    size : shape (2,)
        The ranges of u and p.
    shape, prior
        The model, in the places named above.
    """

    u: Array
    p: Array
    y: Array
    error: Array
    gap: Array
    begin: NDArray[np.int64]
    corners: Array
    size: Array
    shape: NDArray[np.int64]
    prior: Array


class Work(NamedTuple):
    """What one evaluation leaves for the next step.

    Attributes
    ----------
    place, scale : shape (crossovers,)
        Where crossovers lie in u - gamma_2 p, and their widths.
    carry, gain, weight : shape (n,)
        What whitens rows.
    means, sds : shape (q,)
        Of the priors of the columns' coefficients.
    design, rows : shape (q + 1, n)
        Columns and log y, before and after whitening.
    gram, vectors : shape (q, q)
    right, values, turned, energy : shape (q,)
        Products with log y, eigenvalues, products in eigenvectors, and what these explain.
    """

    place: Array
    scale: Array
    carry: Array
    gain: Array
    weight: Array
    means: Array
    sds: Array
    design: Array
    rows: Array
    gram: Array
    vectors: Array
    right: Array
    values: Array
    turned: Array
    energy: Array


# Argument lists as long as these are read by the line.
# fmt: off


@part
def _softplus(x: float) -> float:
    if x > 0.0:
        return x + math.log(1.0 + math.exp(-x))
    return math.log(1.0 + math.exp(x))


@part
def _columns(shape: Any) -> int:
    count: int = shape[CROSSOVERS] + 2 + shape[FREE] + shape[DRIFT]
    return count


@part
def _scalars(z: Array, shape: Any, prior: Array) -> Any:
    """Return gamma_2 as a shift, steepness, autocorrelation, and the scales of runs and noise.

    That of runs is relative to the noise's where the latter is integrated over, and the two last
    numbers are then the mean and the standard deviation of its logarithm, given that ratio.
    """
    at = 2 * shape[CROSSOVERS]
    shift = prior[SHIFT] + prior[SHIFT_SD] * z[at]
    steepness = math.exp(prior[STEEPNESS] + prior[STEEPNESS_SD] * z[at + 1])
    at += 2
    rho = 0.0
    run = 0.0
    mean = prior[NOISE]
    sd = prior[NOISE_SD]
    if shape[CORRELATED]:
        rho = min(max(0.5 * math.erfc(-z[at] / math.sqrt(2.0)), 1e-9), 1.0 - 1e-9)
        at += 1
    if shape[EFFECT]:
        if shape[OUTER_NOISE]:
            run = math.exp(prior[RUN] + prior[RUN_SD] * z[at])
        else:
            both = math.sqrt(sd * sd + prior[RUN_SD] * prior[RUN_SD])
            ratio = prior[RUN] - mean + both * z[at]
            run = math.exp(ratio)
            mean = mean + sd * sd / (both * both) * (prior[RUN] - ratio - mean)
            sd = sd * prior[RUN_SD] / both
        at += 1
    sigma = 1.0
    if shape[OUTER_NOISE]:
        sigma = math.exp(mean + sd * z[at])
    return shift, steepness, rho, run, sigma, mean, sd


@part
def _design(
    z: Array, u: Array, p: Array, y: Array, corners: Array, size: Array, shape: Any, prior: Array,
    shift: float, place: Array, scale: Array, design: Array,
) -> None:
    """Fill the columns of level, exponents, gamma_0 and drift, and log y as the last row."""
    n = shape[CROSSOVERS]
    points = u.size
    columns = _columns(shape)
    slope = shift * size[0] / size[1]
    low = math.inf
    high = -math.inf
    for c in range(corners.shape[0]):
        v = corners[c, 0] - slope * corners[c, 1]
        low = min(low, v)
        high = max(high, v)
    if n > 0:
        top = 0.0
        for k in range(n):
            top = max(top, z[k])
        total = math.exp(-top)
        for k in range(n):
            total += math.exp(z[k] - top)
        behind = 0.0
        for k in range(n):
            behind += math.exp(z[k] - top) / total
            place[k] = low + (high - low) * behind
            scale[k] = math.exp(prior[WIDTH] + prior[WIDTH_SD] * z[n + k])
    held = 0.0 if shape[FREE] else prior[GAMMA]
    for i in range(points):
        design[0, i] = 1.0
        design[1, i] = -u[i]
        design[columns, i] = y[i] + held * p[i]
        if shape[FREE]:
            design[n + 2, i] = -p[i]
    for k in range(n):
        b = place[k]
        w = scale[k]
        middle = _softplus(-b / w)
        for i in range(points):
            past = _softplus((u[i] - slope * p[i] - b) / w)
            bend = w * (past - middle)
            design[1 + k, i] += bend
            design[2 + k, i] = -bend
            if shape[DRIFT] and k == n - 1:
                design[columns - 1, i] = -p[i] / size[1] * w * past


@part
def _scales(shape: Any, prior: Array, steepness: float, means: Array, sds: Array) -> None:
    """Fill means and standard deviations of the priors of the columns' coefficients."""
    n = shape[CROSSOVERS]
    means[0] = prior[LEVEL]
    sds[0] = prior[LEVEL_SD]
    for j in range(n + 1):
        means[1 + j] = prior[CENTRE] * steepness
        sds[1 + j] = steepness
    at = n + 2
    if shape[FREE]:
        means[at] = prior[GAMMA]
        sds[at] = prior[GAMMA_SD]
        at += 1
    if shape[DRIFT]:
        means[at] = prior[DRIFTED] * steepness
        sds[at] = prior[DRIFTED_SD] * steepness


@part
def _whiten(
    rho: float, gap: Array, carry: Array, weight: Array, design: Array, white: Array
) -> float:
    """Fill every row without its correlation; return half the log determinant."""
    points = gap.size
    log_rho = math.log(rho)
    for i in range(1, points):
        carry[i] = math.exp(gap[i] * log_rho)
    for i in range(1, points):
        free = max(1.0 - carry[i] * carry[i], 1e-12)
        weight[i] = 1.0 / math.sqrt(free)
    half = 0.0
    product = 1.0
    for i in range(1, points):
        product *= weight[i]
        if product > 1e200:
            half -= math.log(product)
            product = 1.0
    half -= math.log(product)
    for j in range(design.shape[0]):
        white[j, 0] = design[j, 0]
        for i in range(1, points):
            white[j, i] = (design[j, i] - carry[i] * design[j, i - 1]) * weight[i]
    return half


@part
def _filtered(
    shape: Any, rho: float, sigma: float, error: Array, gap: Array, carry: Array, gain: Array,
    weight: Array, design: Array,
) -> float:
    """Do the same in place where errors are known, by the Kalman filter."""
    points = gap.size
    half = 0.0
    variance = sigma * sigma
    ahead = variance
    log_rho = math.log(rho) if shape[CORRELATED] else 0.0
    for i in range(points):
        if i > 0:
            f = math.exp(gap[i] * log_rho) if shape[CORRELATED] else 0.0
            carry[i] = f
            ahead = f * f * ahead * (1.0 - gain[i - 1]) + variance * max(1.0 - f * f, 1e-12)
        total = ahead + error[i] + RESOLUTION
        gain[i] = ahead / total
        weight[i] = 1.0 / math.sqrt(total)
        half += 0.5 * math.log(total)
    for j in range(design.shape[0]):
        state = 0.0
        for i in range(points):
            before = carry[i] * state
            innovation = design[j, i] - before
            state = before + gain[i] * innovation
            design[j, i] = innovation * weight[i]
    return half


@part
def _displaced(run: float, begin: Any, rows: Array) -> float:
    """Take the displacement of whole runs out of every row; return half the log determinant.

    The first row is what whitening has made of ones.
    """
    half = 0.0
    ratio = run * run
    for r in range(begin.size - 1):
        length = 0.0
        for i in range(begin[r], begin[r + 1]):
            length += rows[0, i] * rows[0, i]
        grown = ratio * length
        half += 0.5 * math.log1p(grown)
        share = (1.0 - 1.0 / math.sqrt(1.0 + grown)) / length
        for j in range(rows.shape[0] - 1, -1, -1):
            along = 0.0
            for i in range(begin[r], begin[r + 1]):
                along += rows[0, i] * rows[j, i]
            along *= share
            for i in range(begin[r], begin[r + 1]):
                rows[j, i] -= along * rows[0, i]
    return half


@part
def _gram(rows: Array, means: Array, sds: Array, gram: Array, right: Array) -> float:
    """Fill the Gram matrix of the columns, and their products with log y; return its square.

    Columns are scaled by the standard deviations of their priors, and log y is less their means.
    """
    columns = rows.shape[0] - 1
    points = rows.shape[1]
    for a in range(columns):
        for b in range(a + 1):
            total = 0.0
            for i in range(points):
                total += rows[a, i] * rows[b, i]
            gram[a, b] = total
            gram[b, a] = total
    for a in range(columns):
        for i in range(points):
            rows[columns, i] -= means[a] * rows[a, i]
    for a in range(columns):
        total = 0.0
        for i in range(points):
            total += rows[a, i] * rows[columns, i]
        right[a] = total * sds[a]
        for b in range(columns):
            gram[a, b] *= sds[a] * sds[b]
    total = 0.0
    for i in range(points):
        total += rows[columns, i] * rows[columns, i]
    return total


@part
def _eigen(gram: Array, vectors: Array, values: Array) -> None:
    """Fill eigenvalues, none negative, and eigenvectors, by Jacobi's rotations.

    Only the lower triangle of the Gram matrix is read, and it is used up.
    """
    q = values.size
    for a in range(q):
        for b in range(q):
            vectors[a, b] = 0.0
        vectors[a, a] = 1.0
    for _ in range(30):
        turned = False
        for a in range(1, q):
            for b in range(a):
                apart = gram[a, b]
                if apart * apart <= 1e-30 * abs(gram[a, a] * gram[b, b]):
                    continue
                turned = True
                theta = 0.5 * (gram[b, b] - gram[a, a]) / apart
                t = 1.0 / (abs(theta) + math.sqrt(1.0 + theta * theta))
                if theta < 0.0:
                    t = -t
                c = 1.0 / math.sqrt(1.0 + t * t)
                s = t * c
                gram[a, a] -= t * apart
                gram[b, b] += t * apart
                gram[a, b] = 0.0
                for k in range(b):
                    x = gram[a, k]
                    w = gram[b, k]
                    gram[a, k] = c * x - s * w
                    gram[b, k] = s * x + c * w
                for k in range(b + 1, a):
                    x = gram[a, k]
                    w = gram[k, b]
                    gram[a, k] = c * x - s * w
                    gram[k, b] = s * x + c * w
                for k in range(a + 1, q):
                    x = gram[k, a]
                    w = gram[k, b]
                    gram[k, a] = c * x - s * w
                    gram[k, b] = s * x + c * w
                for k in range(q):  # rows are eigenvectors
                    x = vectors[a, k]
                    w = vectors[b, k]
                    vectors[a, k] = c * x - s * w
                    vectors[b, k] = s * x + c * w
        if not turned:
            break
    for a in range(q):
        values[a] = max(gram[a, a], 0.0)


@part
def _given_noise(
    variance: float, points: int, left: float, values: Array, energy: Array
) -> float:
    """Return log p(y | noise), but for a constant, of the regression in its eigenvectors.

    `left` is what the columns cannot explain of the square of log y, `energy` what each can.
    """
    total = -0.5 * (points - values.size) * math.log(variance) - 0.5 * left / variance
    product = 1.0
    for j in range(values.size):
        product *= variance + values[j]
        total -= 0.5 * energy[j] / (variance + values[j])
    return total - 0.5 * math.log(product)


@part
def _mode(
    points: int, left: float, values: Array, energy: Array, mean: float, sd: float
) -> Any:
    """Return the log noise of largest density, and minus the second derivative there."""
    free = points - values.size
    log_sigma = 0.5 * math.log((left + 1e-300) / max(free, 1) + RESOLUTION)
    log_sigma = min(max(log_sigma, mean - 8.0 * sd), mean + 8.0 * sd)
    curved = 1.0 / (sd * sd)
    for _ in range(40):
        square = math.exp(2.0 * log_sigma)
        v = square + RESOLUTION
        first = -0.5 * free / v + 0.5 * left / (v * v)
        second = 0.5 * free / (v * v) - left / (v * v * v)
        for j in range(values.size):
            t = 1.0 / (v + values[j])
            first += 0.5 * t * (energy[j] * t - 1.0)
            second += t * t * (0.5 - energy[j] * t)
        w = 2.0 * square
        slope = first * w - (log_sigma - mean) / (sd * sd)
        curved = -(second * w * w + 2.0 * first * w) + 1.0 / (sd * sd)
        if not curved > 0.1 / (sd * sd):
            curved = 1.0 / (sd * sd) + abs(second) * w * w
        step = min(max(slope / curved, -1.0), 1.0)
        log_sigma += step
        if abs(step) < 1e-9:
            break
    return log_sigma, curved


@part
def _reduced(
    z: Array, u: Array, p: Array, y: Array, error: Array, gap: Array, begin: Any, corners: Array,
    size: Array, shape: Any, prior: Array, work: Work,
) -> Any:
    """Do everything up to the regression in its eigenvectors.

    Return log determinants, what columns cannot explain, and the prior of the log noise.
    """
    values, turned, energy = work.values, work.turned, work.energy
    columns = _columns(shape)
    shift, steepness, rho, run, sigma, mean, sd = _scalars(z, shape, prior)
    _scales(shape, prior, steepness, work.means, work.sds)
    rows = work.rows
    design = work.design if shape[CORRELATED] and not shape[OUTER_NOISE] else rows
    _design(z, u, p, y, corners, size, shape, prior, shift, work.place, work.scale, design)
    half = 0.0
    if shape[OUTER_NOISE]:
        half = _filtered(shape, rho, sigma, error, gap, work.carry, work.gain, work.weight, rows)
    elif shape[CORRELATED]:
        half = _whiten(rho, gap, work.carry, work.weight, design, rows)
    if shape[EFFECT]:
        half += _displaced(run, begin, rows)
    square = _gram(rows, work.means, work.sds, work.gram, work.right)
    _eigen(work.gram, work.vectors, values)
    largest = 0.0
    for j in range(columns):
        largest = max(largest, values[j])
    left = square
    for j in range(columns):
        turned[j] = 0.0
        for k in range(columns):
            turned[j] += work.vectors[j, k] * work.right[k]
        if values[j] > 1e-14 * largest:
            energy[j] = turned[j] * turned[j] / values[j]
            left -= energy[j]
        else:
            turned[j] = 0.0
            energy[j] = 0.0
    return half, max(left, 1e-15 * square), mean, sd


@compiled
def evaluate(
    z: Array, u: Array, p: Array, y: Array, error: Array, gap: Array, begin: Any, corners: Array,
    size: Array, shape: Any, prior: Array, nodes: Array, log_weights: Array,
    values: Array, residuals: Array, chance: Array, normals: Array, inner: Array, moments: Array,
) -> None:
    """Do the work of `solve`, `draw` and `moments`; one function compiles once."""
    points = u.size
    n = shape[CROSSOVERS]
    columns = _columns(shape)
    work = Work(
        np.empty(n), np.empty(n), np.zeros(points), np.zeros(points), np.ones(points),
        np.empty(columns), np.empty(columns), np.empty((columns + 1, points)),
        np.empty((columns + 1, points)), np.empty((columns, columns)),
        np.empty((columns, columns)), np.empty(columns), np.empty(columns), np.empty(columns),
        np.empty(columns),
    )
    means, sds, vectors, turned, energy = (
        work.means, work.sds, work.vectors, work.turned, work.energy
    )
    roots, rows = work.values, work.rows
    grid = np.empty(GRID)
    for m in range(z.shape[0]):
        half, left, mean, sd = _reduced(
            z[m], u, p, y, error, gap, begin, corners, size, shape, prior, work
        )
        constant = -0.5 * points * LOG_TWO_PI - half
        log_sigma = 0.0
        curved = 1.0
        if shape[OUTER_NOISE]:
            values[m] = constant + _given_noise(1.0, points, left, roots, energy)
        else:
            log_sigma, curved = _mode(points, left, roots, energy, mean, sd)
            wide = WIDER / math.sqrt(curved)
            constant += -0.5 * LOG_TWO_PI - math.log(sd) + math.log(math.sqrt(2.0) * wide)
            top = -math.inf
            total = 0.0
            for k in range(nodes.size):
                at = log_sigma + math.sqrt(2.0) * wide * nodes[k]
                variance = math.exp(2.0 * at) + RESOLUTION
                one = _given_noise(variance, points, left, roots, energy)
                one += log_weights[k] - 0.5 * ((at - mean) / sd) ** 2
                if one > top:
                    total *= math.exp(top - one)
                    top = one
                total += math.exp(one - top)
            values[m] = constant + top + math.log(total)
        if not math.isfinite(values[m]):
            values[m] = -math.inf
        variance = 1.0
        if residuals.shape[0] > 0:
            if not shape[OUTER_NOISE]:
                variance = math.exp(2.0 * log_sigma) + RESOLUTION
            for i in range(points):
                residuals[m, i] = rows[columns, i]
            for a in range(columns):
                beta = 0.0
                for j in range(columns):
                    beta += vectors[j, a] * turned[j] / (variance + roots[j])
                for i in range(points):
                    residuals[m, i] -= sds[a] * beta * rows[a, i]
            for i in range(points):
                residuals[m, i] /= math.sqrt(variance)
            residuals[m, points] = 0.5 * math.log(variance)
        if chance.size == 0 and moments.shape[0] == 0:
            continue
        if chance.size > 0 and not shape[OUTER_NOISE]:
            first = log_sigma - REACH / math.sqrt(curved)
            apart = 2.0 * REACH / math.sqrt(curved) / (GRID - 1)
            top = -math.inf
            for k in range(GRID):
                at = first + k * apart
                grid[k] = _given_noise(
                    math.exp(2.0 * at) + RESOLUTION, points, left, roots, energy
                ) - 0.5 * ((at - mean) / sd) ** 2
                top = max(top, grid[k])
            total = 0.0
            for k in range(GRID):
                grid[k] = math.exp(grid[k] - top)
                if k > 0:
                    total += 0.5 * (grid[k - 1] + grid[k])
            wanted = chance[m] * total
            at = first
            total = 0.0
            for k in range(1, GRID):
                step = 0.5 * (grid[k - 1] + grid[k])
                if total + step >= wanted:
                    share = (wanted - total) / step
                    rise = (grid[k] - grid[k - 1]) / step
                    if abs(rise) > 1e-9:  # inside a step the density is a line
                        low = grid[k - 1] / step
                        share = (math.sqrt(low * low + 2.0 * rise * share) - low) / rise
                    at = first + (k - 1 + share) * apart
                    break
                total += step
            log_sigma = at
        if moments.shape[0] > 0 and not shape[OUTER_NOISE]:
            log_sigma = inner[m, columns]
        if not shape[OUTER_NOISE]:
            variance = math.exp(2.0 * log_sigma) + RESOLUTION
        for a in range(columns):
            beta = 0.0
            for j in range(columns):
                beta += vectors[j, a] * turned[j] / (variance + roots[j])
                if chance.size > 0:
                    beta += vectors[j, a] * normals[m, j] * math.sqrt(
                        variance / (variance + roots[j])
                    )
            inner[m, a] = means[a] + sds[a] * beta
            if moments.shape[0] > 0:
                for b in range(columns):
                    total = 0.0
                    for j in range(columns):
                        total += vectors[j, a] * vectors[j, b] * variance / (variance + roots[j])
                    moments[m, a, b] = sds[a] * sds[b] * total
        inner[m, columns] = log_sigma


# fmt: on
NO_ROWS = np.empty((0, 0))
NO_CHANCE = np.empty(0)
NO_MOMENTS = np.empty((0, 0, 0))


def solve(z: Array, given: Given, residuals: Array = NO_ROWS) -> Array:
    """Return log p(y | z), shape (m,), with all linear parameters and the noise integrated out.

    Parameters
    ----------
    z : shape (m, d)
        Outer parameters.
    given
        Points and model.
    residuals : shape (m, n + 1)
        If not empty, filled with the standardised residuals at the most probable noise, and with
        the log of the scale by which they were divided, 0 where that is an outer parameter.
    """
    values = np.empty(len(z))
    evaluate(
        z, *given, NODES, LOG_WEIGHTS, values, residuals, NO_CHANCE, NO_ROWS, NO_ROWS, NO_MOMENTS
    )
    return values


def draw(z: Array, given: Given, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return log p(y | z), shape (m,), and a draw of what was integrated out, shape (m, q + 1).

    These are log level, exponents, gamma_0 if it is free, drift if there is one, and log noise
    (0 where that is an outer parameter).
    """
    columns = size(given)
    values, inner = np.empty(len(z)), np.empty((len(z), columns + 1))
    chance, normals = rng.random(len(z)), rng.standard_normal((len(z), columns))
    evaluate(z, *given, NODES, LOG_WEIGHTS, values, NO_ROWS, chance, normals, inner, NO_MOMENTS)
    return values, inner


def moments(z: Array, log_noise: Array, given: Given) -> tuple[Array, Array]:
    """Return means (m, q) and covariances (m, q, q) of the linear parameters, given the noise.

    `log_noise` has shape (m,), and is not read where the noise is an outer parameter.
    """
    columns = size(given)
    inner, covariance = np.empty((len(z), columns + 1)), np.empty((len(z), columns, columns))
    inner[:, -1] = log_noise
    evaluate(
        z, *given, NODES, LOG_WEIGHTS, np.empty(len(z)), NO_ROWS, NO_CHANCE, NO_ROWS, inner,
        covariance,
    )  # fmt: skip
    return inner[:, :-1], covariance


def size(given: Given) -> int:
    """Return the number q of linear parameters."""
    return int(given.shape[CROSSOVERS] + 2 + given.shape[FREE] + given.shape[DRIFT])
