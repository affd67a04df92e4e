"""L-BFGS of networks under weight decay: the Hessian it begins with, and how soon it arrives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from scalefit import trainers
from scalefit.trainers.families import find
from scalefit.trainers.protocol import Context, Run

pytestmark = pytest.mark.train


def white(family: str, d: int) -> tuple[Any, dict[str, Any]]:
    """Return a model, and data of it without correlations between examples."""
    import torch

    simulation: Any = find(family).protocols()["lbfgs"]
    settings = find(family).settings(d=d, n_train=d * (d + 1), weight_decay=2.0)
    context = Context(settings, torch.device("cpu"))
    data, _ = simulation.init(context, [Run(settings, 1, 0)])
    size = data["gram"].shape[1]
    scale = settings.n_train * (1.0 if family == "diagonal" else 2.0 / d)
    data["gram"] = scale * torch.eye(size, dtype=torch.float64)[None]
    truth = data["teacher"][0] if family == "diagonal" else torch.diag(data["teacher"][0])
    data["pull"] = scale * truth.flatten()[None]
    return simulation.model, data


def minimum(family: str, model: Any, data: dict[str, Any]) -> Any:
    """Return the parameters of least objective, by their own formula, and the slope there."""
    import torch

    price = model.share * data["decay"]
    scale = data["gram"][:, :1, 0]
    theta = model.proximal(data, data["pull"] / scale, price / scale)
    if family == "diagonal":
        size = theta.abs().sqrt()
        p = torch.cat([size, size * theta.sign()], dim=1)
    else:
        root = theta.reshape(1, math.isqrt(theta.shape[1]), -1).diagonal(dim1=1, dim2=2).sqrt()
        p = torch.diag_embed(root).flatten(1)
    return p, model.apply(data, theta[:, None])[:, 0] - data["pull"]


@pytest.mark.parametrize("family", ["diagonal", "quadratic"])
def test_first_matrix_is_the_inverse_hessian_of_white_data(family: str) -> None:
    import torch

    model, data = white(family, 5)
    p, slope = minimum(family, model, data)

    def gradient(q: Any) -> Any:
        theta = model.mixed(data, q, q)
        force = model.apply(data, theta[:, None])[:, 0] - data["pull"]
        return model.back(data, q, force) + data["decay"] * q

    torch.testing.assert_close(gradient(p), torch.zeros_like(p), atol=1e-9, rtol=0.0)
    metric = model.metric(data, p, slope)
    hessian = torch.autograd.functional.jacobian(gradient, p)[0, :, 0]
    values, vectors = torch.linalg.eigh(hessian)
    moving = values > 1e-6 * values[-1]  # rotations of W change nothing
    assert bool(moving.all()) == (family == "diagonal")
    for vector in vectors.mT[moving]:
        step = model.scaled(metric, (hessian @ vector)[None])[0]
        kept = vectors[:, moving] @ (vectors[:, moving].mT @ step)
        torch.testing.assert_close(kept, vector, atol=1e-6, rtol=0.0)


@pytest.mark.parametrize(("family", "d", "n"), [("diagonal", 60, 120), ("quadratic", 12, 150)])
def test_networks_arrive_in_a_hundred_steps_at_any_weight_decay(
    family: str, d: int, n: int
) -> None:
    decays = [0.1, 0.5, 2.0, 10.0]
    settings = {"d": d, "n_train": n, "weight_decay": decays, "seeds": 2, "ranks": 1}
    runs = trainers.run(trainers.config(family, steps=150, points=2, **settings), device="cpu")
    assert set(runs["status"].values) == {"ok"}
    convex = trainers.config(family, protocol="proximal", points=2, **settings)
    risks = trainers.run(convex, device="cpu")["excess_risk"].values[:, -1]
    np.testing.assert_allclose(runs["excess_risk"].values[:, -1], risks, rtol=1e-4)
