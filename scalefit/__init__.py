"""Bayesian fits of multi-regime power laws to learning curves."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from . import errors, laws, plot, trajectory
    from .comparison.compare import compare
    from .comparison.weigh import weigh
    from .curves.schedule import Schedule, planned, schedule
    from .dimension import intrinsic_dimension
    from .fits import Fits
    from .fitting.fit import fit
    from .fitting.folder import fit_to
    from .fitting.lower import frontier
    from .io import read
    from .live import Forecaster
    from .planning.bought import Design
    from .planning.design import design
    from .result import Fit, load
    from .tails.result import Tail
    from .tails.tail import tail

__all__ = [
    "Design",
    "Fit",
    "Fits",
    "Forecaster",
    "Schedule",
    "Tail",
    "__version__",
    "compare",
    "design",
    "errors",
    "fit",
    "fit_to",
    "frontier",
    "intrinsic_dimension",
    "laws",
    "load",
    "planned",
    "plot",
    "read",
    "schedule",
    "tail",
    "trajectory",
    "weigh",
]

_HOME = {
    "Design": "scalefit.planning.bought",
    "Fit": "scalefit.result",
    "Fits": "scalefit.fits",
    "Forecaster": "scalefit.live",
    "compare": "scalefit.comparison.compare",
    "design": "scalefit.planning.design",
    "fit": "scalefit.fitting.fit",
    "fit_to": "scalefit.fitting.folder",
    "frontier": "scalefit.fitting.lower",
    "intrinsic_dimension": "scalefit.dimension",
    "load": "scalefit.result",
    "planned": "scalefit.curves.schedule",
    "read": "scalefit.io",
    "schedule": "scalefit.curves.schedule",
    "Schedule": "scalefit.curves.schedule",
    "Tail": "scalefit.tails.result",
    "tail": "scalefit.tails.tail",
    "weigh": "scalefit.comparison.weigh",
}
_MODULES = ("datasets", "errors", "laws", "plot", "trainers", "trajectory")


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `import scalefit` stays quick."""
    if name in _HOME:
        value = getattr(importlib.import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f"scalefit.{name}")
    raise AttributeError(f"module 'scalefit' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES})
