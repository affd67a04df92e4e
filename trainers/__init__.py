"""Trainers: learning curves from simulation, and from theory where a theory exists.

The four functions here are the public face. `run` needs PyTorch (`pip install 'scalefit[train]'`);
nothing else does, and importing this package does not import it.
"""

from __future__ import annotations

if __name__ == "trainers":
    raise ImportError(
        "this folder is the sub-package 'scalefit.trainers'; "
        "install the project (pip install -e .) and import it by that name"
    )

import warnings
from typing import TYPE_CHECKING, Any

from .config import Config, make, require_config, require_seed
from .families import FAMILIES, find

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from concurrent.futures import Executor

    import pandas as pd
    import xarray as xr

__all__ = ["config", "families", "merged", "plan", "run", "theory"]


def families() -> dict[str, str]:
    """Return the names of the trainer families, each with one line on what it is.

    Examples
    --------
    >>> sorted(families())
    ['committee', 'perceptron']
    """
    return {name: kind.description for name, kind in FAMILIES.items()}


def config(family: str, **settings: Any) -> Config:
    """Return checked, immutable settings of a family; a list given for a setting is swept.

    Several lists are swept as a product; lists under `zip` go together, value by value.

    Parameters
    ----------
    family
        A name from `families()`.
    **settings
        The family's settings; what is not given keeps its default. They are described by
        `help(type(config(family).points[0]))`. Every family has besides:

        `seeds`: how many replicates of every point of the sweep (16), or a list of their numbers;
        `zip`: settings with lists of one length, such as `{"load": [1, 2], "steps": [500, 900]}`.

    Raises
    ------
    ConfigError
        If the family or a setting is unknown, or a value is out of range.

    Examples
    --------
    >>> [one.load for one in config("perceptron", load=[2, 5], seeds=8).points]
    [2.0, 5.0]
    """
    return make(find(family), settings)


def run(
    config: Config,
    *,
    device: str = "auto",
    out: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    determinism: str = "fast",
    seed: int = 0,
    progress: bool = False,
) -> xr.Dataset:
    """Train every run of a configuration and return the trajectory.

    Parameters
    ----------
    config
        Made by `config`.
    device
        `"auto"` (CUDA if there is one, else the CPU), `"cpu"`, `"cuda"` or `"cuda:<index>"`; with
        an executor, as its workers see it.
    out
        Folder that keeps finished bundles of runs, and every few minutes the state of unfinished
        ones. Killed at any moment, the same call goes on from there. Several configurations can
        share a folder: a bundle is found by the hash of its settings, and only the runs of this
        configuration are returned. Runs that ended for want of memory are tried again.
    executor
        Any `concurrent.futures.Executor`; its workers need the same folder. By default this
        process does the work. A GPU wants processes that are spawned, not forked.
    determinism
        `"fast"`, or `"exact"`: runs train one at a time with deterministic algorithms, and values
        and coordinates do not depend on the rest of the sweep, on the executor or on interruptions,
        bit for bit on one machine with one version of its libraries.
    seed
        Root of all random streams, >= 0. The data of a run depend on it, on the family and on the
        run's own settings, not on what else is in the sweep.
    progress
        Show a progress bar on standard error, if that is a terminal.

    Returns
    -------
    trajectory, one run per point of the sweep and seed, in this order
        Every setting is a coordinate. Runs that diverged have the status `diverged` and NaN from
        there on; those that did not fit into memory even alone have the status `oom`.

    Raises
    ------
    ConfigError
        If the device is not available, the folder cannot be written to, or the protocol has a
        theory but no simulation.
    MissingExtra
        If PyTorch is not installed.
    ScalefitError
        If the disk is full or a worker process died; what was finished is kept.

    Warns
    -----
    UserWarning
        If settings can be trained but are doubtful, such as a learning rate at which a run is
        likely to diverge.
    """
    from . import sweep

    require_config(config)
    seed = require_seed(seed)
    sweep.require_determinism(determinism)
    doubtful = [texts for point in config.points if (texts := point.cautions())]
    if doubtful:
        more = f" (the first of {len(doubtful)} such points)" if len(doubtful) > 1 else ""
        warnings.warn("; ".join(doubtful[0]) + more, stacklevel=2)
    return sweep.run(
        config,
        device=device,
        out=out,
        executor=executor,
        determinism=determinism,
        seed=seed,
        progress=progress,
    )


def plan(
    config: Config,
    *,
    out: str | os.PathLike[str] | None = None,
    determinism: str = "fast",
    seed: int = 0,
) -> pd.DataFrame:
    """Return what `run` would do with the same arguments, without doing it.

    Returns
    -------
    one row per bundle
        `bundle`, the name of its file; `runs`; the settings; `core_seconds` and `megabytes`,
        rough estimates for one CPU core; `state`: `to do`, `begun` or `finished`.

    Raises
    ------
    ConfigError, MissingExtra
        As `run`.
    """
    from . import sweep

    require_config(config)
    seed = require_seed(seed)
    sweep.require_determinism(determinism)
    return sweep.plan(config, out=out, determinism=determinism, seed=seed)


def merged(out: str | os.PathLike[str], *, variables: Sequence[str] | None = None) -> xr.Dataset:
    """Return every finished run in a folder, of all configurations, ordered by their settings.

    Every setting is a coordinate on `run`, which tells configurations apart; a run that stands in
    two files is taken once. `run(config, out=...)` returns the runs of one configuration instead.

    Parameters
    ----------
    out
        Folder of a sweep, finished or not.
    variables
        What to keep, all by default. One file at a time is read.

    Raises
    ------
    InvalidData
        If the folder holds no finished bundle, or a file in it is damaged or lacks a variable.
    """
    from . import store

    return store.merged(out, variables=variables)


def theory(config: Config) -> xr.Dataset:
    """Return the theory's curves for a configuration, under the names that `run` uses.

    Parameters
    ----------
    config
        Made by `config`.

    Returns
    -------
    trajectory, one run per value of every swept setting that enters the theory
        For the perceptron: one run per load, one point per value of `norm`, and as run coordinates
        the optimum and the errors of Hebb's rule, maximal stability (with its margin), Bayes and
        Gibbs; more is in `scalefit.trainers.perceptron.theory`. The curve is that of the minimiser
        at fixed norm, whatever the protocol: before the elbow the path of gradient descent lags
        behind it (at a load of 5 and norm 0.5, by a tenth of the error at small learning rates, by
        a quarter at 0.5); from the elbow on they agree to a few per cent at N = 100.

        For the committee machine: the equations of motion of its order parameters for infinite N,
        from a typical start, and as run coordinates the plateau's height and escape, the window of
        the power law and the constant that it lacks; more is in
        `scalefit.trainers.committee.theory`.

    Raises
    ------
    ConfigError
        If `config` was not made by `config`.
    """
    from importlib import import_module

    family = require_config(config).family
    curves: xr.Dataset = import_module(f"scalefit.trainers.{family}.theory").curves(config)
    return curves
