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

from typing import TYPE_CHECKING, Any

from .config import FAMILIES, PerceptronConfig, make, require_config, require_seed

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["config", "families", "run", "theory"]


def families() -> dict[str, str]:
    """Return the names of the trainer families, each with one line on what it is.

    Examples
    --------
    >>> sorted(families())
    ['perceptron']
    """
    return {name: kind.description for name, kind in FAMILIES.items()}


def config(family: str, **settings: Any) -> PerceptronConfig:
    """Return the checked, immutable settings of a family; a list given for a setting is swept.

    Parameters
    ----------
    family
        A name from `families()`.
    **settings
        The family's settings; what is not given keeps its default. `help(type(config(family)))`
        describes them.

    Raises
    ------
    ConfigError
        If the family or a setting is unknown, or a value is out of range.

    Examples
    --------
    >>> config("perceptron", load=[2, 5], seeds=8).load
    (2.0, 5.0)
    """
    return make(family, settings)


def run(
    config: PerceptronConfig, *, device: str = "auto", progress: bool = False, seed: int = 0
) -> xr.Dataset:
    """Train every run of a configuration and return the trajectory.

    Parameters
    ----------
    config
        Made by `config`.
    device
        `"auto"` (CUDA if there is one, else the CPU), `"cpu"`, `"cuda"` or `"cuda:<index>"`.
    progress
        Show a progress bar on standard error, if that is a terminal.
    seed
        Root of all random streams, >= 0. The data of a run depend on it, on the family and on the
        run's own settings, not on what else is in the sweep.

    Returns
    -------
    trajectory, one run per value of every swept setting and seed
        Variables and coordinates are those of the family's simulation. Runs that diverged have
        the status `diverged` and NaN from there on.

    Raises
    ------
    ConfigError
        If the device is not available, or the protocol has a theory but no simulation.
    MissingExtra
        If PyTorch is not installed.
    """
    from scalefit.trainers.device import resolve

    require_config(config)
    require_seed(seed)
    where = resolve(device)

    from scalefit.trainers.perceptron import simulate

    return simulate.run(config, where, progress=progress, seed=seed)


def theory(config: PerceptronConfig) -> xr.Dataset:
    """Return the theory's curves for a configuration, under the names that `run` uses.

    Parameters
    ----------
    config
        Made by `config`.

    Returns
    -------
    trajectory, one run per value of every swept setting that enters the theory
        For the perceptron: one run per load, one point per value of `norm`, and as run coordinates
        the errors of Hebb's rule, maximal stability (with its margin), Bayes and Gibbs. The curve
        is that of the minimiser at fixed norm, whatever the protocol: before the elbow the path of
        gradient descent lags behind it (at a load of 5, a small learning rate and norm 0.5, by a
        third of the error); from the elbow on they agree to a few per cent at N = 100.

    Raises
    ------
    ConfigError
        If `config` was not made by `config`.
    """
    require_config(config)

    from scalefit.trainers.perceptron import theory

    return theory.curves(config)
