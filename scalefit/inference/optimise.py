"""Optimisation: local maxima of a posterior from many starts at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scalefit.arrays import Array
from scalefit.errors import FitFailed

from .mixture import Mixture
from .target import Target

DAMPING = (0.001, 0.05, 1.0, 20.0)
FAR = 9.0  # how far from 0 fine steps may go
FINE = 0.1  # posterior standard deviations in one fine difference
GAIN = 0.02  # nats
LEAST = 0.8  # curvature: below it a mode is as wide as the prior
WIDEN = 1.3
MODES = 24
REACH = 14.0  # nats below the largest mass


@dataclass(frozen=True)
class Modes:
    """Distinct local maxima, the largest mass first.

    Attributes
    ----------
    z : shape (k, d)
    log_density : shape (k,)
    curvature : shape (k, d, d)
        Gauss-Newton approximation of minus the second derivative.
    """

    z: Array
    log_density: Array
    curvature: Array

    @property
    def log_mass(self) -> Array:
        """Laplace's approximation of each mode's share of the evidence, shape (k,)."""
        d = self.z.shape[1]
        values, _ = _bounded(self.curvature)
        log_mass: Array = self.log_density + 0.5 * d * math.log(2.0 * math.pi)
        return np.asarray(log_mass - 0.5 * np.log(values).sum(axis=1))

    def first(self, count: int) -> Modes:
        """Return the `count` modes of largest mass."""
        return Modes(self.z[:count], self.log_density[:count], self.curvature[:count])

    def around(self, which: int, normals: Array) -> Array:
        """Return normals of shape (m, d), scaled and moved to what one mode's curvature says."""
        values, vectors = _bounded(self.curvature[which])
        return np.asarray(self.z[which] + normals / np.sqrt(values) @ vectors.T)

    def mixture(self) -> Mixture:
        """Return a proposal with one component for every mode worth one."""
        values, vectors = _bounded(self.curvature)
        mass = self.log_mass
        top = mass.max()
        used = np.flatnonzero(mass > top - REACH)[:MODES]
        scale = WIDEN * np.einsum("kij,kj,klj->kil", vectors, 1.0 / values, vectors)
        weight = np.maximum(np.exp(0.5 * (mass[used] - top)), 0.01)
        return Mixture.of(weight, self.z[used], scale[used])


def join(parts: list[Modes]) -> Modes:
    """Return the distinct modes of several searches."""
    z = np.concatenate([one.z for one in parts])
    density = np.concatenate([one.log_density for one in parts])
    curvature = np.concatenate([one.curvature for one in parts])
    return _ordered(z, density, curvature)


def spread(z: Array, value: Array, count: int, halved: slice) -> Array:
    """Return `count` rows of z, the largest value first, no two of them close.

    Coordinates in `halved` count half: they matter less.
    """
    order = np.argsort(-value)[: 40 * count]
    order = order[np.isfinite(value[order])]
    scaled = z[order].copy()
    scaled[:, halved] *= 0.5
    distance = 1.2
    chosen: list[int] = []
    while len(chosen) < min(count, len(order)):
        chosen = []
        apart = np.full(len(order), np.inf)
        for i in range(len(order)):
            if apart[i] > distance:
                chosen.append(i)
                if len(chosen) == count:
                    break
                apart = np.minimum(apart, np.sqrt(np.sum((scaled - scaled[i]) ** 2, axis=1)))
        distance = 0.75 * distance if distance > 1e-3 else -1.0
    return z[order[chosen]]


def climb(target: Target, starts: Array, *, fine: bool = False) -> Modes:
    """Return the distinct modes that Levenberg-Marquardt steps reach from starts (m, d).

    Fine steps take smaller differences where the density is narrow, and may go farther: data with
    next to no noise need it.

    Raises
    ------
    FitFailed
        If the density is finite at none of the starts.
    """
    bound = np.maximum(target.farthest, FAR) if fine else target.farthest
    z = np.clip(starts, -bound, bound)
    value = target.log_density(z)
    finite = np.isfinite(value)
    if not finite.any():
        raise FitFailed(
            f"the law has no finite likelihood at any of {len(z)} starting points; "
            "look for extreme values of x or y"
        )
    z, value = z[finite], value[finite]
    gradient, curvature = _derivatives(target, z, fine)
    active = np.ones(len(z), dtype=bool)
    for step in range(target.steps):
        at = np.flatnonzero(active)
        if not at.size:
            break
        tried, height = _tries(target, z[at], gradient[at], curvature[at], bound)
        better = height > value[at]
        gain = np.where(better, height - value[at], 0.0)
        z[at[better]], value[at[better]] = tried[better], height[better]
        going = at[better]
        if going.size:
            gradient[going], curvature[going] = _derivatives(target, z[going], fine)
        active[at[gain < GAIN]] = False
        if step >= 2:
            kept = _distinct(z, value, curvature)
            if step >= 4:
                kept &= value > value.max() - (60.0 if step == 4 else 30.0)
            z, value, active = z[kept], value[kept], active[kept]
            gradient, curvature = gradient[kept], curvature[kept]
    return _ordered(z, value, curvature)


def _ordered(z: Array, value: Array, curvature: Array) -> Modes:
    kept = _distinct(z, value, curvature)
    modes = Modes(z[kept], value[kept], curvature[kept])
    order = np.argsort(-modes.log_mass)
    return Modes(modes.z[order], modes.log_density[order], modes.curvature[order])


def _derivatives(target: Target, z: Array, fine: bool) -> tuple[Array, Array]:
    """Return gradients (m, d) and curvatures (m, d, d) by differences towards 0.

    Fine ones hold an integrated scale fixed, because a residual that is divided by its own size
    cannot shrink.
    """
    gradient, curvature = _differences(target, z, np.full(z.shape, target.step), fine)
    if fine:
        step = np.minimum(FINE / np.sqrt(np.einsum("kii->ki", curvature)), target.step)
        narrow = np.flatnonzero((step < target.step).any(axis=1))
        if narrow.size:
            gradient[narrow], curvature[narrow] = _differences(
                target, z[narrow], step[narrow], fine
            )
    return gradient, curvature


def _differences(target: Target, z: Array, step: Array, fixed: bool) -> tuple[Array, Array]:
    m, d = z.shape
    sign = np.where(z > 0.0, -step, step)
    nearby = np.repeat(z[:, None], d + 1, axis=1)
    nearby[:, np.arange(1, d + 1), np.arange(d)] += sign
    height, residual, log_scale = target.residuals(nearby.reshape(-1, d))
    height = height.reshape(m, d + 1)
    residual = residual.reshape(m, d + 1, -1)
    if fixed:
        log_scale = log_scale.reshape(m, d + 1, 1)
        residual = residual * np.exp(log_scale - log_scale[:, :1])
    gradient = (height[:, 1:] - height[:, :1]) / sign
    slope = (residual[:, 1:] - residual[:, :1]) / sign[..., None]
    slope = np.clip(np.nan_to_num(slope), -1e8, 1e8)
    curvature = slope @ np.swapaxes(slope, 1, 2) + target.prior_curvature(z)
    return np.nan_to_num(gradient, posinf=0.0, neginf=0.0), curvature


def _tries(
    target: Target, z: Array, gradient: Array, curvature: Array, bound: Array
) -> tuple[Array, Array]:
    """Return the best of a few damped steps from each point, and its height."""
    d = z.shape[1]
    scale = np.einsum("kii->ki", curvature)[:, :, None] * np.eye(d)
    damped = curvature + np.array(DAMPING)[:, None, None, None] * scale
    step = np.linalg.solve(damped, gradient[:, :, None])[..., 0]
    step /= np.maximum(np.abs(step).max(axis=2, keepdims=True), 1.0)
    tried = np.clip(z + step, -bound, bound)
    height = target.log_density(tried.reshape(-1, d)).reshape(tried.shape[:2])
    best = np.argmax(height, axis=0)
    at = np.arange(len(z))
    return tried[best, at], height[best, at]


def _distinct(z: Array, value: Array, curvature: Array) -> NDArray[np.bool_]:
    """Return which points lie a standard deviation apart from every higher one."""
    kept = np.zeros(len(z), dtype=bool)
    higher: list[int] = []
    for i in np.argsort(-value):
        if higher:
            apart = z[i] - z[higher]
            squares = np.einsum("ki,kij,kj->k", apart, curvature[higher], apart)
            if squares.min() < 1.0:
                continue
        kept[i] = True
        higher.append(int(i))
    return kept


def _bounded(curvature: Array) -> tuple[Array, Array]:
    values, vectors = np.linalg.eigh(curvature)
    return np.maximum(values, LEAST), vectors
