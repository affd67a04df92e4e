"""Fits changed by hand: the arrays of a fit are read-only, so a changed one is another fit."""

from __future__ import annotations

from typing import Any

import xarray as xr

import scalefit as sf


def changed(fit: sf.Fit, group: str, name: str, values: Any, at: Any = ...) -> sf.Fit:
    """Return a fit in which some values of one variable are others."""
    groups = {key: node.to_dataset() for key, node in fit.tree.children.items()}
    array = groups[group][name].values.copy()
    array[at] = values
    groups[group] = groups[group].assign({name: (groups[group][name].dims, array)})
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = dict(fit.tree.attrs)
    return sf.Fit(fit.law, tree)


def judged(fit: sf.Fit, verdict: str, run: Any = ...) -> sf.Fit:
    """Return a fit with another verdict on a run, or on all."""
    return changed(fit, "diagnostics", "verdict", verdict, run)
