"""Compatibility with PyMC 5 and ArviZ 0.x, and with PyMC 6 and ArviZ 1.x, all of it here."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .arrays import Array

with warnings.catch_warnings():
    # ArviZ 0.23 announces its successor on import; the successor is supported here.
    warnings.filterwarnings("ignore", category=FutureWarning, module="arviz")
    import arviz
    import pymc
    import pytensor.tensor

__all__ = ["pm", "pt", "rhat_and_ess"]

# Their types differ between the generations, so checkers are told nothing.
az: Any = arviz
pm: Any = pymc
pt: Any = pytensor.tensor


def rhat_and_ess(chains: Array) -> tuple[float, float]:
    """Return R-hat and the smaller of bulk and tail effective size of chains (chain, draw)."""
    if np.ptp(chains) == 0.0:
        return float("nan"), float("nan")
    bulk = az.ess(chains, method="bulk")
    tail = az.ess(chains, method="tail", prob=(0.05, 0.95))
    return float(az.rhat(chains)), float(min(bulk, tail))
