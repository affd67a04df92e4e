"""Averages over Gaussian inputs, as functions of the overlaps of a committee machine's units.

Student units have fields x_i, teacher units y_m, jointly Gaussian with `<x x> = Q`, `<x y> = R` and
`<y y> = T`. The student's output is `sqrt(M) / K sum g(x)`, the teacher's `1 / sqrt(M) sum g(y)`;
their difference, teacher minus student, is the error, half its mean square the test loss. With
`delta_i = sqrt(M) / K g'(x_i) error`, an example adds `learning_rate / sqrt(N) delta_i` times the
input to the weights of unit i.

Everything works on numpy arrays and on PyTorch tensors, with any leading axes.

Source
------
Saad and Solla (1995), Physical Review E 52, 4225, for g(x) = erf(x / sqrt(2)).
"""

from __future__ import annotations

import math
import sys
from typing import Any, NamedTuple

RESOLUTION = 1e-15
"""Least loss that curves of erf units show: it is a difference of overlaps of size 1, and what
rounding leaves below this may have either sign."""


class Averages(NamedTuple):
    """What the equations of motion are made of.

    Attributes
    ----------
    A : shape (..., K, K)
        Mean of `d delta_i / d x_j`; symmetric.
    C : shape (..., K, M)
        Mean of `d delta_i / d y_m`.
    V : shape (..., K, K)
        Mean of `delta_i delta_j`.
    """

    A: Any
    C: Any
    V: Any


def test_loss(Q: Any, R: Any, T: Any, activation: str) -> Any:
    """Return half the mean of the squared error.

    Parameters
    ----------
    Q : shape (..., K, K)
        Overlaps of student units.
    R : shape (..., K, M)
        Overlaps of student units with teacher units.
    T : shape (..., M, M) or (M, M)
        Overlaps of teacher units.
    activation
        `"erf"` or `"linear"`.

    Examples
    --------
    >>> import numpy as np
    >>> one, none = np.ones((1, 1)), np.zeros((1, 1))
    >>> float(test_loss(none, none, one, "erf").round(6))
    0.166667
    """
    xp = namespace(Q)
    cov, out = joint(Q, R, T), outputs(Q, R)
    second = cov
    if activation == "erf":
        own = 1 + xp.einsum("...uu->...u", cov)
        ratio = cov / xp.sqrt(own[..., :, None] * own[..., None, :])
        second = 2 / math.pi * xp.arcsin(ratio)
    return xp.einsum("u,...uv,v->...", out, second, out) / 2


def averages(Q: Any, R: Any, T: Any, activation: str) -> Averages:
    """Return the averages in the equations of motion; arguments as of `test_loss`."""
    xp = namespace(Q)
    cov, out, K = joint(Q, R, T), outputs(Q, R), Q.shape[-1]
    each = out[:K, None]
    if activation == "linear":
        slope = -each * out + xp.zeros_like(cov[..., :K, :])
        square = 2 * test_loss(Q, R, T, activation)
        return Averages(slope[..., :K], slope[..., K:], each * out[:K] * square[..., None, None])
    slope = -each * out * two(cov)[..., :K, :]
    shift = xp.einsum("...iu,...iu->...i", slope, cov[..., :K, :])
    shift = shift / (1 + xp.einsum("...ii->...i", Q))
    A = slope[..., :K] - shift[..., None] * xp.eye(K, **kind(Q))
    pairs = {
        (i, j): out[i] * out[j] * four(cov, i, j, out[:, None] * out)
        for i in range(K)
        for j in range(i + 1)
    }
    rows = [xp.stack([pairs[max(i, j), min(i, j)] for j in range(K)], -1) for i in range(K)]
    return Averages(A, slope[..., K:], xp.stack(rows, -2))


def two(cov: Any) -> Any:
    """Return the mean of `g'(z_u) g'(z_v)` of every pair, for erf; `cov` is the fields' covariance.

    For u = v the mean is that of two fields with the variance as covariance, so that `d <g'(z_u)
    g(z_v)> / d cov_uv` holds there too.
    """
    xp = namespace(cov)
    own = 1 + xp.einsum("...uu->...u", cov)
    return 2 / math.pi / xp.sqrt(own[..., :, None] * own[..., None, :] - cov**2)


def four(cov: Any, i: int, j: int, weight: Any) -> Any:
    """Return the mean of `g'(z_i) g'(z_j) sum of weight_uv g(z_u) g(z_v)` over u and v, for erf.

    Parameters
    ----------
    cov : shape (..., n, n)
        Covariance of the fields z.
    i, j
        Fields of the derivatives.
    weight : shape (n, n)
        Of the pairs.
    """
    xp = namespace(cov)
    a, b, c = (1 + cov[..., i, i], 1 + cov[..., j, j], cov[..., i, j])
    D = a * b - c**2
    # g'(z_i) g'(z_j) turns the Gaussian of all fields into a narrower one: cov minus what the
    # fields i and j explain of it, by the inverse of ((a, c), (c, b))
    first, second = cov[..., i, :], cov[..., j, :]
    a, b, c = a[..., None], b[..., None], c[..., None]
    left = (b * first - c * second) / D[..., None]
    right = (a * second - c * first) / D[..., None]
    rest = (
        cov - first[..., :, None] * left[..., None, :] - second[..., :, None] * right[..., None, :]
    )
    own = 1 + xp.einsum("...uu->...u", rest)
    ratio = rest / xp.sqrt(own[..., :, None] * own[..., None, :])
    angles = xp.arcsin(xp.clip(ratio, -1.0, 1.0))
    return 4 / math.pi**2 * xp.einsum("...uv,uv->...", angles, weight) / xp.sqrt(D)


def joint(Q: Any, R: Any, T: Any) -> Any:
    """Return the covariance of all fields, shape (..., K + M, K + M), the student's first."""
    xp = namespace(Q)
    T = xp.broadcast_to(T, (*Q.shape[:-2], *T.shape[-2:]))
    upper = xp.concatenate([Q, R], -1)
    lower = xp.concatenate([xp.swapaxes(R, -2, -1), T], -1)
    return xp.concatenate([upper, lower], -2)


def outputs(Q: Any, R: Any) -> Any:
    """Return the weight of each unit in the error, shape (K + M,): minus for the student's."""
    xp = namespace(Q)
    K, M = R.shape[-2:]
    student, teacher = xp.ones(K, **kind(Q)), xp.ones(M, **kind(Q))
    return xp.concatenate([-math.sqrt(M) / K * student, teacher / math.sqrt(M)])


def namespace(array: Any) -> Any:
    """Return the library an array is from, numpy or torch."""
    return sys.modules[type(array).__module__.partition(".")[0]]


def kind(array: Any) -> dict[str, Any]:
    """Return data type and device, as the library's makers of arrays take them."""
    return {"dtype": array.dtype, "device": array.device}
