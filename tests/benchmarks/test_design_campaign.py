"""Campaign of choosing runs: its rules keep to the budget, and the design is worth its name."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks/surfaces/design.py"


@pytest.fixture
def campaign(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the script as a module."""
    spec = importlib.util.spec_from_file_location("surfaces_design", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    spec.loader.exec_module(module)
    return module


def small(campaign: Any) -> Any:
    """Return a pool of 30 runs of an additive law."""
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(np.log([1e8, 1e9]), np.log([1e10, 1e11]), (34, 2)))
    y = 1.8 + 480.0 * x[:, 0] ** -0.34 + 2000.0 * x[:, 1] ** -0.37
    return campaign.Pool(x[:30], y[:30], 6.0 * x[:30].prod(axis=1), x[30:], y[30:])


@pytest.mark.parametrize("rule", ["random", "cheapest", "inverse_cost"])
def test_rules_that_know_nothing_stop_at_the_first_run_that_does_not_fit(
    campaign: Any, rule: str
) -> None:
    pool = small(campaign)
    loop = campaign.Loop("parallel", pool, rule, np.random.default_rng(1))
    for share in (0.01, 0.05, 0.3):
        loop.buy(share * pool.cost.sum())
        assert loop.spent <= share * pool.cost.sum()
    assert len(set(loop.bought)) == len(loop.bought) > 0
    assert loop.fits == 0


@pytest.mark.slow
def test_a_design_spends_what_it_can(campaign: Any) -> None:
    pool = small(campaign)
    loop = campaign.Loop("parallel", pool, "design", np.random.default_rng(1))
    budget = 0.05 * pool.cost.sum()
    loop.buy(budget)
    left = np.setdiff1d(np.arange(30), loop.bought)
    assert loop.spent <= budget
    assert (pool.cost[left] > budget - loop.spent).all()
    assert loop.fits >= 1


@pytest.mark.slow
def test_five_percent_of_a_public_pool(campaign: Any, public_data: Path) -> None:
    if not (public_data / "scalebench").is_dir():
        pytest.skip("scalebench: set SCALEFIT_DATA to the folder that holds it")
    tasks, rules = list(campaign.TASKS), campaign.RULES

    def scores(rule: str, seeds: int) -> Any:
        cells = len(tasks) * len(rules)
        at = tasks.index("parallel") + len(tasks) * rules.index(rule)
        rows = [campaign.one_curve(at + cells * seed)["r2"] for seed in range(seeds)]
        return np.mean(rows, axis=0)

    _, five, ten = scores("design", 5)
    assert five > 0.9
    assert ten > 0.99
    assert scores("cheapest", 1)[1] < five
