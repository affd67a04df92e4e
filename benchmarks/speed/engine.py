"""CPU seconds of the certified engine, case by case, and of NUTS on one model typed in by hand.

All curves are drawn from the printed priors over five decades. Measured, as medians with the 10th
and 90th percentile over curves: one model certified, by number of crossovers and floor, with 60
points; all eight models (1 to 4 regimes, with and without floor), with first searches only and in
full; sixteen models (both kinds of noise); the same with 500 points; the preview `point`; the first
fit in a fresh process with an empty cache of compiled code and with a filled one; and
`pymc.sample` with its defaults (four chains, one after the other) on one crossover and a floor,
typed in directly, over the engine's own time on the same curve in the same process.

Times are of the processor (user and system, children included). What is compiled is loaded before
the clock starts, but for the fresh processes.

    python benchmarks/speed/engine.py --curves 20 --workers 1
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "calibration"))
import campaign
import sbc

if TYPE_CHECKING:
    from scalefit.laws.noise import Kind

MODELS = [(n, floor) for n in (1, 2, 3, 4) for floor in (False, True)]
MANY = 500
PROCESSES = 3  # fresh ones
PYMC = 3  # curves
PART = 1000  # indices of one case
SEED = 2031


def clock() -> float:
    """Return CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def simulate(crossovers: int, floor: bool, points: int, rng: np.random.Generator) -> Any:
    """Return a problem with normal noise whose truth is drawn from its priors."""
    with mock.patch.object(sbc, "POINTS", points):
        return sbc.simulate(crossovers, floor, "normal", rng)[0]


def one_model(
    crossovers: int, floor: bool, points: int, curve: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Return the time of a certified posterior of the true model."""
    from scalefit.inference import certified
    from scalefit.inference.collapsed import Collapsed

    del curve
    problem = simulate(crossovers, floor, points, rng)
    started = clock()
    target = Collapsed.of(problem)
    assert target is not None
    certificate = certified.solve(target, rng).certificate
    spent = clock() - started
    return {"cpu_s": spent, "effort": certificate.effort, "certified": not certificate.doubts}


def many_models(
    kinds: tuple[Kind, ...], full: bool, points: int, curve: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Return the time of all eight models under each kind of noise; truths take turns."""
    from scalefit.inference import ensemble
    from scalefit.inference.problem import Problem
    from scalefit.laws import BrokenPowerLaw
    from scalefit.laws.noise import Noise

    regimes, floor = MODELS[curve % len(MODELS)]
    true = simulate(regimes - 1, floor, points, rng)
    problems = [
        Problem(BrokenPowerLaw(n, with_floor), true.x, true.y, Noise(kind))
        for kind in kinds
        for n, with_floor in MODELS
    ]
    # no probability exceeds 2, so no model is searched twice
    with mock.patch.object(ensemble, "SMALL", ensemble.SMALL if full else 2.0):
        started = clock()
        found = ensemble.explore(problems, rng)
        spent = clock() - started
    efforts = [one.solved.certificate.effort for one in found.members]
    return {"cpu_s": spent, "effort": max(efforts), "certified": found.verdict == "ok"}


def preview(crossovers: int, points: int, curve: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return the time of the preview."""
    from scalefit.inference import point

    del curve
    problem = simulate(crossovers, True, points, rng)
    started = clock()
    point.solve(problem, draws=1000, rng=rng)
    return {"cpu_s": clock() - started}


def fresh(curve: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return the times of the first fit in a fresh process, compiled there and loaded there."""
    del curve, rng
    row: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "NUMBA_CACHE_DIR": folder, "PYTHONPATH": str(Path(__file__).parent)}
        for name in ("empty", "filled"):
            started, at = clock(), time.perf_counter()
            command = [sys.executable, "-c", "import engine; engine.first()"]
            done = subprocess.run(command, env=env, check=True, capture_output=True, text=True)
            row[name] = {
                "cpu_s": clock() - started,
                "wall_s": time.perf_counter() - at,
                **json.loads(done.stdout),
            }
    return {"cpu_s": row["empty"]["cpu_s"], **row}


def first() -> None:
    """Print the times of the imports, the first and the second fit of this process."""
    started = clock()
    from scalefit.inference.ensemble import explore

    times = {"import_s": clock() - started}
    problem = simulate(1, True, sbc.POINTS, np.random.default_rng(SEED))
    for name in ("first_fit_s", "second_fit_s"):
        started = clock()
        explore([problem], np.random.default_rng(SEED))
        times[name] = clock() - started
    print(json.dumps(times))


def nuts(curve: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return the times of `pymc.sample` and of the engine on the same curve, and NUTS's quality."""
    import arviz as az
    import pymc as pm
    import pytensor.tensor as pt

    del curve
    problem = simulate(1, True, sbc.POINTS, rng)
    started = clock()
    from scalefit.inference.ensemble import explore

    explore([problem], rng)
    own = clock() - started
    u, log_y = np.log(problem.x), np.log(problem.y)
    started = clock()
    with pm.Model():
        log_amplitude = pm.Normal("log_amplitude", log_y[0], 3.0)
        exponent = pm.Normal("exponent", 0.3, 0.5, shape=2)
        crossover = pm.Uniform("crossover", u[0], u[-1])
        width = pm.HalfNormal("width", 1.0)
        floor = pm.HalfNormal("floor", problem.y.min())
        sigma = pm.HalfNormal("sigma", 0.1)
        bend = width * pt.softplus((u - crossover) / width)
        power = log_amplitude - exponent[0] * u - (exponent[1] - exponent[0]) * bend
        pm.Normal("log_y", pt.log(pt.exp(power) + floor), sigma, observed=log_y)
        seed = int(rng.integers(2**31))
        trace = pm.sample(cores=1, chains=4, progressbar=False, random_seed=seed)
    spent = clock() - started
    measure: Any = az  # has no types
    rhat, ess = measure.rhat(trace), measure.ess(trace)
    return {
        "cpu_s": spent,
        "engine_cpu_s": own,
        "worst_rhat": max(float(rhat[name].max()) for name in rhat.data_vars),
        "least_ess": min(float(ess[name].min()) for name in ess.data_vars),
        "divergences": int(trace.sample_stats["diverging"].sum()),
    }


Case = Callable[[int, np.random.Generator], dict[str, Any]]
CASES: dict[str, Case] = {
    **{
        f"one model: {n} crossovers, {'floor' if floor else 'no floor'}": partial(
            one_model, n, floor, sbc.POINTS
        )
        for n in range(4)
        for floor in (False, True)
    },
    "eight models, first searches": partial(many_models, ("normal",), False, sbc.POINTS),
    "eight models": partial(many_models, ("normal",), True, sbc.POINTS),
    "sixteen models": partial(many_models, ("normal", "ar1"), True, sbc.POINTS),
    **{
        f"one model, {MANY} points: {n} crossovers, floor": partial(one_model, n, True, MANY)
        for n in range(4)
    },
    f"eight models, {MANY} points": partial(many_models, ("normal",), True, MANY),
    **{f"point: {n} crossovers, floor": partial(preview, n, sbc.POINTS) for n in (0, 1, 2, 3)},
    f"point, {MANY} points: 1 crossovers, floor": partial(preview, 1, MANY),
    "fresh process": fresh,
    "pymc.sample: 1 crossover, floor": nuts,
}
COUNTS = {"fresh process": PROCESSES, "pymc.sample: 1 crossover, floor": PYMC}
BLOCKS = ("one model", "eight", "sixteen", "point", "fresh", "pymc")


@cache
def warm() -> None:
    """Load everything that is compiled."""
    from scalefit.inference import point

    rng = np.random.default_rng(SEED)
    many_models(("normal", "ar1"), True, 12, 3, rng)
    one_model(1, True, 12, 0, rng)
    point.solve(simulate(1, True, 12, rng), draws=100, rng=rng)


def one_curve(index: int) -> dict[str, Any]:
    """Return the times of one case on one curve."""
    which, curve = divmod(index, PART)
    name = list(CASES)[which]
    warm()
    # the same curve in every case of one truth, so that cases differ in what they do with it
    row = CASES[name](curve, np.random.default_rng([SEED, curve]))
    return {"index": index, "case": name, "curve": curve, **row}


def spread(values: Any) -> dict[str, Any]:
    """Return n, median, mean, and 10th and 90th percentile."""
    seconds = np.asarray(values, dtype=float)
    low, middle, high = np.quantile(seconds, (0.1, 0.5, 0.9))
    shown = {"median": middle, "mean": seconds.mean(), "10%": low, "90%": high}
    return {"n": seconds.size, **{name: float(f"{v:.4g}") for name, v in shown.items()}}


def table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the spread of times of every case, and ratios between cases."""
    by_case = {name: [row for row in rows if row["case"] == name] for name in CASES}
    result: dict[str, Any] = {}
    for name, group in by_case.items():
        if not group:
            continue
        result[name] = spread([row["cpu_s"] for row in group])
        if "effort" in group[0]:
            result[name]["certified"] = round(float(np.mean([r["certified"] for r in group])), 3)
            result[name]["efforts"] = [sum(r["effort"] == e for r in group) for e in (1, 2, 3)]
    if processes := by_case["fresh process"]:
        del result["fresh process"]
        for state in ("empty", "filled"):
            result[f"fresh process, {state} cache"] = {
                part: spread([row[state][part] for row in processes])
                for part in processes[0][state]
            }
    if chains := by_case["pymc.sample: 1 crossover, floor"]:
        found = result["pymc.sample: 1 crossover, floor"]
        found["over_engine"] = spread([row["cpu_s"] / row["engine_cpu_s"] for row in chains])
        for name in ("worst_rhat", "least_ess", "divergences"):
            found[name] = [round(row[name], 3) for row in chains]
    many = {}
    for n in range(4):
        few, lots = (
            f"one model: {n} crossovers, floor",
            f"one model, {MANY} points: {n} crossovers, floor",
        )
        if few in result and lots in result:
            many[f"{n} crossovers, floor"] = round(
                result[lots]["median"] / result[few]["median"], 2
            )
    return {"cpu_s": result, f"{MANY}_points_over_{sbc.POINTS}": many}


def main() -> None:
    parser = campaign.arguments(__doc__, "speed_engine.json", 20)
    parser.set_defaults(workers=1)
    parser.add_argument("--cases", nargs="+", default=list(BLOCKS), help="first words of cases")
    chosen = parser.parse_args()
    wanted = [
        PART * which + curve
        for which, name in enumerate(CASES)
        if name.startswith(tuple(chosen.cases))
        for curve in range(min(chosen.curves, COUNTS.get(name, PART)))
    ]
    rows = campaign.run(one_curve, wanted, chosen.out, chosen.workers)
    result = {
        "question": "CPU seconds per curve of the certified engine",
        "points": sbc.POINTS,
        "seed": SEED,
        **table(rows),
    }
    campaign.keep(result, chosen.out, (*campaign.PACKAGES, "pymc", "pytensor"))
    for name, found in result["cpu_s"].items():
        print(f"{name:44s} {found}")
    print(f"{MANY} points over {sbc.POINTS}: {result[f'{MANY}_points_over_{sbc.POINTS}']}")


if __name__ == "__main__":
    main()
