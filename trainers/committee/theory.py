"""Theory of the committee machine's learning curves, in one place.

Everything holds for infinite N at a fixed number of eigenvalues, unless it says otherwise. `curves`
makes a trajectory, from a typical start. Behind it stand `flow`, the equations of motion from any
start, such as the overlaps of a run's first weights; `test_loss` and `averages`, their parts; for
erf units `plateau`, `escape_rate` and `crossover`, and `specialised` for the last phase; for
linear units `loss`, `recursion`, which is exact for any N, and `floor`. `critical_linear` and
`critical_erf` are learning rates above which learning fails.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from scalefit.arrays import Array
from scalefit.trainers.checkpoints import checkpoints
from scalefit.trainers.seeds import generator
from scalefit.trainers.trajectories import Curve, theoretical

from . import last_phase, linear_units
from .equations_of_motion import Path, flow
from .gaussian_averages import averages, test_loss
from .last_phase import critical_rate as critical_erf
from .last_phase import specialised
from .linear_units import critical_rate as critical_linear
from .linear_units import floor, loss, recursion
from .plateau import Plateau, crossover, escape_rate, plateau
from .settings import Committee
from .spectrum import eigenvalues, second_moment, trained, window
from .variables import VARIABLES

if TYPE_CHECKING:
    import xarray as xr

    from scalefit.trainers.config import Config

__all__ = [
    "Path",
    "Plateau",
    "averages",
    "critical_erf",
    "critical_linear",
    "crossover",
    "curves",
    "eigenvalues",
    "escape_rate",
    "floor",
    "flow",
    "loss",
    "plateau",
    "recursion",
    "specialised",
    "test_loss",
]

FINE = 200
"""Times between two checkpoints at which the end of a plateau is looked for."""
UNUSED = ("protocol", "teacher", "points")
LANDMARKS: tuple[str, ...] = (
    "T2", "alpha_lo", "alpha_hi", "tail", "floor", "critical_rate", "D0", "plateau_height",
    "escape_rate", "crossover_L", "escape_time",
)  # fmt: skip


def curves(config: Config) -> xr.Dataset:
    """Return the curve of every point of the sweep, from a typical start.

    Teacher units are orthogonal; `protocol` and `teacher` do not enter. Student units start with
    overlaps `init_scale^2` with themselves and none with each other. With erf units and K = M, the
    overlap R of each with its own teacher unit exceeds that with any other one by `D0`, which is
    the standard deviation of every entry of R in a random start. The length of a plateau goes with
    its logarithm, and differs from run to run. With K != M, R is one draw, always the same. `flow`
    takes the overlaps of a run instead.

    A step of SGD has terms of size `learning_rate * batch * lambda_1 / N` that are left out: where
    each direction has its own eigenvalue, they matter. For linear units `recursion` has them.

    Returns
    -------
    trajectory
        Variables `time` (examples over N), `test_loss`, `Q` and `R`, at the simulation's
        checkpoints. Coordinates are the settings that enter, and, NaN where there is none:

        `T2`, the mean square of the eigenvalues; `alpha_lo` and `alpha_hi`, times of the first and
        the last exponential, between which the loss falls as a power of time (for erf units those
        of the approach to the plateau, and of the last phase, for K = M); `tail`, the constant by
        which it lies below this power, and `floor`, the loss at infinite time; `critical_rate`, the
        learning rate above which the student does not find the teacher; and for erf units `D0`,
        `plateau_height`, `escape_rate`, `crossover_L`, the L beyond which there is no plateau, and
        `escape_time`, at which the loss is half the plateau's height.
    """
    points: dict[tuple[Any, ...], Committee] = {}
    for point in config.points:
        assert isinstance(point, Committee)
        key = tuple(value for name, value in point.used().items() if name not in UNUSED)
        points.setdefault(key, point)
    return theoretical(
        VARIABLES,
        [_curve(point) for point in points.values()],
        source="committee machine, one-pass SGD, N to infinity",
        config=config,
        without=UNUSED,
    )


def _curve(settings: Committee) -> Curve:
    """Return the curve of one run, NaN from where its loss is not finite."""
    steps = checkpoints(settings.steps, settings.points)
    times = np.array(steps) * settings.batch / settings.N
    found = solve(settings, times)
    alive = np.logical_and.accumulate(np.isfinite(found.test_loss))
    for values in found[1:]:
        values[~alive] = np.nan
    status = "ok" if alive[-1] else "diverged"
    return Curve(settings, found._asdict(), {"status": status, **landmarks(settings, found)})


def solve(settings: Committee, times: Array) -> Path:
    """Return the overlaps of one run from the typical start."""
    K, M = settings.K, settings.M
    spectrum, share = eigenvalues(settings.L, settings.beta), share_of(settings)
    if settings.activation == "linear":
        rates = {"learning_rate": settings.learning_rate, "init_scale": settings.init_scale}
        return linear_units.path(spectrum, times, K=K, M=M, share=share, **rates)
    part = trained(settings.L, share)
    if K == M:
        pattern = np.eye(K) - 1 / K
    else:
        pattern = generator("committee", "typical start", K, M).normal(size=(K, M))
    r = difference(settings) * pattern / np.mean(spectrum * part)
    q = settings.init_scale**2 * np.eye(K)
    return flow(
        spectrum, q, r, np.eye(M), times, learning_rate=settings.learning_rate, trained=part
    )


def landmarks(settings: Committee, path: Path) -> dict[str, float]:
    """Return the run coordinates that come from theory."""
    K, M, L, beta = settings.K, settings.M, settings.L, settings.beta
    rate, share = settings.learning_rate, share_of(settings)
    spectrum = eigenvalues(L, beta)
    part = trained(L, share)
    seen = spectrum[part > 0]
    found: dict[str, float] = dict.fromkeys(LANDMARKS, math.nan)
    found["T2"] = second_moment(spectrum)
    if settings.activation == "linear":
        sum_rate = rate * M / K
        found["alpha_lo"], found["alpha_hi"] = window(seen, sum_rate)
        found["critical_rate"] = critical_linear(spectrum * part) * K / M
        if rate < found["critical_rate"] and share < 1:
            found["floor"] = floor(spectrum, learning_rate=sum_rate, share=share)
        elif rate < found["critical_rate"]:
            start = 1 + settings.init_scale**2 * M / K
            found["tail"] = linear_units.tail(L, beta, learning_rate=sum_rate, start=start)
            found["floor"] = 0.0
        return found
    found["D0"] = difference(settings)
    if share < 1:
        return found
    if M > 1:
        found["plateau_height"] = plateau(K, M, rate).test_loss
        if K == 1:
            found["floor"] = found["plateau_height"]
        else:
            found["escape_rate"] = escape_rate(spectrum, K, M, rate)
            found["crossover_L"] = crossover(K, M, beta)
            found["escape_time"] = escape_time(settings, path, found["plateau_height"] / 2)
    if K == M:
        found["alpha_lo"], _ = window(spectrum, rate * plateau(K, M).relaxation)
        _, found["alpha_hi"] = window(spectrum, rate * last_phase.slowest(K))
        found["critical_rate"] = critical_erf(K)
        if rate < found["critical_rate"]:
            found["tail"] = last_phase.tail(L, beta, K)
            found["floor"] = 0.0
    return found


def escape_time(settings: Committee, path: Path, level: float) -> float:
    """Return the time at which the loss falls to a level, whatever the checkpoints."""
    at = int(np.argmax(path.test_loss <= level))
    if at == 0:
        return math.nan
    times = np.geomspace(path.time[at - 1], path.time[at], FINE)
    return first_below(solve(settings, times), level)


def first_below(path: Path, level: float) -> float:
    """Return the time at which the loss falls to a level, NaN if it does not."""
    below = path.test_loss <= level
    at = int(np.argmax(below))
    if not below[at] or at == 0:
        return math.nan
    ends = slice(at - 1, at + 1)
    x, y = np.log(path.test_loss[ends][::-1]), np.log(path.time[ends][::-1])
    return math.exp(np.interp(math.log(level), x, y))


def difference(settings: Committee) -> float:
    """Return the standard deviation of each entry of R in a random start."""
    spectrum = eigenvalues(settings.L, settings.beta)
    part = trained(settings.L, share_of(settings))
    return settings.init_scale * math.sqrt(second_moment(spectrum * np.sqrt(part)) / settings.N)


def share_of(settings: Committee) -> float:
    """Return trained directions over all."""
    return (settings.trainable or settings.N) / settings.N
