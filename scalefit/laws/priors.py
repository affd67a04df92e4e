"""Priors: the distributions that they are made of.

Which ones a fit has by default stands with what has them: in `priors` of each law, such as the one
in `broken.py`, and of `noise.py`.

Every prior maps independent standard-normal coordinates onto its variable. The numpy engines work
in those coordinates, where the prior is N(0, I) whatever the law; a PyMC model gets the ordinary
distribution of the same name. A test holds the two equal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy import special

from scalefit.arrays import Array


class Prior(Protocol):
    """A distribution over one sampled variable.

    Attributes
    ----------
    size
        Length of the variable's last axis; None for a scalar.
    coordinates
        How many standard normals it takes.
    unit
        `"x"` and `"y"` stand for the units of the data.
    """

    @property
    def size(self) -> int | None: ...
    @property
    def coordinates(self) -> int: ...
    @property
    def unit(self) -> str: ...

    def from_normal(self, v: Array, given: Mapping[str, Array]) -> Array:
        """Return values, shape (m,) or (m, size), from normals of shape (m, coordinates)."""
        ...

    def to_normal(self, value: Array, given: Mapping[str, Array]) -> Array:
        """Return the normals that `from_normal` maps onto a value."""
        ...

    def to_pymc(self, name: str, given: Mapping[str, Any]) -> Any:
        """Add the variable to the PyMC model in context and return it."""
        ...

    def words(self) -> str:
        """Return the distribution in one phrase."""
        ...


@dataclass(frozen=True)
class LogNormal:
    """A positive quantity: log value ~ Normal(log median, sd)."""

    median: float
    sd: float
    unit: str = ""
    size: int | None = None

    @property
    def log(self) -> Normal:
        return Normal(math.log(self.median), self.sd, size=self.size)

    @property
    def coordinates(self) -> int:
        return self.log.coordinates

    def from_normal(self, v: Array, given: Mapping[str, Array]) -> Array:
        return np.asarray(np.exp(self.log.from_normal(v, given)))

    def to_normal(self, value: Array, given: Mapping[str, Array]) -> Array:
        return self.log.to_normal(np.log(value), given)

    def to_pymc(self, name: str, given: Mapping[str, Any]) -> Any:
        from scalefit._compat import pm

        return pm.LogNormal(name, mu=math.log(self.median), sigma=self.sd, shape=self.size)

    def words(self) -> str:
        return f"log-normal, median {self.median:.3g}, sd of the log {self.sd:g}"


@dataclass(frozen=True)
class Normal:
    """A vector of independent Normal(mean, sd)."""

    mean: float
    sd: float
    unit: str = ""
    size: int | None = None

    @property
    def coordinates(self) -> int:
        return self.size or 1

    def from_normal(self, v: Array, given: Mapping[str, Array]) -> Array:
        value: Array = self.mean + self.sd * v
        return value if self.size else value[..., 0]

    def to_normal(self, value: Array, given: Mapping[str, Array]) -> Array:
        v: Array = (value - self.mean) / self.sd
        return v if self.size else v[..., None]

    def to_pymc(self, name: str, given: Mapping[str, Any]) -> Any:
        from scalefit._compat import pm

        return pm.Normal(name, mu=self.mean, sigma=self.sd, shape=self.size)

    def words(self) -> str:
        return f"normal, mean {self.mean:.3g}, sd {self.sd:g}"


@dataclass(frozen=True)
class Uniform:
    """A share in (0, 1), all values alike."""

    unit: str = ""
    size: None = None

    @property
    def coordinates(self) -> int:
        return 1

    def from_normal(self, v: Array, given: Mapping[str, Array]) -> Array:
        return np.asarray(special.ndtr(v[..., 0]), dtype=float)

    def to_normal(self, value: Array, given: Mapping[str, Array]) -> Array:
        clipped = np.clip(value, 1e-300, 1.0 - 1e-16)
        return np.asarray(special.ndtri(clipped), dtype=float)[..., None]

    def to_pymc(self, name: str, given: Mapping[str, Any]) -> Any:
        from scalefit._compat import pm

        return pm.Uniform(name, 0.0, 1.0)

    def words(self) -> str:
        return "uniform from 0 to 1"


@dataclass(frozen=True)
class Beta:
    """A share in (0, 1) with density proportional to s^(a - 1) (1 - s)^(b - 1)."""

    a: float
    b: float
    unit: str = ""
    size: None = None

    @property
    def coordinates(self) -> int:
        return 1

    def from_normal(self, v: Array, given: Mapping[str, Array]) -> Array:
        value = special.betaincinv(self.a, self.b, special.ndtr(v[..., 0]))
        return np.asarray(value, dtype=float)

    def to_normal(self, value: Array, given: Mapping[str, Array]) -> Array:
        below = special.betainc(self.a, self.b, np.clip(value, 1e-300, 1.0 - 1e-16))
        return np.asarray(special.ndtri(below), dtype=float)[..., None]

    def to_pymc(self, name: str, given: Mapping[str, Any]) -> Any:
        from scalefit._compat import pm

        return pm.Beta(name, self.a, self.b)

    def words(self) -> str:
        return f"Beta({self.a:g}, {self.b:g})"


@dataclass(frozen=True)
class Fixed:
    """A variable that is known: one value, or one for each element."""

    value: float | tuple[float, ...]
    unit: str = ""

    @property
    def size(self) -> int | None:
        return len(self.value) if isinstance(self.value, tuple) else None

    @property
    def coordinates(self) -> int:
        return 0

    def from_normal(self, v: Array, given: Mapping[str, Array]) -> Array:
        return np.broadcast_to(np.array(self.value, dtype=float), (*v.shape[:-1], *self._shape))

    def to_normal(self, value: Array, given: Mapping[str, Array]) -> Array:
        return np.zeros((*value.shape[: value.ndim - len(self._shape)], 0))

    def to_pymc(self, name: str, given: Mapping[str, Any]) -> Any:
        from scalefit._compat import pm, pt

        return pm.Deterministic(name, pt.as_tensor_variable(np.array(self.value, dtype=float)))

    def words(self) -> str:
        return f"fixed at {self.value}"

    @property
    def _shape(self) -> tuple[int, ...]:
        return (len(self.value),) if isinstance(self.value, tuple) else ()


@dataclass(frozen=True)
class Relative:
    """A vector of Normal(centre * scale, scale), whose scale is another sampled variable."""

    scale: str
    centre: float
    size: int
    unit: str = ""

    @property
    def coordinates(self) -> int:
        return self.size

    def from_normal(self, v: Array, given: Mapping[str, Array]) -> Array:
        value: Array = given[self.scale][..., None] * (self.centre + v)
        return value

    def to_normal(self, value: Array, given: Mapping[str, Array]) -> Array:
        v: Array = value / given[self.scale][..., None] - self.centre
        return v

    def to_pymc(self, name: str, given: Mapping[str, Any]) -> Any:
        from scalefit._compat import pm

        scale = given[self.scale]
        return pm.Normal(name, mu=self.centre * scale, sigma=scale, shape=self.size)

    def words(self) -> str:
        return f"normal, mean {self.centre:g} x {self.scale}, sd {self.scale}"


@dataclass(frozen=True)
class Dirichlet:
    """Shares that add up to one, all with the same concentration."""

    concentration: float
    size: int
    unit: str = "share of log x"

    @property
    def coordinates(self) -> int:
        return self.size - 1

    def _remaining(self) -> Array:
        return self.concentration * np.arange(self.size - 1, 0, -1, dtype=float)

    def from_normal(self, v: Array, given: Mapping[str, Array]) -> Array:
        broken = special.betaincinv(self.concentration, self._remaining(), special.ndtr(v))
        left = np.cumprod(1.0 - broken, axis=-1)
        before = np.concatenate([np.ones_like(left[..., :1]), left[..., :-1]], axis=-1)
        parts = [broken * before, left[..., -1:]]
        return np.asarray(np.concatenate(parts, axis=-1), dtype=float)

    def to_normal(self, value: Array, given: Mapping[str, Array]) -> Array:
        before = 1.0 - np.cumsum(value, axis=-1)[..., :-1] + value[..., :-1]
        share = np.clip(value[..., :-1] / before, 1e-12, 1.0 - 1e-12)
        below = special.betainc(self.concentration, self._remaining(), share)
        return np.asarray(special.ndtri(below), dtype=float)

    def to_pymc(self, name: str, given: Mapping[str, Any]) -> Any:
        from scalefit._compat import pm

        return pm.Dirichlet(name, a=np.full(self.size, self.concentration))

    def words(self) -> str:
        parts = "gaps in log x" if self.unit == "share of log x" else "shares"
        return f"Dirichlet({self.concentration:g}, ...) over {self.size} {parts}"


@dataclass(frozen=True)
class StretchedShare:
    """A share in (0, 1) with room close to 1: logit share = slope * v + max(v, 0)^2, v normal."""

    slope: float
    unit: str = "share of the level"
    size: None = None

    @property
    def coordinates(self) -> int:
        return 1

    def from_normal(self, v: Array, given: Mapping[str, Array]) -> Array:
        v = v[..., 0]
        logit = np.minimum(self.slope * v + np.maximum(v, 0.0) ** 2, 20.0)
        return np.asarray(special.expit(logit), dtype=float)

    def to_normal(self, value: Array, given: Mapping[str, Array]) -> Array:
        logit = special.logit(np.clip(value, 1e-12, 1.0 - 1e-9))
        up = 0.5 * (np.sqrt(self.slope**2 + 4.0 * np.maximum(logit, 0.0)) - self.slope)
        return np.asarray(np.where(logit > 0.0, up, logit / self.slope), dtype=float)[..., None]

    def to_pymc(self, name: str, given: Mapping[str, Any]) -> Any:
        from scalefit._compat import pm, pt

        v = pm.Normal(f"{name}_normal", 0.0, 1.0)
        logit = pt.minimum(self.slope * v + pt.maximum(v, 0.0) ** 2, 20.0)
        return pm.Deterministic(name, pm.math.sigmoid(logit))

    def words(self) -> str:
        return f"logit = {self.slope:g} v + max(v, 0)^2 with v standard normal"


def unpack(priors: Mapping[str, Prior], v: Array) -> dict[str, Array]:
    """Return the sampled variables that standard-normal coordinates of shape (m, d) stand for."""
    values: dict[str, Array] = {}
    start = 0
    for name, prior in priors.items():
        stop = start + prior.coordinates
        values[name] = prior.from_normal(v[..., start:stop], values)
        start = stop
    return values


def pack(priors: Mapping[str, Prior], values: Mapping[str, Array]) -> Array:
    """Return the coordinates, shape (m, d), that `unpack` maps onto the values."""
    return np.concatenate(
        [prior.to_normal(values[name], values) for name, prior in priors.items()], axis=-1
    )


def dimension(priors: Mapping[str, Prior]) -> int:
    """Return the number of standard-normal coordinates of a set of priors."""
    return sum(prior.coordinates for prior in priors.values())
