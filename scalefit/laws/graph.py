"""A law with its priors and noise as a PyMC model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .base import Law, Window
from .noise import NOISE, deviation

if TYPE_CHECKING:
    import pymc as pm


def build(law: Law, x: ArrayLike, y: ArrayLike) -> pm.Model:
    """Return a law with its default priors as a PyMC model; see `Law.to_pymc`."""
    from scalefit._compat import pm, pt
    from scalefit.errors import InvalidData

    x_values, y_values = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x_values.shape != y_values.shape or x_values.ndim != 1:
        raise InvalidData(f"x and y need one shape (n,); got {x_values.shape}, {y_values.shape}")
    for name, values in (("x", x_values), ("y", y_values)):
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise InvalidData(f"{name} must be finite and > 0, because the law lives in logarithms")
    window = Window.of(x_values, y_values)
    with pm.Model() as model:
        at = pm.Data("x", x_values)
        log_y = pm.Data("log_y", np.log(y_values))
        sampled: dict[str, Any] = {}
        for name, prior in law.priors(window).items():
            sampled[name] = prior.to_pymc(name, sampled)
        natural = law.natural(sampled, window, pt)
        for name, value in natural.items():
            if name not in sampled:
                natural[name] = pm.Deterministic(name, value)
        noise = NOISE.to_pymc("noise", sampled)
        mean = pm.Deterministic("log_mean", law.log_mean(natural, at, pt))
        pm.Normal("observed", mu=mean, sigma=deviation(noise, pt), observed=log_y)
    return model
