"""The broken power law with exponents, level and noise scale integrated out, compiled.

One file of more than 400 lines, because what is kept on disk is made anew only when the file of the
function that was kept has changed: parts, or names of places, that moved to another file would
leave stale machine code behind. Elementary functions, which do not change, are beside it.

Given the outer parameters z (gaps between crossovers, widths, floor share, autocorrelation,
steepness), log y is linear in the exponents and the level, or nearly so above a floor. What is
left inside has one mode: it is found by Gauss-Newton steps, its mass is taken by Laplace's
approximation (`solve`), and the approximation is removed by importance sampling around it
(`correct`). Everything here is scalar code on one curve.

`shape` holds the whole numbers of a model and `prior` the constants of its priors, in the places
named below. u is log x minus the last log x, so u <= 0.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array
from scalefit.inference.compiled import compiled, part
from scalefit.inference.elementary import exp, log, log_above_one

# Places in `shape`.
CROSSOVERS = 0  # how many; the others are flags
FLOOR = 1
CORRELATED = 2  # AR(1)
OUTER_NOISE = 3  # the noise scale is among the outer parameters
STUDENT = 4
STEEP = 5  # the steepness is free
STRETCHED = 6  # the prior of the floor's share is stretched, else uniform
CHANGING = 7  # the standard deviation of the noise is a power of x

# Places in `prior`: means and standard deviations are those of logarithms.
CONCENTRATION = 0  # of the Dirichlet distribution of gaps
WIDTH, WIDTH_SD = 1, 2  # in natural units of log x
STEEPNESS, STEEPNESS_SD = 3, 4
CENTRE = 5  # exponents ~ Normal(centre, 1) x steepness
LEVEL, LEVEL_SD = 6, 7
NOISE, NOISE_SD = 8, 9
STRETCH = 10  # slope of the floor's stretched share
TAIL, TAIL_SD = 11, 12  # degrees of freedom
TREND, TREND_SD = 13, 14  # the power itself, no logarithm

RESOLUTION = 1e-12  # variance of log y below which nothing is believed
LOG_TWO_PI = math.log(2.0 * math.pi)
ITERATIONS, HALVINGS = 25, 9  # of the search of an inner mode, and of each of its steps, at most
FREEDOM = 4.0  # of the t proposals around an inner mode
WIDE = 2.0  # scale of the second proposal
"""Of four draws one goes wider around the mode, and for a law with a floor another takes exponents
from their prior and the level that suits them, because near its floor a curve hardly depends on
exponents."""


class Given(NamedTuple):
    """A curve of n points and its model, in the order in which `evaluate` takes them.

    Attributes
    ----------
    u, y : shape (n,)
        Log x minus the last log x, and log y.
    error : shape (n,)
        Known variance of log y.
    gap : shape (n,)
        Distance to the point before, in units of the correlation's gap; the first is not read. Of
        noise that changes: log x over its geometric mean.
    shape, prior
        The model, in the places named above.
    """

    u: Array
    y: Array
    error: Array
    gap: Array
    shape: NDArray[np.int64]
    prior: Array


class Work(NamedTuple):
    """What one evaluation leaves for the next step.

    Attributes
    ----------
    place, scale : shape (crossovers,)
        Where crossovers lie, <= 0, and their widths.
    basis : shape (crossovers + 1, points)
        What multiplies each exponent in log y.
    design : shape (columns, points)
        Whitened derivatives of log y by level and exponents.
    residual, above : shape (points,)
        Log y minus the law, and the share of the law that is not floor.
    carry, gain, weight : shape (points,)
        What whitens residuals; see `_filter`.
    ratio : shape (points,)
        Each y over the level at which the search of the inner mode starts.
    trial, beta, right, slope : shape (columns,)
        Of one Gauss-Newton step; the last is J'r of whitened residuals.
    cross : shape (columns, columns)
        J'J of whitened derivatives.
    known : shape (2,)
        Half the log determinant that whitening removes, and the log level at that start.
    mode : shape (size,)
        Level, exponents, and log sigma if it is inner.
    gram, factor : shape (size, size)
        Minus the second derivative at the mode, and its lower Cholesky factor.
    """

    place: Array
    scale: Array
    basis: Array
    design: Array
    residual: Array
    above: Array
    carry: Array
    gain: Array
    weight: Array
    trial: Array
    mode: Array
    beta: Array
    gram: Array
    factor: Array
    right: Array
    ratio: Array
    slope: Array
    cross: Array
    known: Array


# Argument lists as long as these are read by the line.
# fmt: off


@part
def _softplus(x: float) -> float:
    positive = 0.0 if x < 0.0 else x
    return positive + log_above_one(exp(-abs(x)))


@part
def _unpack(z: Array, shape: Any, prior: Array, span: float, place: Array, scale: Array) -> Any:
    """Fill crossover places (<= 0) and widths; return log prior(z) and the scalar parameters."""
    n = shape[CROSSOVERS]
    log_prior = 0.0
    if n > 0:
        top = 0.0
        for k in range(n):
            top = max(top, z[k])
        total = math.exp(-top)
        for k in range(n):
            total += math.exp(z[k] - top)
        c = prior[CONCENTRATION]
        logs = -top
        behind = 0.0
        for k in range(n):
            behind += math.exp(z[k] - top) / total
            place[k] = -span * (1.0 - behind)
            logs += z[k] - top
        log_prior += math.lgamma(c * (n + 1)) - (n + 1) * math.lgamma(c)
        log_prior += c * (logs - (n + 1) * math.log(total))
    for k in range(n):
        v = z[n + k]
        scale[k] = math.exp(prior[WIDTH] + prior[WIDTH_SD] * v)
        log_prior -= 0.5 * (v * v + LOG_TWO_PI)
    at = 2 * n
    share = 0.0
    rho = 0.0
    steepness = math.exp(prior[STEEPNESS])
    sigma = 1.0
    tail = 0.0
    trend = 0.0
    if shape[FLOOR]:
        v = z[at]
        at += 1
        if shape[STRETCHED]:
            logit = prior[STRETCH] * v
            if v > 0.0:
                logit += v * v
            share = 1.0 / (1.0 + math.exp(-min(logit, 20.0)))
        else:
            share = 0.5 * math.erfc(-v / math.sqrt(2.0))
            share = min(max(share, 1e-300), 1.0 - 1e-9)
        log_prior -= 0.5 * (v * v + LOG_TWO_PI)
    if shape[CORRELATED]:
        v = z[at]
        at += 1
        rho = min(max(0.5 * math.erfc(-v / math.sqrt(2.0)), 1e-9), 1.0 - 1e-9)
        log_prior -= 0.5 * (v * v + LOG_TWO_PI)
    if shape[STEEP]:
        v = z[at]
        at += 1
        steepness = math.exp(prior[STEEPNESS] + prior[STEEPNESS_SD] * v)
        log_prior -= 0.5 * (v * v + LOG_TWO_PI)
    if shape[OUTER_NOISE]:
        v = z[at]
        at += 1
        sigma = math.exp(prior[NOISE] + prior[NOISE_SD] * v)
        log_prior -= 0.5 * (v * v + LOG_TWO_PI)
    if shape[STUDENT]:
        v = z[at]
        at += 1
        tail = math.exp(prior[TAIL] + prior[TAIL_SD] * v)
        log_prior -= 0.5 * (v * v + LOG_TWO_PI)
    if shape[CHANGING]:
        v = z[at]
        at += 1
        trend = prior[TREND] + prior[TREND_SD] * v
        log_prior -= 0.5 * (v * v + LOG_TWO_PI)
    for k in range(at, z.size):  # a coordinate that nothing depends on
        log_prior -= 0.5 * (z[k] * z[k] + LOG_TWO_PI)
    return log_prior, share, rho, steepness, sigma, tail, trend


@part
def _basis(u: Array, place: Array, scale: Array, n: int, basis: Array) -> None:
    """Fill what multiplies each exponent in log y, shape (n + 1, points); zero at the last x."""
    points = u.size
    for i in range(points):
        basis[0, i] = -u[i]
    for k in range(n):
        b = place[k]
        w = scale[k]
        last = _softplus(-b / w)
        for i in range(points):
            bend = w * (_softplus((u[i] - b) / w) - last)
            basis[k, i] += bend
            basis[k + 1, i] = -bend


@part
def _filter(
    shape: Any, rho: float, sigma: float, trend: float, error: Array, gap: Array, carry: Array,
    gain: Array, weight: Array,
) -> float:
    """Fill the constants that whiten residuals; return half the log determinant they remove.

    With errors of known variance on top of AR(1) noise these are those of the Kalman filter.
    """
    half = 0.0
    points = gap.size
    variance = sigma * sigma
    if shape[CORRELATED] and not shape[OUTER_NOISE]:
        log_rho = math.log(rho)
        carry[0] = 0.0
        gain[0] = 1.0
        weight[0] = 1.0
        for i in range(1, points):
            f = exp(gap[i] * log_rho)
            free = 1.0 - f * f
            free = 1e-12 if free < 1e-12 else free
            carry[i] = f
            gain[i] = 1.0
            weight[i] = 1.0 / math.sqrt(free)
            half += 0.5 * log(free)
    elif shape[CORRELATED]:
        log_rho = math.log(rho)
        ahead = variance
        for i in range(points):
            if i > 0:
                f = math.exp(gap[i] * log_rho)
                carry[i] = f
                free = max(1.0 - f * f, 1e-12)
                ahead = f * f * ahead * (1.0 - gain[i - 1]) + variance * free
            total = ahead + error[i]
            gain[i] = ahead / total
            weight[i] = 1.0 / math.sqrt(total)
            half += 0.5 * math.log(total)
    elif shape[CHANGING] and not shape[OUTER_NOISE]:
        for i in range(points):
            weight[i] = math.exp(-trend * gap[i])
            half += trend * gap[i]
    elif shape[OUTER_NOISE]:
        for i in range(points):
            total = variance + error[i]
            if shape[CHANGING]:
                grown = math.exp(2.0 * trend * gap[i])
                total = (variance + RESOLUTION) * grown + (error[i] - RESOLUTION)
            weight[i] = 1.0 / math.sqrt(total)
            half += 0.5 * math.log(total)
    return half


@part
def _whiten(shape: Any, column: Array, carry: Array, gain: Array, weight: Array) -> None:
    if shape[CORRELATED] and not shape[OUTER_NOISE]:
        for i in range(column.size - 1, 0, -1):
            column[i] = (column[i] - carry[i] * column[i - 1]) * weight[i]
    elif shape[CORRELATED]:
        state = 0.0
        for i in range(column.size):
            before = carry[i] * state
            innovation = column[i] - before
            state = before + gain[i] * innovation
            column[i] = innovation * weight[i]
    elif shape[OUTER_NOISE] or shape[CHANGING]:
        for i in range(column.size):
            column[i] *= weight[i]


@part
def _residual(
    shape: Any, y: Array, basis: Array, beta: Array, share: float, above: Array, residual: Array
) -> None:
    """Fill log y minus the law, and the share of the law that is not floor."""
    exponents = basis.shape[0]
    points = y.size
    for i in range(points):
        residual[i] = 0.0
    for j in range(exponents):
        for i in range(points):
            residual[i] += beta[1 + j] * basis[j, i]
    if shape[FLOOR]:
        for i in range(points):
            power = residual[i]
            shrunk = exp(-abs(power))
            grown = (1.0 - share) * (shrunk if power < 0.0 else 1.0)
            total = grown + share * (1.0 if power < 0.0 else shrunk)
            above[i] = grown / total
            residual[i] = y[i] - beta[0] - (0.0 if power < 0.0 else power) - log(total)
    else:
        for i in range(points):
            residual[i] = y[i] - beta[0] - residual[i]


@part
def _misfit(shape: Any, residual: Array, tail: float) -> float:
    """Return the sum of squares of whitened residuals, or what takes its place for Student's t."""
    total = 0.0
    if shape[STUDENT]:
        for i in range(residual.size):
            total += (tail + 1.0) * math.log1p(residual[i] * residual[i] / tail)
    else:
        for i in range(residual.size):
            total += residual[i] * residual[i]
    return total


@part
def _constant(shape: Any, points: int, half: float, tail: float) -> float:
    """Return the part of the log likelihood that neither residuals nor an inner scale enter."""
    if shape[STUDENT]:
        return points * (
            math.lgamma(0.5 * (tail + 1.0)) - math.lgamma(0.5 * tail)
            - 0.5 * math.log(math.pi * tail)
        ) - half
    return -0.5 * points * LOG_TWO_PI - half


@part
def _scaled(shape: Any, points: int, misfit: float, log_sigma: float) -> float:
    """Return the part of the log likelihood that residuals and an inner scale enter."""
    if shape[OUTER_NOISE]:
        return -0.5 * misfit
    variance = math.exp(2.0 * log_sigma) + RESOLUTION
    return -0.5 * (points * math.log(variance) + misfit / variance)


@part
def _best_scale(points: int, misfit: float, log_sigma: float, mean: float, sd: float) -> float:
    """Return the inner log noise that maximises the posterior at a given sum of squares."""
    for _ in range(30):
        square = math.exp(2.0 * log_sigma)
        variance = square + RESOLUTION
        t = square / variance
        slope = t * (misfit / variance - points) - (log_sigma - mean) / (sd * sd)
        bend = 2.0 * t * t * misfit / variance + 1.0 / (sd * sd)
        step = slope / bend
        step = min(max(step, -2.0), 2.0)
        log_sigma += step
        if abs(step) < 1e-7:
            break
    return log_sigma


@part
def _cholesky(matrix: Array, factor: Array, size: int) -> bool:
    for i in range(size):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                if not total > 0.0:
                    return False
                factor[i, i] = math.sqrt(total)
            else:
                factor[i, j] = total / factor[j, j]
    return True


@part
def _solve_cholesky(factor: Array, right: Array, size: int) -> None:
    for i in range(size):
        for k in range(i):
            right[i] -= factor[i, k] * right[k]
        right[i] /= factor[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            right[i] -= factor[k, i] * right[k]
        right[i] /= factor[i, i]


@part
def _normal_equations(
    shape: Any, above: Array, residual: Array, basis: Array, tail: float, carry: Array, gain: Array,
    weight: Array, design: Array, fresh: bool, cross: Array, slope: Array,
) -> None:
    """Fill J'J and J'r of whitened residuals, J the derivative of log y by (level, exponents).

    Unless `fresh`, J is that of the call before.
    """
    columns = basis.shape[0] + 1
    points = residual.size
    if fresh:
        for i in range(points):
            design[0, i] = 1.0
        for j in range(1, columns):
            if shape[FLOOR]:
                for i in range(points):
                    design[j, i] = above[i] * basis[j - 1, i]
            else:
                for i in range(points):
                    design[j, i] = basis[j - 1, i]
        for j in range(columns):
            _whiten(shape, design[j], carry, gain, weight)
    for a in range(columns):
        if fresh or shape[STUDENT]:
            for b in range(a + 1):
                total = 0.0
                if shape[STUDENT]:
                    for i in range(points):
                        w = (tail + 1.0) / (tail + residual[i] * residual[i])
                        total += w * design[a, i] * design[b, i]
                else:
                    for i in range(points):
                        total += design[a, i] * design[b, i]
                cross[a, b] = total
                cross[b, a] = total
        total = 0.0
        if shape[STUDENT]:
            for i in range(points):
                w = (tail + 1.0) / (tail + residual[i] * residual[i])
                total += w * design[a, i] * residual[i]
        else:
            for i in range(points):
                total += design[a, i] * residual[i]
        slope[a] = total


@part
def _start(
    level: float, ratio: Array, basis: Array, share: float, mean: float, precision: float,
    beta: Array, gram: Array, factor: Array, right: Array, target: Array, row: Array,
) -> None:
    """Fill (level, exponents) by a ridge regression of the log of what lies above the floor."""
    exponents = basis.shape[0]
    points = ratio.size
    beta[0] = level
    for a in range(exponents):
        right[a] = mean * precision
        for b in range(exponents):
            gram[a, b] = 0.0
        gram[a, a] = precision
    for i in range(points):
        left = (ratio[i] - share) / ratio[i]
        left = 0.02 if left < 0.02 else left
        target[i] = log(left * ratio[i] / (1.0 - share))
        row[i] = 400.0 * left * left
    for a in range(exponents):
        for i in range(points):
            right[a] += row[i] * basis[a, i] * target[i]
        for b in range(a + 1):
            total = 0.0
            for i in range(points):
                total += row[i] * basis[a, i] * basis[b, i]
            gram[a, b] += total
    if _cholesky(gram, factor, exponents):
        _solve_cholesky(factor, right, exponents)
        for a in range(exponents):
            beta[1 + a] = right[a]
    else:
        for a in range(exponents):
            beta[1 + a] = mean


@part
def _solve(
    z: Array, u: Array, y: Array, error: Array, gap: Array, shape: Any, prior: Array, work: Work
) -> float:
    """Return the collapsed log density at z; leave the inner mode and Cholesky factor in `work`."""
    place, scale, basis, design = work.place, work.scale, work.basis, work.design
    residual, above = work.residual, work.above
    carry, gain, weight = work.carry, work.gain, work.weight
    trial, mode, beta = work.trial, work.mode, work.beta
    gram, factor, right = work.gram, work.factor, work.right
    cross, slope = work.cross, work.slope
    points = y.size
    columns = basis.shape[0] + 1
    inner = 1 - shape[OUTER_NOISE]
    size = columns + inner
    log_prior, share, rho, steepness, sigma, tail, trend = _unpack(
        z, shape, prior, -u[0], place, scale
    )
    if not math.isfinite(log_prior):
        return -math.inf
    _basis(u, place, scale, shape[CROSSOVERS], basis)
    half = _filter(shape, rho, sigma, trend, error, gap, carry, gain, weight)
    work.known[0] = half
    constant = _constant(shape, points, half, tail)
    centre = prior[CENTRE] * steepness
    precision = 1.0 / (steepness * steepness)
    level_precision = 1.0 / (prior[LEVEL_SD] * prior[LEVEL_SD])
    _start(
        work.known[1], work.ratio, basis, share, centre, precision, mode, gram, factor, right,
        residual, above,
    )
    _residual(shape, y, basis, mode, share, above, residual)
    _whiten(shape, residual, carry, gain, weight)
    misfit = _misfit(shape, residual, tail)
    log_sigma = 0.0
    if inner:
        log_sigma = _best_scale(
            points, misfit, 0.5 * math.log(misfit / points + RESOLUTION),
            prior[NOISE], prior[NOISE_SD],
        )
    penalty = level_precision * (mode[0] - prior[LEVEL]) ** 2
    for j in range(1, columns):
        penalty += precision * (mode[j] - centre) ** 2
    for iteration in range(ITERATIONS + 1):  # it ends with `cross` and `slope` of the mode
        _normal_equations(
            shape, above, residual, basis, tail, carry, gain, weight, design,
            iteration == 0 or shape[FLOOR] == 1, cross, slope,
        )
        variance = 1.0
        if inner:
            variance = math.exp(2.0 * log_sigma) + RESOLUTION
        for a in range(columns):
            for b in range(columns):
                gram[a, b] = cross[a, b] / variance
            right[a] = slope[a] / variance
            p = level_precision if a == 0 else precision
            c = prior[LEVEL] if a == 0 else centre
            gram[a, a] += p
            right[a] -= p * (mode[a] - c)
            trial[a] = right[a]
        if not _cholesky(gram, factor, columns):
            return -math.inf
        _solve_cholesky(factor, right, columns)
        gain_expected = 0.0
        for a in range(columns):
            gain_expected += right[a] * trial[a]
        if gain_expected < 1e-5 or iteration == ITERATIONS:
            break
        now = _scaled(shape, points, misfit, log_sigma) - 0.5 * penalty
        step = 1.0
        moved = False
        fresh = misfit
        cost = penalty
        for attempt in range(HALVINGS + 1):
            if attempt == HALVINGS:
                step = 0.0  # back to the mode
            for a in range(columns):
                beta[a] = mode[a] + step * right[a]
            _residual(shape, y, basis, beta, share, above, residual)
            _whiten(shape, residual, carry, gain, weight)
            fresh = _misfit(shape, residual, tail)
            cost = level_precision * (beta[0] - prior[LEVEL]) ** 2
            for j in range(1, columns):
                cost += precision * (beta[j] - centre) ** 2
            if _scaled(shape, points, fresh, log_sigma) - 0.5 * cost > now and step > 0.0:
                moved = True
                break
            step *= 0.3
        if not moved:
            break
        for a in range(columns):
            mode[a] = beta[a]
        misfit = fresh
        penalty = cost
        if inner:
            log_sigma = _best_scale(points, misfit, log_sigma, prior[NOISE], prior[NOISE_SD])
    variance = 1.0
    if inner:
        variance = math.exp(2.0 * log_sigma) + RESOLUTION
    for a in range(columns):
        for b in range(columns):
            gram[a, b] = cross[a, b] / variance
        gram[a, a] += level_precision if a == 0 else precision
    value = constant + _scaled(shape, points, misfit, log_sigma) - 0.5 * penalty
    value += -0.5 * columns * LOG_TWO_PI + 0.5 * math.log(level_precision)
    value += 0.5 * (columns - 1) * math.log(precision)
    if inner:
        mode[columns] = log_sigma
        t = math.exp(2.0 * log_sigma) / variance
        for a in range(columns):
            gram[columns, a] = 2.0 * t * slope[a] / variance
            gram[a, columns] = gram[columns, a]
        bend = 1.0 / (prior[NOISE_SD] * prior[NOISE_SD])
        gram[columns, columns] = 2.0 * t * t * misfit / variance + bend
        value -= 0.5 * ((log_sigma - prior[NOISE]) / prior[NOISE_SD]) ** 2
        value -= 0.5 * LOG_TWO_PI + math.log(prior[NOISE_SD])
        if not _cholesky(gram, factor, size):
            for a in range(columns):
                gram[columns, a] = 0.0
                gram[a, columns] = 0.0
            if not _cholesky(gram, factor, size):
                return -math.inf
    elif not _cholesky(gram, factor, size):
        return -math.inf
    for a in range(size):
        value += 0.5 * LOG_TWO_PI - math.log(factor[a, a])
    value += log_prior
    if math.isnan(value):
        return -math.inf
    return float(value)


@part
def _workspace(shape: Any, y: Array) -> Work:
    """Return room for `_solve`, and what it needs to know of y."""
    n = shape[CROSSOVERS]
    points = y.size
    columns = n + 2
    size = columns + 1 - shape[OUTER_NOISE]
    above, carry = np.empty(points), np.empty(points)
    gain, weight = np.empty(points), np.empty(points)
    for i in range(points):  # loops compile faster than assignments of slices
        above[i] = 1.0
        carry[i] = 0.0
        gain[i] = 0.0
        weight[i] = 1.0
    level = 0.0
    used = min(4, points)
    for i in range(points - used, points):
        level += y[i] / used
    ratio = np.empty(points)
    for i in range(points):
        ratio[i] = math.exp(y[i] - level)
    known = np.empty(2)
    known[0] = 0.0
    known[1] = level
    factor = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            factor[i, j] = 0.0
    return Work(
        place=np.empty(n),
        scale=np.empty(n),
        basis=np.empty((n + 1, points)),
        design=np.empty((columns, points)),
        residual=np.empty(points),
        above=above,
        carry=carry,
        gain=gain,
        weight=weight,
        trial=np.empty(columns),
        mode=np.empty(size),
        beta=np.empty(columns),
        gram=np.empty((size, size)),
        factor=factor,
        right=np.empty(columns),
        ratio=ratio,
        slope=np.empty(columns),
        cross=np.empty((columns, columns)),
        known=known,
    )


@part
def _correct(
    z: Array, u: Array, y: Array, error: Array, gap: Array, shape: Any, prior: Array, work: Work,
    normals: Array, squares: Array, inner: Array, ratios: Array,
) -> None:
    """Draw the inner parameters around the mode that `_solve` left behind; see `correct`."""
    place, scale, basis, design = work.place, work.scale, work.basis, work.design
    residual, above = work.residual, work.above
    carry, gain, weight = work.carry, work.gain, work.weight
    mode, factor = work.mode, work.factor
    points = u.size
    columns = shape[CROSSOVERS] + 2
    size = columns + 1 - shape[OUTER_NOISE]
    apart = np.empty(size)
    proposal = math.lgamma(0.5 * (FREEDOM + size)) - math.lgamma(0.5 * FREEDOM)
    proposal -= 0.5 * size * math.log(FREEDOM * math.pi)
    power = 0.5 * (FREEDOM + size)
    log_prior, share, _, steepness, _, tail, _ = _unpack(z, shape, prior, -u[0], place, scale)
    constant = _constant(shape, points, work.known[0], tail) + log_prior
    centre = prior[CENTRE] * steepness
    determinant = 0.0
    for a in range(size):
        determinant += math.log(factor[a, a])
    constants = 0.0
    for i in range(points):
        constants += design[0, i] * design[0, i]
    loose_level = WIDE / math.sqrt(constants)
    loose_sigma = 1.0
    if not shape[OUTER_NOISE]:
        loose_level *= math.sqrt(math.exp(2.0 * mode[columns]) + RESOLUTION)
        loose_sigma = WIDE / factor[columns, columns]
    for k in range(normals.shape[0]):
        stretch = math.sqrt(FREEDOM / squares[k])
        phi = inner[k]
        from_prior = shape[FLOOR] and k % 4 == 3
        if from_prior:
            phi[0] = mode[0]
            for j in range(1, columns):
                phi[j] = centre + stretch * steepness * normals[k, j]
            if not shape[OUTER_NOISE]:
                phi[columns] = mode[columns] + stretch * loose_sigma * normals[k, columns]
        else:
            if k % 4 == 1:
                stretch *= WIDE
            for a in range(size):
                apart[a] = normals[k, a]
            for a in range(size - 1, -1, -1):
                for b in range(a + 1, size):
                    apart[a] -= factor[b, a] * apart[b]
                apart[a] /= factor[a, a]
            for a in range(size):
                phi[a] = mode[a] + stretch * apart[a]
        _residual(shape, y, basis, phi, share, above, residual)
        _whiten(shape, residual, carry, gain, weight)
        shift = 0.0  # from here to the best level, the exponents given
        for i in range(points):
            shift += design[0, i] * residual[i] / constants
        if from_prior:
            step = shift + stretch * loose_level * normals[k, 0]
            phi[0] += step
            shift -= step
            for i in range(points):
                residual[i] -= step * design[0, i]
        length = 0.0
        for a in range(size):
            total = 0.0
            for b in range(a, size):
                total += factor[b, a] * (phi[b] - mode[b])
            length += total * total
        near = determinant - power * math.log1p(length / FREEDOM)
        far = determinant - power * math.log1p(length / (FREEDOM * WIDE * WIDE))
        far -= size * math.log(WIDE)
        top = max(near, far)
        share_of_near = 0.75
        slack = 0.0
        if shape[FLOOR]:
            share_of_near = 0.5
            length = (shift / loose_level) ** 2
            loose = -math.log(loose_level * loose_sigma) - (columns - 1) * math.log(steepness)
            for j in range(1, columns):
                length += ((phi[j] - centre) / steepness) ** 2
            if not shape[OUTER_NOISE]:
                length += ((phi[columns] - mode[columns]) / loose_sigma) ** 2
            loose -= power * math.log1p(length / FREEDOM)
            top = max(top, loose)
            slack = 0.25 * math.exp(loose - top)
        density = proposal + top + math.log(
            share_of_near * math.exp(near - top) + 0.25 * math.exp(far - top) + slack
        )
        misfit = _misfit(shape, residual, tail)
        log_sigma = 0.0
        joint = constant
        if not shape[OUTER_NOISE]:
            log_sigma = phi[columns]
            joint -= 0.5 * ((log_sigma - prior[NOISE]) / prior[NOISE_SD]) ** 2
            joint -= 0.5 * LOG_TWO_PI + math.log(prior[NOISE_SD])
        joint += _scaled(shape, points, misfit, log_sigma)
        joint -= 0.5 * ((phi[0] - prior[LEVEL]) / prior[LEVEL_SD]) ** 2
        joint -= 0.5 * LOG_TWO_PI + math.log(prior[LEVEL_SD])
        for j in range(1, columns):
            joint -= 0.5 * ((phi[j] - centre) / steepness) ** 2
            joint -= 0.5 * LOG_TWO_PI + math.log(steepness)
        ratio = joint - density
        ratios[k] = ratio if math.isfinite(ratio) else -math.inf


@compiled
def evaluate(
    z: Array, u: Array, y: Array, error: Array, gap: Array, shape: Any, prior: Array,
    values: Array, residuals: Array, normals: Array, squares: Array, inner: Array, ratios: Array,
) -> None:
    """Do the work of `solve`, and of `correct` if there are normals; one function compiles once."""
    points = u.size
    columns = shape[CROSSOVERS] + 2
    work = _workspace(shape, y)
    residual, mode = work.residual, work.mode
    for m in range(z.shape[0]):
        values[m] = _solve(z[m], u, y, error, gap, shape, prior, work)
        if residuals.shape[0] > 0:
            variance = 1.0
            if not shape[OUTER_NOISE]:
                variance = math.exp(2.0 * mode[columns]) + RESOLUTION
            for i in range(points):
                residuals[m, i] = residual[i] / math.sqrt(variance)
            residuals[m, points] = 0.5 * math.log(variance)
        if normals.shape[0] == 0:
            continue
        if math.isfinite(values[m]):
            _correct(
                z[m], u, y, error, gap, shape, prior, work,
                normals[m], squares[m], inner[m], ratios[m],
            )
        else:
            for k in range(normals.shape[1]):
                ratios[m, k] = -math.inf
                for a in range(normals.shape[2]):
                    inner[m, k, a] = mode[a]


# fmt: on
NO_ROWS = np.empty((0, 0))
NO_NORMALS = np.empty((0, 0, 0))


def solve(z: Array, given: Given, residuals: Array = NO_ROWS) -> Array:
    """Return the collapsed log density of prior times likelihood at every row of z.

    Parameters
    ----------
    z : shape (m, d)
        Outer parameters.
    given
        Curve and model.
    residuals : shape (m, n + 1)
        If not empty, filled with the standardised residuals at each inner mode, and with the log of
        the scale among the inner parameters by which they were divided, 0 if there is none.
    """
    values = np.empty(len(z))
    evaluate(z, *given, values, residuals, NO_NORMALS, NO_ROWS, NO_NORMALS, NO_ROWS)
    return values


def correct(z: Array, given: Given, normals: Array, squares: Array) -> tuple[Array, Array]:
    """Draw the inner parameters of every row of z, with their exact importance ratios.

    Parameters
    ----------
    z, given
        As for `solve`.
    normals : shape (m, k, q)
        Standard normals.
    squares : shape (m, k)
        Chi-squares with `FREEDOM` degrees of freedom.

    Returns
    -------
    inner : shape (m, k, q)
        Level, exponents, and log sigma if it is inner.
    ratios : shape (m, k)
        Log(prior x likelihood of (z, inner) / density of inner given z); their mean over k,
        exponentiated, is an unbiased estimate of the density that `solve` approximates.
    """
    values, inner, ratios = np.empty(len(z)), np.empty(normals.shape), np.empty(squares.shape)
    evaluate(z, *given, values, NO_ROWS, normals, squares, inner, ratios)
    return inner, ratios
