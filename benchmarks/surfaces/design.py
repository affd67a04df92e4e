"""Choosing runs on ScaleBench: what 1%, 5% and 10% of the cost of a pool buy, by several rules.

Each task has a pool of runs and a target, the dearer runs kept for test. A rule buys runs one after
the other, reads its posterior at three budgets, and is scored by R^2 at the target, clipped to
[-1, 1]. Law, priors, noise and engine are the same for all rules; windows and centre of the priors
are those of the pool. `design` is `scalefit.design` with its defaults, `plan` its planned cost
power, `d_optimal` the run whose own variance is largest at the same cost power, `random`,
`cheapest` and `inverse_cost` know nothing of the law, stop at the first run that does not fit and
carry it over to the next budget. A budget that buys no run is read from the priors.

What others published on these tasks stands beside, and is no fair race: their rows are means over
ten hand-written laws fitted by least squares, while our laws were chosen knowing how well they do
with all runs of the pool. Rows of ours compare fairly with one another.

    SCALEFIT_DATA=... python benchmarks/surfaces/design.py --curves 10
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
import campaign

BUDGETS = (0.01, 0.05, 0.1)
RULES = ("design", "plan", "d_optimal", "random", "cheapest", "inverse_cost")
GROWTH = 8
"""A batch is this part of the runs so far, as in `scalefit.design`."""
DRAWS = 1000
NOISE = "student"
PUBLISHED = {
    "random": {
        "parallel": [None, 0.27, 0.19],
        "moe": [-0.47, 0.01, 0.26],
        "data_constrained": [-0.74, -0.36, 0.12],
        "farseer": [-0.77, 0.78, 0.79],
    },
    "cheapest": {
        "parallel": [None, 0.42, 0.42],
        "moe": [0.30, 0.74, 0.81],
        "data_constrained": [-0.58, -0.56, -0.40],
        "farseer": [-0.89, 0.41, 0.68],
    },
    "d_optimal": {
        "parallel": [None, 0.70, 0.99],
        "moe": [0.34, 0.55, 0.74],
        "data_constrained": [0.71, 0.80, 0.77],
        "farseer": [-0.11, 0.49, 0.87],
    },
    "v_optimal": {
        "parallel": [None, 0.69, 0.99],
        "moe": [0.67, 0.80, 0.80],
        "data_constrained": [0.58, 0.83, 0.85],
        "farseer": [0.67, 0.87, 0.92],
    },
    "theirs": {
        "parallel": [None, 0.77, 0.99],
        "moe": [0.59, 0.65, 0.83],
        "data_constrained": [0.73, 0.85, 0.86],
        "farseer": [0.60, 0.88, 0.93],
    },
}
"""Mean R^2 at the three budgets, of Li et al. (2026), arXiv:2604.22753."""
FAIR = (
    "published rows are means over ten hand-written laws (one for farseer) fitted by least "
    "squares; our laws were chosen knowing their score with all runs of the pool"
)


class Task(NamedTuple):
    """Columns of a table of ScaleBench, and what its runs cost."""

    predictors: tuple[str, ...]
    y: str
    factor: float
    cost: tuple[str, ...]


TASKS = {
    "parallel": Task(("num_params", "parallel_size"), "loss", 1.0, ("num_params",)),
    "moe": Task(
        ("num_experts", "dense_parameter_count"),
        "loss_validation",
        1.0,
        ("num_experts", "dense_parameter_count"),
    ),
    "data_constrained": Task(
        ("params", "tokens", "unique_tokens"), "loss", 6.0, ("params", "tokens")
    ),
    "farseer": Task(("N", "D"), "loss", 6.0, ("N", "D")),
}


class Pool(NamedTuple):
    """Runs that can be bought, and the target."""

    x: Any
    y: Any
    cost: Any
    target: Any
    truth: Any


def law(task: str) -> Any:
    """Return the law of a task."""
    from scalefit.laws.additive import Additive
    from scalefit.laws.data_constrained import DataConstrained
    from scalefit.laws.farseer import Farseer
    from scalefit.laws.monomial import Monomial

    made: dict[str, Callable[[], Any]] = {
        "parallel": Additive,
        "moe": lambda: Monomial(coupled=True),
        "data_constrained": DataConstrained,
        "farseer": Farseer,
    }
    return made[task]()


@cache
def pools(task: str) -> dict[str, Pool]:
    """Return the pools of a task, one for each of its groups."""
    import pandas as pd

    frame = pd.read_csv(Path(os.environ["SCALEFIT_DATA"]) / "scalebench" / f"{task}.csv")
    one = TASKS[task]
    found = {}
    for group, rows in frame.groupby("group"):
        bought, kept = (rows[rows["split"] == name] for name in ("train", "test"))
        columns = list(one.predictors)
        found[str(group)] = Pool(
            bought[columns].to_numpy(dtype=float),
            bought[one.y].to_numpy(dtype=float),
            one.factor * bought[list(one.cost)].prod(axis=1).to_numpy(dtype=float),
            kept[columns].to_numpy(dtype=float),
            kept[one.y].to_numpy(dtype=float),
        )
    return found


class Loop:
    """One sequence of purchases, from nothing to the last budget."""

    def __init__(self, task: str, pool: Pool, rule: str, rng: np.random.Generator) -> None:
        self._law, self._pool, self._rule, self._rng = law(task), pool, rule, rng
        self.bought: list[int] = []
        self.fits = 0
        n = pool.cost.size
        share = 1.0 / pool.cost
        self._blind = {
            "random": rng.permutation(n),
            "cheapest": np.argsort(pool.cost, kind="stable"),
            "inverse_cost": rng.choice(n, n, replace=False, p=share / share.sum()),
        }

    @property
    def spent(self) -> float:
        """What the runs bought so far cost."""
        return float(self._pool.cost[self.bought].sum())

    def buy(self, budget: float) -> None:
        """Buy until nothing more is bought for a budget."""
        if self._rule in self._blind:
            order = self._blind[self._rule]
            for index in order[len(self.bought) :]:
                if self.spent + self._pool.cost[index] > budget:
                    return
                self.bought.append(int(index))
        while batch := self._chosen(budget - self.spent):
            self.bought += batch

    def _chosen(self, left: float) -> list[int]:
        """Return the next batch."""
        from scalefit.planning.choice import Question, believed, choose
        from scalefit.planning.gains import Market

        pool = self._pool
        free = np.setdiff1d(np.arange(pool.cost.size), self.bought)
        if self._rule in self._blind or not (pool.cost[free] <= left).any():
            return []
        t = len(pool.target)
        question = Question(
            pool.x[free], pool.cost[free], pool.x[self.bought], pool.target, np.full(t, 1.0 / t)
        )
        opinion = self.opinion(certified=False)
        most = max(1, len(self.bought) // GROWTH)
        if self._rule == "d_optimal":
            beliefs, noise = believed([opinion], question, 0.0, DRAWS, self._rng)
            market, picked = Market(beliefs, noise), []
            while len(picked) < most:
                worth = np.log1p(market.variance / noise) / question.cost**0.4
                worth[(question.cost > left) | np.isin(np.arange(free.size), picked)] = -np.inf
                best = int(np.argmax(worth))
                if not np.isfinite(worth[best]):
                    break
                market.buy(best)
                left -= float(question.cost[best])
                picked.append(best)
            return [int(free[k]) for k in picked]
        power: Any = "plan" if self._rule == "plan" else 0.4
        chosen = choose(
            [opinion], question, left, most=most, power=power, draws=DRAWS, rng=self._rng
        )
        return [int(free[one.index]) for one in chosen.bought]

    def opinion(self, *, certified: bool) -> Any:
        """Return what the law says after the runs so far, if certified by whatever it takes."""
        from scalefit.inference import certified as engine
        from scalefit.inference.full import Full
        from scalefit.inference.problem import Problem
        from scalefit.laws import Window
        from scalefit.laws.noise import NOISES
        from scalefit.planning.opinions import Opinion, of_law

        pool, chosen = self._pool, self.bought
        if not chosen:
            window = Window.of(pool.x, np.ones(1))
            return of_law(self._law, window, DRAWS, self._rng)
        window = Window.of(pool.x, pool.y[chosen])
        problem = Problem(self._law, pool.x[chosen], pool.y[chosen], NOISES[NOISE], around=window)
        self.fits += 1
        search = engine.Search(Full(problem), self._rng)
        search.first()
        search.second()
        solved = engine.settle(search) if certified else search.result()
        sampled = solved.resample(4 * DRAWS if certified else DRAWS, self._rng)
        params = {**sampled, **self._law.natural(sampled, window)}

        def log_y(x: Any) -> Any:
            with np.errstate(all="ignore"):
                return self._law.log_curve(params, x)

        doubt = "; ".join(solved.certificate.doubts)
        return Opinion(self._law, params, log_y, solved.certificate.log_evidence, doubt)


def one_curve(index: int) -> dict[str, Any]:
    """Return one sequence, read at every budget."""
    warnings.simplefilter("ignore", RuntimeWarning)
    tasks = list(TASKS)
    task = tasks[index % len(tasks)]
    rule = RULES[index // len(tasks) % len(RULES)]
    seed = index // (len(tasks) * len(RULES))
    began = time.process_time()
    truth: list[Any] = [[] for _ in BUDGETS]
    found: list[Any] = [[] for _ in BUDGETS]
    inside: list[Any] = [[] for _ in BUDGETS]
    runs, doubts, fits = [0] * len(BUDGETS), [0] * len(BUDGETS), 0
    for k, pool in enumerate(pools(task).values()):
        loop = Loop(task, pool, rule, np.random.default_rng([2604, tasks.index(task), seed, k]))
        for i, share in enumerate(BUDGETS):
            loop.buy(share * float(pool.cost.sum()))
            opinion = loop.opinion(certified=True)
            log_y = opinion.log_y(pool.target)
            truth[i] += pool.truth.tolist()
            found[i] += np.exp(np.median(log_y, axis=0)).tolist()
            low, high = np.quantile(log_y, [0.05, 0.95], axis=0)
            inside[i] += ((low <= np.log(pool.truth)) & (np.log(pool.truth) <= high)).tolist()
            runs[i] += len(loop.bought)
            doubts[i] += bool(opinion.doubt)
        fits += loop.fits
    scores = [_score(np.array(t), np.array(f)) for t, f in zip(truth, found, strict=True)]
    bare = ["no run" if not n else "" for n in runs]
    return {
        "index": index,
        "task": task,
        "rule": rule,
        "seed": seed,
        "r2": scores,
        "runs": runs,
        "unbought": bare,
        "covered": [float(np.mean(one)) for one in inside],
        "doubtful": doubts,
        "fits": fits,
        "cpu_s": round(time.process_time() - began, 2),
    }


def _score(truth: Any, found: Any) -> float:
    """Return R^2, clipped to [-1, 1]."""
    lost = float(np.sum((truth - found) ** 2) / np.sum((truth - truth.mean()) ** 2))
    return max(1.0 - lost, -1.0) if np.isfinite(lost) else -1.0


def table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return mean and standard deviation over seeds at each budget."""
    scores = np.array([row["r2"] for row in rows])
    spread = scores.std(axis=0, ddof=1) if len(rows) > 1 else np.full(len(BUDGETS), np.nan)
    return {
        "n": len(rows),
        "r2": np.round(scores.mean(axis=0), 4).tolist(),
        "sd": [None if np.isnan(one) else round(float(one), 4) for one in spread],
        "runs": np.mean([row["runs"] for row in rows], axis=0).round(1).tolist(),
        "covered_90": np.mean([row["covered"] for row in rows], axis=0).round(3).tolist(),
        "doubtful": np.mean([row["doubtful"] for row in rows], axis=0).round(2).tolist(),
        "cpu_s": campaign.seconds(rows),
    }


def main() -> None:
    parser = campaign.arguments(__doc__, "design.json", 10)
    parser.add_argument("--task", choices=list(TASKS), action="append", help="all by default")
    parser.add_argument("--rule", choices=RULES, action="append", help="all by default")
    chosen = parser.parse_args()
    tasks, cells = list(TASKS), len(TASKS) * len(RULES)
    wanted = [
        index
        for index in range(chosen.curves * cells)
        if tasks[index % len(tasks)] in (chosen.task or tasks)
        and RULES[index // len(tasks) % len(RULES)] in (chosen.rule or RULES)
    ]
    rows = campaign.run(one_curve, wanted, chosen.out, chosen.workers)
    result: dict[str, Any] = {
        "question": "what do 1%, 5% and 10% of the cost of a pool buy, by which rule",
        "budgets": list(BUDGETS),
        "published": PUBLISHED,
        "no_fair_race": FAIR,
        "tasks": {},
    }
    for task in tasks:
        here = [row for row in rows if row["task"] == task]
        result["tasks"][task] = campaign.tables(table, here, "rule", {r: r for r in RULES})
    campaign.keep(result, chosen.out)
    for task, found in result["tasks"].items():
        campaign.show({f"{task}, {rule}": list(one.values()) for rule, one in found.items()})


if __name__ == "__main__":
    main()
