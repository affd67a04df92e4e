"""Local exponents of a fit: along the curve, and at its end."""

from __future__ import annotations

import xarray as xr

from scalefit.arrays import Array
from scalefit.laws import SegmentedLaw
from scalefit.record import Record


def local_exponent(record: Record, at: Array, *, floor: bool = True) -> xr.DataArray:
    """Return the posterior of `Fit.local_exponent`."""
    law = record.law.require(SegmentedLaw, "local exponent")
    return record.per_run(
        lambda run, params: law.local_exponent(params, at, floor=floor), at, group="averaged"
    )


def end_exponent(record: Record) -> xr.DataArray:
    """Return the posterior of `Fit.end_exponent`."""
    law = record.law.require(SegmentedLaw, "local exponent")
    ends = record.per_run(
        lambda run, params: law.local_exponent(params, record.curve(run)[0][-1:], floor=False),
        group="averaged",
    )
    return ends.isel(x=0)
