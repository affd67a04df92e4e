"""CPU seconds of a default fit beside those of another checkout, on the same curves in turns.

Truths are drawn from the printed priors over five decades: 1 to 3 regimes, a floor in seven tenths
of the curves, normal or AR(1) noise, 60 or 500 points. Each curve is fitted by `scalefit.fit` with
its defaults, all numbers of regimes, floors and noises averaged, in two processes that stay alive:
one imports this checkout and one the checkout that `--before` names; which goes first alternates.
What is compiled is loaded before the clock starts.

Reported by number of points: CPU seconds of either, mean, median and 95% point, and the ratio of
the means with its standard error; the probability of models that were left out, as bounded by the
fit; how far the probabilities of models lie apart, at most and in total variation, and the evidence
of those above .001 in standard errors; how far quantiles (.05, .5, .95) of the end exponent lie
apart, of the headline and averaged over models, in widths of the interval between them, of 4,000
draws; verdicts that are not unreliable, and models above .001 by state.

    python benchmarks/speed/effort.py --before ../before --curves 80 --workers 1
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import subprocess
import sys
import time
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "calibration"))

POINTS = (60, 500)
DRAWS = 4000
QUANTILES = (0.05, 0.5, 0.95)
SEED = 2077
OTHER = 10**6  # added to the seed of a fit that is made again
HERE = Path(__file__).parents[2]


def simulate(index: int) -> tuple[list[float], list[float], int]:
    """Return x, y and the number of points of a curve; every second has many."""
    import sbc

    curve, which = divmod(index, len(POINTS))
    rng = np.random.default_rng([SEED, curve])
    floor, kind = (curve // 3) % 10 < 7, ("normal", "ar1")[curve % 2]
    with mock.patch.object(sbc, "POINTS", POINTS[which]):
        problem, _ = sbc.simulate(curve % 3, floor, kind, rng)
    return problem.x.tolist(), problem.y.tolist(), POINTS[which]


def fitted(x: list[float], y: list[float], seed: int) -> dict[str, Any]:
    """Return the time of a default fit, its models, and quantiles of the end exponent."""
    import scalefit

    at = np.array(x)
    started = time.process_time()
    fit = scalefit.fit(at, np.array(y), seed=seed, draws=DRAWS, progress=False)
    spent = time.process_time() - started
    models = fit.certificate
    probability = fit.probabilities.to_numpy()[0]
    ends = {}
    for group in ("posterior", "averaged"):
        law, params = fit.law.of_draws(fit.parameters("curve", group))
        ends[group] = np.quantile(law.local_exponent(params, at[-1:], floor=False), QUANTILES)
    return {
        "cpu_s": spent,
        "names": [f"{n} {f} {e}" for n, f, e in fit.probabilities.columns],
        "probability": probability.tolist(),
        "effort": models["effort"].tolist(),
        "state": models["state"].tolist(),
        "log_evidence": models["log_evidence"].tolist(),
        "error": models["error"].tolist(),
        "verdict": str(fit.verdict["curve"]),
        "left_out": fit.left_out["curve"] if hasattr(fit, "left_out") else 0.0,
        "ends": {name: value.tolist() for name, value in ends.items()},
    }


def serve() -> None:
    """Fit every curve that comes in a line, and answer in a line."""
    import scalefit

    x, y, _ = simulate(0)
    fitted(x[::3], y[::3], 0)  # what is compiled or made once, whatever the number of points
    print(json.dumps({"from": str(Path(scalefit.__file__).parents[1])}), flush=True)
    for line in sys.stdin:
        print(json.dumps(fitted(**json.loads(line))), flush=True)


@cache
def server(root: Path) -> subprocess.Popen[str]:
    """Return a process that fits curves with the package of a checkout."""
    one = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    env = {**os.environ, **one, "PYTHONPATH": str(root)}
    process = subprocess.Popen(
        [sys.executable, "-P", __file__, "--serve"],
        env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    atexit.register(process.kill)
    assert process.stdout is not None
    found = Path(json.loads(process.stdout.readline())["from"])
    assert found == root, f"{found} was imported in place of {root}"
    return process


def asked(root: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Return what the process of a checkout answers."""
    process = server(root)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


def one_curve(before: Path, index: int) -> dict[str, Any]:
    """Return what both checkouts say of one curve."""
    x, y, points = simulate(index)
    request = {"x": x, "y": y, "seed": index}
    roots = {"before": before, "after": HERE}
    for root in roots.values():
        server(root)
    order = list(roots)[:: 1 if (index // len(POINTS)) % 2 else -1]
    found = {name: asked(roots[name], request) for name in order}
    found["again"] = asked(before, {**request, "seed": OTHER + index})
    return {"index": index, "points": points, **found}


def apart(one: dict[str, Any], two: dict[str, Any]) -> dict[str, float]:
    """Return how far two fits of a curve lie apart."""
    assert one["names"] == two["names"]
    difference = np.abs(np.array(one["probability"]) - two["probability"])
    found = {"probability": float(difference.max()), "variation": 0.5 * float(difference.sum())}
    known = np.maximum(one["probability"], two["probability"]) > 0.001
    errors = np.hypot(one["error"], two["error"])
    found["errors"] = float(
        np.max(np.abs(np.subtract(one["log_evidence"], two["log_evidence"]) / errors)[known])
    )
    for group, value in one["ends"].items():
        width = max(value[-1] - value[0], 1e-9)
        gaps = np.abs(np.array(value) - np.array(two["ends"][group])) / width
        found[f"end_exponent_{group}"] = float(gaps.max())
    return found


def table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return everything that is reported of curves of one length."""
    import campaign

    after, before = ([row[name] for row in rows] for name in ("after", "before"))
    times = [[one["cpu_s"] for one in each] for each in (after, before)]
    away = {name: [apart(row["before"], row[name]) for row in rows] for name in ("after", "again")}
    result: dict[str, Any] = {
        "curves": len(rows),
        "cpu_s_mean_median_95": {
            "before": campaign.seconds(before), "after": campaign.seconds(after)
        },
        "ratio": campaign.ratio(*times),
        "left_out_mean_most": [
            float(f"{value([one['left_out'] for one in after]):.3g}") for value in (np.mean, max)
        ],
        "searched_of_all_models": [
            round(float(np.mean([np.mean(np.array(one["effort"]) > 0) for one in each])), 3)
            for each in (before, after)
        ],
    }  # fmt: skip
    for name, each in away.items():
        result[f"apart_of_{name}_median_95_most"] = {
            key: [
                round(float(value), 4)
                for value in np.quantile([one[key] for one in each], (0.5, 0.95, 1.0))
            ]
            for key in each[0]
        }
    for name, each in (("before", before), ("after", after)):
        result[f"ok_{name}"] = round(
            float(np.mean([not one["verdict"].startswith("unreliable") for one in each])), 3
        )
        counted = [
            state
            for one in each
            for state, p in zip(one["state"], one["probability"], strict=True)
            if p > 0.001
        ]
        result[f"states_above_.001_{name}"] = {
            state: counted.count(state) for state in sorted(set(counted))
        }
    return result


def main() -> None:
    if sys.argv[1:] == ["--serve"]:
        serve()
        return
    import campaign

    parser = campaign.arguments(__doc__, "speed_effort.json", 80)
    parser.set_defaults(workers=1)
    parser.add_argument("--before", type=Path, required=True, help="another checkout")
    parser.add_argument("--points", type=int, nargs="+", default=list(POINTS), choices=POINTS)
    chosen: argparse.Namespace = parser.parse_args()
    before = chosen.before.resolve()
    wanted = [
        len(POINTS) * curve + POINTS.index(points)
        for curve in range(chosen.curves)
        for points in chosen.points
    ]
    one = partial(one_curve, before)
    rows = campaign.run(one, wanted, chosen.out, chosen.workers)
    head = ["git", "-C", str(before), "rev-parse", "HEAD"]
    groups = {f"{n} points": n for n in POINTS}
    result = {
        "question": "CPU seconds of a default fit, before and after, and what differs",
        "before": subprocess.run(head, capture_output=True, text=True).stdout.strip(),
        "seed": SEED,
        **campaign.tables(table, rows, "points", groups),
    }
    campaign.keep(result, chosen.out)
    campaign.show({name: result[name] for name in groups if name in result})


if __name__ == "__main__":
    main()
