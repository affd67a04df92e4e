"""Log evidence of the certified engine: its repeatability, and its error against two references.

Repeatability: every curve of the cells of `sbc.py` is solved twice with independent seeds.

Effort: some of the same curves are solved with about forty times the draws by the same parts. The
sweep has 32 times the points. One proposal grows from four times the starts of the sweep and, where
there are crossovers, of the posterior with one crossover fewer; another from four times the starts
of the hinge fits (or of the prior); both with fourfold rounds. A third is a tempered population.
Forty times the default's fresh draws, two fifths from either of the first two and one fifth from
the third, each with four times the inner draws, give the reference.

Quadrature: without floor, with normal noise and at most one crossover, level and exponents are
integrated in closed form given place, width, steepness and noise; the rest by the trapezoidal rule
on a product grid, refined around the posterior. Sums over every second point of either half of the
grid show what it leaves open.

Targets: median difference of two seeds 0.02 nats, at most 0.3 on curves that are certified; 0.1
against forty times the effort; 0.01 against quadrature.

    python benchmarks/calibration/evidence.py --curves 160
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
import campaign
import sbc

from scalefit.arrays import Array

LARGE = 20
QUADRATURE = [1] * 8 + [0] * 4  # crossovers of each curve
TARGETS = {"repeat_median": 0.02, "repeat_worst": 0.3, "effort": 0.1, "quadrature": 0.01}
EFFORT = 40
PART = 1_000_000  # indices of one kind of comparison
SEED = 2028


def one_curve(index: int) -> dict[str, Any]:
    """Return one comparison; the millions of the index tell its kind."""
    kind, curve = divmod(index, PART)
    started = time.process_time()
    row = (repeated, large, integrated)[kind](curve)
    return {"index": index, "curve": curve, **row, "cpu_s": time.process_time() - started}


def simulated(curve: int) -> tuple[Any, list[Any]]:
    """Return the problem of a curve and its cell."""
    crossovers, floor, kind = sbc.CELLS[curve % len(sbc.CELLS)]
    rng = np.random.default_rng([SEED, curve])
    return sbc.simulate(crossovers, floor, kind, rng)[0], [crossovers, floor, kind]


def solved_twice(problem: Any, curve: int) -> dict[str, Any]:
    """Return the log evidence and the certificate of two independent solutions."""
    from scalefit.inference import certified
    from scalefit.inference.collapsed import Collapsed

    target = Collapsed.of(problem)
    assert target is not None
    found = [
        certified.solve(target, np.random.default_rng([SEED, curve, seed])).certificate
        for seed in (1, 2)
    ]
    return {
        "log_evidence": [one.log_evidence for one in found],
        "error": [one.error for one in found],
        "certified": [not one.doubts for one in found],
        "effort": [one.effort for one in found],
        "k_hat": [one.shape for one in found],
    }


def repeated(curve: int) -> dict[str, Any]:
    """Return two solutions of one curve."""
    problem, cell = simulated(curve)
    return {"kind": "repeat", "cell": cell, **solved_twice(problem, curve)}


def large(curve: int) -> dict[str, Any]:
    """Return the reference of about forty times the effort for one curve."""
    from scalefit.inference import certified, importance, optimise, smc
    from scalefit.inference.collapsed import Collapsed
    from scalefit.inference.problem import Problem
    from scalefit.inference.weights import equal_weight
    from scalefit.laws import BrokenPowerLaw, Window

    problem, cell = simulated(curve)
    rng = np.random.default_rng([SEED, curve, 3])
    target = Collapsed.of(problem)
    assert target is not None
    if target.crossovers:
        law = BrokenPowerLaw(target.crossovers, problem.law.floor)
        priors = {**law.priors(Window(1.0, 1e5, 1.0)), **problem.noise.priors()}
        fewer = Collapsed.of(Problem(law, problem.x, problem.y, problem.noise, given=priors))
        assert fewer is not None
        before = certified.solve(fewer, rng)
        at = equal_weight(before.weights.probability, 1024, rng)
        target = target.after(before.draws.z[at])
    z = target.sweep(32 * certified.SWEPT)
    sweep = importance.Sweep(z, target.log_prior(z), target.log_density(z))
    sources = dict(target.sources(rng))
    hinge = sources.pop("hinge" if "hinge" in sources else "prior")
    proposals = [
        importance.adapt(
            target,
            sweep,
            optimise.climb(target, np.concatenate([_starts(target, part) for part in parts])),
            rng,
            effort=4,
        )
        for parts in ([z, *sources.values()], [hinge])
    ]
    proposals.append(smc.explore(target, rng))
    total = EFFORT * 2 * certified.DRAWS
    draws = [
        importance.draw(target, proposal, total * share // 5, rng, effort=4)
        for proposal, share in zip(proposals, (2, 2, 1), strict=True)
    ]
    together = importance.merge(draws, proposals).weights()
    return {
        "kind": "effort",
        "cell": cell,
        "log_evidence": together.log_evidence,
        "error": together.error,
        "effective": together.effective,
        "k_hat": together.shape,
        "alone": [one.weights().log_evidence for one in draws],
        "settled": [one.settled for one in proposals],
    }


def _starts(target: Any, z: Array) -> Array:
    from scalefit.inference import certified, optimise

    return optimise.spread(z, target.log_density(z), 4 * certified.STARTS, target.halved)


def integrated(curve: int) -> dict[str, Any]:
    """Return two solutions and the quadrature of one curve without floor."""
    crossovers = QUADRATURE[curve % len(QUADRATURE)]
    rng = np.random.default_rng([SEED, curve, 4])
    problem, _ = sbc.simulate(crossovers, False, "normal", rng)
    value, left_open = quadrature(problem)
    return {
        "kind": "quadrature",
        "cell": [crossovers, False, "normal"],
        **solved_twice(problem, curve),
        "quadrature": value,
        "left_open": left_open,
    }


def quadrature(problem: Any) -> tuple[float, float]:
    """Return the log evidence with at most one crossover and no floor, and the grid's own error.

    The grid over place and width is refined twice around all cells within 20 nats of the largest.
    """
    if problem.law.regimes == 1:
        whole, half = inner(problem, [design(problem)])
        return float(whole[0]), abs(float(whole[0] - half[0]))
    box = [(-7.0, 7.0), (-5.0, 5.0)]
    found = np.zeros(3)
    for points in (61, 121, 121):
        place, width = (np.linspace(*side, points) for side in box)
        steps = place[1] - place[0], width[1] - width[0]
        sums = inner(problem, [design(problem, a, b) for a in place for b in width])
        # Beta(3, 3) of the share before the crossover, whose log ratio is `place`
        shares = np.logaddexp(0.0, place) + np.logaddexp(0.0, -place)
        prior = math.log(30.0) - 3.0 * shares[:, None]
        prior = prior - 0.5 * width**2 - 0.5 * math.log(2.0 * math.pi)
        table, halved = (prior + logs.reshape(points, points) for logs in sums)
        area = math.log(steps[0] * steps[1])
        coarse = log_sum(table[::2, ::2]) + math.log(4.0)
        found = area + np.array([log_sum(table), coarse, log_sum(halved)])
        there = np.argwhere(table > table.max() - 20.0)
        low = np.maximum(there.min(axis=0) - 2, 0)
        high = np.minimum(there.max(axis=0) + 2, points - 1)
        box = [(place[low[0]], place[high[0]]), (width[low[1]], width[high[1]])]
    return float(found[0]), float(np.abs(found[1:] - found[0]).max())


def log_sum(logs: Array) -> float:
    """Return the log of the sum of exponentials."""
    top = float(logs.max())
    return top + math.log(float(np.sum(np.exp(logs - top))))


def design(problem: Any, place: float = 0.0, width: float = 0.0) -> Array:
    """Return what multiplies (log level, exponents) in log y, shape (points, regimes + 1).

    `place` is the log of the gap before the crossover over that after it, `width` a standard
    normal.
    """
    from scalefit.laws.broken import DECADES

    u = np.log(problem.x / problem.x[-1])
    if problem.law.regimes == 1:
        return np.stack([np.ones_like(u), -u], axis=1)
    prior = problem.priors["width"]
    scale = prior.median * math.exp(prior.sd * width) / DECADES
    at = u[0] / (1.0 + math.exp(place))
    bend = scale * (np.logaddexp(0.0, (u - at) / scale) - np.logaddexp(0.0, -at / scale))
    return np.stack([np.ones_like(u), bend - u, -bend], axis=1)


def inner(problem: Any, designs: list[Array]) -> tuple[Array, Array]:
    """Return log p(y | design), shape (designs,), on a grid and on every second point of it.

    Level and exponents are normal given steepness and noise: a normal regression, by eigenvalues
    of the scaled Gram matrix. Steepness and noise are summed over in standard coordinates.
    """
    from scalefit.laws.noise import RESOLUTION

    level, steep, noise = (problem.priors[name] for name in ("level", "steepness", "noise"))
    centre = problem.priors["exponent"].centre
    y = problem.log_y - math.log(level.median)
    v, w = np.linspace(-5.5, 5.5, 37), np.linspace(-6.0, 6.0, 201)
    density = -0.5 * (v[:, None] ** 2 + w**2) - math.log(2.0 * math.pi)
    density += math.log((v[1] - v[0]) * (w[1] - w[0]))
    steepness = steep.median * np.exp(steep.sd * v)
    variance = (noise.median * np.exp(noise.sd * w)) ** 2 + RESOLUTION**2
    sd = np.tile(steepness[:, None], designs[0].shape[1])
    sd[:, 0] = level.sd
    mean = centre * sd
    mean[:, 0] = 0.0
    free = y.size - sd.shape[1]
    found = np.empty((2, len(designs)))
    for k, x in enumerate(designs):
        gram, moment = x.T @ x, x.T @ y
        rest = y @ y - 2.0 * mean @ moment + np.sum(mean @ gram * mean, axis=1)
        values, vectors = np.linalg.eigh(sd[:, :, None] * gram * sd[:, None, :])
        turned = np.einsum("tij,ti->tj", vectors, sd * (moment - mean @ gram))
        both = np.maximum(values, 0.0)[:, None] + variance[:, None]
        left = rest[:, None] - np.sum(turned[:, None] ** 2 / both, axis=2)
        logs = density - 0.5 * (
            free * np.log(variance) + np.log(both).sum(axis=2) + left / variance
        )
        found[:, k] = log_sum(logs), log_sum(logs[::2, ::2]) + math.log(4.0)
    found -= 0.5 * y.size * math.log(2.0 * math.pi)
    return found[0], found[1]


def spread(values: Any) -> dict[str, Any]:
    """Return n, median, 90th percentile and largest of absolute values."""
    size = np.abs(np.asarray(values, dtype=float))
    if not size.size:
        return {"n": 0}
    shown = np.median(size), np.quantile(size, 0.9), size.max()
    names = "median", "90%", "worst"
    return {"n": size.size, **{n: round(float(v), 5) for n, v in zip(names, shown, strict=True)}}


def table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return all comparisons in nats."""
    by_kind = {
        kind: [row for row in rows if row["kind"] == kind]
        for kind in ("repeat", "effort", "quadrature")
    }
    repeat = by_kind["repeat"]
    apart = np.array([row["log_evidence"][1] - row["log_evidence"][0] for row in repeat])
    sure = np.array([all(row["certified"]) for row in repeat], dtype=bool)
    crossovers = np.array([row["cell"][0] for row in repeat])
    reference = {row["curve"]: row for row in by_kind["effort"]}
    both = [row for row in repeat if row["curve"] in reference]
    off, off_sure = [], []
    for row in both:
        errors = np.array(row["log_evidence"]) - reference[row["curve"]]["log_evidence"]
        off += list(errors)
        off_sure += list(errors[np.array(row["certified"])])
    exact = by_kind["quadrature"]
    missed = np.array([np.array(r["log_evidence"]) - r["quadrature"] for r in exact])
    stated = np.array([row["error"] for row in exact])
    return {
        "repeat": {
            "all": spread(apart),
            "certified": spread(apart[sure]),
            **{f"{n} crossovers": spread(apart[crossovers == n]) for n in range(4)},
            "certified_share": [round(float(sure.mean()), 4), sure.size] if sure.size else None,
            "difference_over_stated_error": spread(
                [
                    a / math.hypot(*row["error"])
                    for a, row in zip(apart, repeat, strict=True)
                    if all(row["certified"])
                ]
            ),
        },
        "effort": {
            "all": spread(off),
            "certified": spread(off_sure),
            "mean": round(float(np.mean(off)), 5) if off else None,
            "reference": [
                {name: row[name] for name in ("curve", "cell", "error", "effective", "k_hat")}
                | {"alone_apart": max(row["alone"]) - min(row["alone"])}
                for row in by_kind["effort"]
            ],
        },
        "quadrature": {
            **{
                f"{n} crossovers": spread(missed[[row["cell"][0] == n for row in exact]])
                for n in (0, 1)
                if exact
            },
            "over_stated_error": spread(missed / stated),
            "mean": round(float(missed.mean()), 5) if exact else None,
            "grid_left_open": spread([row["left_open"] for row in exact]),
        },
        "cpu_s": {kind: spread([row["cpu_s"] for row in some]) for kind, some in by_kind.items()},
    }


def main() -> None:
    parser = campaign.arguments(__doc__, "evidence.json", 160)
    parser.add_argument("--large", type=int, default=LARGE, help="curves with forty times effort")
    parser.add_argument("--quadrature", type=int, default=len(QUADRATURE), help="curves")
    chosen = parser.parse_args()
    counts = chosen.curves, min(chosen.large, chosen.curves), chosen.quadrature
    wanted = [PART * kind + i for kind, count in enumerate(counts) for i in range(count)]
    rows = campaign.run(one_curve, wanted, chosen.out, chosen.workers)
    result = {
        "question": "how repeatable and how right is the log evidence, in nats",
        "points": sbc.POINTS,
        "seed": SEED,
        "targets": TARGETS,
        **table(rows),
    }
    campaign.keep(result, chosen.out)
    for name in ("repeat", "effort", "quadrature"):
        print(name)
        for key, value in result[name].items():
            if isinstance(value, dict):
                print(f"  {key:20s} {value}")


if __name__ == "__main__":
    main()
