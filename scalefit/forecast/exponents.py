"""Local exponents of a fit: along the curve, and at its end."""

from __future__ import annotations

import numpy as np
import xarray as xr

from scalefit.arrays import Array
from scalefit.laws import SegmentedLaw
from scalefit.laws.slices import Slice
from scalefit.record import Record

from .places import per_run

STEP = 1e-4
"""Distance in log x over which slopes are taken."""


def local_exponent(record: Record, at: Array, *, floor: bool = True) -> xr.DataArray:
    """Return the posterior of `Fit.local_exponent`."""
    if isinstance(record.law, Slice):
        sliced = record.law
        return per_run(
            record, lambda _, params: _slope(sliced, params, at, floor=floor), at, group="averaged"
        )
    law = record.law.require(SegmentedLaw, "local exponent")
    return per_run(
        record,
        lambda run, params: law.local_exponent(params, at, floor=floor),
        at,
        group="averaged",
    )


def _slope(law: Slice, params: dict[str, Array], at: Array, *, floor: bool) -> Array:
    """Return minus the slope of a law in log-log by central differences, shape (draws, n)."""
    if not floor and "floor" in params:
        params = {**params, "floor": np.zeros_like(params["floor"])}
    with np.errstate(divide="ignore"):
        ends = [law.log_curve(params, at * np.exp(step)) for step in (-STEP, STEP)]
    return (ends[0] - ends[1]) / (2.0 * STEP)


def end_exponent(record: Record) -> xr.DataArray:
    """Return the posterior of `Fit.end_exponent`."""
    law = record.law.require(SegmentedLaw, "local exponent")
    ends = per_run(
        record,
        lambda run, params: law.local_exponent(params, record.curve(run)[0][-1:], floor=False),
        group="averaged",
    )
    return ends.isel(x=0)
