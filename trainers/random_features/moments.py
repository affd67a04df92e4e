"""Moments of a draw: the small matrices of which every solution on it is made.

With latent features g, standard normal, let examples be G (D x S), features z of them Z (D x P), K
the mean of z z' and C that of z g' over all inputs, T^2 the mean square of the target in each mode.
A solution theta = B y has B = f(Z'Z) Z' or Z' f(ZZ'), whichever matrix is smaller, with a function
f of the eigenvalues, as in `solutions`. Its test loss, averaged over targets and label noise of
variance s2, is

    sum T^2 - 2 tr f W + tr f N f Y

with, on the side of the examples, W = G T^2 C' Z', N = Z K Z' and Y = G T^2 G' + s2, and on the
side of the features W = Z' G T^2 C', N = K and Y = Z' (G T^2 G' + s2) Z. Smaller D and P are the
first rows and columns, so that sums over modes are taken once for a whole grid, and products over
features once for all D, products over examples once for all P.

For ReLU of normal fields K is the arc-cosine kernel (Cho and Saul, 2009) and C half that of the
fields (Stein's lemma), so that the loss is exact for them as well.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from . import draws
from .draws import settings_of

if TYPE_CHECKING:
    from scalefit.trainers.protocol import Run

    from .settings import RandomFeatures

DTYPE = torch.float64
SUMS = ("Z", "X", "K", "Q", "Y", "kernel", "labels", "seen", "known")
"""What is summed over blocks of modes."""


class Cell(NamedTuple):
    """What a solution at one size needs; matrices of the smaller size, or vectors if diagonal.

    Matrices are over D, so that f is the same function for all D.

    Attributes
    ----------
    side
        `"examples"` or `"features"`, of which there are fewer, or `"population"`.
    gram
        ZZ' or Z'Z; of the population K.
    cross, inner, target
        W, N and Y, noise included; of the population N is K and Y is W. Of a single target W and Y
        are u v' and u u', and these are the vectors v and u.
    start : shape ()
        Test loss at theta = 0.
    squares : shape ()
        Mean squared label, noise included.
    examples
        D, 1 for the population.
    """

    side: str
    gram: Tensor
    cross: Tensor
    inner: Tensor
    target: Tensor
    start: Tensor
    squares: Tensor
    examples: int


class Spectrum(NamedTuple):
    """Square roots of the kernel's eigenvalues and of the target's power, shape (mode,)."""

    scale: Tensor
    amplitude: Tensor


def spectrum(settings: RandomFeatures, device: torch.device) -> Spectrum:
    """Return the spectrum of a run on a device."""
    modes = settings.kernel(whole=True)
    both = np.sqrt(np.stack([modes.eigenvalue, modes.power]))
    tensor = torch.tensor(both, dtype=DTYPE, device=device)
    return Spectrum(tensor[0], tensor[1])


def arc_cosine(gram: Tensor) -> Tensor:
    """Return the mean product of the ReLUs of normal fields with this covariance.

    Source
    ------
    Cho and Saul (2009), "Kernel methods for deep learning", the kernel of order 1.
    """
    length = gram.diagonal().sqrt()
    outer = length[:, None] * length
    cosine = (gram / outer).clamp(-1, 1)
    angle = torch.arccos(cosine)
    sine = torch.sqrt((1 - cosine) * (1 + cosine))
    return outer * (sine + (math.pi - angle) * cosine) / (2 * math.pi)


@dataclass(frozen=True)
class Draw:
    """Sums over the modes of the draws of one seed, for the largest D and P of a grid.

    `Q` and `kernel` are empty where no run asks for them.

    Attributes
    ----------
    Z, X : shape (example, feature)
        Features of the examples, not over sqrt(P), and G T^2 C'.
    K, Q : shape (feature, feature)
        As above, and C T^2 C'.
    Y : shape (example, example)
        G T^2 G'.
    kernel : three of shape (example, example)
        ZZ', W and N with all features.
    labels, seen, known : shape (example,), (feature,), (example,)
        Of a single target t: G t, C t, and Z C t with all features.
    normal : shape (example,)
        Label noise of variance 1.
    start : shape ()
        Test loss at theta = 0.
    """

    Z: Tensor
    X: Tensor
    K: Tensor
    Q: Tensor
    Y: Tensor
    kernel: Tensor
    labels: Tensor
    seen: Tensor
    known: Tensor
    normal: Tensor
    start: Tensor


class Wanted(NamedTuple):
    """What runs of a seed ask for.

    Attributes
    ----------
    averaged
        Means over targets; otherwise a single one.
    kernel, population
        All features, and all examples.
    """

    averaged: bool = True
    kernel: bool = False
    population: bool = False


def summed(
    scale: Tensor, amplitude: Tensor, inputs: Tensor, projections: Tensor, wanted: Wanted
) -> dict[str, Tensor]:
    """Return what a block of modes adds to `Draw`, for linear features.

    Parameters
    ----------
    scale, amplitude : shape (mode,)
        As in `Spectrum`.
    inputs, projections : shape (example, mode), (feature, mode)
        Standard normal numbers.
    wanted
        What is not is left out.
    """
    fields, power = projections * scale, amplitude**2
    found = {"Z": inputs @ fields.T, "K": fields @ fields.T}
    taught = inputs * power
    if wanted.averaged:
        found |= {"X": taught @ fields.T, "Y": taught @ inputs.T}
    if wanted.averaged and wanted.population:
        found["Q"] = (fields * power) @ fields.T
    if wanted.kernel:
        latent = inputs * scale
        own, inner = latent @ latent.T, (latent * scale**2) @ latent.T
        cross = (taught * scale**2) @ inputs.T if wanted.averaged else own
        found["kernel"] = torch.stack([own, cross, inner])
    return found


def draw(run: Run, examples: int, features: int, wanted: Wanted, device: torch.device) -> Draw:
    """Return the sums of a seed's draws; sizes, ridge and noise of the run do not enter.

    Parameters
    ----------
    run
        Any run of the seed.
    examples, features
        The largest finite D and P, 0 for none.
    wanted
        What the runs of the seed ask for.
    device
        Where they are made.
    """
    settings = settings_of(run)
    scale, amplitude = spectrum(settings, device)
    signs = torch.tensor(draws.signs(run, settings.size), device=device)
    target = amplitude * signs
    total: dict[str, Tensor] = defaultdict(lambda: torch.zeros((), dtype=DTYPE, device=device))
    for part in draws.blocks(settings.size):
        inputs = torch.tensor(draws.normals(run, "inputs", examples, part), device=device)
        fields = torch.tensor(draws.normals(run, "features", features, part), device=device)
        found = summed(scale[part], amplitude[part], inputs, fields, wanted)
        found["labels"] = inputs @ target[part]
        found["seen"] = fields @ (scale * target)[part]
        found["known"] = inputs @ (scale**2 * target)[part]
        for name, value in found.items():
            total[name] = total[name] + value
    if settings.features == "relu":
        total["Z"], total["K"] = total["Z"].clamp(min=0), arc_cosine(total["K"])
        total["X"], total["Q"], total["seen"] = total["X"] / 2, total["Q"] / 4, total["seen"] / 2
    return Draw(
        **{name: total[name] for name in SUMS},
        normal=torch.tensor(draws.label_noise(run, examples), device=device),
        start=(amplitude**2).sum(),
    )


def cells(runs: Sequence[Run], device: torch.device) -> Iterator[tuple[int, Cell]]:
    """Return the place of every run, and its moments; runs are of one seed and one spectrum."""
    sizes = [settings_of(run) for run in runs]
    averaged = sizes[0].averaged
    wanted = Wanted(
        averaged,
        any(one.n_params == 0 and one.n_train for one in sizes),
        any(one.n_train == 0 for one in sizes),
    )
    D, P = max(one.n_train for one in sizes), max(one.n_params for one in sizes)
    made = draw(runs[0], D, P, wanted, device)
    on_examples, on_features = defaultdict(list), defaultdict(list)
    for at, one in enumerate(sizes):
        if not one.n_train:
            yield at, _population(made, one, device)
        elif not one.n_params:
            yield at, _on_examples(made, made.kernel, made.known, one)
        elif one.n_train <= one.n_params:
            on_examples[one.n_params].append(at)
        else:
            on_features[one.n_train].append(at)
    for P, places in on_examples.items():
        rows = max(sizes[at].n_train for at in places)
        Z = made.Z[:rows, :P]
        gram, inner = Z @ Z.T, Z @ made.K[:P, :P] @ Z.T / P
        ours = torch.stack([gram, made.X[:rows, :P] @ Z.T if averaged else gram, inner]) / P
        for at in places:
            yield at, _on_examples(made, ours, Z @ made.seen[:P] / P, sizes[at])
    for D, places in on_features.items():
        columns = max(sizes[at].n_params for at in places)
        Z = made.Z[:D, :columns]
        theirs = [Z.T @ Z]
        if averaged:
            theirs += [Z.T @ made.X[:D, :columns], Z.T @ made.Y[:D, :D] @ Z]
        known = torch.stack(theirs)
        for at in places:
            yield at, _on_features(made, known, sizes[at])


def _population(made: Draw, settings: RandomFeatures, device: torch.device) -> Cell:
    P = settings.n_params
    if P:
        gram = made.K[:P, :P] / P
        cross = made.Q[:P, :P] / P if settings.averaged else made.seen[:P] / math.sqrt(P)
    else:
        scale, amplitude = spectrum(settings, device)
        gram, cross = scale**2, (scale * amplitude) ** 2
    squares = made.start + settings.noise
    return Cell("population", gram, cross, gram, cross, made.start, squares, 1)


def _on_examples(made: Draw, known: Tensor, taught: Tensor, settings: RandomFeatures) -> Cell:
    """Return the moments on the side of the examples, from ZZ', W and N, and Z C t."""
    D = settings.n_train
    gram, cross, inner = known[:, :D, :D] / D
    if settings.averaged:
        target = (made.Y[:D, :D] + settings.noise * torch.eye(D).to(gram)) / D
        squares = target.diagonal().sum()
    else:
        cross, target = taught[:D] / math.sqrt(D), _labels(made, settings) / math.sqrt(D)
        squares = target.square().sum()
    return Cell("examples", gram, cross, inner, target, made.start, squares, D)


def _on_features(made: Draw, known: Tensor, settings: RandomFeatures) -> Cell:
    """Return the moments on the side of the features, from Z'Z, Z'X and Z'YZ."""
    D, P = settings.n_train, settings.n_params
    known = known[:, :P, :P] / (D * P)
    gram, inner = known[0], made.K[:P, :P] / (D * P)
    if settings.averaged:
        cross, target = known[1], known[2] + settings.noise * gram
        squares = made.Y[:D, :D].diagonal().mean() + settings.noise
    else:
        labels, unit = _labels(made, settings), math.sqrt(D * P)
        cross, target = made.seen[:P] / unit, made.Z[:D, :P].T @ labels / unit
        squares = labels.square().mean()
    return Cell("features", gram, cross, inner, target, made.start, squares, D)


def _labels(made: Draw, settings: RandomFeatures) -> Tensor:
    D = settings.n_train
    return made.labels[:D] + math.sqrt(settings.noise) * made.normal[:D]
