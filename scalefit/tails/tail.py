"""Tail: `scalefit.tail`, from values to the posterior of their power-law tail."""

from __future__ import annotations

from typing import Any

import numpy as np

from scalefit import arguments
from scalefit.arrays import Array
from scalefit.errors import ConfigError, InvalidData
from scalefit.wording import counted, typed

from .posterior import Posterior, posterior
from .result import Tail
from .shapes import SHAPES
from .verdict import verdict

FEWEST, MOST = 20, 10**6
"""Values of a sample, at least and at most."""


def tail(values: Any, *, shift: float = 0.0, draws: int = 1000, seed: int = 0) -> Tail:
    """Return the posterior of the power-law tail of a sample, its cut-off included.

    The density is x^-exponent above a cut-off, and anything below: pieces of power laws of any
    number, slope and share, which may jump or bend smoothly where the tail begins. The sum over all
    of these, and over all cut-offs, is exact up to a grid, so that the exponent's interval knows of
    the cut-off's. Shifted and truncated power laws, log-normal and exponential tails are compared
    by their evidence for the same values, with the same bodies and cut-offs.

    Of trained weights give the eigenvalues, or the singular values, of a matrix. Where a threshold
    has lowered them, as weight decay does, `shift` adds it back, which a slope read without it
    misses; values that are zero are what it took away, and are left out.

    Parameters
    ----------
    values : shape (n,)
        20 to 1,000,000 values > 0. What is missing, zero or negative is left out, with a note.
    shift
        Added to every value > 0.
    draws
        Of each shape.
    seed
        Of the draws.

    Returns
    -------
    Tail
        With `summary()`, `probabilities`, `draws`, `verdict` and `plot()`.

    Raises
    ------
    InvalidData
        If values are no numbers, infinite, too few, or all alike.
    ConfigError
        If another argument is out of range.

    Notes
    -----
    Exponents are those of the density, as in Clauset, Shalizi and Newman (2009, SIAM Review 51,
    661); the share of values at or above x falls as x^-(exponent - 1). Values are taken as drawn
    independently; eigenvalues repel one another, and intervals of theirs are wider than need be.

    Examples
    --------
    >>> import numpy as np
    >>> sample = np.random.default_rng(1).pareto(1.5, 300) + 1.0
    >>> found = tail(sample, draws=200)
    >>> low, high = found.summary().loc[0, ["low", "high"]]
    >>> bool(low < 2.5 < high)
    True
    """
    arguments.root(seed)
    if not arguments.whole(draws) or not 10 <= draws <= arguments.MOST_DRAWS:
        raise ConfigError(
            f"draws={typed(draws)}: give a whole number from 10 to {arguments.MOST_DRAWS:,}"
        )
    advice = "give the threshold that was taken from the values, a finite number >= 0"
    added = arguments.real(shift, "shift", advice)
    if not 0.0 <= added < np.inf:
        raise ConfigError(f"shift={typed(shift)}: {advice}")
    sample, notes = _sample(values, added)
    unit = float(np.median(sample))
    found = posterior(_spread(np.log(sample / unit)))
    return _told(found, sample, unit, added, notes, draws, seed)


def _sample(values: Any, shift: float) -> tuple[Array, tuple[str, ...]]:
    """Return the values to use, ascending, and what is to be said of the others."""
    given = arguments.numbers(values, "values")
    if given.ndim != 1:
        raise InvalidData(
            f"values have {counted(given.ndim, 'dimension')}; give one sample, of one dimension"
        )
    if np.isinf(given).any():
        many = counted(int(np.isinf(given).sum()), "infinity", "infinities")
        raise InvalidData(f"values hold {many}; leave them out")
    missing, low = np.isnan(given), given <= 0.0
    counts = ((int(missing.sum()), "missing"), (int(low.sum()), "zero or negative"))
    notes = [f"{counted(n, 'value')} left out: {why}" for n, why in counts if n]
    sample = np.sort(given[~missing & ~low]) + shift
    if not FEWEST <= sample.size <= MOST:
        many = "draw some of them at random" if sample.size > MOST else "a tail needs more"
        raise InvalidData(f"{counted(sample.size, 'value')} > 0; give {FEWEST} to {MOST:,}: {many}")
    different = np.unique(sample).size
    if different < FEWEST // 2:
        raise InvalidData(
            f"values hold {counted(different, 'different number')} > 0; a tail needs "
            f"{FEWEST // 2} or more"
        )
    return sample, tuple(notes)


def _spread(u: Array) -> Array:
    """Return log values of which equal ones are spread evenly, half-way to their neighbours."""
    different, first, count = np.unique(u, return_index=True, return_counts=True)
    if different.size == u.size:
        return u
    middle = 0.5 * (different[1:] + different[:-1])
    low = np.concatenate([[different[0]], middle])
    high = np.concatenate([middle, [different[-1]]])
    place = (np.arange(u.size) - np.repeat(first, count) + 0.5) / np.repeat(count, count)
    spread = np.repeat(low, count) + place * np.repeat(high - low, count)
    return np.where(np.repeat(count, count) > 1, spread, u)


def _told(
    found: Posterior,
    sample: Array,
    unit: float,
    shift: float,
    notes: tuple[str, ...],
    draws: int,
    seed: int,
) -> Tail:
    """Return draws and probabilities in the units of the data."""
    import pandas as pd

    names = pd.Index([one.name for one in SHAPES], name="tail")
    parts = []
    for place in range(len(SHAPES)):
        drawn = found.draw(place, draws, np.random.default_rng([seed, place]))
        parts.append(pd.DataFrame(_natural(place, drawn, unit)))
    probabilities = pd.Series(found.probabilities, names, name="probability")
    sample.flags.writeable = False
    table = pd.concat(parts, ignore_index=True)
    return Tail(
        sample,
        table,
        probabilities,
        pd.Series(found.log_evidence, names, name="log_evidence"),
        verdict(sample, table, probabilities, seed),
        shift,
        notes,
        seed,
    )


def _natural(place: int, drawn: dict[str, Array], unit: float) -> dict[str, Any]:
    """Return draws of one shape as columns, in the units of the data."""
    shape, a, ratio = SHAPES[place], drawn["a"], drawn["ratio"]
    cutoff = unit * np.exp(drawn["cutoff"])
    none = np.full(a.size, np.nan)
    grown = 1.0 + ratio if shape.besides == "shift" else 1.0
    return {
        "tail": shape.name,
        "exponent": 1.0 + a * grown if shape.power else none,
        "cutoff": cutoff,
        "values": drawn["values"],
        "shift": ratio * cutoff if shape.besides == "shift" else none,
        "end": ratio * cutoff if shape.besides == "end" else none,
        "width": ratio if shape.besides == "width" else none,
        "scale": cutoff / a if shape.name == "exponential" else none,
    }
