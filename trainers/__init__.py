"""Trainers: learning curves from simulation, and from theory where a theory exists.

The functions here are the public face. `run` needs PyTorch (`pip install 'scalefit[train]'`);
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

from .config import Config, make, require_config, require_seed, with_data
from .families import find, known, register
from .protocol import Family

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from concurrent.futures import Executor

    import pandas as pd
    import xarray as xr

__all__ = ["Family", "config", "families", "merged", "plan", "register", "run", "sweeps", "theory"]


def families() -> dict[str, str]:
    """Return the names of the trainer families, each with one line on what it is.

    Examples
    --------
    >>> sorted(families())[:3]
    ['committee', 'deep', 'diagonal']
    """
    return known()


def config(family: str, **settings: Any) -> Config:
    """Return checked, immutable settings of a family; a list given for a setting is swept.

    Several lists are swept as a product; lists under `zip` go together, value by value. A list for
    a grid is not swept: it belongs to every run, as the perceptron's `norm` does.

    Parameters
    ----------
    family
        A name from `families()`, or `"module:NAME"` of a `Family` of your own.
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
    return make(find(family).settings, settings)


def run(
    config: Config,
    *,
    device: str = "auto",
    out: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    determinism: str = "fast",
    seed: int = 0,
    shard: str | tuple[int, int] | None = None,
    data: Any = None,
    progress: bool = False,
) -> xr.Dataset:
    """Train every run of a configuration and return the trajectory.

    Parameters
    ----------
    config
        Made by `config`.
    device
        `"auto"` (CUDA where there is one and a short probe finds it faster, else the CPU), `"cpu"`,
        `"cuda"` or `"cuda:<index>"`; with an executor, as its workers see it.
    out
        Folder that keeps finished runs, and every minute, or less often where states are large, the
        state of unfinished ones. Killed at any moment, the same call goes on from there. What the
        folder holds is found run by run, whatever configuration asked for it, and only what is
        missing is trained; the runs of this configuration are returned. Several processes share the
        work of a folder: what one has begun the others leave to it, and take over when it is gone.
        Runs that ended for want of memory are tried again.
    executor
        Any `concurrent.futures.Executor`; its workers need the same folder. By default this
        process does the work. A GPU wants processes that are spawned, not forked.
    determinism
        `"fast"`: runs of equal shape train side by side, and the rounding of a run may depend on
        those beside it. `"exact"`: runs train one at a time with deterministic algorithms, and
        values and coordinates do not depend on the rest of the sweep, on the executor or on
        interruptions, bit for bit on one machine with one version of its libraries.
    seed
        Root of all random streams, >= 0. The data of a run depend on it, on the family and on the
        run's own settings, not on what else is in the sweep.
    shard
        `"i/n"` or `(i, n)`: the i-th of n shares of the runs only, for machines that do not see
        the same folder.
    data
        Images of your own, for a family that takes any, in place of those that its settings name:
        a path, arrays or PyTorch's Datasets, as `scalefit.trainers.deep.images.own` describes. They
        are known by their checksum. Workers read a path themselves, and are sent arrays.
    progress
        Show a progress bar on standard error; a line every 30 seconds where that is no terminal.

    Returns
    -------
    trajectory, one run per point of the sweep and seed, in this order
        Every setting is a coordinate, but for grids, which a run's name tells. Runs that diverged
        have the status `diverged` and NaN from there on; those that did not fit into memory even
        alone have the status `oom`; those that should have arrived somewhere and have not are
        `not converged`, with all their values.

    Raises
    ------
    ConfigError
        If the device is not available, the folder cannot be written to, or the protocol has a
        theory but no simulation.
    MissingExtra
        If PyTorch is not installed.
    InvalidData
        If a file of data is missing or damaged.
    ScalefitError
        If the disk is full or a worker process died; what was finished is kept.

    Warns
    -----
    UserWarning
        If settings can be trained but are doubtful, such as a learning rate at which a run is
        likely to diverge.
    """
    from . import sweep

    config = with_data(require_config(config), data)
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
        shard=shard,
        progress=progress,
    )


def plan(
    config: Config,
    *,
    out: str | os.PathLike[str] | None = None,
    determinism: str = "fast",
    seed: int = 0,
    device: str = "auto",
    data: Any = None,
) -> pd.DataFrame:
    """Return what `run` would do with the same arguments, without doing it.

    The first steps of the eight costliest shapes are timed, which takes some seconds, and those of
    every shape on both devices where `"auto"` has a GPU to choose; the time of the others is
    estimated from their operations. If `out` holds a sweep already, what was timed is kept there,
    and is not timed again.

    Returns
    -------
    one row per shape, whose runs train side by side
        `family`; `runs`, and how many of them are `finished`; the settings; `core_seconds`, for
        what is left on one core or on the device, and `megabytes`, for the runs that train side by
        side; `state`: `to do`, `begun`, `under way` or `finished`.

    Raises
    ------
    ConfigError, MissingExtra
        As `run`.
    """
    from . import planning, sweep

    config = with_data(require_config(config), data)
    seed = require_seed(seed)
    sweep.require_determinism(determinism)
    return planning.plan(config, out=out, determinism=determinism, seed=seed, device=device)


def sweeps(out: str | os.PathLike[str]) -> pd.DataFrame:
    """Return how far the sweeps are that were asked of a folder.

    Returns
    -------
    one row per configuration, in the order in which they were first run
        `family`, `protocol`, and the settings that are `swept`; `runs`, and how many have ended
        with each status; how many are `under_way` in living processes, how many others have
        `begun`, and how many are `to_do`; `seconds_left`; `determinism` and `seed`. A run that
        ended as `oom` is tried again, so it is counted there and among those that are left.
        `seconds_left` is estimated from the work that living processes note every few seconds: 0 if
        all is done, NaN if no process is at work or none has noted any.

    Raises
    ------
    InvalidData
        If no sweep was run there, or one is of a family that is not known here.
    """
    from . import planning

    return planning.sweeps(out)


def merged(
    out: str | os.PathLike[str], *, variables: Sequence[str] | None = None, partial: bool = False
) -> xr.Dataset:
    """Return every finished run in a folder, of all configurations, ordered by their settings.

    Every setting is a coordinate on `run`, but for grids, which a run's name tells; so
    configurations can be told apart. A run that stands in two files is taken once.
    `run(config, out=...)` returns the runs of one configuration instead.

    Parameters
    ----------
    out
        Folder of a sweep, finished or not.
    variables
        What to keep, all by default. One file at a time is read.
    partial
        Take unfinished runs, too, as far as they were saved; their status is `interrupted`. What
        they have not measured of `variables` is NaN, and those that have none of them are left out.

    Raises
    ------
    InvalidData
        If the folder holds no such run, or a file of finished runs is damaged or lacks a variable.
    """
    from . import merging

    return merging.merged(out, variables=variables, partial=partial)


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

        For the diagonal and the quadratic network: the minimiser under weight decay, one run with
        one point for every combination of the settings that enter, and as run coordinates its
        region, the exponent there, the best weight decay and Bayes; phase diagrams and more are in
        `scalefit.trainers.diagonal.theory` and `scalefit.trainers.quadratic.theory`.

    Raises
    ------
    ConfigError
        If `config` was not made by `config`, or the family has no theory.
    """
    found: xr.Dataset = find(require_config(config).family).curves()(config)
    return found
