"""Optimizers, against PyTorch's."""

from __future__ import annotations

from typing import Any

import pytest

from scalefit.trainers.deep.settings import Deep

pytestmark = pytest.mark.train


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("Adam", {}),
        ("Adam", {"weight_decay": 0.1}),
        ("AdamW", {"optimizer": "adamw", "weight_decay": 0.1}),
        ("SGD", {"optimizer": "sgd", "weight_decay": 0.1}),
        ("SGD", {"optimizer": "sgd", "weight_decay": 0.1, "momentum": 0.9}),
    ],
)
@pytest.mark.parametrize("fused", [True, False])
def test_twenty_steps_are_those_of_pytorch(
    name: str, settings: dict[str, Any], fused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from scalefit.trainers.deep import optimizers

    monkeypatch.setattr(optimizers, "FUSED", ("cpu",) if fused else ())
    deep = Deep(**settings)
    options = {"momentum": deep.momentum} if name == "SGD" else {}
    rates = [0.02, 0.005]
    torch.manual_seed(0)
    start = torch.randn(2, 30)
    state: dict[str, Any] = {"weights": start.clone(), **optimizers.moments(deep, start)}
    own = [torch.nn.Parameter(one.clone()) for one in start]
    kinds = [
        getattr(torch.optim, name)([one], lr=rate, weight_decay=deep.weight_decay, **options)
        for one, rate in zip(own, rates, strict=True)
    ]
    for k in range(20):
        gradient = torch.randn(2, 30) * (1 + k % 3)
        for one, kind, row in zip(own, kinds, gradient, strict=True):
            one.grad = row.clone()
            kind.step()
        optimizers.step(deep, state, gradient, torch.tensor(rates), torch.tensor(k))
    for row, one in zip(state["weights"], own, strict=True):
        torch.testing.assert_close(row, one.data, rtol=2e-6, atol=2e-7)


def test_learning_rates_rise_and_fall_as_their_schedule_says() -> None:
    import torch

    from scalefit.trainers.deep.optimizers import rate

    def factors(**settings: Any) -> list[float]:
        deep = Deep(steps=8, **settings)
        return [round(rate(deep, torch.tensor(k)).item(), 6) for k in (0, 1, 4, 7)]

    assert factors() == [1, 1, 1, 1]
    assert factors(schedule="linear") == [1, 0.875, 0.5, 0.125]
    assert factors(schedule="cosine") == [1, 0.96194, 0.5, 0.03806]
    assert factors(warm_up=0.5) == [0.25, 0.5, 1, 1]
