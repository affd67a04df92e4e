"""PyMC model of a law with its priors and noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from .noise import Noise
from .priors import Prior
from .window import Window

if TYPE_CHECKING:
    import pymc as pm


class Formula(Protocol):
    """What a model needs of a law; see `Law`."""

    @property
    def predictors(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def linear_columns(self) -> tuple[int, ...]: ...  # noqa: D102

    def window(self, x: ArrayLike, y: ArrayLike) -> Window: ...  # noqa: D102

    def log_mean(self, params: Mapping[str, Any], x: Any, xp: Any = np) -> Any: ...  # noqa: D102

    def priors(self, window: Window) -> dict[str, Prior]: ...  # noqa: D102

    def natural(  # noqa: D102
        self, sampled: Mapping[str, Any], window: Window, xp: Any = np
    ) -> dict[str, Any]: ...


def build(
    law: Formula,
    x: ArrayLike,
    y: ArrayLike,
    noise: Noise,
    y_err: ArrayLike | None,
    priors: Mapping[str, Prior] | None,
    start: Sequence[int] = (0,),
) -> pm.Model:
    """Return a law with its priors and noise as a PyMC model; see `Law.to_pymc`."""
    from scalefit._compat import pm, pt
    from scalefit.errors import InvalidData

    x_values, y_values = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    several = len(law.predictors)
    wanted = (*y_values.shape, several) if several > 1 else y_values.shape
    if x_values.shape != wanted or y_values.ndim != 1:
        shapes = "one shape (n,)" if several == 1 else f"the shapes (n, {several}) and (n,)"
        raise InvalidData(f"x and y need {shapes}; got {x_values.shape}, {y_values.shape}")
    linear = law.linear_columns
    raised = np.delete(x_values, linear, axis=1) if linear else x_values
    for name, values in (("x", raised), ("y", y_values)):
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise InvalidData(f"{name} must be finite and > 0, because the law lives in logarithms")
    if linear and not (np.isfinite(x_values).all() and (x_values >= 0).all()):
        raise InvalidData("x must be finite and >= 0 in the predictors that may be 0")
    gap = noise.gaps(x_values, start, linear)
    if noise.kind == "ar1" and (gap < 0.0).any():
        raise InvalidData("x must ascend, because noise='ar1' correlates each point with the last")
    known = np.array(0.0)
    if y_err is not None:
        errors = np.asarray(y_err, dtype=float)
        if errors.shape != y_values.shape:
            raise InvalidData(f"y_err needs the shape of y, {y_values.shape}; got {errors.shape}")
        if not (np.isfinite(errors).all() and (errors >= 0).all()):
            raise InvalidData("y_err must be finite and >= 0: it holds standard errors of y")
        known = (errors / y_values) ** 2
    window = law.window(x_values, y_values)
    given = {**law.priors(window), **noise.priors()} if priors is None else priors
    with pm.Model() as model:
        at = pm.Data("x", x_values)
        log_y = pm.Data("log_y", np.log(y_values))
        sampled: dict[str, Any] = {}
        for name, prior in given.items():
            sampled[name] = prior.to_pymc(name, sampled)
        natural = law.natural(sampled, window, pt)
        for name, value in natural.items():
            if name not in sampled:
                natural[name] = pm.Deterministic(name, value)
        mean = pm.Deterministic("log_mean", law.log_mean(natural, at, pt))
        noise.to_pymc(
            "observed", mean, sampled, log_y, gap=gap, error=known, along=noise.along(x_values)
        )
    return model
