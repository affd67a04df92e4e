"""Intrinsic dimension of a data set, from the distances between neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .arguments import numbers
from .arrays import Array
from .errors import ConfigError, InvalidData
from .wording import counted

if TYPE_CHECKING:
    import pandas as pd

FEW = 5
"""Points per neighbour, at least."""
TREE = 16
"""Coordinates up to which a tree finds neighbours faster than all distances."""
ENTRIES = 2**24
"""Distances that are held at once."""
CHUNK = 4096
"""Points whose neighbours' neighbours are held at once."""


def intrinsic_dimension(
    points: Any, *, neighbours: int = 16, interval: float = 0.9
) -> pd.DataFrame:
    """Return the dimension of the manifold on which points lie, and what it looks like by scale.

    Where points are dense, j log(r_(j+1) / r_j) is exponential with mean 1/d, for the distances
    r_1, r_2, ... of a point's neighbours. Curvature and an uneven density change the mean with the
    square of the distance. There are three estimates: by a line in the mean square of r_j over all
    points; by a line in r_(j+1)^2 point by point, whose slope changes with the logarithm of the
    point's own scale, as it does where the density is normal, and in which points count less the
    farther their neighbours are, by the fourth power; and the first quarter of the neighbours as
    it is. The true value mostly lies between the lines, which go too far where the change bends,
    and the last. The dimension is that of their mean, and their standard deviation is added to the
    error: where parts of the data have dimensions of their own, as images do, the interval is wide.
    Neighbouring points share neighbours; the interval takes their correlation from the data. Edges
    of the manifold, and noise off it, are not accounted for: see whether the dimension drifts with
    scale.

    A loss that is limited by resolution falls with an exponent of 2/d where the predictor is
    piecewise constant, and 4/d where it is piecewise linear.

    Parameters
    ----------
    points : shape (n, ...)
        n points; further axes, such as those of an image, are coordinates. Repeated points count
        once.
    neighbours : >= 4
        How many scales are looked at; at least five times as many points are needed.
    interval
        Probability that the interval holds.

    Returns
    -------
    DataFrame
        Columns `neighbour`, `distance` (root mean square), `median`, `low`, `high`. The row with
        neighbour 0 is the dimension; the others are what it seems to be between each neighbour and
        the next, without extrapolation.

    Raises
    ------
    InvalidData
        If points are too few, not finite, or no array.
    ConfigError
        If `neighbours` or `interval` is out of range.

    Source
    ------
    Facco, d'Errico, Rodriguez, Laio (2017), Scientific Reports 7, 12140, for the first ratio;
    Denti, Doimo, Laio, Mira (2022), Scientific Reports 12, 20005, for the others. Lines and
    standard errors are ours, the latter after Conley (1999), Journal of Econometrics 92, 1.

    Examples
    --------
    >>> angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 2000)
    >>> circle = np.column_stack([np.cos(angle), np.sin(angle), np.cos(angle)])
    >>> found = intrinsic_dimension(circle).iloc[0]
    >>> bool(found.low < 1 < found.high), bool(found.high - found.low < 0.2)
    (True, True)
    """
    import pandas as pd
    from scipy.special import ndtri

    if not (isinstance(neighbours, int) and 4 <= neighbours <= 1000):
        raise ConfigError(
            f"argument 'neighbours' is {neighbours!r}; give a whole number, 4 to 1000"
        )
    if not 0 < interval < 1:
        raise ConfigError(f"argument 'interval' is {interval!r}; give a number between 0 and 1")
    known = _checked(points, neighbours)
    distance, place = nearest(known, neighbours + 1)
    order = np.arange(1.0, neighbours + 1.0)
    ratio = order * np.log(distance[:, 1:] / distance[:, :-1])  # mean 1/d, a column a scale
    square = (distance[:, :-1] ** 2).mean(0)
    finest = ratio[:, : neighbours // 4].mean(1)
    estimates = [
        _by_scale(ratio, square),
        _by_point(ratio, distance[:, 1:]),
        (float(finest.mean()), finest - finest.mean()),
    ]
    three = np.array([max(value, 0.0) for value, _ in estimates])
    each = sum(score for _, score in estimates) / len(estimates)
    mean = np.append(three.mean(), ratio.mean(0))
    error = np.sqrt(_variance(np.column_stack([each, ratio - ratio.mean(0)]), place))
    error[0] = np.hypot(error[0], three.std(ddof=1))
    apart = np.exp(float(ndtri((1 + interval) / 2)) * error / mean)
    return pd.DataFrame(
        {
            "neighbour": np.arange(neighbours + 1),
            "distance": np.concatenate([[0.0], np.sqrt(square)]),
            "median": 1 / mean,
            "low": 1 / (mean * apart),
            "high": apart / mean,
        }
    )


def _by_scale(ratio: Array, square: Array) -> tuple[float, Array]:
    """Return 1/d by a line in the mean squares of distances, and each point's part of its error."""
    design = np.column_stack([np.ones(square.size), square / square.mean()])
    each = ratio @ np.linalg.pinv(design)[0]
    return float(each.mean()), each - each.mean()


def _by_point(ratio: Array, distance: Array) -> tuple[float, Array]:
    """Return 1/d by a line in each point's own squares, and each point's part of its error.

    Given r_(j+1), the ratio to r_j is independent of it, so that distances may stand on the right.
    """
    scale = np.log(distance[:, -1:])
    weight = np.exp(-4 * (scale - scale.min()))
    square = distance**2 / np.average(distance**2, weights=np.broadcast_to(weight, ratio.shape))
    around = scale - np.average(scale, weights=weight)
    design = np.stack([np.ones_like(square), square, square * around], axis=-1)
    weighted = design * weight[..., None]
    gram = np.einsum("njc,njd->cd", weighted, design)
    solved = np.linalg.solve(gram, np.einsum("njc,nj->c", weighted, ratio))
    onto = np.linalg.solve(gram, np.eye(3)[0])
    apart = ((ratio - design @ solved) * (weighted @ onto)).sum(1)
    return float(solved[0]), apart * len(ratio)


def _variance(apart: Array, place: NDArray[np.intp]) -> Array:
    """Return the variances of means of columns of `apart`, shape (n, k), whose mean is 0.

    Points are correlated that are neighbours, or have one in common.
    """
    from scipy.sparse import csr_array

    n = len(apart)
    rows = np.repeat(np.arange(n), place.shape[1])
    one_way = csr_array((np.ones(rows.size), (rows, place.ravel())), shape=(n, n))
    linked = one_way + one_way.T
    products = np.zeros(apart.shape[1])
    for first in range(0, n, CHUNK):
        part = slice(first, first + CHUNK)
        near = csr_array((linked[part] @ linked) + linked[part] > 0).astype(float)
        products += (apart[part] * np.asarray(near @ apart)).sum(0)
    return np.asarray(np.maximum(products, (apart**2).sum(0)) / n**2)


def nearest(points: Array, count: int) -> tuple[Array, NDArray[np.intp]]:
    """Return rising distances to the nearest other points, shape (n, count), and their places."""
    n = len(points)
    if points.shape[1] <= TREE:
        from scipy.spatial import cKDTree

        found = cKDTree(points).query(points, count + 1)
        return np.asarray(found[0])[:, 1:], np.asarray(found[1], dtype=np.intp)[:, 1:]
    squares = (points**2).sum(1)
    distance, place = np.empty((n, count)), np.empty((n, count), dtype=np.intp)
    chunk = max(ENTRIES // n, 1)
    for first in range(0, n, chunk):
        rows = np.arange(first, min(first + chunk, n))
        away = squares[rows, None] + squares - 2 * points[rows] @ points.T
        away[np.arange(len(rows)), rows] = np.inf
        among = np.argpartition(away, count - 1, axis=1)[:, :count]
        # again from the differences, for the sums above lose digits where points are close
        exact = np.array([_apart(points[i], points[at]) for i, at in zip(rows, among, strict=True)])
        rank = np.argsort(exact, axis=1)
        distance[rows] = np.take_along_axis(exact, rank, 1)
        place[rows] = np.take_along_axis(among, rank, 1)
    return distance, place


def _apart(point: Array, others: Array) -> Array:
    found: Array = np.sqrt(((others - point) ** 2).sum(1))
    return found


def _checked(points: Any, neighbours: int) -> Array:
    """Return the points, shape (n, coordinates), each once."""
    known = numbers(points, "points")
    if known.ndim < 2:
        raise InvalidData(
            f"points have shape {known.shape}; give one row a point, shape (n, coordinates)"
        )
    known = np.unique(known.reshape(len(known), -1), axis=0)
    if not np.all(np.isfinite(known)):
        raise InvalidData("points hold values that are missing or infinite; drop these rows")
    if len(known) < FEW * neighbours:
        raise InvalidData(
            f"there are {counted(len(known), 'different point')}; {neighbours} neighbours need "
            f"{FEW * neighbours}: give more points, or fewer neighbours"
        )
    return known
