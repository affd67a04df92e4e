"""Replicates of a curve, several y at one x, put together as their mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scalefit.errors import ConfigError
from scalefit.wording import counted, quoted

from .curve import Curve


def averaged(curve: Curve) -> Curve:
    """Return a curve with the mean of y at each x, and its standard error.

    An x with a single y has the error that the others suggest: the root mean square of their
    relative scatter. Beside a fitted noise errors that come from few values do no harm.

    Raises
    ------
    ConfigError
        If no x has two y.
    """
    x, which, count = np.unique(curve.x, return_inverse=True, return_counts=True)
    several = count > 1
    if not several.any():
        raise ConfigError(
            f"aggregate='mean': no x of curve {quoted(curve.run)} has two values of y; name in by "
            "what tells curves apart, but not the replicates, or leave aggregate out"
        )
    mean = np.bincount(which, curve.y) / count
    squares = np.bincount(which, (curve.y - mean[which]) ** 2)
    scatter = np.sqrt(squares[several] / (count[several] - 1)) / mean[several]
    relative = np.full(x.size, np.sqrt(np.mean(scatter**2)))
    relative[several] = scatter
    kept = tuple(one for one in curve.notes if not one.startswith("x is repeated in"))
    places = counted(int(several.sum()), "repeated x", "repeated x")
    note = f"{int(count[several].sum())} rows at {places} became means with their standard errors"
    if not several.all():
        alone = counted(int((~several).sum()), "single row has", "single rows have")
        note += f"; {alone} the scatter of the others as error"
    return replace(
        curve,
        x=x,
        y=mean,
        error=relative / np.sqrt(count),
        notes=(*kept, note),
        grain=0.0,
    )
