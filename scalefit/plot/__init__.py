"""Figures: matplotlib axes in and out; without `ax` a new figure is made."""

from .collapse import collapse
from .curve import curve
from .exponent import local_exponent
from .forest import forest
from .frontier import frontier, isoflop
from .probabilities import probabilities
from .residuals import residuals

__all__ = [
    "collapse",
    "curve",
    "forest",
    "frontier",
    "isoflop",
    "local_exponent",
    "probabilities",
    "residuals",
]
